"""The folders that packs are written into: each appears whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

from monitor.complaints.base import Pack

PACKS = "packs"
_LEFTOVER_AFTER_S = 3600.0  # what is still being written is younger


def write_pack(root: Path, pack: Pack) -> Path:
    """Write a pack's files into a folder of its name, which appears whole or not at all.

    A folder that is there already stays: another process that exported the same complaint was faster.
    """
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = root / pack.name
    temporary = Path(tempfile.mkdtemp(dir=root, prefix="new-"))
    for name, data in pack.files.items():
        file = temporary / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(opened.fileno())
    try:
        temporary.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
        shutil.rmtree(temporary)
    return folder


def leftovers(root: Path) -> list[Path]:
    """Folders and files that a crash left half written."""
    oldest = time.time() - _LEFTOVER_AFTER_S
    return sorted(one for one in root.glob("new-*") if one.stat().st_mtime < oldest)


def sweep(root: Path) -> None:
    """Remove what a crash left half written."""
    for one in leftovers(root):
        if one.is_dir():
            shutil.rmtree(one, ignore_errors=True)
        else:
            one.unlink(missing_ok=True)
