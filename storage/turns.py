"""One process at a time in a folder, on whatever machine, as far as its file system keeps locks."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_ASKED_EVERY_S: Final = 0.2


@asynccontextmanager
async def turn(folder: Path) -> AsyncIterator[None]:
    """Wait for this process's turn in a folder, which is made if need be. A process that dies gives its turn back."""
    await asyncio.to_thread(os.makedirs, folder, 0o700, exist_ok=True)
    while (handle := hold(folder / ".turn")) is None:  # noqa: ASYNC110 - another process has it
        await asyncio.sleep(_ASKED_EVERY_S)  # asked for: a thread that waits could not be told to end
    try:
        yield
    finally:
        os.close(handle)


def hold(file: Path) -> int | None:
    """A handle of a file that no other process holds until this one closes it or ends; None where one does.

    Windows' processes do not keep a file from each other.
    """
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    if fcntl is not None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
    return handle
