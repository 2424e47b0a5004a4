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
    handle = os.open(folder / ".turn", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while fcntl is not None:  # Windows has one process
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(_ASKED_EVERY_S)  # asked for: a thread that waits could not be told to end
        yield
    finally:
        os.close(handle)
