"""The dashboard: each number is what its query gives, and what is there to be counted."""

import csv
import io
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from sqlalchemy import select, text

from detectors.model import Answer
from monitor.console.dashboard import still_down
from storage import tables
from storage.database import Database
from storage.decisions import decide_together
from storage.statistics import answer, questions, rows_behind
from tests.monitor.console.planting import plant, plant_complaint


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


async def test_numbers_are_of_the_owners_that_somebody_sees(parts, counted):
    until = parts.clock.now()
    since = until - timedelta(days=30)
    async with parts.database.read() as session:

        async def figure(name, owners):
            (row,) = (await answer(session, questions(owners)[name], owners, since, until)).rows
            return row[0]

        ours, nobody = frozenset([counted[0].owner]), frozenset()
        assert [await figure("infringing", owners) for owners in (None, ours, nobody)] == [5, 2, 0]
        assert [await figure("open", owners) for owners in (None, ours, nobody)] == [7, 3, 0]
        assert [await figure("watched", owners) for owners in (None, ours, nobody)] == [2, 1, 0]


async def test_behind_every_number_are_as_many_rows_as_it_says(parts, seat, counted):
    now = parts.clock.now()
    complaint_id = await plant_complaint(parts, await plant(parts, "Ida", listings=3))
    async with parts.database.write("removed") as session:
        complaint = await session.get_one(tables.Complaint, complaint_id)
        complaint.exported_at = complaint.submitted_at = now - timedelta(days=5)
        targets = await session.scalars(select(tables.ComplaintTarget))
        for back, target in zip((None, now - timedelta(days=1)), targets, strict=True):
            target.verified_gone_at, target.reappeared_at = now - timedelta(days=3), back
        session.add(tables.Capture(marketplace="demo-bazaar", url="http://127.0.0.1/", sha256="a" * 64, status=200,
                                   outcome="blocked", how="fetched", captured_at=now, reason="a wall"))  # fmt: skip
    page = (await seat.get("/dashboard?days=30")).text
    addresses = [part.partition('"')[0].replace("&amp;", "&") for part in page.split('href="') if "/rows?" in part[:60]]
    until = parts.clock.now()
    seen = set()
    async with parts.database.read() as session:
        asked = questions(None)
        for name, question in asked.items():
            for row in (await answer(session, question, None, until - timedelta(days=30), until)).rows:
                keys = {f"key{place}": str(value) for place, value in enumerate(row[: len(question.keys)])}
                query = urlencode({"days": 30, "until": until.isoformat(), **keys})
                rows = (await seat.get(f"/dashboard/{name}/rows?{query}")).text
                count = row[len(question.keys)]
                assert rows.partition("<tbody>")[2].count("<tr>") == count, (name, row)
                seen.add(name)
    assert seen == set(asked)
    assert len(addresses) >= len(asked)
    for wrong in ("sellers/rows?key0=x", "alerts/rows?key0=2026-01-06&key1=high", "alerts/rows?key0=&key1=high"):
        assert (await seat.get(f"/dashboard/{wrong}")).status_code == 404, "a week begins with its Monday"


async def test_what_is_behind_a_large_number_comes_in_pages(parts, seat):
    await plant(parts, listings=130)
    first = (await seat.get("/dashboard/open/rows")).text
    following = first.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    second = (await seat.get(following)).text
    assert [page.partition("<tbody>")[2].count("<tr>") for page in (first, second)] == [100, 30]
    assert 'rel="next"' not in second


async def test_a_csv_holds_the_numbers_of_the_page(parts, seat, counted):
    page = (await seat.get("/dashboard")).text
    assert "<svg" in page
    sheet = await seat.get("/dashboard/sites.csv")
    rows = list(csv.reader(io.StringIO(sheet.text.lstrip("\ufeff"))))
    assert rows == [["marketplace", "infringing"], ["demo-bazaar", "5"]]
    assert (await seat.get("/dashboard/nothing.csv")).status_code == 404


@pytest.mark.slow
async def test_the_queries_hold_on_postgres(postgres_url, clock):
    database = Database(postgres_url)
    async with database.read() as session:
        for question in questions(None).values():
            found = await answer(session, question, None, clock.now() - timedelta(days=9), clock.now())
            assert found.rows == ([] if question.keys else [(0,)])
            keys = [{"week": "2026-01-05"}.get(key.name, "1") for key in question.keys]
            assert await rows_behind(session, question, keys, frozenset([1]), clock.now(), clock.now(), 9) == []
    await database.close()


def test_what_stays_down_is_reckoned_with_those_still_under_observation():
    rows = [(1, 1, 1), (2, 0, 1), (3, 1, 1), (5, 0, 1)]
    assert still_down(rows) == [(0.0, 1.0), (1.0, 0.75), (2.0, 0.75), (3.0, 0.375), (5.0, 0.375)]
