"""The files of hashes: grown with the table, by month, made anew when lost, gone with their last picture."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import delete, select, update

from storage.lookback import SeenHashes
from storage.pictures import Seen, remember
from storage.tables import SeenPicture

MAY = datetime(2026, 5, 20, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def hashes(tmp_path):
    return SeenHashes(tmp_path / "lookback")


def picture(number):
    hashed = [bytes([number, kind]) * 16 for kind in (1, 2)]
    return Seen(f"{number:064x}", *hashed, b"jpeg", "bazaar", str(number), "https://b/1", "https://b/1.jpg")


async def see(database, numbers, at):
    async with database.write("test") as session:
        await remember(session, [picture(number) for number in numbers], at, LONG_AGO)


async def held(hashes, database):
    """By month: the pictures whose hashes are found where their numbers say."""
    found = {}
    async with database.read() as session:
        rows = {row.id: row for row in await session.scalars(select(SeenPicture))}
    for shard in await hashes.shards(database):
        mapped = np.array(shard.mapped())
        numbers = [shard.first + int(at) for at in np.flatnonzero(mapped.any(axis=1))]
        for number in numbers:
            if number in rows:
                assert mapped[number - shard.first].tobytes() == rows[number].whole + rows[number].trimmed
        assert shard.held == len(numbers)
        found[shard.path.name[:7]] = [int.from_bytes(rows[n].bytes_hash) if n in rows else None for n in numbers]
    return found


async def test_each_month_has_a_file_that_grows_with_the_table(hashes, database):
    assert await held(hashes, database) == {}
    await see(database, [1, 2], MAY)
    assert await held(hashes, database) == {"2026-05": [1, 2]}
    await see(database, [3], MAY)
    await see(database, [4, 5], MAY + timedelta(days=30))
    assert await held(hashes, database) == {"2026-05": [1, 2, 3], "2026-06": [4, 5]}
    await see(database, [6], MAY)  # a clock that went back
    assert await held(hashes, database) == {"2026-05": [1, 2, 3], "2026-06": [4, 5, 6]}


async def test_a_picture_that_is_seen_again_takes_no_second_place(hashes, database):
    for day in range(5):
        await see(database, [1, 2], MAY + timedelta(days=day))
    await see(database, [3], MAY)
    (shard,) = await hashes.shards(database)
    assert (shard.rows, shard.held) == (3, 3)


@pytest.mark.parametrize("lost", ["everything", "a month", "the end of a month", "what is noted", "half a note"])
async def test_what_is_lost_is_made_from_the_table_again(hashes, database, tmp_path, lost):
    await see(database, [1, 2, 3], MAY)
    await see(database, [4, 5], MAY + timedelta(days=30))
    before = await held(hashes, database)
    may, june = await hashes.shards(database)
    if lost in ("everything", "a month"):
        may.path.unlink()
    if lost == "everything":
        june.path.unlink()
    if lost == "the end of a month":
        may.path.write_bytes(may.path.read_bytes()[:100])
    if lost in ("everything", "what is noted"):
        (tmp_path / "lookback" / "shards.json").unlink()
    if lost == "half a note":
        (tmp_path / "lookback" / "shards.json").write_text('[{"path": "2026-05-1", "fir')
    assert await held(hashes, database) == before


async def test_rows_that_a_crash_left_unnoted_are_written_again(hashes, database):
    await see(database, [1], MAY)
    (shard,) = await hashes.shards(database)
    with shard.path.open("ab") as file:
        file.write(b"half a row of what was to come")
    await see(database, [2, 3], MAY)
    assert await held(hashes, database) == {"2026-05": [1, 2, 3]}


async def test_a_months_file_goes_when_its_last_picture_is_forgotten(hashes, database):
    await see(database, [1, 2], MAY)
    await see(database, [3], MAY + timedelta(days=30))
    may, june = await hashes.shards(database)
    for number, left in ((1, [may, june]), (2, [june])):
        async with database.write("test") as session:
            await session.execute(delete(SeenPicture).where(SeenPicture.id == number))
        assert await hashes.shards(database) == left
    assert (may.path.exists(), june.path.exists()) == (False, True)


async def test_files_of_another_database_are_not_believed(hashes, database):
    await see(database, [1, 2], MAY)
    await hashes.shards(database)
    async with database.write("as if a backup had been restored and gone on") as session:
        await session.execute(update(SeenPicture).where(SeenPicture.id == 2).values(whole=b"n" * 32))
    assert await held(hashes, database) == {"2026-05": [1, 2]}
    async with database.write("as if an older one had been restored") as session:
        await session.execute(delete(SeenPicture).where(SeenPicture.id == 2))
    assert await held(hashes, database) == {"2026-05": [1]}
