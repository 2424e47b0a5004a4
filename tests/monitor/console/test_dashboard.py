"""The dashboard: each number is what its query gives, and what is there to be counted."""

import csv
import io
from datetime import timedelta

import pytest
from sqlalchemy import text

from detectors.model import Answer
from monitor.console.dashboard import still_down
from storage.database import Database
from storage.decisions import decide_together
from storage.statistics import answer, figures, questions
from tests.monitor.console.planting import plant


@pytest.fixture
async def counted(parts):
    ours, theirs = await plant(parts, "Mira", listings=5), await plant(parts, "Theo", listings=7)
    async with parts.database.write("decided") as session:
        await decide_together(session, ours.alerts[:2], Answer.INFRINGING, "ann", parts.clock.now())
        await decide_together(session, theirs.alerts[:3], Answer.INFRINGING, "ben", parts.clock.now())
    return ours, theirs


async def test_every_number_is_what_the_query_beside_it_gives(parts, counted):
    until = parts.clock.now()
    since = until - timedelta(days=30)
    async with parts.database.read() as session:
        for owners in (None, frozenset([counted[0].owner])):
            for question in questions(owners).values():
                found = await answer(session, question, owners, since, until)
                plain = [tuple(row) for row in await session.execute(text(found.sql))]
                assert plain == found.rows, question.name
            for name, (value, sql) in (await figures(session, owners, since, until)).items():
                assert await session.scalar(text(sql)) == value, name


async def test_numbers_are_of_the_owners_that_somebody_sees(parts, counted):
    until = parts.clock.now()
    since = until - timedelta(days=30)
    async with parts.database.read() as session:
        everybody = await figures(session, None, since, until)
        ours = await figures(session, frozenset([counted[0].owner]), since, until)
        nobody = await figures(session, frozenset(), since, until)
    assert (everybody["infringing"][0], ours["infringing"][0], nobody["infringing"][0]) == (5, 2, 0)
    assert (everybody["open"][0], ours["open"][0], nobody["works"][0]) == (7, 3, 0)


async def test_a_csv_holds_the_numbers_of_the_page(parts, seat, counted):
    page = (await seat.get("/dashboard")).text
    assert "<svg" in page
    sheet = await seat.get("/dashboard/sites.csv")
    rows = list(csv.reader(io.StringIO(sheet.text.lstrip("\ufeff"))))
    assert rows == [["marketplace", "infringing"], ["demo-bazaar", "5"]]
    assert (await seat.get("/dashboard/nothing.csv")).status_code == 404


async def test_the_queries_hold_on_postgres(postgres_url, clock):
    database = Database(postgres_url)
    async with database.read() as session:
        for question in questions(None).values():
            found = await answer(session, question, None, clock.now() - timedelta(days=9), clock.now())
            assert found.rows == []
        assert (await figures(session, frozenset([1]), clock.now(), clock.now()))["open"][0] == 0
    await database.close()


def test_what_stays_down_is_reckoned_with_those_still_under_observation():
    rows = [(1, 1, 1), (2, 0, 1), (3, 1, 1), (5, 0, 1)]
    assert still_down(rows) == [(0.0, 1.0), (1.0, 0.75), (2.0, 0.75), (3.0, 0.375), (5.0, 0.375)]
