"""Every state with every event, and whole courses of complaints at random."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from monitor.complaints.base import TargetState as T
from monitor.complaints.errors import NotPossible
from monitor.complaints.lifecycle import (
    ACTIVE,
    ANSWERED,
    AT_PLATFORM,
    BEFORE_LEAVING,
    COMPLAINT_STEPS,
    DECIDED,
    OBJECTED,
    OVER,
    SAID,
    TARGET_STEPS,
    next_state,
    next_target_state,
    outcome_of,
    target_event_for,
    together,
)
from monitor.complaints.lifecycle import ComplaintEvent as E
from monitor.complaints.lifecycle import ComplaintState as C
from monitor.complaints.lifecycle import TargetEvent as X
from monitor.complaints.policy import PlatformState

# Written by hand from complaint-platforms.md, B.1 and B.2: the states from which each event may happen, and to which.
_ACTIVE = "submitted acknowledged under_review info_requested paused"
_DECIDED = "upheld partially_upheld rejected void"
_ANSWERED = "counter_refused counter_accepted escalated expired"
_ANYWHERE = f"{_ACTIVE} {_DECIDED} countered counter_review {_ANSWERED}"
COMPLAINT = {
    "validate": ("draft", "ready"),
    "reopen": ("ready in_review approved", "draft"),
    "request_review": ("ready", "in_review"),
    "return": ("in_review", "draft"),
    "approve": ("in_review", "approved"),
    "export": ("approved", "exported"),
    "submit": ("exported", "submitted"),
    "refuse_pack": ("exported submitted", "draft"),
    "acknowledge": ("submitted", "acknowledged"),
    "review": (
        "submitted acknowledged info_requested paused expired counter_accepted counter_refused "
        "upheld partially_upheld rejected",
        "under_review",
    ),
    "ask": ("submitted acknowledged under_review paused", "info_requested"),
    "supply": ("info_requested", "under_review"),
    "pause": ("submitted acknowledged under_review info_requested", "paused"),
    "chase": (f"{_ACTIVE} counter_refused", "SAME"),
    "uphold": (_ANYWHERE, "upheld"),
    "uphold_partly": (_ANYWHERE, "partially_upheld"),
    "reject": (_ANYWHERE, "rejected"),
    "void": (_ANYWHERE, "void"),
    "counter": (f"{_ACTIVE} {_DECIDED} counter_refused counter_accepted expired closed", "countered"),
    "take_up": ("countered", "counter_review"),
    "refuse_counter": ("countered counter_review", "counter_refused"),
    "accept_counter": ("countered counter_review", "counter_accepted"),
    "stay_silent": ("countered counter_review", "expired"),
    "escalate": ("countered counter_review counter_refused", "escalated"),
    "appeal": ("rejected partially_upheld", "under_review"),
    "withdraw": (f"{_ACTIVE} exported", "withdrawn"),
    "retract": ("upheld partially_upheld escalated counter_refused countered counter_review", "retracted"),
    "cancel": ("draft ready in_review approved", "cancelled"),
    "close": (f"{_DECIDED} {_ANSWERED}", "closed"),
}
_OPEN = "reported under_review paused removed_unconfirmed"
TARGET = {
    "exclude": ("selected", "excluded"),
    "include": ("excluded void_gone", "selected"),
    "report": ("selected", "reported"),
    "unreport": ("reported", "selected"),
    "review": ("reported paused still_up countered", "under_review"),
    "pause": ("reported under_review", "paused"),
    "claim_removed": ("reported under_review paused countered", "removed_unconfirmed"),
    "remove": (f"{_OPEN} countered still_up reappeared reinstated", "removed"),
    "edit": (f"{_OPEN} countered still_up rejected", "edited"),
    "void": (f"{_OPEN} selected still_up", "void_gone"),
    "reject": (f"{_OPEN} countered void_gone still_up", "rejected"),
    "counter": (f"{_OPEN} removed edited still_up", "countered"),
    "reinstate": ("countered paused removed_unconfirmed removed edited", "reinstated"),
    "remain": ("removed_unconfirmed countered", "still_up"),
    "reappear": ("removed edited void_gone", "reappeared"),
    "withdraw": (f"{_OPEN} removed edited countered still_up reappeared", "withdrawn"),
    "appeal": ("rejected still_up", "under_review"),
}


def _possible(state: C) -> set[str]:
    return {name for name, (where, to) in COMPLAINT.items() if state.value in where.split() and state.value != to}


@pytest.mark.parametrize("event", list(E))
def test_an_event_in_every_state_leads_where_it_should_or_is_refused(event: E) -> None:
    before, after = COMPLAINT[event.value]
    for state in C:
        if state.value in before.split() and state.value != after:
            assert next_state(state, event).value == (state.value if after == "SAME" else after)
        else:
            with pytest.raises(NotPossible) as refusal:
                next_state(state, event)
            assert (refusal.value.state, refusal.value.event) == (state.value, event.value)
            assert set(refusal.value.possible) == _possible(state)


@pytest.mark.parametrize("event", list(X))
def test_an_event_of_a_listing_in_every_state_leads_where_it_should_or_is_refused(event: X) -> None:
    before, after = TARGET[event.value]
    for state in T:
        if state.value in before.split():
            assert next_target_state(state, event).value == after
        else:
            with pytest.raises(NotPossible):
                next_target_state(state, event)


def test_every_state_can_be_reached_and_only_the_end_is_the_end() -> None:
    for start, steps in ((C.DRAFT, COMPLAINT_STEPS), (T.SELECTED, TARGET_STEPS)):
        reached, todo = set(), [start]
        while todo:
            state = todo.pop()
            if state not in reached:
                reached.add(state)
                todo += [after for (before, _), after in steps.items() if before is state]
        assert reached == set(type(start))
    ends = {state for state in C if not any(before is state for before, _ in COMPLAINT_STEPS)}
    assert ends == {C.WITHDRAWN, C.RETRACTED, C.CANCELLED}
    assert {*BEFORE_LEAVING, *AT_PLATFORM, *OVER, C.EXPORTED} == set(C)
    assert len(AT_PLATFORM) == sum(map(len, (ACTIVE, DECIDED, OBJECTED, ANSWERED)))


def test_nothing_leaves_but_through_approval_and_export() -> None:
    into = {after: {before for (before, _), to in COMPLAINT_STEPS.items() if to is after} for after in C}
    assert into[C.APPROVED] == {C.IN_REVIEW}
    assert into[C.EXPORTED] == {C.APPROVED}
    assert into[C.SUBMITTED] - {C.SUBMITTED} == {C.EXPORTED}, "a reminder leaves it where it is"


@pytest.mark.parametrize(
    ("states", "event"),
    [
        ("", None),
        ("selected excluded", None),
        ("removed reported", None),
        ("removed removed_unconfirmed", None),
        ("removed countered", None),
        ("removed", E.UPHOLD),
        ("removed edited void_gone excluded withdrawn", E.UPHOLD),
        ("removed reappeared", E.UPHOLD),
        ("reappeared", E.UPHOLD),
        ("void_gone void_gone", E.VOID),
        ("removed rejected", E.UPHOLD_PARTLY),
        ("edited still_up", E.UPHOLD_PARTLY),
        ("removed reinstated void_gone", E.UPHOLD_PARTLY),
        ("rejected", E.REJECT),
        ("reinstated still_up void_gone", E.REJECT),
    ],
)
def test_the_listings_together_make_the_complaints_outcome(states: str, event: E | None) -> None:
    listings = [T(state) for state in states.split()]
    assert together(listings) is event
    outcome = outcome_of(listings, silent=False)
    assert bool(outcome) == (event is not None)
    lost = outcome_of(listings, silent=True)
    assert lost == ("lost_by_silence" if event is E.REJECT else outcome)


def test_a_platforms_word_for_a_listing_leads_to_the_state_of_the_same_name() -> None:
    for said, event in SAID.items():
        assert {after.value for (_, one), after in TARGET_STEPS.items() if one is event} == {said.value}
        assert target_event_for(T(said.value)) is event
    unsaid = set(PlatformState) - set(SAID)
    assert unsaid == {
        PlatformState.NOT_REPORTED,
        PlatformState.ACKNOWLEDGED,
        PlatformState.INFO_REQUESTED,
        PlatformState.PER_LISTING,
    }
    assert target_event_for(T.SELECTED) is None
    assert target_event_for(T.STILL_UP) is X.REMAIN


class Course(RuleBasedStateMachine):
    """A complaint with three listings, to which anything happens in any order."""

    @initialize()
    def draft(self) -> None:
        self.state, self.targets, self.taken = C.DRAFT, [T.SELECTED] * 3, [C.DRAFT]

    @rule(event=st.sampled_from(E))
    def happen(self, event: E) -> None:
        if (self.state, event) not in COMPLAINT_STEPS:
            return
        after = next_state(self.state, event)
        self.state = after
        self.taken.append(after)

    @precondition(lambda self: self.state in AT_PLATFORM)
    @rule(position=st.integers(0, 2), event=st.sampled_from(X))
    def happen_to_a_listing(self, position: int, event: X) -> None:
        before = self.targets[position]
        try:
            self.targets[position] = next_target_state(before, event)
        except NotPossible:
            return
        decided = together(self.targets)
        if decided and (self.state, decided) in COMPLAINT_STEPS:
            self.state = next_state(self.state, decided)
            self.taken.append(self.state)

    @invariant()
    def left_only_once_approved_and_exported(self) -> None:
        if self.state in AT_PLATFORM:
            last_draft = max(at for at, state in enumerate(self.taken) if state is C.DRAFT)
            since = self.taken[last_draft:]
            assert since.index(C.APPROVED) < since.index(C.EXPORTED) < since.index(C.SUBMITTED)
            assert since.count(C.EXPORTED) == 1

    @invariant()
    def what_is_over_stays_over(self) -> None:
        for before, after in zip(self.taken, self.taken[1:], strict=False):
            if before in (C.WITHDRAWN, C.RETRACTED, C.CANCELLED):
                raise AssertionError(f"{before} became {after}")

    @invariant()
    def outcome_is_known_only_where_every_listing_is_decided(self) -> None:
        outcome = outcome_of(self.targets, silent=False)
        if outcome == "upheld":
            assert not {T.REPORTED, T.UNDER_REVIEW, T.PAUSED, T.REMOVED_UNCONFIRMED, T.COUNTERED, T.REJECTED} & set(
                self.targets
            )


TestCourse = Course.TestCase
