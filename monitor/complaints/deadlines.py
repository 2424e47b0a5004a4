"""Until when somebody has to act: windows reckoned in a platform's own calendar and time zone. Pure.

No platform says at which hour a day of its windows ends, so a window in days ends with the last moment of its last day
there, and what is ours to do is shown twelve hours earlier.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import holidays

from detectors.rights import RightKind
from monitor.complaints.lifecycle import ComplaintState
from monitor.complaints.policy import Fact, Policy, Unit, Window, WindowName

SAFETY = timedelta(hours=12)  # complaint-platforms.md, B.3: what is ours is due so long before
WARN_AT = (0.5, 0.25)  # of the time that is left of ours
RECRAWL_DAYS = (1, 3, 7, 14, 30, 45, 90)  # after a removal
_ACKNOWLEDGE = Window(length=2, unit="wd")  # B.3, where a pack says nothing
_INFORMATION = Window(length=3, unit="wd")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = 12
_STEP_LIMIT = 3650  # days looked through for working days; a calendar without any would never end


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment by which something should happen.

    Attributes:
        kind: A ``WindowName``, or ``recrawl``.
        due_at: The last moment at the platform, UTC.
        act_by_at: When to have acted: earlier by ``SAFETY`` where the clock is ours, never before the start.
        basis: How it was reckoned, such as ``3 working days, calendar CN, Asia/Shanghai``.
        unconfirmed: The length was not seen at the platform itself, or the year's holidays are not announced yet.
    """

    kind: str
    started_at: datetime
    due_at: datetime
    act_by_at: datetime
    zone: str
    basis: str
    unconfirmed: bool = False


def working_day(day: date, country: str, skip: frozenset[str] = frozenset()) -> bool:
    """Whether a day counts as a working day of a country: no weekend, no public holiday, or a make-up weekend.

    Args:
        country: As the holidays package names it, such as CN or US; EU for weekdays without any holiday.
        skip: Further days of the week that do not count.
    """
    if _WEEKDAYS[day.weekday()] in skip:
        return False
    days = _holidays(country, day.year)
    return day.weekday() < 5 if days is None else days.is_working_day(day)


def announced(country: str, year: int) -> bool:
    """Whether a year's public holidays are known: China announces its own, with their make-up days, each autumn."""
    return country != "CN" or year in getattr(_holidays(country, year), "special_public_holidays", {})


def end_of(window: Window, start: datetime, country: str, zone: str, *, earliest: bool = False) -> datetime:
    """The last moment of a window that begins at ``start``.

    Hours are counted exactly. In days, the first one counted is the day after ``start`` in the zone, and the window
    ends when the last one counted ends there. Months end with the day of the same number, or the month's last.

    Args:
        start: Aware.
        country: Whose working days count; the window's own calendar goes before it.
        earliest: The window's beginning end, where a range is told.

    Returns:
        An aware time in UTC.
    """
    length = window.earliest if earliest and window.earliest else window.length
    if window.unit == "h":
        return start.astimezone(UTC) + timedelta(hours=length)
    here = ZoneInfo(zone)
    first = start.astimezone(here).date()
    if window.unit == "mo":
        last = _months_later(first, length)
    else:
        last = _count(first, length, window.unit, window.calendar or country, frozenset(window.skip))
    return datetime.combine(last + timedelta(days=1), time(), here).astimezone(UTC)


def deadline(
    policy: Policy, name: WindowName, site: str, kind: RightKind, start: datetime, *, round_: int | None = None
) -> Deadline | None:
    """When a window of a platform ends that begins at ``start``; None where neither pack nor rule knows one."""
    fact = policy.window(name, site, kind, round_)
    window = fact.value if fact else {"acknowledge": _ACKNOWLEDGE, "information": _INFORMATION}.get(name)
    if window is None:
        return None
    country, zone = policy.calendar_of(site)
    due = end_of(window, start, country, zone)
    used = window.calendar or country
    known = window.unit != "wd" or announced(used, due.astimezone(ZoneInfo(zone)).year)
    ours = name in ("information", "holder_answer", "court_proof", "seller_mail", "appeal")
    return Deadline(
        kind=name,
        started_at=start,
        due_at=due,
        act_by_at=max(start, due - SAFETY) if ours else due,
        zone=zone,
        basis=_basis(window, used, zone, known, fact),
        unconfirmed=fact is None or fact.unconfirmed or not known,
    )


