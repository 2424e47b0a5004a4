from __future__ import annotations

import pytest

from detectors.model import Outcome
from storage.database import Database
from storage.errors import NotFound, Refused
from storage.searches import (
    add_capture,
    add_search,
    coverage,
    due_search_ids,
    edit_search,
    finish_crawl,
    get_search,
    is_registered,
    list_searches,
    make_due,
    open_crawl,
    remove_search,
    set_paused,
)
from storage.tables import Capture
from storage.works import add_reference, add_work, remove_work, set_owner
from tests.storage.making import HOUR, NOW, SHA


async def add(database: Database, keyword: str = "moth pin") -> int:
    async with database.write("test") as session:
        return (await add_search(session, NOW, "mira", "bazaar", keyword, 24.0, 5)).id


async def crawl_once(database: Database, search_id: int, at: object, outcome: Outcome) -> None:
    async with database.write("test") as session:
        crawl = await open_crawl(session, await get_search(session, search_id), at)  # type: ignore[arg-type]
        crawl.outcome, crawl.reason = outcome, "seen"
        page = Capture(
            crawl_id=crawl.id,
            marketplace="bazaar",
            url="https://bazaar.example",
            sha256=SHA,
            status=200,
            outcome=outcome.value,
            how="fetched",
            captured_at=at,
        )
        await add_capture(session, page)
        await finish_crawl(session, crawl, at, None)  # type: ignore[arg-type]


async def test_a_new_search_is_due_at_once_and_only_once(database: Database) -> None:
    search_id = await add(database)
    with pytest.raises(Refused, match="already looks for 'moth pin'"):
        await add(database)
    async with database.read() as session:
        assert await due_search_ids(session, NOW) == [search_id]


async def test_however_many_runs_were_missed_a_search_is_due_once(database: Database) -> None:
    search_id = await add(database)
    await crawl_once(database, search_id, NOW, Outcome.OK)
    async with database.read() as session:
        assert await due_search_ids(session, NOW + 23 * HOUR) == []
        assert await due_search_ids(session, NOW + 24 * 40 * HOUR) == [search_id]
    await crawl_once(database, search_id, NOW + 24 * 40 * HOUR, Outcome.OK)
    async with database.read() as session:
        assert await due_search_ids(session, NOW + 24 * 40 * HOUR + 23 * HOUR) == []


async def test_a_crawl_that_a_crash_left_is_gone_on_with(database: Database) -> None:
    search_id = await add(database)
    async with database.write("test") as session:
        crawl = await open_crawl(session, await get_search(session, search_id), NOW)
        crawl.pages, crawl.next_url = 2, "https://bazaar.example?page=3"
    async with database.write("test") as session:
        again = await open_crawl(session, await get_search(session, search_id), NOW + HOUR)
        assert (again.id, again.pages, again.next_url) == (crawl.id, 2, "https://bazaar.example?page=3")
        assert await due_search_ids(session, NOW) == [search_id]


@pytest.mark.parametrize(("outcome", "hours"), [(Outcome.OK, 24), (Outcome.BLOCKED, 24), (Outcome.FAILED, 1)])
async def test_what_failed_for_a_passing_reason_is_tried_again_sooner(
    database: Database, outcome: Outcome, hours: int
) -> None:
    search_id = await add(database)
    await crawl_once(database, search_id, NOW, outcome)
    async with database.read() as session:
        assert (await get_search(session, search_id)).next_run_at == NOW + hours * HOUR


async def test_a_site_that_names_a_time_is_not_asked_before(database: Database) -> None:
    search_id = await add(database)
    async with database.write("test") as session:
        crawl = await open_crawl(session, await get_search(session, search_id), NOW)
        crawl.outcome = Outcome.RATE_LIMITED
        await finish_crawl(session, crawl, NOW, NOW + 3 * HOUR)
        assert (await get_search(session, search_id)).next_run_at == NOW + 3 * HOUR


async def test_pause_resume_edit_remove(database: Database) -> None:
    search_id, other = await add(database), await add(database, "bee patch")
    async with database.write("test") as session:
        await set_paused(session, search_id, NOW, "mira", paused=True)
        assert await due_search_ids(session, NOW) == [other]
        await set_paused(session, search_id, NOW, "mira", paused=False)
        edited = await edit_search(session, search_id, NOW, "mira", keyword="luna moth", rhythm_h=6.0, page_limit=9)
        assert (edited.keyword, edited.rhythm_h, edited.page_limit) == ("luna moth", 6.0, 9)
        with pytest.raises(Refused, match="another search"):
            await edit_search(session, search_id, NOW, "mira", keyword="bee patch")
        await remove_search(session, search_id, NOW, "mira")
        with pytest.raises(NotFound, match="search list"):
            await get_search(session, search_id)
        assert [search.id for search, _ in await list_searches(session)] == [other]
        back = await add_search(session, NOW, "mira", "bazaar", "luna moth", 24.0, 5)
    assert back.id == search_id


