"""What may happen to a complaint, and to each listing in it: (state, event) to state, or a refusal. Pure.

The states are those of complaint-platforms.md, section B. What a platform says is kept beside them, word for word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

from monitor.complaints.base import TargetState as T
from monitor.complaints.errors import NotPossible
from monitor.complaints.policy import PlatformState

State = TypeVar("State", bound=StrEnum)
Event = TypeVar("Event", bound=StrEnum)


class ComplaintState(StrEnum):
    """How far a complaint is."""

    DRAFT = "draft"
    READY = "ready"  # nothing but a person's yes is missing
    IN_REVIEW = "in_review"  # a person considered it; where two have to, the second has not yet
    APPROVED = "approved"
    EXPORTED = "exported"  # claimed for one export; its files are written, or are being written
    SUBMITTED = "submitted"  # handed in, with a receipt
    ACKNOWLEDGED = "acknowledged"
    UNDER_REVIEW = "under_review"
    INFO_REQUESTED = "info_requested"  # the platform wants more; the clock is ours
    PAUSED = "paused"  # the listing is off sale until the seller has answered
    UPHELD = "upheld"
    PARTIALLY_UPHELD = "partially_upheld"
    REJECTED = "rejected"
    VOID = "void"  # every listing was gone before the platform looked
    COUNTERED = "countered"  # the seller objects; the clock is ours, and silence loses
    COUNTER_REVIEW = "counter_review"  # somebody is at the answer
    COUNTER_REFUSED = "counter_refused"  # answered: the platform decides, or we must sue
    COUNTER_ACCEPTED = "counter_accepted"
    ESCALATED = "escalated"  # before a court
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    RETRACTED = "retracted"  # taken back after a removal
    CANCELLED = "cancelled"  # given up before it left
    EXPIRED = "expired"  # lost by our silence


class ComplaintEvent(StrEnum):
    """What happens to a complaint as a whole."""

    VALIDATE = "validate"
    REOPEN = "reopen"  # what was confirmed is no longer what would leave
    REQUEST_REVIEW = "request_review"
    RETURN = "return"
    APPROVE = "approve"
    EXPORT = "export"
    REFUSE_PACK = "refuse_pack"
    SUBMIT = "submit"
    ACKNOWLEDGE = "acknowledge"
    REVIEW = "review"
    ASK = "ask"
    SUPPLY = "supply"
    PAUSE = "pause"
    CHASE = "chase"
    UPHOLD = "uphold"
    UPHOLD_PARTLY = "uphold_partly"
    REJECT = "reject"
    VOID = "void"
    COUNTER = "counter"
    TAKE_UP = "take_up"
    REFUSE_COUNTER = "refuse_counter"
    ACCEPT_COUNTER = "accept_counter"
    STAY_SILENT = "stay_silent"
    ESCALATE = "escalate"
    APPEAL = "appeal"
    WITHDRAW = "withdraw"
    RETRACT = "retract"
    CANCEL = "cancel"
    CLOSE = "close"


class TargetEvent(StrEnum):
    """What happens to one listing in a complaint."""

    EXCLUDE = "exclude"
    INCLUDE = "include"
    REPORT = "report"
    UNREPORT = "unreport"  # the whole complaint was refused as a form
    REVIEW = "review"
    PAUSE = "pause"
    CLAIM_REMOVED = "claim_removed"  # the platform's word is ambiguous; only our own look decides
    REMOVE = "remove"
    EDIT = "edit"
    VOID = "void"
    REJECT = "reject"
    COUNTER = "counter"
    REINSTATE = "reinstate"
    REMAIN = "remain"  # said to be removed, yet seen on sale
    REAPPEAR = "reappear"
    WITHDRAW = "withdraw"
    APPEAL = "appeal"


C, E, X = ComplaintState, ComplaintEvent, TargetEvent

ACTIVE = frozenset({C.SUBMITTED, C.ACKNOWLEDGED, C.UNDER_REVIEW, C.INFO_REQUESTED, C.PAUSED})  # the platform has it
DECIDED = frozenset({C.UPHELD, C.PARTIALLY_UPHELD, C.REJECTED, C.VOID})
OBJECTED = frozenset({C.COUNTERED, C.COUNTER_REVIEW})  # our clock runs
ANSWERED = frozenset({C.COUNTER_REFUSED, C.COUNTER_ACCEPTED, C.ESCALATED, C.EXPIRED})
BEFORE_LEAVING = frozenset({C.DRAFT, C.READY, C.IN_REVIEW, C.APPROVED})
OVER = frozenset({C.CLOSED, C.WITHDRAWN, C.RETRACTED, C.CANCELLED})
AT_PLATFORM = ACTIVE | DECIDED | OBJECTED | ANSWERED

_TOGETHER = {E.UPHOLD: C.UPHELD, E.UPHOLD_PARTLY: C.PARTIALLY_UPHELD, E.REJECT: C.REJECTED, E.VOID: C.VOID}


def _all(states: Iterable[State], event: Event, after: State) -> dict[tuple[State, Event], State]:
    return {(state, event): after for state in states}


COMPLAINT_STEPS: Mapping[tuple[ComplaintState, ComplaintEvent], ComplaintState] = {
    (C.DRAFT, E.VALIDATE): C.READY,
    **_all({C.READY, C.IN_REVIEW, C.APPROVED}, E.REOPEN, C.DRAFT),
    (C.READY, E.REQUEST_REVIEW): C.IN_REVIEW,
    (C.IN_REVIEW, E.RETURN): C.DRAFT,
    (C.IN_REVIEW, E.APPROVE): C.APPROVED,
    (C.APPROVED, E.EXPORT): C.EXPORTED,
    (C.EXPORTED, E.SUBMIT): C.SUBMITTED,
    **_all({C.EXPORTED, C.SUBMITTED}, E.REFUSE_PACK, C.DRAFT),
    (C.SUBMITTED, E.ACKNOWLEDGE): C.ACKNOWLEDGED,
    **_all(ACTIVE - {C.UNDER_REVIEW} | {C.EXPIRED, C.COUNTER_ACCEPTED, C.COUNTER_REFUSED}, E.REVIEW, C.UNDER_REVIEW),
    **_all(DECIDED - {C.VOID}, E.REVIEW, C.UNDER_REVIEW),
    **_all(ACTIVE - {C.INFO_REQUESTED}, E.ASK, C.INFO_REQUESTED),
    (C.INFO_REQUESTED, E.SUPPLY): C.UNDER_REVIEW,
    **_all(ACTIVE - {C.PAUSED}, E.PAUSE, C.PAUSED),
    **{(state, E.CHASE): state for state in ACTIVE | {C.COUNTER_REFUSED}},
    **{
        (state, event): after
        for event, after in _TOGETHER.items()
        for state in ACTIVE | DECIDED | OBJECTED | ANSWERED
        if state is not after
    },
    **_all(ACTIVE | DECIDED | {C.COUNTER_REFUSED, C.COUNTER_ACCEPTED, C.EXPIRED, C.CLOSED}, E.COUNTER, C.COUNTERED),
    (C.COUNTERED, E.TAKE_UP): C.COUNTER_REVIEW,
    **_all(OBJECTED, E.REFUSE_COUNTER, C.COUNTER_REFUSED),
    **_all(OBJECTED, E.ACCEPT_COUNTER, C.COUNTER_ACCEPTED),
    **_all(OBJECTED, E.STAY_SILENT, C.EXPIRED),
    **_all(OBJECTED | {C.COUNTER_REFUSED}, E.ESCALATE, C.ESCALATED),
    **_all({C.REJECTED, C.PARTIALLY_UPHELD}, E.APPEAL, C.UNDER_REVIEW),
    **_all(ACTIVE | {C.EXPORTED}, E.WITHDRAW, C.WITHDRAWN),
    **_all({C.UPHELD, C.PARTIALLY_UPHELD, C.ESCALATED, C.COUNTER_REFUSED, *OBJECTED}, E.RETRACT, C.RETRACTED),
    **_all(BEFORE_LEAVING, E.CANCEL, C.CANCELLED),
    **_all(DECIDED | ANSWERED, E.CLOSE, C.CLOSED),
}

_UNDECIDED = frozenset({T.REPORTED, T.UNDER_REVIEW, T.PAUSED, T.REMOVED_UNCONFIRMED})
_TAKEN_DOWN = frozenset({T.REMOVED, T.EDITED})
_ON_SALE = frozenset({T.REJECTED, T.REINSTATED, T.STILL_UP})
OPEN_TARGETS = _UNDECIDED | {T.COUNTERED, T.STILL_UP}  # something is still to come from the platform

TARGET_STEPS: Mapping[tuple[T, TargetEvent], T] = {
    (T.SELECTED, X.EXCLUDE): T.EXCLUDED,
    (T.EXCLUDED, X.INCLUDE): T.SELECTED,
    (T.VOID_GONE, X.INCLUDE): T.SELECTED,
    (T.SELECTED, X.REPORT): T.REPORTED,
    (T.REPORTED, X.UNREPORT): T.SELECTED,
    **_all({T.REPORTED, T.PAUSED, T.STILL_UP, T.COUNTERED}, X.REVIEW, T.UNDER_REVIEW),
    **_all({T.REPORTED, T.UNDER_REVIEW}, X.PAUSE, T.PAUSED),
    **_all({T.REPORTED, T.UNDER_REVIEW, T.PAUSED, T.COUNTERED}, X.CLAIM_REMOVED, T.REMOVED_UNCONFIRMED),
    **_all(_UNDECIDED | {T.COUNTERED, T.STILL_UP, T.REAPPEARED, T.REINSTATED}, X.REMOVE, T.REMOVED),
    **_all(_UNDECIDED | {T.COUNTERED, T.STILL_UP, T.REJECTED}, X.EDIT, T.EDITED),
    **_all(_UNDECIDED | {T.SELECTED, T.STILL_UP}, X.VOID, T.VOID_GONE),
    **_all(_UNDECIDED | {T.COUNTERED, T.VOID_GONE, T.STILL_UP}, X.REJECT, T.REJECTED),
    **_all(_UNDECIDED | _TAKEN_DOWN | {T.STILL_UP}, X.COUNTER, T.COUNTERED),
    **_all({T.COUNTERED, T.PAUSED, T.REMOVED_UNCONFIRMED, *_TAKEN_DOWN}, X.REINSTATE, T.REINSTATED),
    **_all({T.REMOVED_UNCONFIRMED, T.COUNTERED}, X.REMAIN, T.STILL_UP),
    **_all(_TAKEN_DOWN | {T.VOID_GONE}, X.REAPPEAR, T.REAPPEARED),
    **_all(_UNDECIDED | _TAKEN_DOWN | {T.COUNTERED, T.STILL_UP, T.REAPPEARED}, X.WITHDRAW, T.WITHDRAWN),
    **_all({T.REJECTED, T.STILL_UP}, X.APPEAL, T.UNDER_REVIEW),
}

# What a platform's word for one listing makes of it.
SAID: Mapping[PlatformState, TargetEvent] = {
    PlatformState.UNDER_REVIEW: X.REVIEW,
    PlatformState.PAUSED: X.PAUSE,
    PlatformState.REMOVED_UNCONFIRMED: X.CLAIM_REMOVED,
    PlatformState.REMOVED: X.REMOVE,
    PlatformState.EDITED: X.EDIT,
    PlatformState.VOID_GONE: X.VOID,
    PlatformState.REJECTED: X.REJECT,
    PlatformState.COUNTERED: X.COUNTER,
    PlatformState.REINSTATED: X.REINSTATE,
    PlatformState.WITHDRAWN: X.WITHDRAW,
}
# What it makes of the complaint where it decides nothing of a listing.
SAID_OF_COMPLAINT: Mapping[PlatformState, ComplaintEvent] = {
    PlatformState.ACKNOWLEDGED: E.ACKNOWLEDGE,
    PlatformState.UNDER_REVIEW: E.REVIEW,
    PlatformState.INFO_REQUESTED: E.ASK,
    PlatformState.PAUSED: E.PAUSE,
}


def next_state(state: ComplaintState, event: ComplaintEvent) -> ComplaintState:
    """The state of a complaint after an event.

    Raises:
        NotPossible: The event cannot happen in that state; the message names those that can.
    """
    return _step(COMPLAINT_STEPS, "a complaint", state, event)


def next_target_state(state: T, event: TargetEvent) -> T:
    """The state of a listing in a complaint after an event.

    Raises:
        NotPossible: The event cannot happen in that state; the message names those that can.
    """
    return _step(TARGET_STEPS, "a listing", state, event)


def target_event_for(after: T) -> TargetEvent | None:
    """The event by which a person says that a listing is now in a state; None where saying so is not for a person."""
    by_state = {T(said.value): event for said, event in SAID.items()}
    return {**by_state, T.STILL_UP: X.REMAIN, T.REAPPEARED: X.REAPPEAR}.get(after)


def together(targets: Iterable[T]) -> ComplaintEvent | None:
    """What the states of its listings make of a complaint; None while one of them is undecided or objected to.

    Listings that were left out or withdrawn do not count. A listing that came back was taken down once.
    """
    counted = [state for state in targets if state not in (T.SELECTED, T.EXCLUDED, T.WITHDRAWN)]
    if not counted or any(state in _UNDECIDED or state is T.COUNTERED for state in counted):
        return None
    if all(state is T.VOID_GONE for state in counted):
        return E.VOID
    down = any(state in _TAKEN_DOWN or state is T.REAPPEARED for state in counted)
    up = any(state in _ON_SALE for state in counted)
    if down:
        return E.UPHOLD_PARTLY if up else E.UPHOLD
    return E.REJECT


def outcome_of(targets: Iterable[T], *, silent: bool) -> str:
    """The outcome in a word: upheld, partially_upheld, rejected, void, lost_by_silence; empty while undecided.

    Args:
        silent: A counter-notice was left unanswered.
    """
    event = together(targets)
    if event is None:
        return ""
    return "lost_by_silence" if silent and event is E.REJECT else _TOGETHER[event].value


def _step(steps: Mapping[tuple[State, Event], State], what: str, state: State, event: Event) -> State:
    after = steps.get((state, event))
    if after is None:
        possible = sorted(one.value for before, one in steps if before is state)
        raise NotPossible(what, state.value, event.value, tuple(possible))
    return after
