"""A complaint after it left: handed in, what the platform says of it, counter-notices, deadlines, its end."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from monitor.complaints import deadlines
from monitor.complaints.base import TargetState as T
from monitor.complaints.errors import NotPossible
from monitor.complaints.lifecycle import (
    AT_PLATFORM,
    DECIDED,
    OBJECTED,
    SAID,
    SAID_OF_COMPLAINT,
    TARGET_STEPS,
    ComplaintEvent,
    ComplaintState,
    TargetEvent,
    next_state,
    target_event_for,
)
from monitor.complaints.policy import PlatformState, WindowName
from monitor.daemon import Parts
from monitor.desk.hand import Hand, take
from monitor.errors import NoticeRefused
from storage import tables
from storage.complaints import (
    counters_of,
    find_target,
    move,
    require_free_reference,
    timers_of,
)

C, E, X = ComplaintState, ComplaintEvent, TargetEvent


# Handed in


async def hand_in(
    parts: Parts, complaint_id: int, actor: str, reference: str, receipt: str = "", at: datetime | None = None
) -> None:
    """Record that the exported pack was handed in; the same receipt again changes nothing.

    Args:
        reference: The platform's number of it, by which its mails are recognised; empty where it gave none.
        receipt: What shows that it was handed in where there is no number.

    Raises:
        NoticeRefused: Neither is given.
        NotPossible: It was not exported, or was handed in already with another number.
    """
    if not (reference.strip() or receipt.strip()):
        raise NoticeRefused("say by what it was handed in: the platform's number, or what shows it")
    async with parts.database.write("complaint handed in") as session:
        hand = await take(parts, session, complaint_id, actor)
        if hand.state in AT_PLATFORM and (hand.row.external_ref or "") == reference:
            return
        next_state(hand.state, E.SUBMIT)
        if not hand.row.pack_sha256:
            raise NoticeRefused(f"the pack of complaint {complaint_id} was not written: export it again")
        if reference:
            await require_free_reference(session, hand.row, reference)
        hand.row.external_ref, hand.row.receipt = reference or None, receipt
        hand.row.submitted_at = min(at or hand.now, hand.now)
        await hand.step(E.SUBMIT, note=reference or receipt, at=hand.row.submitted_at)
        reported = [one for one in hand.chosen(None) if one.state == T.SELECTED]
        await hand.step_targets(reported, X.REPORT)


async def hand_back(parts: Parts, complaint_id: int, actor: str, note: str, raw: str = "") -> None:
    """Record that the platform would not take the pack as it is: a draft again, to be bettered and confirmed anew.

    Raises:
        NotPossible: It was not exported, or the platform has taken it up.
    """
    async with parts.database.write("pack refused") as session:
        hand = await take(parts, session, complaint_id, actor)
        await hand.step(E.REFUSE_PACK, note=note, raw=raw)
        hand.row.external_ref, hand.row.submitted_at, hand.row.pack_sha256, hand.row.pack = None, None, None, None
        await hand.step_targets([one for one in hand.chosen(None) if one.state == T.REPORTED], X.UNREPORT)


# What the platform says


async def record_status(
    parts: Parts,
    complaint_id: int,
    words: str,
    actor: str,
    *,
    alert_ids: Collection[int] | None = None,
    reason: str = "",
    at: datetime | None = None,
    due: datetime | None = None,
) -> list[str]:
    """Record a platform's words on a complaint, or on some of its listings, and what they mean by its policy pack.

    Unknown words are kept and shown; they change no state.

    Args:
        reason: The platform's reason, as it stands.
        at: When the platform decided.
        due: The platform's date for our answer, where it tells one.

    Returns:
        What a person should know: unknown words, listings they could not be applied to.

    Raises:
        NotPossible: The complaint is not at the platform.
        NotFound: It does not name one of the listings.
    """
    async with parts.database.write("platform status recorded") as session:
        hand = await take(parts, session, complaint_id, actor)
        for alert_id in set(alert_ids or ()) - {view.alert.id for view in hand.targets}:
            await find_target(session, complaint_id, alert_id)
        return await said(hand, words, alert_ids=alert_ids, reason=reason, at=at, due=due)


async def said(
    hand: Hand,
    words: str,
    *,
    alert_ids: Collection[int] | None = None,
    reason: str = "",
    at: datetime | None = None,
    due: datetime | None = None,
) -> list[str]:
    """The same inside of a transaction."""
    if hand.state not in AT_PLATFORM | {C.CLOSED}:
        raise NotPossible("a complaint", hand.row.state, "record a status", ("submit",))
    rule = hand.rules.status(words, of_complaint=alert_ids is None)
    targets = hand.chosen(alert_ids)
    for target in targets if alert_ids is not None else ():
        target.platform_status, target.platform_reason, target.status_unknown = words, reason, rule is None
    if alert_ids is None:
        hand.row.platform_status, hand.row.status_unknown = words, rule is None
    if rule is None:
        await move(hand.session, hand.row, "unknown_status", hand.row.state, hand.now, hand.actor, raw=words)
        return [f"{words!r} is not in the policy pack {hand.rules.label}: kept as it is, nothing was changed by it"]
    await _apply(hand, rule.value.state, targets, words, reason, at, due)
    if rule.value.effect == "missed_deadline":
        await move(hand.session, hand.row, "missed_deadline", hand.row.state, hand.now, hand.actor, raw=words)
    notes = [f"{words!r} means {rule.value.state.value} by an unconfirmed source"] if rule.unconfirmed else []
    if rule.value.effect == "stop_exports":
        notes.append(f"{words!r} says that the account is in trouble: `bazaarwatch accounts suspend` stops its exports")
    return notes + hand.passed_over


async def _apply(
    hand: Hand,
    state: PlatformState,
    targets: Sequence[tables.ComplaintTarget],
    words: str,
    reason: str,
    at: datetime | None,
    due: datetime | None,
) -> None:
    """Let what the platform's words mean happen: to listings where they speak of listings, else to the complaint."""
    if hand.state is C.SUBMITTED and state not in (PlatformState.ACKNOWLEDGED, PlatformState.NOT_REPORTED):
        await hand.step(E.ACKNOWLEDGE, raw=words)  # whoever answers has received it
    event = SAID_OF_COMPLAINT.get(state)
    if event and (hand.state, event) not in _idle(hand.state, event):
        await hand.step(event, raw=words, note=reason, at=at)
    if of_target := SAID.get(state):
        undecided = [one for one in targets if state is not PlatformState.UNDER_REVIEW or one.state == T.REPORTED]
        await hand.step_targets(undecided, of_target, note=reason, raw=words, at=at)
        if of_target is X.COUNTER:
            await open_counter(hand, at or hand.now, "not-told", "", (), due)
        await hand.settle(raw=words, at=at)
        if of_target is X.COUNTER and due is not None:
            await hand.begin(("holder_answer",), at or hand.now, due)