async def test_scanning_now_makes_active_searches_due_and_leaves_paused_ones(database: Database) -> None:
    one, two = await add(database), await add(database, "bee patch")
    for search_id in (one, two):
        await crawl_once(database, search_id, NOW, Outcome.OK)
    async with database.write("test") as session:
        await set_paused(session, two, NOW, "mira", paused=True)
        await make_due(session, None, NOW + HOUR)
        assert await due_search_ids(session, NOW + HOUR) == [one]
        with pytest.raises(NotFound):
            await make_due(session, [999], NOW)


async def test_the_ledger_says_what_was_asked_got_and_refused(database: Database) -> None:
    search_id = await add(database)
    await crawl_once(database, search_id, NOW, Outcome.OK)
    for hour in (24, 48):
        await crawl_once(database, search_id, NOW + hour * HOUR, Outcome.BLOCKED)
    async with database.read() as session:
        (row,) = await coverage(session, NOW - HOUR)
        assert (row.asked, row.got, row.blocked) == (3, 1, 2)
        assert row.blocked_since == NOW + 24 * HOUR
        (later,) = await coverage(session, NOW + 30 * HOUR)
        assert (later.asked, later.got, later.blocked) == (1, 0, 1)
    await crawl_once(database, search_id, NOW + 72 * HOUR, Outcome.EMPTY)
    async with database.read() as session:
        assert (await coverage(session, NOW - HOUR))[0].blocked_since is None


async def test_searches_differ_by_keyword_seller_picture_and_shop(database: Database) -> None:
    kinds = ({}, {"seller": "shady"}, {"picture": SHA}, {"shop": "https://a.example"}, {"shop": "https://b.example"})
    async with database.write("test") as session:
        ids = {(await add_search(session, NOW, "mira", "bazaar", "pin", 24.0, 5, **kind)).id for kind in kinds}
    assert len(ids) == len(kinds)
    for kind in kinds:
        with pytest.raises(Refused, match="already looks for"):
            async with database.write("test") as session:
                await add_search(session, NOW, "mira", "bazaar", "pin", 24.0, 5, **kind)


async def test_a_search_says_in_words_what_it_looks_for(database: Database) -> None:
    async with database.write("test") as session:
        one = await add_search(session, NOW, "mira", "ebay", "Luna Moth", 24.0, 5, picture=SHA)
        two = await add_search(session, NOW, "mira", "shopify", "", 24.0, 5, shop="https://a.example")
        three = await add_search(session, NOW, "mira", "ebay", "pin", 24.0, 5, seller="shady")
    assert one.subject == f"pictures like Luna Moth ({SHA[:8]})"
    assert (two.subject, three.subject) == ("everything at https://a.example", "pin, seller shady")


async def test_a_search_by_picture_has_no_keyword_to_edit(database: Database) -> None:
    async with database.write("test") as session:
        search = await add_search(session, NOW, "mira", "ebay", "Luna Moth", 24.0, 5, picture=SHA)
        with pytest.raises(Refused, match="--picture"):
            await edit_search(session, search.id, NOW, "mira", keyword="moth")


async def test_a_picture_counts_as_registered_until_its_work_is_removed(database: Database) -> None:
    async with database.write("test") as session:
        owner = await set_owner(session, NOW, "mira", "Mira", {})
        work = await add_work(session, NOW, "mira", owner.id, "Luna Moth")
        assert not await is_registered(session, SHA)
        await add_reference(session, work.id, SHA, "moth.png", b"", NOW, "mira")
        assert await is_registered(session, SHA)
        await remove_work(session, work.id, NOW, "mira")
        assert not await is_registered(session, SHA)


async def test_a_new_keyword_begins_at_its_own_first_page(database: Database) -> None:
    search_id = await add(database)
    async with database.write("test") as session:
        crawl = await open_crawl(session, await get_search(session, search_id), NOW)
        crawl.outcome, crawl.pages, crawl.next_url, crawl.listings_seen = Outcome.FAILED, 2, "https://b.example/3", 9
        await finish_crawl(session, crawl, NOW, None)
    async with database.write("test") as session:
        await edit_search(session, search_id, NOW, "mira", keyword="luna moth")
        again = await open_crawl(session, await get_search(session, search_id), NOW + HOUR)
        assert (again.pages or 0, again.next_url) == (0, None)
