"""Large arrays in a file that any number of processes map at once, and none believes before it has checked it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from io import BufferedRandom

    from numpy.typing import NDArray

_ALIGNED: Final = 64  # bytes, as processors like it
_HASH: Final = 64  # hexadecimal digits, at the beginning: of all that follows
_MOST_HEAD: Final = 1 << 20
_AT_ONCE: Final = 1 << 24  # bytes that are written
_KEPT_S: Final = 3600.0  # an older file may still be mapped, on another machine too, where deleting it takes it away


class KeptArrays:
    """Files of arrays in a folder, numbered; the highest is the newest. One process at a time asks for or keeps one:
    each makes this anew when its turn comes.

    A file is written aside, synced and renamed, and never changed: whoever has it mapped reads what he has checked.

    Args:
        made_by: What the arrays depend on; files made by anything else are as good as damaged.
    """

    def __init__(self, folder: Path, made_by: str) -> None:
        self._folder = folder
        self._made_by = made_by
        self._kept: Path | None = None
        self._mapped: mmap.mmap | None = None

    def newest(self) -> Mapping[str, NDArray[Any]] | None:
        """The arrays of the newest file that is whole, mapped; damaged ones are deleted."""
        for path in reversed(self._files()):
            try:
                arrays, self._mapped = _mapped(path, self._made_by)
            except (OSError, ValueError, KeyError, TypeError):
                path.unlink(missing_ok=True)
            else:
                return arrays
        return None

    def release(self) -> None:
        """Let the system have the memory of what was mapped last; what is looked at again, it reads again.

        Of a file that was just read from beginning to end, hardly anything is looked at again soon.
        """
        if self._mapped is not None and hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
            self._mapped.madvise(mmap.MADV_DONTNEED)

    def keep(self, number: int, arrays: Mapping[str, Sequence[NDArray[Any]]]) -> None:
        """Put arrays under a number, or the next that is free.

        Older files go when nobody has them mapped any more; what was kept here just before, when nobody else can have.

        Args:
            arrays: Each in pieces of one kind, at least one, which lie one after another when they come back.

        Raises:
            OSError: The disk is full, or not to be written.
        """
        older = self._files()
        number = max([number, *(_number(path) + 1 for path in older)])
        aside, kept = self._folder / "aside", self._folder / f"arrays-{number}"
        try:
            with aside.open("w+b") as file:
                _write(file, self._made_by, arrays, self.release)
            aside.replace(kept)
        finally:
            aside.unlink(missing_ok=True)
        for path in older:
            if path == self._kept or path.stat().st_mtime < time.time() - _KEPT_S:
                with contextlib.suppress(PermissionError):  # Windows: this process has it mapped
                    path.unlink(missing_ok=True)
        self._kept = kept

    def _files(self) -> list[Path]:
        named = [path for path in self._folder.glob("arrays-*") if path.name.removeprefix("arrays-").isdecimal()]
        return sorted(named, key=_number)


def _number(path: Path) -> int:
    return int(path.name.removeprefix("arrays-"))


def _write(
    file: BufferedRandom, made_by: str, arrays: Mapping[str, Sequence[NDArray[Any]]], written: Callable[[], None]
) -> None:
    """Write arrays into an empty file; ``written`` is called now and then."""
    import numpy as np  # only where pictures are compared

    at, listed = 0, []
    for name, pieces in arrays.items():
        rows, one = sum(len(piece) for piece in pieces), pieces[0]
        listed.append([name, one.dtype.str, [rows, *one.shape[1:]], at])
        at += _padded(sum(piece.nbytes for piece in pieces))
    head = json.dumps({"made_by": made_by, "arrays": listed, "bytes": at}).encode() + b"\n"
    head = b" " * (-(_HASH + len(head)) % _ALIGNED) + head
    file.write(b"0" * _HASH)
    hashed = hashlib.sha256(head)
    file.write(head)
    for pieces in arrays.values():
        size = 0
        for piece in pieces:
            size += piece.nbytes
            some = np.ascontiguousarray(piece).reshape(-1).view(np.uint8).data
            for first in range(0, len(some), _AT_ONCE):
                _add(file, hashed, some[first : first + _AT_ONCE])
                if len(some) > _AT_ONCE:
                    written()
        _add(file, hashed, b"\0" * (_padded(size) - size))
    written()
    file.seek(0)
    file.write(hashed.hexdigest().encode())
    file.flush()
    os.fsync(file.fileno())


def _add(file: BufferedRandom, hashed: hashlib._Hash, some: bytes | memoryview) -> None:
    hashed.update(some)
    file.write(some)


def _padded(size: int) -> int:
    return -(-size // _ALIGNED) * _ALIGNED


def _mapped(path: Path, made_by: str) -> tuple[dict[str, NDArray[Any]], mmap.mmap]:
    """The arrays of a file, read from disk as they are looked at.

    Raises:
        ValueError: It is cut short, altered, or made otherwise.
    """
    import numpy as np

    with path.open("rb") as file:  # read, not mapped: what is only checked need not count as this process's memory
        if file.read(_HASH) != hashlib.file_digest(file, "sha256").hexdigest().encode():
            raise ValueError(f"{path.name} is damaged")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    stored = np.frombuffer(mapped, np.uint8)
    line, _, _ = stored[_HASH : _HASH + _MOST_HEAD].tobytes().partition(b"\n")
    head, start = json.loads(line), _HASH + len(line) + 1
    if head["made_by"] != made_by:
        raise ValueError(f"{path.name} was made by {head['made_by']}")
    arrays = {}
    for name, kind, shape, at in head["arrays"]:
        dtype = np.dtype(kind)
        count = int(np.prod(shape)) * dtype.itemsize
        arrays[name] = stored[start + at : start + at + count].view(dtype).reshape(shape)
    return arrays, mapped
