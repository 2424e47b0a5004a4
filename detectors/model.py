"""The product's vocabulary: the values that every other folder hands around."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    """How the fetch and reading of one page ended. Only ``OK`` yields listings; only ``GONE`` may count as removed."""

    OK = "ok"
    EMPTY = "empty"  # a genuine zero: the site itself says nothing was found
    BLOCKED = "blocked"  # a bot wall, or robots.txt
    LOGIN_REQUIRED = "login_required"
    NEEDS_RENDERING = "needs_rendering"  # HTTP 200, but a shell that only JavaScript fills
    RATE_LIMITED = "rate_limited"
    GONE = "gone"  # the site says the listing has ended
    DRIFT = "drift"  # a healthy page in a layout the parser does not know
    FAILED = "failed"  # no complete answer


@dataclass(frozen=True, slots=True)
class Seller:
    """The account that offers, under the marketplace's own id (the name where the page shows no id)."""

    seller_id: str
    name: str
    url: str | None = None


class Listing(NamedTuple):  # a frozen dataclass takes five times as long to make, and a page shows hundreds
    """One item's page at a marketplace, as one page showed it. ``None`` means the page did not say."""

    marketplace: str
    listing_id: str
    url: str  # canonical
    title: str
    price: Decimal | None = None
    currency: str | None = None  # ISO 4217, only where the page states it
    price_raw: str | None = None
    image_urls: tuple[str, ...] = ()  # largest size known by rule; the main picture first
    seller: Seller | None = None
    aliases: tuple[str, ...] = ()  # other ids of the same item at this marketplace


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a picture: a name and a box in fractions of the upright picture (left, top, right, bottom)."""

    name: str
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)


WHOLE = Region("whole")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a hasher makes of one region of one picture, in one of eight orientations.

    Attributes:
        detector: The hasher's name; its version is in ``version``. Only equal pairs may be compared.
        bits: The hash, most significant bit first, 8 bits a byte.
        orientation: 0 to 7: quarter turns counter-clockwise, plus 4 when mirrored left to right first.
    """

    detector: str
    version: int
    bits: bytes
    region: Region = WHOLE
    orientation: int = 0


@dataclass(frozen=True, slots=True)
class Match:
    """A detector's finding that a picture resembles a reference of a work. A finding, no accusation.

    ``distance_bits`` (lower is closer) is set by hashers, ``score`` (higher is surer) by other detectors;
    ``threshold`` is the bound in the same unit that the finding passed.
    """

    work_id: int
    reference_id: int
    detector: str
    version: int
    threshold: float
    distance_bits: int | None = None
    score: float | None = None
    region: Region = WHOLE  # of the listing's picture
    reference_region: Region = WHOLE
    orientation: int = 0
    inliers: int | None = None  # matched points that agree on one placement
    placement: tuple[float, ...] | None = None  # 2 x 3 affine row by row, reference to picture, in fractions of each


class Confidence(StrEnum):
    """How sure the judge is that a listing's picture shows the work."""

    HIGH = "high"  # independent detectors agree
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge concludes about one work from all matches of a listing's pictures.

    ``score`` runs from 0 to 1 and orders candidates: higher is surer.
    """

    work_id: int
    confidence: Confidence
    score: float
    matches: tuple[Match, ...]  # the strongest first
    reasons: tuple[str, ...]


class PriorityLevel(StrEnum):
    """How soon a person should look."""

    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Priority:
    """When a person should look, and why. ``score`` is 0 to 100; the parts add up to it."""

    level: PriorityLevel
    score: int
    reasons: tuple[str, ...]


class Answer(StrEnum):
    """A reviewer's decision on an alert."""

    INFRINGING = "infringing"
    LICENSED = "licensed"
    NOT_A_MATCH = "not-a-match"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class SellerHistory:
    """What is known of a listing's seller when its alert is prioritized."""

    alerts: int = 0
    infringing: int = 0
    licensed: int = 0
