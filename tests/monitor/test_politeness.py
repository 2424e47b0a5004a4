"""Paces that learn, daily budgets, and documented APIs, without a network: hosts are only names here."""

from datetime import timedelta

import pytest

from config.settings import load
from detectors.model import Outcome
from monitor.gate import read_url
from monitor.marketplaces.base import Api
from monitor.politeness import Politeness
from storage import hosts
from storage.database import Database

PAGE = read_url("http://a.example/page")


@pytest.fixture
async def store(sqlite_url):
    database = Database(sqlite_url)
    yield database
    await database.close()


@pytest.fixture
def make(store, clock, tmp_path):
    def build(own=False, **changes):
        environ = {f"BAZAARWATCH_FETCH__{key.upper()}": str(value) for key, value in changes.items()}
        return Politeness(load(tmp_path, environ).fetch, store, clock, lambda _: own)

    return build


async def no_robots(_):
    return 404, b""


async def forbidding(_):
    return 200, b"User-agent: *\nDisallow: /"


async def gap(polite, clock):
    """The seconds between two turns, without the random part."""
    await polite.admit(PAGE, 0.0, no_robots)
    before = len(clock.slept)
    await polite.admit(PAGE, 0.0, no_robots)
    return sum(clock.slept[before:]) / 1.1  # the middle of the random part


async def test_a_host_under_strain_is_asked_ever_more_slowly_up_to_half_a_minute(make, clock):
    polite = make(pace_s=3)
    for expected_s in (6, 12, 24, 30, 30):
        await polite.learn(PAGE, 0.2, strained=True)
        assert await gap(polite, clock) == pytest.approx(expected_s, rel=0.1)


@pytest.mark.parametrize("pace_s", [0.05, 3])
async def test_a_host_that_recovered_comes_back_to_its_pace_step_by_step(make, clock, pace_s):
    polite = make(own=True, own_pace_s=pace_s)
    for _ in range(2):
        await polite.learn(PAGE, 0.01, strained=True)
    gaps = []
    for _ in range(8):
        await polite.learn(PAGE, 0.01, strained=False)
        gaps.append(await gap(polite, clock))
    assert gaps[0] == pytest.approx(4 * pace_s * 0.8, rel=0.1)
    assert gaps[-1] == pytest.approx(pace_s, rel=0.1)


async def test_a_host_is_asked_no_sooner_than_it_takes_to_answer(make, clock):
    polite = make(pace_s=3)
    await polite.learn(PAGE, 9.0, strained=False)
    assert await gap(polite, clock) == pytest.approx(9, rel=0.1)


async def test_a_hosts_slowness_is_known_to_every_process(make, clock):
    await make(pace_s=3).learn(PAGE, 0.2, strained=True)
    assert await gap(make(pace_s=3), clock) == pytest.approx(6, rel=0.1)


async def test_an_own_server_without_pace_is_never_slowed_down(make, clock):
    polite = make(own=True)
    await polite.learn(PAGE, 9.0, strained=True)
    assert await gap(polite, clock) == 0


async def test_a_days_budget_holds_for_every_host_that_is_not_the_operators(make, clock):
    polite = make(requests_per_day=3)  # the robots file is one of them
    answers = [await polite.admit(PAGE, 0.0, no_robots) for _ in range(4)]
    assert [answer and answer.outcome for answer in answers] == [None, None, Outcome.RATE_LIMITED, Outcome.RATE_LIMITED]
    assert answers[-1].retry_at > clock.now()
    own = make(own=True, requests_per_day=3)
    other = read_url("http://b.example/page")
    assert [await own.admit(other, 0.0, no_robots) for _ in range(9)] == [None] * 9


async def test_a_marketplaces_own_budget_counts_where_it_is_smaller(make):
    for settings in (100, 0):
        polite = make(requests_per_day=settings, respect_robots="false")
        page = read_url(f"http://budget{settings}.example/")
        assert await polite.admit(page, 0.0, no_robots, per_day=1) is None
        assert (await polite.admit(page, 0.0, no_robots, per_day=1)).outcome == Outcome.RATE_LIMITED


async def test_a_turn_that_is_not_taken_is_not_counted(make):
    polite = make(requests_per_day=3, max_wait_s=1, respect_robots="false")
    answers = [await polite.admit(PAGE, 50.0, no_robots) for _ in range(9)]
    assert answers[0] is None
    assert all("turn in" in answer.reason for answer in answers[1:])


async def test_robots_bind_everyone_but_a_documented_api(make):
    polite = make()
    assert (await polite.admit(PAGE, 0.0, forbidding)).outcome == Outcome.BLOCKED
    assert await polite.admit(PAGE, 0.0, forbidding, Api("documented", 10)) is None
    assert (await polite.admit(PAGE, 0.0, forbidding)).outcome == Outcome.BLOCKED


async def test_a_host_that_refuses_us_for_months_is_left_alone_a_day_at_a_time(make, store, clock):
    async with store.write("test") as session:
        for _ in range(100):
            await hosts.block(session, PAGE.key, clock.now(), "blocked", clock.now())
    assert await make().block(PAGE, Outcome.BLOCKED) == clock.now() + timedelta(days=1)


async def test_a_turn_that_was_slept_through_is_not_taken_late_for_others_have_asked_since(make, clock, monkeypatch):
    stopped, other = make(pace_s=3), make(pace_s=3)
    await stopped.admit(PAGE, 0.0, no_robots)
    sleep, taken = clock.sleep, []

    async def stopped_for_90_s(seconds):
        monkeypatch.setattr(clock, "sleep", sleep)
        await sleep(seconds + 90)
        await other.admit(PAGE, 0.0, no_robots)
        taken.append(clock.now())

    monkeypatch.setattr(clock, "sleep", stopped_for_90_s)
    assert await stopped.admit(PAGE, 0.0, no_robots) is None
    assert (clock.now() - taken[0]).total_seconds() >= 3


async def test_a_machine_that_misses_every_turn_asks_nothing_and_says_why(make, clock, monkeypatch):
    polite, sleep = make(pace_s=3), clock.sleep

    async def late(seconds):
        await sleep(seconds + 2)

    monkeypatch.setattr(clock, "sleep", late)
    await polite.admit(PAGE, 0.0, no_robots)
    refusal = await polite.admit(PAGE, 0.0, no_robots)
    assert (refusal.outcome, "too busy to keep its turns" in refusal.reason) == (Outcome.RATE_LIMITED, True)
