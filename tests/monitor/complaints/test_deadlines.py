"""Windows in working days of a platform's own calendar and zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.rights import RightKind
from monitor.complaints import deadlines
from monitor.complaints.deadlines import (
    Deadline,
    announced,
    deadline,
    end_of,
    left,
    recrawls,
    still_runs,
    told_by_platform,
    warning,
    working_day,
)
from monitor.complaints.lifecycle import ComplaintState
from monitor.complaints.packs import policy
from monitor.complaints.policy import Window

BEIJING = ZoneInfo("Asia/Shanghai")


def beijing(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BEIJING)


def last_day(window: Window, start: datetime, country: str, zone: str) -> date:
    """The last day of a window, as people there name it."""
    return (end_of(window, start, country, zone).astimezone(ZoneInfo(zone)) - timedelta(seconds=1)).date()


@pytest.mark.parametrize(
    ("received", "last"),
    [
        ("2026-09-21T10:00", "2026-09-24"),  # Monday: Tuesday, Wednesday, Thursday
        ("2026-09-25T10:00", "2026-09-30"),  # Mid-Autumn Festival, a Friday; Monday, Tuesday, Wednesday
        ("2026-09-28T10:00", "2026-10-08"),  # Tuesday, Wednesday, then the whole week off, Thursday
        ("2026-09-29T18:30", "2026-10-09"),
        ("2026-09-30T23:59", "2026-10-10"),  # Saturday 10 October is worked to make up for the week off
        ("2026-10-03T12:00", "2026-10-10"),  # received within the holiday
        ("2026-10-09T18:00", "2026-10-13"),  # Friday evening: Saturday is worked, Monday, Tuesday
        ("2025-09-29T10:00", "2025-10-10"),  # 2025: off until 8 October; Tuesday 30, Thursday 9, Friday 10
        ("2026-02-11T10:00", "2026-02-14"),  # Saturday 14 February is worked before the Spring Festival
    ],
)
def test_three_working_days_across_chinas_holidays_end_on_the_right_beijing_date(received: str, last: str) -> None:
    window = Window(length=3, unit="wd")
    assert last_day(window, beijing(received), "CN", "Asia/Shanghai") == date.fromisoformat(last)


def test_the_day_begins_in_the_platforms_zone_not_in_ours() -> None:
    window = Window(length=3, unit="wd")
    friday_evening_here = datetime(2026, 10, 9, 17, 0, tzinfo=UTC)  # Saturday, one in the morning, in Beijing
    assert last_day(window, friday_evening_here, "CN", "Asia/Shanghai") == date(2026, 10, 14)
    assert last_day(window, friday_evening_here, "US", "America/Los_Angeles") == date(2026, 10, 15), "Columbus Day"


def test_a_change_of_the_clocks_moves_the_end_in_utc_and_not_on_the_wall() -> None:
    start = datetime(2026, 10, 30, 12, tzinfo=ZoneInfo("America/Los_Angeles"))
    end = end_of(Window(length=2, unit="cd"), start, "US", "America/Los_Angeles")
    assert end == datetime(2026, 11, 2, 8, tzinfo=UTC), "midnight after 1 November, when summer time ended"
    assert end_of(Window(length=48, unit="h"), start, "US", "America/Los_Angeles") == datetime(
        2026, 11, 1, 19, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("start", "months", "last"),
    [((2026, 1, 31), 1, (2026, 2, 28)), ((2027, 11, 30), 3, (2028, 2, 29)), ((2026, 12, 15), 6, (2027, 6, 15))],
)
def test_months_end_with_the_same_day_or_the_months_last(
    start: tuple[int, int, int], months: int, last: tuple[int, int, int]
) -> None:
    window = Window(length=months, unit="mo")
    assert last_day(window, datetime(*start, 9, tzinfo=UTC), "EU", "UTC") == date(*last)


def test_days_that_a_platform_skips_do_not_count() -> None:
    window = Window(length=3, unit="cd", skip=("sun",))
    saturday = datetime(2026, 6, 6, 12, tzinfo=UTC)
    assert last_day(window, saturday, "AR", "UTC") == date(2026, 6, 10)


def test_a_country_without_a_known_calendar_has_weekends_alone() -> None:
    assert working_day(date(2026, 12, 25), "ZZ")
    assert not working_day(date(2026, 12, 26), "ZZ")
    assert not working_day(date(2026, 12, 25), "US")
    assert not working_day(date(2026, 10, 5), "CN")
    assert working_day(date(2026, 10, 10), "CN")


@given(
    days_before=st.integers(0, 1000),
    length=st.integers(1, 15),
    country=st.sampled_from(["CN", "US", "BR", "SG", "ZZ"]),
)
def test_as_many_working_days_lie_in_a_window_as_it_is_long_and_the_last_day_is_one(
    days_before: int, length: int, country: str
) -> None:
    start = datetime(2026, 11, 1, 12, tzinfo=UTC) - timedelta(days=days_before)
    end = end_of(Window(length=length, unit="wd"), start, country, "Asia/Shanghai").astimezone(BEIJING)
    first, last = start.astimezone(BEIJING).date(), end.date() - timedelta(days=1)
    days = [first + timedelta(days=number) for number in range(1, (last - first).days + 1)]
    assert sum(working_day(day, country) for day in days) == length
    assert working_day(last, country)
    assert end_of(Window(length=length + 1, unit="wd"), start, country, "Asia/Shanghai") > end


def test_what_is_ours_is_due_half_a_day_earlier_and_says_how_it_was_reckoned() -> None:
    rules, start = policy("alibaba_ipp"), beijing("2026-09-29T18:30")
    found = deadline(rules, "holder_answer", "aliexpress", RightKind.COPYRIGHT_UNREGISTERED, start)
    assert found is not None
    assert found.due_at == beijing("2026-10-10T00:00")
    assert found.act_by_at == beijing("2026-10-09T12:00")
    assert found.unconfirmed
    assert all(word in found.basis for word in ("3 working days", "CN", "Asia/Shanghai"))
    review = deadline(rules, "review", "aliexpress", RightKind.COPYRIGHT_UNREGISTERED, start)
    assert review is not None
    assert review.act_by_at == review.due_at


def test_where_a_pack_knows_no_window_our_own_rule_or_none_stands() -> None:
    rules, start = policy("redbubble"), datetime(2026, 6, 1, 12, tzinfo=UTC)
    kind = RightKind.COPYRIGHT_REGISTERED
    own = rules.window("information", "redbubble", kind) or rules.window("acknowledge", "redbubble", kind)
    found = deadline(rules, "information", next(iter(rules.sites)), kind, start)
    assert found is not None
    assert own is not None or found.unconfirmed
    assert deadline(rules, "penalty_merge", next(iter(rules.sites)), kind, start) is None


def test_next_years_holidays_are_unconfirmed_until_china_announces_them() -> None:
    assert announced("CN", 2026)
    assert not announced("CN", 2050)
    assert announced("US", 2050)


def test_the_earlier_of_our_reckoning_and_the_platforms_date_counts() -> None:
    start = datetime(2026, 6, 1, tzinfo=UTC)
    own = Deadline("holder_answer", start, start + timedelta(days=3), start + timedelta(days=2.5), "UTC", "ours")
    earlier = told_by_platform(own, "holder_answer", start, start + timedelta(days=2), "UTC")
    assert (earlier.due_at, earlier.act_by_at) == (start + timedelta(days=2), start + timedelta(days=1.5))
    assert told_by_platform(own, "holder_answer", start, start + timedelta(days=9), "UTC") is own
    soon = told_by_platform(None, "holder_answer", start, start + timedelta(hours=3), "UTC")
    assert soon.act_by_at == start, "never before it began"


def test_a_removal_is_looked_after_for_ninety_days() -> None:
    start = datetime(2026, 6, 1, tzinfo=UTC)
    assert [(one.due_at - start).days for one in recrawls(start)] == [1, 3, 7, 14, 30, 45, 90]


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(30, "30 min"), (125, "2 h 5 min"), (1500, "1 day 1 h"), (-180, "overdue by 3 h 0 min"), (4000, "2 days 18 h")],
)
def test_the_time_left_is_told_in_words(minutes: int, words: str) -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    assert left(now + timedelta(minutes=minutes), now) == words


@pytest.mark.parametrize(("hours", "mark"), [(0, None), (49, None), (50, 0.5), (74, 0.5), (75, 0.25), (120, 0.25)])
def test_half_and_a_quarter_of_the_time_left_warn(hours: int, mark: float | None) -> None:
    start = datetime(2026, 6, 1, tzinfo=UTC)
    assert warning(start, start + timedelta(hours=100), start + timedelta(hours=hours)) == mark


def test_a_timer_ends_with_the_state_that_it_is_about() -> None:
    assert still_runs("holder_answer", ComplaintState.COUNTER_REVIEW)
    assert not still_runs("holder_answer", ComplaintState.COUNTER_REFUSED)
    assert still_runs("review", ComplaintState.PAUSED)
    assert not still_runs("review", ComplaintState.UPHELD)
    assert still_runs("recrawl", ComplaintState.CLOSED)
    for state, names in deadlines.BEGINS.items():
        assert all(still_runs(name, state) for name in names)
