"""Where a complaint stands, in one line: its state, what comes next and who does it, until when."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from monitor.complaints.deadlines import left
from monitor.daemon import Parts
from monitor.text import utc
from storage import tables
from storage.complaints import get_complaint, timers_of

WAITING: Final = {  # by the complaint's state: what a person has to do, and how
    "draft": ("something in it has to be settled before it can be confirmed", "bazaarwatch complaints show {id}"),
    "ready": ("a person has to look at each listing and confirm it", "bazaarwatch complaints confirm {id} --as NAME"),
    "in_review": ("a second person has to approve it", "bazaarwatch complaints approve {id} --as NAME"),
    "approved": ("confirmed; its pack has not been written", "bazaarwatch complaints export {id}"),
    "exported": (
        "hand its pack in, or let `complaints send` mail its notice; then record the receipt",
        "bazaarwatch complaints submitted {id} --receipt NUMBER",
    ),
    "info_requested": ("the platform wants more from us", "bazaarwatch complaints show {id}"),
    "countered": ("COUNTER-NOTICE: silence loses", "bazaarwatch complaints kit {id}"),
    "counter_review": ("COUNTER-NOTICE: silence loses", "bazaarwatch complaints answer {id} refuse --as NAME"),
    "expired": ("a counter-notice was left unanswered: lost by silence", "bazaarwatch complaints show {id}"),
}
_THEIRS: Final = (
    "the platform has the word: `bazaarwatch complaints status {id} WORDS` records what it says, "
    "and so does its mail where a mailbox is set"
)
_OVER: Final = "nothing is left to do"
_NEXT: Final = {name: f"{action}: `{command}`" for name, (action, command) in WAITING.items()} | {
    **dict.fromkeys(("submitted", "acknowledged", "under_review", "paused"), _THEIRS),
    "upheld": "its listings are looked at again for 90 days; `bazaarwatch complaints close {id}` puts it away",
    "partially_upheld": "`bazaarwatch complaints again {id}` drafts anew what was refused, `appeal {id}` tells of one",
    "rejected": "`bazaarwatch complaints again {id}` drafts it anew, `appeal {id}` tells of one, `close {id}` ends it",
    "void": "its listings were gone before; `bazaarwatch complaints close {id}` puts it away",
    "counter_refused": "the platform decides, or a court has to be called upon: `bazaarwatch complaints escalate {id}`",
    "counter_accepted": "the listings are on sale again; `bazaarwatch complaints close {id}` puts it away",
    "escalated": "before a court; `bazaarwatch complaints outcome {id}` records what comes of it",
    "cancelled": "its listings can be decided and complained of again",
    **dict.fromkeys(("closed", "withdrawn", "retracted"), _OVER),
}


async def standing(parts: Parts, complaint_id: int) -> str:
    """One line on where a complaint is now, what comes next, and the nearest deadline.

    Raises:
        NotFound: There is none.
    """
    async with parts.database.read() as session:
        row = await get_complaint(session, complaint_id)
        timers = [one for one in await timers_of(session, complaint_id) if one.ended_at is None]
    ours = min((one for one in timers if one.kind != "recrawl"), key=lambda one: one.act_by_at, default=None)
    line = f"complaint {complaint_id} is {row.state.replace('_', ' ')}: {_NEXT[row.state].format(id=complaint_id)}"
    return f"{line}; {deadline_line(ours, parts.clock.now())}" if ours else line


def deadline_line(timer: tables.ComplaintTimer, now: datetime) -> str:
    """A deadline in words: whose, how long it still is, by what rule."""
    unconfirmed = ", unconfirmed" if timer.unconfirmed else ""
    kind = timer.kind.replace("_", " ")
    return f"{kind}: {left(timer.act_by_at, now)}, act by {utc(timer.act_by_at)} ({timer.basis}{unconfirmed})"
