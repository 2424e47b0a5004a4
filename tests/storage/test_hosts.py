"""Pace and blocks of hosts, as two processes see them."""

import asyncio
from datetime import UTC, datetime, timedelta

from storage import hosts

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def later(seconds):
    return NOW + timedelta(seconds=seconds)


async def reserve(database, now=NOW, pace_s=3.0, at_most_s=None, host="a.example:443"):
    async with database.write("turn") as session:
        return await hosts.reserve(session, host, now, pace_s, at_most_s)


async def find(database):
    async with database.read() as session:
        return await hosts.find_host(session, "a.example:443")


async def block(database, now, until):
    async with database.write("block") as session:
        await hosts.block(session, "a.example:443", now, "blocked", until)


async def note(database, now, outcome="ok", healthy=True):
    async with database.write("note") as session:
        await hosts.note_outcome(session, "a.example:443", now, outcome, healthy=healthy)


async def test_turns_of_one_host_are_a_pace_apart(database):
    assert [await reserve(database) for _ in range(3)] == [NOW, later(3), later(6)]
    assert await reserve(database, later(100)) == later(100)


async def test_hosts_do_not_wait_for_each_other(database):
    assert [await reserve(database, host=host) for host in ("a:80", "b:80")] == [NOW, NOW]


async def test_turns_asked_for_at_once_are_all_different(database):
    turns = await asyncio.gather(*(reserve(database) for _ in range(10)))
    assert sorted(turns) == [later(3 * n) for n in range(10)]


async def test_a_turn_that_is_too_far_off_is_not_taken(database):
    await reserve(database, pace_s=100)
    assert await reserve(database, at_most_s=60) == later(100)
    assert await reserve(database, at_most_s=200) == later(100)


async def test_a_turn_set_by_a_clock_that_ran_ahead_binds_nobody(database):
    await reserve(database, later(30 * 86400))
    assert await reserve(database) == NOW
    assert await reserve(database) == later(3)


async def test_a_block_counts_and_is_never_shortened(database):
    await block(database, NOW, later(7200))
    await block(database, later(1), later(60))
    row = await find(database)
    assert (row.blocked_until, row.block_count, row.outcome) == (later(7200), 2, "blocked")


async def test_an_answer_under_way_does_not_hide_a_block(database):
    await block(database, NOW, later(3600))
    await note(database, later(1))
    row = await find(database)
    assert (row.outcome, row.healthy_at) == ("blocked", later(1))


async def test_a_block_is_forgotten_after_a_healthy_day(database):
    await block(database, NOW, later(3600))
    await note(database, later(7200))
    assert (await find(database)).block_count == 1
    await note(database, later(2 * 86400), "failed", healthy=False)
    assert (await find(database)).block_count == 1
    await note(database, later(2 * 86400))
    row = await find(database)
    assert (row.block_count, row.blocked_until, row.outcome) == (0, None, "ok")


async def test_robots_are_kept_with_their_status_and_time(database):
    async with database.write("robots") as session:
        await hosts.save_robots(session, "a.example:443", NOW, 200, b"User-agent: *")
    row = await find(database)
    assert (row.robots, row.robots_status, row.robots_fetched_at) == (b"User-agent: *", 200, NOW)


async def test_every_host_is_listed_by_name(database):
    await reserve(database, host="b:80")
    await reserve(database, host="a:80")
    async with database.read() as session:
        assert [row.host for row in await hosts.list_hosts(session)] == ["a:80", "b:80"]
