"""What can be wrong with a picture. Whoever catches one skips the picture and counts it."""


class DetectorError(Exception):
    """The picture cannot be examined; the message says why and what to do."""


class UndecodableImage(DetectorError):
    """The bytes are no picture of an accepted format, or a broken one."""


class ImageTooSmall(DetectorError):
    """A side is too short to carry anything recognisable."""


class ImageTooLarge(DetectorError):
    """The picture declares more pixels than we decode, or an absurd ratio of sides."""


class NoUsableDetail(DetectorError):
    """The picture is flat, a gradient or near-empty: it would resemble everything."""


class UnreadableDescription(DetectorError):
    """Stored or received facts of a picture are damaged or of another version; describe the picture again."""
