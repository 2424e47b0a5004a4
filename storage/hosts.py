"""What is known of the hosts we ask: pace, blocks, robots.txt, health. Shared by all processes through the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.tables import Host, HostHour
from storage.upsert import upsert

_FARTHEST_TURN = timedelta(hours=2)  # beyond any pace and queue: the clock was wrong when it was written
_FORGIVEN_AFTER = timedelta(days=1)  # a host that blocked us is asked this long without a new block before we forget
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)


async def find_host(session: AsyncSession, host: str) -> Host | None:
    """What is known of ``host:port``."""
    return await session.get(Host, host)


async def list_hosts(session: AsyncSession) -> Sequence[Host]:
    """Every host ever asked, by name."""
    return (await session.scalars(select(Host).order_by(Host.host))).all()


async def reserve(
    session: AsyncSession, host: str, now: datetime, pace_s: float, at_most_s: float | None = None
) -> datetime:
    """When the caller may ask; the next caller, in whatever process, gets a time ``pace_s`` later.

    Args:
        session: Of a write transaction, to be committed before the caller asks.
        host: ``host:port``.
        now: The caller's time.
        pace_s: Seconds from this request to the next one.
        at_most_s: A caller that would not wait longer; then nothing is reserved and the time is for information.
    """
    row = await _locked(session, host)
    start = max(now, row.next_allowed_at or now)
    if start - now > _FARTHEST_TURN:
        start = now
    if at_most_s is None or start - now <= timedelta(seconds=at_most_s):
        row.next_allowed_at = start + timedelta(seconds=pace_s)
    return start


async def spend(session: AsyncSession, host: str, now: datetime, per_day: int) -> datetime | None:
    """Count one request against what a host may be asked in any 24 hours.

    Counts are kept by the hour, and an hour is counted until all of it is a day old.

    Args:
        session: Of a write transaction, to be committed before the caller asks.
        host: ``host:port``.
        now: The caller's time.
        per_day: The budget.

    Returns:
        None if the request may be made; else nothing is counted, and this is when the budget has room again.
    """
    await _locked(session, host)
    in_force = HostHour.host == host, HostHour.hour_at > now - _DAY - _HOUR, HostHour.hour_at <= now
    hours = (await session.scalars(select(HostHour).where(*in_force).order_by(HostHour.hour_at))).all()
    excess = sum(hour.requests for hour in hours) - per_day
    if excess >= 0:
        for hour in hours:
            excess -= hour.requests
            if excess < 0:
                return hour.hour_at + _DAY + _HOUR
        return now + _DAY
    this_hour = upsert(session, HostHour).values(host=host, hour_at=now.replace(minute=0, second=0, microsecond=0))
    counted = this_hour.values(requests=1).on_conflict_do_update(
        index_elements=["host", "hour_at"], set_={"requests": HostHour.requests + 1}
    )
    await session.execute(counted)
    await session.execute(delete(HostHour).where(HostHour.host == host, HostHour.hour_at < now - 2 * _DAY))
    return None


async def set_slowness(session: AsyncSession, host: str, slow_s: float) -> None:
    """Remember how many seconds apart a host's answers suggest to ask it; 0 leaves that to the pace."""
    (await _locked(session, host)).slow_s = slow_s


async def note_outcome(session: AsyncSession, host: str, now: datetime, outcome: str, *, healthy: bool) -> None:
    """Remember how the last request ended, unless a block is in force. A day after its end a block is forgotten."""
    row = await _locked(session, host)
    if healthy:
        row.healthy_at = now
    if row.blocked_until is not None and row.blocked_until > now:
        return
    row.outcome, row.outcome_at = outcome, now
    if healthy and row.blocked_until is not None and now - row.blocked_until > _FORGIVEN_AFTER:
        row.blocked_until, row.block_count = None, 0


async def block(session: AsyncSession, host: str, now: datetime, outcome: str, until: datetime) -> None:
    """Leave a host alone until then; never shortens an earlier block."""
    row = await _locked(session, host)
    row.outcome, row.outcome_at = outcome, now
    row.block_count += 1
    row.blocked_until = max(until, row.blocked_until or until)


async def save_robots(session: AsyncSession, host: str, now: datetime, status: int, robots: bytes) -> None:
    """Remember a host's robots.txt; status 0 says that it could not be reached."""
    row = await _locked(session, host)
    row.robots, row.robots_status, row.robots_fetched_at = robots, status, now


async def _locked(session: AsyncSession, host: str) -> Host:
    """The host's row, made if missing, that no other transaction changes until this one ends."""
    await session.execute(upsert(session, Host).values(host=host, block_count=0).on_conflict_do_nothing())
    return (
        await session.scalars(
            select(Host).where(Host.host == host).with_for_update().execution_options(populate_existing=True)
        )
    ).one()
