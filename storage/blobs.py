"""Files by the hash of their content: pictures and pages, never changed, never named by outsiders."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from storage.database import CommitPoints
from storage.errors import NotFound

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_SHA256 = re.compile(r"[0-9a-f]{64}")


def require_sha256(name: str) -> None:
    """Make sure that a name is a hash and no path.

    Raises:
        NotFound: It is none.
    """
    if not _SHA256.fullmatch(name):
        raise NotFound(f"{name!r} is no SHA-256")


def checked(sha256: str, data: bytes | None) -> bytes:
    """What was read under a hash, if it is what was stored.

    Raises:
        NotFound: Nothing was read, or its bytes have changed.
    """
    if data is None:
        raise NotFound(f"no stored file {sha256}; was the blobs folder moved or cleaned?")
    if hashlib.sha256(data).hexdigest() != sha256:
        raise NotFound(f"stored file {sha256} no longer has that hash; restore it from a backup")
    return data


class Blobs:
    """A content-addressed store in one folder; storing twice is harmless, half-written files never show."""

    def __init__(self, root: Path, commit_points: CommitPoints | None = None) -> None:
        self._root = root
        self._commit_points = commit_points or CommitPoints()

    async def put(self, data: bytes) -> str:
        """Store bytes durably and give their SHA-256 in hexadecimal."""
        return await asyncio.to_thread(self._put, data)

    async def get(self, sha256: str) -> bytes:
        """The bytes stored under a hash.

        Raises:
            NotFound: Nothing is, or its bytes have changed on disk.
        """
        return await asyncio.to_thread(self.read, sha256)

    def read(self, sha256: str) -> bytes:
        """`get` for callers outside the event loop."""
        return checked(sha256, self.raw(sha256))

    def raw(self, sha256: str) -> bytes | None:
        """The bytes under a hash as they are now, for whoever checks them otherwise; None where nothing is stored."""
        try:
            return self._path(sha256).read_bytes()
        except FileNotFoundError:
            return None

    def remove(self, sha256: str) -> None:
        """Delete a stored file; one that is gone already is no fault."""
        self._path(sha256).unlink(missing_ok=True)

    def collect(self, sha256: str, untouched_since: datetime) -> bool:
        """Delete a stored file unless somebody stored it (again) since then; whether it is gone now."""
        path = self._path(sha256)
        with self._turn(alone=True):
            try:
                if path.stat().st_mtime >= untouched_since.timestamp():
                    return False
                path.unlink()
            except FileNotFoundError:
                return False
        return True

    def sweep(self, untouched_since: datetime) -> None:
        """Delete what processes that died left half written."""
        for path in self._root.glob("new-*"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < untouched_since.timestamp():
                    path.unlink()

    def hashes(self) -> Iterator[str]:
        """The hash of every stored file, as its name says."""
        for path in self._root.glob("*/*"):
            if _SHA256.fullmatch(path.name):
                yield path.name

    def _path(self, sha256: str) -> Path:
        require_sha256(sha256)
        return self._root / sha256[:2] / sha256

    def _put(self, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._path(sha256)
        if self._touch(path):
            return sha256
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=self._root, prefix="new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            self._commit_points.reached("before blob")
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
        self._commit_points.reached("after blob")
        return sha256

    def _touch(self, path: Path) -> bool:
        """Whether the file is there already; if so it counts as stored now, so that no purge takes it."""
        with self._turn(alone=False), suppress(FileNotFoundError):
            os.utime(path)
            return True
        return False

    @contextmanager
    def _turn(self, *, alone: bool) -> Iterator[None]:
        """Keep the purge from deleting a file between another process's look at it and its reliance on it."""
        if fcntl is None or not self._root.is_dir():  # Windows refuses to delete what is open, and has one process
            yield
            return
        handle = os.open(self._root / ".turn", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield
        finally:
            os.close(handle)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows makes renames durable by itself and opens no folders
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
