"""When a host may be asked: its pace, its robots.txt, and the time it told us to stay away. Shared by all processes."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from config.settings import FetchSettings
from detectors.model import Outcome
from monitor.clock import Clock
from monitor.gate import Target
from monitor.marketplaces.base import Api
from monitor.robots import UNREACHABLE, Robots, read_robots
from storage import hosts
from storage.database import Database

AskRobots = Callable[[Target], Awaitable[tuple[int, bytes]]]

_logger = logging.getLogger(__name__)

ROBOTS_LAST = timedelta(days=1)  # RFC 9309 2.4
_BROKEN_ROBOTS_LAST = timedelta(minutes=10)
_UNREACHED_LASTS = timedelta(minutes=1)  # a host that is away is not asked anew for each of a hundred listings
_FIRST_BLOCK = timedelta(hours=1)
_LONGEST_BLOCK = timedelta(days=1)
_REFUSED_PARTS = 3  # in a row that close a host: image servers answer 403 for one picture whose address has run out
_MOST_DOUBLINGS = 5  # then the longest is reached
_JITTER = 1.2  # a request comes up to a fifth later than the pace allows
_OWN_CONNECTIONS = 16
_STATE_LASTS_S = 10.0  # how long a host without pace is asked before the database is looked at again
_NOTE_EVERY_S = 300.0  # an outcome that stays the same is written this often
_BIG_ROBOTS = 1 << 16  # bytes that are read in a thread, off the event loop
_SLOWEST_S = 30.0  # between two requests to a host under strain; within what is waited for (fetch.max_wait_s)
_EASED = 0.8  # of that time after each answer in good time
_WORTH_NOTING = 0.15  # of it: less than a step towards the pace
_LATE_S = 1.0  # a turn that is taken later than this may fall together with another's
_TURNS_MISSED = 5  # in a row: then the page is left for later


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a host is not asked now."""

    outcome: Outcome
    reason: str
    retry_at: datetime | None = None
    pause: bool = False  # it is the host that is left alone for now, whatever is asked of it


@dataclass(slots=True)
class _Known:
    """What this process remembers of one host."""

    connections: asyncio.Semaphore
    robots_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    robots: Robots | None = None
    robots_until: datetime | None = None
    unreached_until: datetime | None = None
    blocked_until: datetime | None = None
    blocked_as: Outcome = Outcome.BLOCKED
    block_count: int = 0
    refused_parts: int = 0
    read_at_s: float | None = None
    noted: tuple[Outcome | None, float] | None = None
    slow_s: float = 0.0
    terms_told: bool = False


