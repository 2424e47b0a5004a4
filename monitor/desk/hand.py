"""One complaint under our hand: events happen to it and its listings, its timers start and end, its outcome follows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from detectors.rights import RightKind
from monitor.complaints import deadlines
from monitor.complaints.base import TargetState as T
from monitor.complaints.lifecycle import (
    DECIDED,
    OBJECTED,
    TARGET_STEPS,
    ComplaintEvent,
    ComplaintState,
    TargetEvent,
    next_state,
    next_target_state,
    outcome_of,
    together,
)
from monitor.complaints.policy import Policy, WindowName
from monitor.daemon import Parts
from monitor.desk.dossier import rules_of
from storage import tables
from storage.complaints import (
    TargetView,
    counters_of,
    get_complaint,
    move,
    move_targets,
    start_timers,
    targets_of,
    timers_of,
)
from storage.rights import get_right

C, E, X = ComplaintState, ComplaintEvent, TargetEvent
_DECIDING = frozenset({X.REMOVE, X.EDIT, X.VOID, X.REJECT, X.REINSTATE, X.REMAIN, X.CLAIM_REMOVED})
_DOWN = frozenset({T.REMOVED, T.EDITED, T.REMOVED_UNCONFIRMED})


@dataclass(slots=True)
class Hand:
    """One complaint under our hand, inside of one transaction.

    Attributes:
        passed_over: Listings that an event could not happen to, and why.
    """

    session: AsyncSession
    row: tables.Complaint
    rules: Policy
    kind: RightKind
    targets: list[TargetView]
    now: datetime
    actor: str
    passed_over: list[str] = field(default_factory=list)

    @property
    def state(self) -> ComplaintState:
        """How far the complaint is."""
        return ComplaintState(self.row.state)

    def chosen(self, alert_ids: Collection[int] | None) -> list[tables.ComplaintTarget]:
        """Its listings, or those that some alerts are about, without those that were left out."""
        return [
            view.target
            for view in self.targets
            if view.target.state != T.EXCLUDED and (alert_ids is None or view.alert.id in alert_ids)
        ]

    async def step(self, event: ComplaintEvent, *, note: str = "", raw: str = "", at: datetime | None = None) -> None:
        """Let an event happen to the complaint, and start and end its timers.

        Args:
            at: When it really happened, where that is known; the timers reckon from then.
        """
        after = next_state(self.state, event)
        entered = after is not self.state or event is E.COUNTER
        await move(self.session, self.row, event, after, self.now, self.actor, note=note, raw=raw)
        for timer in await timers_of(self.session, self.row.id):
            if timer.ended_at is None and not deadlines.still_runs(timer.kind, after):
                timer.ended_at = self.now
        if entered:
            await self.begin(deadlines.BEGINS.get(after, ()), at or self.now)

    async def begin(self, names: Iterable[WindowName], start: datetime, due: datetime | None = None) -> None:
        """Start the timers of some windows; ``due`` is the platform's own date for the first that is ours."""
        found = [
            one
            for name in names
            if (one := deadlines.deadline(self.rules, name, self.row.site, self.kind, start, round_=1))
        ]
        if due is not None:
            own = next((one for one in found if one.kind == "holder_answer"), None)
            told = deadlines.told_by_platform(own, "holder_answer", start, due, self.zone)
            found = [one for one in found if one.kind != "holder_answer"] + [told]
        await start_timers(self.session, self.row.id, [_timer(one) for one in found])

    @property
    def zone(self) -> str:
        """The time zone of the site."""
        return self.rules.calendar_of(self.row.site)[1]

    async def step_targets(
        self,
        targets: Sequence[tables.ComplaintTarget],
        event: TargetEvent,
        *,
        note: str = "",
        raw: str = "",
        at: datetime | None = None,
    ) -> int:
        """Let an event happen to listings; those it cannot happen to are passed over. How many changed."""
        able = []
        for target in targets:
            after = TARGET_STEPS.get((T(target.state), event))
            if after is not None:
                able.append(target)
            elif T(target.state) is not _leads_to(event):
                self.passed_over.append(f"#{target.alert_id} is {target.state}: {event.value} cannot happen to it")
        if not able:
            return 0
        after = next_target_state(T(able[0].state), event)
        await move_targets(self.session, able, event, after, self.now, self.actor, note=note, raw=raw)
        for target in able:
            if event in _DECIDING:
                target.decided_at = at or self.now
            if after is T.REAPPEARED:
                target.reappeared_at = self.now
        if after in _DOWN and not any(one.kind == "recrawl" for one in await timers_of(self.session, self.row.id)):
            looks = deadlines.recrawls(at or self.now)
            await start_timers(self.session, self.row.id, [_timer(one) for one in looks])
        return len(able)

    async def settle(self, *, raw: str = "", at: datetime | None = None) -> None:
        """Let the states of its listings decide the complaint's."""
        states = [T(view.target.state) for view in self.targets]
        silent = any(one.state == "lost_by_silence" for one in await counters_of(self.session, self.row.id))
        self.row.outcome = outcome_of(states, silent=silent)
        countered = any(state is T.COUNTERED for state in states)
        if countered and self.state not in OBJECTED | {C.COUNTER_REFUSED, C.ESCALATED}:
            await self.step(E.COUNTER, raw=raw, at=at)
            return
        if countered:
            return
        event = together(states)
        if event is None:
            if self.state in DECIDED or self.state in (C.EXPIRED, C.COUNTER_ACCEPTED, C.COUNTER_REFUSED):
                await self.step(E.REVIEW, raw=raw)
            return
        kept = self.state in (C.EXPIRED, C.COUNTER_ACCEPTED) and event is E.REJECT
        if not kept and self.row.state not in (_result(event), C.CLOSED, C.RETRACTED, C.WITHDRAWN):
            await self.step(event, raw=raw, at=at)


async def take(parts: Parts, session: AsyncSession, complaint_id: int, actor: str) -> Hand:
    """Take a complaint under our hand until the transaction ends.

    Raises:
        NotFound: There is none.
    """
    row = await get_complaint(session, complaint_id, lock=True)
    right = await get_right(session, row.right_id)
    targets = await targets_of(session, row.id)
    return Hand(session, row, rules_of(parts, row.platform), RightKind(right.kind), targets, parts.clock.now(), actor)


def _timer(found: deadlines.Deadline) -> tables.ComplaintTimer:
    return tables.ComplaintTimer(
        kind=found.kind,
        started_at=found.started_at,
        due_at=found.due_at,
        act_by_at=found.act_by_at,
        zone=found.zone,
        basis=found.basis,
        unconfirmed=found.unconfirmed,
    )


def _leads_to(event: TargetEvent) -> T:
    return next(after for (_, one), after in TARGET_STEPS.items() if one is event)


def _result(event: ComplaintEvent) -> ComplaintState:
    return {
        E.UPHOLD: C.UPHELD,
        E.UPHOLD_PARTLY: C.PARTIALLY_UPHELD,
        E.REJECT: C.REJECTED,
        E.VOID: C.VOID,
    }[event]
