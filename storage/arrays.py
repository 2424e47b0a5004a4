"""Large arrays in a file that any number of processes map at once, and none believes before it has checked it."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from io import BufferedRandom

    import numpy as np
    from numpy.typing import NDArray

_ALIGNED: Final = 64  # bytes, as processors like it
_HASH: Final = 64  # hexadecimal digits, at the beginning: of all that follows
_MOST_HEAD: Final = 1 << 20
_KEPT_S: Final = 3600.0  # an older file may still be mapped, on another machine too, where deleting it takes it away


class KeptArrays:
    """Files of arrays in a folder, numbered; the highest is the newest. One process at a time asks for or keeps one.

    A file is written aside, synced and renamed, and never changed: whoever has it mapped reads what he has checked.

    Args:
        made_by: What the arrays depend on; files made by anything else are as good as damaged.
    """

    def __init__(self, folder: Path, made_by: str) -> None:
        self._folder = folder
        self._made_by = made_by

    def newest(self) -> Mapping[str, NDArray[Any]] | None:
        """The arrays of the newest file that is whole, mapped; damaged ones are deleted."""
        for path in reversed(self._files()):
            try:
                return _mapped(path, self._made_by)
            except (OSError, ValueError, KeyError, TypeError):
                path.unlink(missing_ok=True)
        return None

    def keep(self, number: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Put arrays under a number, or the next that is free; older files go when nobody has them mapped any more.

        Raises:
            OSError: The disk is full, or not to be written.
        """
        older = self._files()
        number = max([number, *(_number(path) + 1 for path in older)])
        aside = self._folder / "aside"
        try:
            with aside.open("w+b") as file:
                _write(file, self._made_by, arrays)
            aside.replace(self._folder / f"arrays-{number}")
        finally:
            aside.unlink(missing_ok=True)
        for path in older:
            if path.stat().st_mtime < time.time() - _KEPT_S:
                path.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        named = [path for path in self._folder.glob("arrays-*") if path.name.removeprefix("arrays-").isdecimal()]
        return sorted(named, key=_number)


def _number(path: Path) -> int:
    return int(path.name.removeprefix("arrays-"))


def _write(file: BufferedRandom, made_by: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    import numpy as np  # only where pictures are compared

    at, listed, parts = 0, [], []
    for name, array in arrays.items():
        listed.append([name, array.dtype.str, list(array.shape), at])
        parts.append(np.ascontiguousarray(array))
        at += -(-array.nbytes // _ALIGNED) * _ALIGNED
    head = json.dumps({"made_by": made_by, "arrays": listed, "bytes": at}).encode() + b"\n"
    head = b" " * (-(_HASH + len(head)) % _ALIGNED) + head
    file.write(b"0" * _HASH)
    hashed = hashlib.sha256(head)
    file.write(head)
    for part in parts:
        for piece in (part.reshape(-1).view(np.uint8).data, b"\0" * (-part.nbytes % _ALIGNED)):
            hashed.update(piece)
            file.write(piece)
    file.seek(0)
    file.write(hashed.hexdigest().encode())
    file.flush()
    os.fsync(file.fileno())


def _mapped(path: Path, made_by: str) -> dict[str, NDArray[Any]]:
    """The arrays of a file, read from disk as they are looked at.

    Raises:
        ValueError: It is cut short, altered, or made otherwise.
    """
    import numpy as np

    stored: NDArray[np.uint8] = np.memmap(path, np.uint8, "r")
    if hashlib.sha256(stored[_HASH:].data).hexdigest().encode() != stored[:_HASH].tobytes():
        raise ValueError(f"{path.name} is damaged")
    line, _, _ = stored[_HASH : _HASH + _MOST_HEAD].tobytes().partition(b"\n")
    head, start = json.loads(line), _HASH + len(line) + 1
    if head["made_by"] != made_by:
        raise ValueError(f"{path.name} was made by {head['made_by']}")
    arrays = {}
    for name, kind, shape, at in head["arrays"]:
        dtype = np.dtype(kind)
        count = int(np.prod(shape)) * dtype.itemsize
        arrays[name] = stored[start + at : start + at + count].view(dtype).reshape(shape)
    return arrays
