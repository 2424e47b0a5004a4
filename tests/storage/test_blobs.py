from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.blobs import Blobs
from storage.errors import NotFound


async def test_what_is_put_comes_back_under_its_hash(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    sha256 = await blobs.put(b"a picture")
    assert sha256 == hashlib.sha256(b"a picture").hexdigest()
    assert await blobs.get(sha256) == b"a picture"
    assert await blobs.put(b"a picture") == sha256
    assert list(blobs.hashes()) == [sha256]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=6))
def test_any_bytes_are_stored_once_each(tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]) -> None:
    blobs = Blobs(tmp_path_factory.mktemp("blobs"))
    stored = {blobs._put(data): data for data in contents}
    assert {sha256: blobs.read(sha256) for sha256 in blobs.hashes()} == stored


async def test_a_changed_file_is_not_handed_out(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    sha256 = await blobs.put(b"true")
    (tmp_path / sha256[:2] / sha256).write_bytes(b"false")
    with pytest.raises(NotFound, match="no longer has that hash"):
        await blobs.get(sha256)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "AB" * 32, "ab" * 31, "ab" * 32])
async def test_only_the_hash_of_something_stored_is_a_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFound):
        await Blobs(tmp_path).get(name)


async def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = Blobs(tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        await blobs.put(b"a picture")
    assert list(blobs.hashes()) == []
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.name != ".turn"] == []
