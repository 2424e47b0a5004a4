"""What is remembered of pictures, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from storage.database import Database
from storage.errors import NotFound, Refused
from storage.negatives import add_negative, negatives, remove_negative
from storage.pictures import Seen, remember, seen_by_hash, seen_by_number
from storage.tables import Negative, Reference, SeenPicture, Threshold
from storage.thresholds import set_thresholds, thresholds, unmatched_pictures
from storage.works import remove_work, works_version
from tests.storage.making import HOUR, NOW, SHA, add_a_work, add_an_alert

ONE = Seen(SHA, b"w" * 32, b"t" * 32, b"thumbnail", "bazaar", "1", "https://x/1", "https://x/1.jpg")
LONG_AGO = NOW - 1000 * HOUR


async def test_a_picture_is_remembered_once_and_as_last_seen(database: Database) -> None:
    for hours in (0, 1):
        async with database.write("test") as session:
            await remember(session, [ONE, ONE], NOW + hours * HOUR, LONG_AGO)
    async with database.read() as session:
        (row,) = await seen_by_hash(session, [SHA, "00" * 32])
        assert (row.whole, row.trimmed, row.seen_at) == (b"w" * 32, b"t" * 32, NOW + HOUR)
        assert [found.id for found in await seen_by_number(session, [row.id, 99], NOW)] == [row.id]
        assert await seen_by_number(session, [row.id], NOW + 2 * HOUR) == []


async def test_what_was_not_seen_for_long_goes_while_others_come(database: Database) -> None:
    async with database.write("test") as session:
        await remember(session, [replace(ONE, sha256=f"{number:064x}") for number in range(12)], NOW, LONG_AGO)
    for number in (20, 21):
        async with database.write("test") as session:
            await remember(session, [replace(ONE, sha256=f"{number:064x}")], NOW + 9 * HOUR, NOW + HOUR)
    async with database.read() as session:
        left = list(await session.scalars(select(SeenPicture.id).order_by(SeenPicture.id)))
    assert left == [13, 14], "numbers are not given twice"


async def test_a_negative_reference_is_kept_once_and_asks_for_a_new_index(database: Database) -> None:
    async with database.write("test") as session:
        work, _ = await add_a_work(session)
        before = await works_version(session)
        row = Negative(work_id=work.id, sha256=SHA, file_name="stock.jpg", reason="stock", description=b"d")
        row.added_at, row.added_by = NOW, "mira"
        number = (await add_negative(session, row)).id
        assert await works_version(session) > before
        twin = Negative(work_id=None, sha256=SHA, file_name="again.jpg", reason="stock", description=b"d")
        twin.added_at, twin.added_by = NOW, "mira"
        with pytest.raises(Refused, match=r"again\.jpg is the negative reference"):
            await add_negative(session, twin)
        assert [one.id for one in await negatives(session)] == [number]
        await remove_work(session, work.id, NOW, "mira")
        assert await negatives(session) == []
        await remove_negative(session, number, NOW, "mira")
        with pytest.raises(NotFound, match="works negative list"):
            await remove_negative(session, number, NOW, "mira")


async def test_measured_scores_replace_those_of_before_and_name_weak_references(database: Database) -> None:
    async with database.write("test") as session:
        work, reference = await add_a_work(session)
        before = await works_version(session)
        for score, weak in ((0.9, "few points"), (0.8, None)):
            row = Threshold(work_id=work.id, score=score, unmatched=9, provisional=True, measured_at=NOW)
            await set_thresholds(session, [row], {reference.id: weak}, NOW, "mira")
            assert await thresholds(session) == {work.id: score}
            assert await session.scalar(select(Reference.weak)) == weak
        assert await works_version(session) > before


async def test_pictures_that_matched_are_no_innocent_ones(database: Database) -> None:
    async with database.write("test") as session:
        await add_an_alert(session)
        assert await unmatched_pictures(session, 9) == []
