"""What happens when a complaint's time is up: lost by silence, assumed removed, looked at again. Safe to run twice."""

from __future__ import annotations

import logging

from monitor.complaints.base import TargetState as T
from monitor.complaints.lifecycle import ACTIVE, OBJECTED, ComplaintEvent, ComplaintState, TargetEvent
from monitor.daemon import Parts
from monitor.desk.hand import Hand, take
from monitor.desk.lapsing import note_lapsed
from monitor.desk.recheck import look_again, waiting
from monitor.errors import FetchError, Offline
from storage import tables
from storage.complaints import counters_of, due_timers, move

_logger = logging.getLogger(__name__)
_ACTOR = "timer"
_LOOKED_AFTER = (T.REMOVED, T.REMOVED_UNCONFIRMED, T.EDITED, T.VOID_GONE, T.STILL_UP)


async def follow_up(parts: Parts) -> int:
    """Act upon every timer whose last moment has passed, each in a transaction of its own; how many there were.

    Rights that ended meanwhile count among them.

    Looks at listings anew where that is due; a host that refuses us is asked again with the next look of the series.

    Raises:
        Offline: This machine has no network: looks that were due stay due.
    """
    lapsed = await note_lapsed(parts, _ACTOR)
    async with parts.database.read() as session:
        due = await due_timers(session, parts.clock.now())
    for timer in due:
        if timer.kind == "recrawl":
            await _look(parts, timer)
        async with parts.database.write("deadline passed") as session:
            hand = await take(parts, session, timer.complaint_id, _ACTOR)
            row = await session.get_one(tables.ComplaintTimer, timer.id, with_for_update=True)
            if row.fired_at is None and row.ended_at is None:
                row.fired_at = hand.now
                await _fire(hand, row)
    return len(due) + lapsed


async def _fire(hand: Hand, timer: tables.ComplaintTimer) -> None:
    """Whatever follows from one timer; most only show that somebody is late."""
    note = f"{timer.kind.replace('_', ' ')}: {timer.basis}"
    if timer.kind in ("holder_answer", "court_proof") and hand.state in OBJECTED:
        await _lost(hand, note)
    elif timer.kind == "seller_answer" and hand.state is ComplaintState.PAUSED:
        await _seller_silent(hand, note)
    else:
        await move(hand.session, hand.row, f"late:{timer.kind}", hand.row.state, hand.now, _ACTOR, note=note)
    if timer.kind in ("recrawl", "appeal", "put_back"):
        timer.ended_at = hand.now
    _logger.info("deadline passed", extra={"complaint_id": hand.row.id, "timer": timer.kind, "state": hand.row.state})


async def _lost(hand: Hand, note: str) -> None:
    """We stayed silent: the listings are taken to be on sale again, and it is recorded whose fault that was."""
    for counter in await counters_of(hand.session, hand.row.id):
        if counter.state == "open":
            counter.state = "lost_by_silence"
    await hand.session.flush()
    await hand.step(ComplaintEvent.STAY_SILENT, note=note)
    countered = [one for one in hand.chosen(None) if one.state == T.COUNTERED]
    await hand.step_targets(countered, TargetEvent.REINSTATE, note="lost by silence")
    await hand.settle()


async def _seller_silent(hand: Hand, note: str) -> None:
    """The seller's time is over: by the rules the listings are down; a look of ours or the platform confirms it."""
    open_ones = [one for one in hand.chosen(None) if one.state in (T.PAUSED, T.REPORTED, T.UNDER_REVIEW)]
    await hand.step_targets(open_ones, TargetEvent.CLAIM_REMOVED, note=note)
    if hand.state in ACTIVE - {ComplaintState.UNDER_REVIEW}:
        await hand.step(ComplaintEvent.REVIEW, note=note)
    await hand.settle()


async def _look(parts: Parts, timer: tables.ComplaintTimer) -> None:
    """Look at what was taken down; what cannot be looked at stays as it is."""
    if not parts.settings.fetch.contact:
        return
    for view in await waiting(parts, timer.complaint_id):
        if T(view.target.state) in _LOOKED_AFTER:
            try:
                await look_again(parts, timer.complaint_id, view, _ACTOR)
            except Offline:
                raise
            except FetchError as error:
                _logger.warning("look failed", extra={"complaint_id": timer.complaint_id, "reason": str(error)})
                return