def _idle(state: ComplaintState, event: ComplaintEvent) -> set[tuple[ComplaintState, ComplaintEvent]]:
    """Events that say nothing new in a state: the platform repeats itself, or is behind."""
    try:
        return {(state, event)} if next_state(state, event) is state else set()
    except NotPossible:
        return {(state, event)}


async def record_outcome(
    parts: Parts,
    complaint_id: int,
    state: T,
    actor: str,
    *,
    alert_ids: Collection[int] | None = None,
    note: str = "",
    at: datetime | None = None,
) -> list[str]:
    """Record what a person knows to have become of a complaint's listings, in our own words.

    Returns:
        Listings it could not be applied to, and why.

    Raises:
        NotPossible: The complaint is not at the platform, or no listing can come into that state.
    """
    event = target_event_for(state)
    if event is None:
        raise NotPossible("a person", "at the keyboard", f"say {state.value}", ())
    async with parts.database.write("outcome recorded") as session:
        hand = await take(parts, session, complaint_id, actor)
        if hand.state not in AT_PLATFORM | {C.CLOSED}:
            raise NotPossible("a complaint", hand.row.state, "record an outcome", ("submit",))
        for alert_id in alert_ids or ():
            await find_target(session, complaint_id, alert_id)
        changed = await hand.step_targets(hand.chosen(alert_ids), event, note=note, at=at)
        if not changed and hand.passed_over:
            raise NoticeRefused("; ".join(hand.passed_over[:5]))
        if event is X.COUNTER:
            await open_counter(hand, at or hand.now, "not-told", note, (), None)
        await hand.settle(at=at)
        return hand.passed_over


async def simple_step(parts: Parts, complaint_id: int, event: ComplaintEvent, actor: str, note: str = "") -> None:
    """Let one event happen to a complaint that needs nothing more: ask, supply, chase, close.

    Raises:
        NotPossible: It cannot happen now.
    """
    async with parts.database.write(f"complaint {event.value}") as session:
        hand = await take(parts, session, complaint_id, actor)
        await hand.step(event, note=note)
        if event is E.CHASE:
            hand.row.chased_at = hand.now
        if event is E.APPEAL:
            refused = [one for one in hand.chosen(None) if one.state in (T.REJECTED, T.STILL_UP)]
            await hand.step_targets(refused, X.APPEAL, note=note)
            await hand.settle()


# Counter-notices


async def open_counter(
    hand: Hand, received_at: datetime, claim: str, words: str, elements: Sequence[str], due: datetime | None
) -> tables.CounterNotice:
    """The open counter-notice of a complaint, made if there is none; more that is known of it is added."""
    known = await counters_of(hand.session, hand.row.id)
    found = next((one for one in known if one.state == "open"), None)
    if found is None:
        found = tables.CounterNotice(
            complaint_id=hand.row.id,
            round=len(known) + 1,
            claim=claim,
            words=words,
            elements=list(elements),
            received_at=received_at,
            state="open",
            answer="",
        )
        hand.session.add(found)
    elif claim != "not-told":
        found.claim, found.words = claim, words or found.words
    ours: WindowName = "holder_answer"
    own = deadlines.deadline(hand.rules, ours, hand.row.site, hand.kind, received_at)
    ends = [one for one in (own and own.due_at, due, found.due_at) if one]
    found.due_at = min(ends, default=None)
    await hand.session.flush()
    return found


