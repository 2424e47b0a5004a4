"""A ZIP that appears whole or not at all, and files packed for one before it is written.

Written here, byte by byte as `verify.py` expects: the constants that zipfile writes differ between versions of Python,
and a check of every byte cannot.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

from monitor.errors import EvidenceRefused
from monitor.evidence.verify import contents, local_header

_MOST_FILES: Final = 65_000  # of a plain ZIP are 65,535, and its size is under 4 GiB
_LARGEST: Final = 4_000_000_000
Listed = tuple[str, int, int, str]  # a file's name, CRC, size and SHA-256


@dataclass(frozen=True, slots=True)
class Packed:
    """Files as they stand in a ZIP, one after the other, each behind its header."""

    data: bytes
    files: tuple[Listed, ...]

    def is_whole(self) -> bool:
        """Whether each header and each file's CRC are as they were: damage shows, ten times faster than by SHA-256.

        Whoever also forged the CRC would change a file that the manifest names by its SHA-256: `verify.py` says so.
        """
        whole, at = memoryview(self.data), 0
        for name, crc, size, _ in self.files:
            header = local_header(name.encode("ascii"), crc, size)
            begin = at + len(header)
            if whole[at:begin] != header or zlib.crc32(whole[begin : begin + size]) != crc:
                return False
            at = begin + size
        return at == len(whole)


def pack(files: Iterable[tuple[str, bytes]]) -> Packed:
    """Pack files, given by name and bytes."""
    pieces, listed = list[bytes](), list[Listed]()
    for name, data in files:
        crc = zlib.crc32(data)
        pieces += [local_header(name.encode("ascii"), crc, len(data)), data]
        listed.append((name, crc, len(data), hashlib.sha256(data).hexdigest()))
    return Packed(b"".join(pieces), tuple(listed))


class Archive:
    """A ZIP under way.

    Attributes:
        listed: Each file's size and SHA-256, in the ZIP's order.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO
        self._entries: list[tuple[bytes, int, int, int]] = []
        self.listed: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix="new-", suffix=".zip")
        self._temporary = Path(name)
        self._file = os.fdopen(handle, "wb")
        return self

    def add(self, name: str, data: bytes) -> None:
        """One more file; the same name again is the same file.

        Raises:
            EvidenceRefused: It is too much for one ZIP.
        """
        if name not in self.listed:
            self.append(pack([(name, data)]))

    def append(self, packed: Packed) -> None:
        """Files that were packed, none of which is in it.

        Raises:
            EvidenceRefused: It is too much for one ZIP.
        """
        offset = self._file.tell()
        if len(self._entries) + len(packed.files) > _MOST_FILES or offset + len(packed.data) > _LARGEST:
            raise EvidenceRefused("this is too much for one ZIP: export it by case, complaint or alert")
        self._file.write(packed.data)
        for name, crc, size, sha256 in packed.files:
            raw = name.encode("ascii")
            self._entries.append((raw, crc, size, offset))
            self.listed[name] = {"size": size, "sha256": sha256}
            offset += len(local_header(raw, crc, size)) + size

    def finish(self) -> int:
        """Make it durable under its name; how many bytes it has."""
        self._file.write(contents(self._entries))
        self._file.flush()
        os.fsync(self._file.fileno())
        size = self._file.tell()
        self._file.close()
        self._temporary.replace(self._path)
        return size

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._temporary.unlink(missing_ok=True)
