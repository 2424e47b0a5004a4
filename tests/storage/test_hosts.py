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


async def spend(database, now=NOW, per_day=3, host="a.example:443"):
    async with database.write("spend") as session:
        return await hosts.spend(session, host, now, per_day)


async def test_a_days_budget_is_shared_and_has_room_again_when_its_first_hour_is_a_day_old(database):
    assert [await spend(database, later(600 * n)) for n in range(3)] == [None] * 3
    assert await spend(database, later(1800)) == later(25 * 3600)
    assert await spend(database, later(25 * 3600 - 1)) == later(25 * 3600)
    assert await spend(database, later(25 * 3600)) is None


async def test_no_twenty_four_hours_hold_more_requests_than_the_budget(database):
    made = [second for second in range(0, 4 * 86400, 1200) if await spend(database, later(second), per_day=10) is None]
    assert len(made) >= 30
    assert all(sum(start <= one < start + 86400 for one in made) <= 10 for start in made)


async def test_budgets_of_two_hosts_are_apart(database):
    assert [await spend(database, per_day=1, host=host) for host in ("a:80", "b:80")] == [None, None]
    assert await spend(database, per_day=1, host="a:80") is not None


async def test_hours_that_a_clock_running_ahead_counted_bind_nobody(database):
    assert await spend(database, later(30 * 86400), per_day=1) is None
    assert await spend(database, per_day=1) is None


async def test_requests_counted_at_once_are_all_counted(database):
    assert sorted([bool(again) for again in await asyncio.gather(*(spend(database) for _ in range(10)))]) == [
        *[False] * 3,
        *[True] * 7,
    ]


async def test_a_budget_smaller_than_what_was_spent_refuses_until_enough_has_left(database):
    for hour in range(4):
        await spend(database, later(3600 * hour), per_day=100)
    assert await spend(database, later(4 * 3600), per_day=2) == later(27 * 3600)


async def test_a_hosts_slowness_is_kept(database):
    async with database.write("slow") as session:
        await hosts.set_slowness(session, "a.example:443", 7.5)
    assert (await find(database)).slow_s == 7.5