class Politeness:
    """Keeps every host's pace, rules and blocks.

    Args:
        settings: Pace, longest wait, whether robots.txt is obeyed.
        database: Where hosts are remembered.
        clock: Tells the time and waits.
        is_own: Whether the operator listed a target as its own.
    """

    def __init__(
        self,
        settings: FetchSettings,
        database: Database,
        clock: Clock,
        is_own: Callable[[Target], bool],
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._is_own = is_own
        self._hosts: dict[str, _Known] = {}

    def connections(self, target: Target) -> asyncio.Semaphore:
        """Hold it while asking: one connection to a host, more to the operator's own without pace."""
        return self._known(target).connections

    async def admit(
        self, target: Target, pace_s: float, ask_robots: AskRobots, api: Api | None = None, per_day: int = 0
    ) -> Refusal | None:
        """Wait for the host's turn; None says ask now, and that the request was counted.

        Args:
            target: The page to be asked for.
            pace_s: Seconds between two requests that its marketplace wants; the settings may want more.
            ask_robots: Fetches ``/robots.txt`` of a target: (status, body), `UNREACHABLE` without an answer.
            api: The documented API that the page is part of; its terms stand in place of robots.txt.
            per_day: Requests in any 24 hours that the marketplace allows; the settings may allow fewer. 0: any number.
        """
        known = self._known(target)
        refusal = await self._blocked(target, known)
        if refusal is not None:
            return refusal
        delay_s = 0.0
        if api is not None:
            if not known.terms_told:
                _logger.info("robots.txt not asked", extra={"host": target.key, "reason": api.terms})
            known.terms_told = True
        elif self._settings.respect_robots:
            robots = await self._robots(target, known, pace_s, ask_robots)
            if isinstance(robots, Refusal):
                return robots
            if not robots.allows(target.url):
                return Refusal(Outcome.BLOCKED, robots.why, known.robots_until)
            delay_s = robots.crawl_delay_s
        return await self._turn(target, pace_s, delay_s, self._per_day(target, per_day))

    async def learn(self, target: Target, latency_s: float, *, strained: bool) -> None:
        """Ask a host more slowly after signs of strain or late answers, and step by step faster again without.

        Args:
            target: The page that was asked for.
            latency_s: Seconds until its answer was complete.
            strained: It said that it was too much (429, 5xx), or did not answer in time.
        """
        known, pace_s = self._known(target), self._pace_s(target)
        if pace_s == 0:
            return
        slow_s = 2 * max(known.slow_s, pace_s) if strained else known.slow_s * _EASED
        slow_s = min(max(slow_s, latency_s), _SLOWEST_S)  # never sooner than it takes to answer
        slow_s = slow_s if slow_s > pace_s else 0.0
        if abs(slow_s - known.slow_s) <= _WORTH_NOTING * max(slow_s, known.slow_s):
            return
        known.slow_s = slow_s
        async with self._database.write("host's slowness", brief=True) as session:
            await hosts.set_slowness(session, target.key, slow_s)

    async def note(self, target: Target, outcome: Outcome | None) -> None:
        """Remember how a request ended; ``None`` is an answer that the classifier has yet to judge."""
        known, now_s = self._known(target), self._clock.monotonic()
        known.refused_parts = 0 if outcome is None else known.refused_parts
        if known.noted is not None and known.noted[0] == outcome and now_s - known.noted[1] < _NOTE_EVERY_S:
            return
        known.noted = outcome, now_s
        async with self._database.write("host noted", brief=True) as session:
            healthy = outcome in (None, Outcome.GONE)
            await hosts.note_outcome(session, target.key, self._clock.now(), outcome or Outcome.OK, healthy=healthy)

    async def refused(self, target: Target, *, part: bool) -> datetime:
        """Act on 401, 403 or 451; until when what was asked for is left alone.

        A page's refusal closes its host at once (reliability.md L4: one request, then silence). A picture's closes it
        when it is the third in a row: before that it says something of the picture alone.
        """
        known = self._known(target)
        known.refused_parts += part
        if part and known.refused_parts < _REFUSED_PARTS:
            await self.note(target, Outcome.BLOCKED)
            return self._clock.now() + _FIRST_BLOCK
        known.refused_parts = 0
        return await self.block(target, Outcome.BLOCKED)

    async def block(self, target: Target, outcome: Outcome, until: datetime | None = None) -> datetime:
        """Leave a host alone until then, by default 1 hour, doubled at each further block up to a day; until when."""
        known, now = self._known(target), self._clock.now()
        await self._read(target, known)
        until = until or now + min(_FIRST_BLOCK * 2 ** min(known.block_count, _MOST_DOUBLINGS), _LONGEST_BLOCK)
        async with self._database.write("host blocked", brief=True) as session:
            await hosts.block(session, target.key, now, outcome, until)
        known.noted = None
        await self._read(target, known)
        return known.blocked_until or until

    def _known(self, target: Target) -> _Known:
        known = self._hosts.get(target.key)
        if known is None:
            unpaced = self._is_own(target) and self._settings.own_pace_s == 0
            known = _Known(asyncio.Semaphore(_OWN_CONNECTIONS if unpaced else 1))
            self._hosts[target.key] = known
        return known

    async def _blocked(self, target: Target, known: _Known) -> Refusal | None:
        fresh = known.read_at_s is not None and self._clock.monotonic() - known.read_at_s < _STATE_LASTS_S
        if not (fresh and self._is_own(target)):
            await self._read(target, known)
        if not _ahead(known.blocked_until, self._clock.now(), _LONGEST_BLOCK):
            return None
        what = "asked for a pause" if known.blocked_as == Outcome.RATE_LIMITED else "refused us"
        reason = f"{target.key} {what} and is left alone until then"
        return Refusal(known.blocked_as, reason, known.blocked_until, pause=True)

    async def _read(self, target: Target, known: _Known) -> None:
        async with self._database.read(brief=True) as session:
            row = await hosts.find_host(session, target.key)
        known.read_at_s = self._clock.monotonic()
        if row is None:
            return
        known.blocked_until, known.block_count, known.slow_s = row.blocked_until, row.block_count, row.slow_s
        limited = row.outcome == Outcome.RATE_LIMITED
        known.blocked_as = Outcome.RATE_LIMITED if limited else Outcome.BLOCKED
        if row.robots is not None and row.robots_status is not None and row.robots_fetched_at is not None:
            until = row.robots_fetched_at + _robots_last(row.robots_status)
            if known.robots_until != until:
                known.robots, known.robots_until = await _read_robots(row.robots_status, row.robots), until

    async def _robots(self, target: Target, known: _Known, pace_s: float, ask: AskRobots) -> Robots | Refusal:
        async with known.robots_lock:
            if known.robots is not None and _ahead(known.robots_until, self._clock.now(), ROBOTS_LAST):
                return known.robots
            if _ahead(known.unreached_until, self._clock.now(), _UNREACHED_LASTS):
                return Refusal(Outcome.FAILED, read_robots(UNREACHABLE, b"").why)
            refusal = await self._turn(target, pace_s, 0.0, self._per_day(target, 0))
            if refusal is not None:
                return refusal
            status, body = await ask(target)
            robots = await _read_robots(status, body)
            now = self._clock.now()
            if status == UNREACHABLE:
                known.unreached_until = now + _UNREACHED_LASTS
                return Refusal(Outcome.FAILED, robots.why)
            async with self._database.write("robots", brief=True) as session:
                await hosts.save_robots(session, target.key, now, status, body)
            known.robots, known.robots_until = robots, now + _robots_last(status)
            return robots

    def _pace_s(self, target: Target) -> float:
        return self._settings.own_pace_s if self._is_own(target) else self._settings.pace_s

    def _per_day(self, target: Target, theirs: int) -> int:
        """The requests that the host may get in 24 hours; 0 says any number."""
        ours = 0 if self._is_own(target) else self._settings.requests_per_day
        return min(ours, theirs) if ours and theirs else ours or theirs

    async def _turn(self, target: Target, wish_s: float, delay_s: float, per_day: int) -> Refusal | None:
        """Wait until the host may be asked, and count that; a refusal if that is too far off.

        A turn that this process slept through (stopped, or starved) belongs to nobody: others have asked since, so a
        new one is taken. Taking it is a write, which a unit whose job went to another worker meanwhile is refused.
        """
        wish_s = 0.0 if self._is_own(target) else wish_s
        pace_s = max(self._pace_s(target), self._known(target).slow_s, wish_s, delay_s)
        if pace_s == 0 and per_day == 0:
            return None
        for _ in range(_TURNS_MISSED):
            start = await self._reserve(target, pace_s, per_day)
            if isinstance(start, Refusal):
                return start
            if (wait_s := (start - self._clock.now()).total_seconds()) > 0:
                await self._clock.sleep(wait_s)
            late_s = (self._clock.now() - start).total_seconds()
            if pace_s == 0 or late_s <= _LATE_S:
                return None
            _logger.info("turn missed", extra={"host": target.key, "late_s": round(late_s, 1)})
        reason = f"{target.key} was not asked: this machine is too busy to keep its turns"
        return Refusal(Outcome.RATE_LIMITED, reason, self._clock.now() + timedelta(seconds=_SLOWEST_S))

    async def _reserve(self, target: Target, pace_s: float, per_day: int) -> datetime | Refusal:
        """When the host may be asked, with that counted; a refusal if it is too far off."""
        longest_s = self._settings.max_wait_s
        now = start = self._clock.now()
        again = None
        async with self._database.write("turn reserved", brief=True) as session:
            if pace_s:
                interval_s = pace_s * random.uniform(1.0, _JITTER)
                start = await hosts.reserve(session, target.key, now, interval_s, longest_s)
            wait_s = (start - now).total_seconds()
            if per_day and wait_s <= longest_s:
                again = await hosts.spend(session, target.key, now, per_day)
        if again is not None:
            return Refusal(
                Outcome.RATE_LIMITED, f"{target.key} has had its {per_day} requests of 24 hours", again, True
            )
        if wait_s > longest_s:
            return Refusal(Outcome.RATE_LIMITED, f"{target.key} has its turn in {wait_s:.0f} s", start, pause=True)
        return start


def _ahead(until: datetime | None, now: datetime, longest: timedelta) -> bool:
    """Whether ``until`` is to come; one that is further off than it was ever set was set by a clock that ran wrong."""
    return until is not None and timedelta(0) < until - now <= longest


def _robots_last(status: int) -> timedelta:
    return _BROKEN_ROBOTS_LAST if status >= 500 or status == 429 else ROBOTS_LAST


async def _read_robots(status: int, body: bytes) -> Robots:
    if len(body) < _BIG_ROBOTS:
        return read_robots(status, body)
    return await asyncio.to_thread(read_robots, status, body)
