"""Bytes of an answer, unpacked within bounds: a few hundred bytes on the wire can hold gigabytes."""

from __future__ import annotations

import zlib

_STEP = 1 << 16
_GZIP, _ZLIB, _RAW = 31, 15, -15  # zlib's window bits
ACCEPTED = "gzip, deflate"


class BadBody(Exception):
    """The body is packed in a way we did not ask for, broken, incomplete, or larger than allowed."""


class Body:
    """Collects the pieces of one answer.

    Args:
        encoding: The Content-Encoding header; at most one of gzip and deflate.
        limit_bytes: What the unpacked body may take.

    Raises:
        BadBody: Any other encoding, or more than one.
    """

    def __init__(self, encoding: str, limit_bytes: int) -> None:
        names = [
            name for name in (part.strip().lower() for part in encoding.split(",")) if name not in ("", "identity")
        ]
        if len(names) > 1 or not set(names) <= {"gzip", "x-gzip", "deflate"}:
            raise BadBody(f"the body is packed as {encoding[:80]!r}; asked for was {ACCEPTED}")
        self._bits = 0 if not names else _ZLIB if names == ["deflate"] else _GZIP
        self._unpacker = zlib.decompressobj(self._bits) if self._bits else None
        self._limit_bytes = limit_bytes
        self._pieces: list[bytes] = []
        self._size = 0
        self._started = False

    @property
    def size(self) -> int:
        """Unpacked bytes so far."""
        return self._size

    def add(self, piece: bytes) -> None:
        """Take the next bytes as they came.

        Raises:
            BadBody: They are broken, or the unpacked body passes its limit.
        """
        if self._unpacker is None:
            self._keep(piece)
            return
        try:
            self._unpack(piece)
        except zlib.error as error:
            raise BadBody(f"the packed body is broken: {error}") from None

    def finish(self) -> bytes:
        """The whole unpacked body.

        Raises:
            BadBody: The packed body ends too early.
        """
        if self._started and self._unpacker is not None and not self._unpacker.eof:
            raise BadBody("the packed body ends too early")
        return self.beginning()

    def beginning(self) -> bytes:
        """What has come so far, unpacked."""
        return b"".join(self._pieces)

    def _unpack(self, piece: bytes) -> None:
        while piece and self._unpacker is not None:
            if self._unpacker.eof:  # gzip files may follow each other; anything else after the end is ignored
                if self._bits != _GZIP or not piece.startswith(b"\x1f\x8b"):
                    return
                self._unpacker = zlib.decompressobj(_GZIP)
            try:
                self._keep(self._unpacker.decompress(piece, _STEP))
            except zlib.error:
                if self._started or self._bits != _ZLIB:
                    raise
                self._bits = _RAW  # "deflate" without its header, as many servers send it
                self._unpacker = zlib.decompressobj(_RAW)
                continue
            self._started = True
            piece = self._unpacker.unused_data if self._unpacker.eof else self._unpacker.unconsumed_tail

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit_bytes:
            raise BadBody(f"the body unpacks to more than {self._limit_bytes} bytes")
        self._pieces.append(piece)