async def countered(
    parts: Parts,
    complaint_id: int,
    actor: str,
    received_at: datetime,
    *,
    alert_ids: Collection[int] | None = None,
    claim: str = "not-told",
    words: str = "",
    elements: Sequence[str] = (),
    due: datetime | None = None,
) -> tables.CounterNotice:
    """Record a seller's counter-notice; from now on the clock is ours. Told again, it is the same one.

    Args:
        received_at: When it reached us, or the platform told of it: the window is reckoned from there.
        alert_ids: The listings it is about; None: every one it can be about.
        elements: Of a sworn counter notice, those that are present.
        due: The platform's own date for our answer; the earlier one counts.

    Raises:
        NotPossible: The complaint is not at the platform.
    """
    async with parts.database.write("counter-notice recorded") as session:
        hand = await take(parts, session, complaint_id, actor)
        if hand.state not in AT_PLATFORM | {C.CLOSED}:
            raise NotPossible("a complaint", hand.row.state, "counter", ("submit",))
        for alert_id in alert_ids or ():
            await find_target(session, complaint_id, alert_id)
        able = [one for one in hand.chosen(alert_ids) if (T(one.state), X.COUNTER) in TARGET_STEPS]
        already = any(one.state == T.COUNTERED for one in hand.chosen(alert_ids))
        if not able and not already:
            raise NotPossible("a listing", "already decided", "counter", ())
        counter = await open_counter(hand, received_at, claim, words, elements, due)
        await hand.step_targets(able, X.COUNTER, note=words)
        await hand.settle(at=received_at)
        if due is not None:
            await hand.begin(("holder_answer",), received_at, due)
        return counter


async def take_up(parts: Parts, complaint_id: int, actor: str) -> None:
    """Record that somebody is at the answer; the clock runs on."""
    async with parts.database.write("counter-notice taken up") as session:
        hand = await take(parts, session, complaint_id, actor)
        if hand.state is C.COUNTERED:
            await hand.step(E.TAKE_UP)


async def answer_counter(parts: Parts, complaint_id: int, person: str, *, accept: bool, note: str) -> None:
    """Record a named person's answer to the open counter-notice: refused with proof, or accepted.

    Accepted, the listings it is about are on sale again.

    Raises:
        NotPossible: None waits for an answer.
    """
    async with parts.database.write("counter-notice answered") as session:
        hand = await take(parts, session, complaint_id, person)
        await hand.step(E.ACCEPT_COUNTER if accept else E.REFUSE_COUNTER, note=note)
        await _answered(hand, "accepted" if accept else "refused", person, note)
        if accept:
            await hand.step_targets([one for one in hand.chosen(None) if one.state == T.COUNTERED], X.REINSTATE)
            await hand.settle()


async def escalate(parts: Parts, complaint_id: int, person: str, note: str) -> None:
    """Record that a court was called upon and the platform told so: what was taken down stays down.

    Raises:
        NotPossible: There is no counter-notice to answer so.
    """
    async with parts.database.write("complaint escalated") as session:
        hand = await take(parts, session, complaint_id, person)
        await hand.step(E.ESCALATE, note=note)
        await _answered(hand, "escalated", person, note)


async def _answered(hand: Hand, state: str, person: str, note: str) -> None:
    for counter in await counters_of(hand.session, hand.row.id):
        if counter.state in ("open", "refused"):
            counter.state, counter.answered_by, counter.answered_at, counter.answer = state, person, hand.now, note


# Taken back


async def withdraw(parts: Parts, complaint_id: int, person: str, note: str) -> None:
    """Take a complaint back: withdrawn before a decision, retracted after it. Its listings never count as taken down.

    Raises:
        NotPossible: It has not left, or is over.
    """
    async with parts.database.write("complaint taken back") as session:
        hand = await take(parts, session, complaint_id, person)
        event = E.RETRACT if (hand.state in OBJECTED | DECIDED | {C.COUNTER_REFUSED, C.ESCALATED}) else E.WITHDRAW
        await hand.step(event, note=note)
        able = [one for one in hand.chosen(None) if (T(one.state), X.WITHDRAW) in TARGET_STEPS]
        await hand.step_targets(able, X.WITHDRAW, note=note)
        hand.row.outcome = hand.row.state
        for timer in await timers_of(session, complaint_id):
            timer.ended_at = timer.ended_at or hand.now
        for counter in await counters_of(session, complaint_id):
            if counter.state == "open":
                counter.state, counter.answered_by = "withdrawn", person