def told_by_platform(found: Deadline | None, kind: str, start: datetime, due: datetime, zone: str) -> Deadline:
    """The earlier of our own reckoning and the date that the platform tells."""
    told = Deadline(kind, start, due, max(start, due - SAFETY), zone, "the date that the platform tells")
    return found if found and found.due_at <= due else told


def recrawls(removed_at: datetime) -> list[Deadline]:
    """When to look again whether a listing that was removed has come back."""
    return [
        Deadline("recrawl", removed_at, due, due, "UTC", f"{days} days after the removal")
        for days in RECRAWL_DAYS
        for due in (removed_at + timedelta(days=days),)
    ]


def left(act_by: datetime, now: datetime) -> str:
    """How much time is left, in words, such as ``2 days 5 h`` or ``overdue by 3 h``."""
    minutes = int(abs(act_by - now).total_seconds() // 60)
    days, hours = minutes // 1440, minutes % 1440 // 60
    if days:
        words = f"{days} day{'s' if days > 1 else ''} {hours} h"
    else:
        words = f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
    return words if act_by > now else f"overdue by {words}"


def warning(started: datetime, act_by: datetime, now: datetime) -> float | None:
    """The smallest of ``WARN_AT`` that the share of time left has fallen under; None while there is more."""
    whole = (act_by - started).total_seconds()
    share = (act_by - now).total_seconds() / whole if whole > 0 else 0.0
    return min((mark for mark in WARN_AT if share <= mark), default=None)


# Which windows begin when a complaint comes into a state, and which states they are over in.
BEGINS: dict[ComplaintState, tuple[WindowName, ...]] = {
    ComplaintState.SUBMITTED: ("acknowledge", "review"),
    ComplaintState.INFO_REQUESTED: ("information",),
    ComplaintState.PAUSED: ("seller_answer",),
    ComplaintState.COUNTERED: ("holder_answer", "court_proof", "put_back"),
    ComplaintState.REJECTED: ("appeal",),
}
_LASTS: dict[str, frozenset[ComplaintState]] = {
    "acknowledge": frozenset({ComplaintState.SUBMITTED}),
    "review": frozenset(
        {
            *(ComplaintState.SUBMITTED, ComplaintState.ACKNOWLEDGED, ComplaintState.UNDER_REVIEW),
            *(ComplaintState.PAUSED, ComplaintState.INFO_REQUESTED),
        }
    ),
    "information": frozenset({ComplaintState.INFO_REQUESTED}),
    "seller_answer": frozenset({ComplaintState.PAUSED}),
    "holder_answer": frozenset({ComplaintState.COUNTERED, ComplaintState.COUNTER_REVIEW}),
    "court_proof": frozenset({ComplaintState.COUNTERED, ComplaintState.COUNTER_REVIEW, ComplaintState.COUNTER_REFUSED}),
    "put_back": frozenset({ComplaintState.COUNTERED, ComplaintState.COUNTER_REVIEW, ComplaintState.COUNTER_REFUSED}),
    "appeal": frozenset({ComplaintState.REJECTED, ComplaintState.PARTIALLY_UPHELD}),
}


def still_runs(kind: str, state: ComplaintState) -> bool:
    """Whether a timer of that kind still matters to a complaint in that state."""
    lasts = _LASTS.get(kind)
    return lasts is None or state in lasts


def _count(day: date, length: int, unit: Unit, country: str, skip: frozenset[str]) -> date:
    counted = 0
    for _ in range(_STEP_LIMIT):
        day += timedelta(days=1)
        counts = working_day(day, country, skip) if unit == "wd" else _WEEKDAYS[day.weekday()] not in skip
        counted += counts
        if counted == length:
            break
    return day


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.month - 1 + months, _MONTHS)
    year, month = day.year + year, month + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def _basis(window: Window, country: str, zone: str, known: bool, fact: Fact[Window] | None) -> str:
    units = {"h": "hours", "cd": "calendar days", "wd": f"working days, calendar {country}", "mo": "months"}
    source = f"source {fact.source}" if fact else "our own rule"
    parts = [f"{window.length} {units[window.unit]}"]
    parts += [f"without {' '.join(window.skip)}"] if window.skip else []
    parts += [zone, source] + ([] if known else ["next year's holidays are not announced yet"])
    return ", ".join(parts)


@cache
def _holidays(country: str, year: int) -> holidays.HolidayBase | None:
    """A country's public holidays of a year; None for one that the package does not know."""
    if country not in holidays.list_supported_countries():
        return None
    return holidays.country_holidays(country, years=year)
