from __future__ import annotations

from pathlib import Path

from monitor import works
from monitor.works import Works
from storage.blobs import Blobs
from storage.database import Database
from storage.works import add_work, set_owner
from tests.storage.making import NOW


async def test_bytes_judged_before_are_judged_again_only_when_the_works_change(sqlite_url, tmp_path: Path, monkeypatch):
    judged = []

    async def find_matches(sandbox, index, picture):
        judged.append(picture)
        return []

    monkeypatch.setattr(works, "find_matches", find_matches)
    database = Database(sqlite_url)
    known = Works(database, Blobs(tmp_path / "blobs"), sandbox=None)
    try:
        for name in ("one", "two", "one"):
            assert await known.matches(name, name.encode()) == []
        assert judged == [b"one", b"two"]
        async with database.write("test") as session:
            owner = await set_owner(session, NOW, "mira", "Mira Moss", {})
            await add_work(session, NOW, "mira", owner.id, "Moth")
        await known.matches("one", b"one")
        assert judged == [b"one", b"two", b"one"]
    finally:
        await database.close()
