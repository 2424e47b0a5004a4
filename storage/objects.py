"""Stored files in an S3-compatible object store, under the same names as in a folder."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from storage.blobs import Blobs, checked, require_sha256
from storage.database import CommitPoints
from storage.errors import StoreAway

_FRESH: Final = timedelta(hours=12)  # half of the day that the purge leaves a file alone after it was stored
_KEPT: Final = "kept/"


class ObjectBlobs(Blobs):
    """A content-addressed store in one bucket, or under a prefix in one, shared by any number of machines.

    A store has no locks, so that the purge could delete what another process relies on since a moment ago. Who stores
    what is there already, but old, first leaves a note and then stores it anew; the purge looks for notes after it
    deleted, and gives back what it should not have taken. One of both comes last and leaves the file in place.
    """

    def __init__(self, url: str, options: Mapping[str, Any], commit_points: CommitPoints | None = None) -> None:
        """Connect to nothing yet.

        Args:
            url: ``s3://bucket/prefix``.
            options: As `obstore.store.S3Store` takes them: endpoint, region, access_key_id, secret_access_key.
        """
        self._commit_points = commit_points or CommitPoints()
        self._api: Any = importlib.import_module("obstore")  # of the extra s3, which few install
        store: Any = importlib.import_module("obstore.store")
        plain = {"client_options": {"allow_http": True, "timeout": "60s"}}
        self._store = store.S3Store.from_url(url, **options, **plain)

    def read(self, sha256: str) -> bytes:
        """`get` for callers outside the event loop.

        Raises:
            NotFound: Nothing is stored under the hash, or its bytes have changed.
            StoreAway: The store does not answer, or refuses us.
        """
        return checked(sha256, self.raw(sha256))

    def raw(self, sha256: str) -> bytes | None:
        """The bytes under a hash as they are now, for whoever checks them otherwise; None where nothing is stored."""
        return self._read(_key(sha256))

    def remove(self, sha256: str) -> None:
        """Delete a stored file; one that is gone already is no fault."""
        self._ask(self._api.delete, _key(sha256))

    def collect(self, sha256: str, untouched_since: datetime) -> bool:
        """Delete a stored file unless somebody stored it (again) since then; whether it is gone now."""
        stored_at = self._stored_at(_key(sha256))
        if stored_at is None or stored_at >= untouched_since:
            return False
        data = self._read(_key(sha256))
        self._ask(self._api.delete, _key(sha256))
        noted_at = self._stored_at(_KEPT + sha256)
        if data is not None and noted_at is not None and noted_at >= untouched_since:
            self._ask(self._api.put, _key(sha256), data)
            return False
        return True

    def sweep(self, untouched_since: datetime) -> None:
        """Delete the notes of what was stored anew before then."""
        for one in self._listed(_KEPT):
            if one["last_modified"] < untouched_since:
                self._ask(self._api.delete, one["path"])

    def hashes(self) -> Iterator[str]:
        """The hash of every stored file, as its name says."""
        for one in self._listed(None):
            name = str(one["path"]).rpartition("/")[2]
            if one["path"] == f"{name[:2]}/{name}":
                yield name

    def _put(self, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        stored_at = self._stored_at(_key(sha256))
        if stored_at is not None and datetime.now(UTC) - stored_at < _FRESH:
            return sha256
        if stored_at is not None:
            self._ask(self._api.put, _KEPT + sha256, b"")
        self._commit_points.reached("before blob")
        self._ask(self._api.put, _key(sha256), data)
        self._commit_points.reached("after blob")
        return sha256

    def _read(self, key: str) -> bytes | None:
        found = self._ask(self._api.get, key)
        return None if found is None else bytes(found.bytes())

    def _stored_at(self, key: str) -> datetime | None:
        found = self._ask(self._api.head, key)
        return None if found is None else found["last_modified"]

    def _listed(self, prefix: str | None) -> Iterator[Any]:
        try:
            for some in self._api.list(self._store, prefix):
                yield from some
        except self._api.exceptions.BaseError as error:
            raise _away(error) from None

    def _ask(self, what: Any, *arguments: Any) -> Any:
        """What the store answers; none where it has no such file."""
        try:
            return what(self._store, *arguments)
        except (FileNotFoundError, self._api.exceptions.NotFoundError):
            return None
        except self._api.exceptions.BaseError as error:
            raise _away(error) from None


def _key(sha256: str) -> str:
    require_sha256(sha256)
    return f"{sha256[:2]}/{sha256}"


def _away(error: Exception) -> StoreAway:
    first = str(error).strip().partition("\n")[0]
    return StoreAway(f"the object store of [blobs] cannot be used: {first}")
