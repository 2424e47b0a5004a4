"""The good-faith meter: how complaints fared in each account, and the gate that it closes before a platform does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from monitor.complaints.base import Problem
from monitor.complaints.forecast import Forecast, forecast
from monitor.complaints.packs import platforms, policy
from monitor.complaints.policy import Policy, Quality
from monitor.complaints.quality import COUNTED, Meter, Standing, meter, window_begins
from monitor.daemon import Parts
from monitor.errors import NoticeRefused
from storage import tables
from storage.quality import DecidedCount, add_override, decided_since, override_of

LONGEST_OVERRIDE = timedelta(days=90)


class By(StrEnum):
    """By what the meter is shown."""

    REASON = "reason"
    WORK = "work"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Reading:
    """One meter: of an account, and of a reason, work or person there."""

    platform: str
    account: str
    of: str
    meter: Meter
    standing: Standing
    override: tables.GateOverride | None


async def readings(parts: Parts, by: By = By.REASON) -> list[Reading]:
    """Every account's meter at each platform, by reason, work or confirming person; the worst first."""
    folder, now = parts.settings.data_dir / "policies", parts.clock.now()
    found = []
    async with parts.database.read() as session:
        for rules in [policy(name, folder) for name in platforms(folder)]:
            if rules.account_platform != rules.platform:
                continue  # counted where its account is
            counts = await _counts(session, rules, now, folder)
            for account, of in sorted({(one.account, str(getattr(one, by))) for one in counts}):
                mine = [one for one in counts if (one.account, str(getattr(one, by))) == (account, of)]
                read = meter((one.state, one.count) for one in mine)
                gated = by is By.REASON
                override = await override_of(session, rules.platform, account, of, now) if gated else None
                found.append(Reading(rules.platform, account, of, read, read.standing(rules.quality.value), override))
    worst = {standing: place for place, standing in enumerate(reversed(Standing))}
    return sorted(found, key=lambda one: (worst[one.standing], one.platform, one.account, one.of))


async def gate(
    session: AsyncSession,
    rules: Policy,
    row: tables.Complaint,
    alerts: Iterable[tables.Alert],
    now: datetime,
    folder: Path,
) -> list[Problem]:
    """What the meter says against one more complaint of this account and reason, and what is to be expected of it.

    Args:
        alerts: Of the listings that it names.
    """
    rule = rules.quality
    counts = await _counts(session, rules, now, folder, row.account)
    mine = [one for one in counts if one.reason == row.reason or not rule.value.per_reason]
    read = meter((one.state, one.count) for one in mine)
    standing = read.standing(rule.value)
    if standing is Standing.TOO_FEW:
        return []
    bounds = f"{rules.title} wants {rule.value.success_min:.0%} and at most {rule.value.counter_max:.0%}"
    told = f"{read} in {rule.value.window_months} months; {bounds}{' (unconfirmed)' if rule.unconfirmed else ''}"
    expected = _expected(mine, alerts, rule.value)
    likely = [Problem("quality", f"forecast: {expected}", blocking=False)] if expected else []
    weakest = expected.weakest if expected else ()
    if standing is not Standing.CLOSED and not weakest:
        near = [Problem("quality", f"near the bound: {told}", blocking=False)] if standing is Standing.LOW else []
        return near + likely
    opened = await override_of(session, rules.account_platform, row.account, row.reason, now)
    if opened:
        by = f"let through by {opened.person} until {opened.until:%Y-%m-%d}: {opened.why}"
        return [Problem("quality", f"{told}; {by}", blocking=False), *likely]
    account = f" --account {row.account}" if row.account else ""
    command = f"bazaarwatch complaints override {rules.account_platform} {row.reason}{account} --as NAME --why WHY"
    if standing is Standing.CLOSED:
        return [Problem("quality", f"held back: {told}. Draft less doubtful ones, or `{command}`"), *likely]
    named = " ".join(f"--listing {alert_id}" for alert_id in weakest)
    leave = f"`bazaarwatch complaints exclude {row.id} {named} --reason WHY`"
    push = f"held back: {expected}, which would push a rate beyond its bound: {told}"
    return [Problem("quality", f"{push}. Leave the weakest out: {leave}, or `{command}`")]


def _expected(counts: Iterable[DecidedCount], alerts: Iterable[tables.Alert], rule: Quality) -> Forecast | None:
    by_confidence = dict[str, list[tuple[str, int]]]()
    for one in counts:
        by_confidence.setdefault(one.confidence, []).append((one.state, one.count))
    past = {confidence: meter(found) for confidence, found in by_confidence.items()}
    return forecast(past, {alert.id: alert.confidence for alert in alerts}, rule)


async def override(
    parts: Parts, platform: str, account: str, reason: str, person: str, why: str, length: timedelta
) -> datetime:
    """Let complaints of a reason leave although the gate is closed, on a named person's word; until when.

    Raises:
        PolicyError: There is no such platform.
        NoticeRefused: The platform has no such reason, or it is for longer than `LONGEST_OVERRIDE`.
    """
    rules = policy(platform, parts.settings.data_dir / "policies")
    if reason not in rules.reasons:
        raise NoticeRefused(f"{rules.title} has no reason {reason!r}; it has {', '.join(rules.reasons)}")
    if not timedelta(0) < length <= LONGEST_OVERRIDE:
        raise NoticeRefused(f"an override lasts at most {LONGEST_OVERRIDE.days} days, then the meter is looked at anew")
    now = parts.clock.now()
    row = tables.GateOverride(
        platform=rules.account_platform,
        account=account,
        reason=reason,
        person=person,
        why=why,
        at=now,
        until=now + length,
    )
    async with parts.database.write("quality gate opened") as session:
        await add_override(session, row)
    return row.until


async def _counts(
    session: AsyncSession, rules: Policy, now: datetime, folder: Path, account: str | None = None
) -> list[DecidedCount]:
    """What was decided of complaints by the accounts at a platform; others may share them, as Lazada does."""
    since = window_begins(rules.quality.value, now)
    counts = await decided_since(session, since, COUNTED, account)
    shared = {name: policy(name, folder).account_platform for name in _known(counts, folder)}
    return [one for one in counts if shared.get(one.platform) == rules.account_platform]


def _known(counts: Iterable[DecidedCount], folder: Path) -> set[str]:
    """The platforms among them that still have a pack."""
    return {one.platform for one in counts} & set(platforms(folder))
