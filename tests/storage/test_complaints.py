from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from detectors.model import Answer
from monitor.complaints.base import TargetState
from monitor.complaints.lifecycle import ComplaintState
from storage.cases import allow_seller, decide
from storage.complaints import (
    add_complaint,
    events_of,
    find_by_listings,
    find_target,
    get_complaint,
    infringing_alerts,
    list_complaints,
    move,
    move_targets,
    require_free_reference,
    start_timers,
    target_facts,
    targets_of,
)
from storage.database import Database
from storage.errors import NotFound, Refused, StaleState
from storage.rights import add_right, get_right, right_states, set_right_state
from storage.tables import Alert, Complaint, ComplaintTimer, CounterNotice, Right
from storage.tables.complaints import COMPLAINT_STATES, TARGET_STATES
from tests.storage.making import HOUR, NOW, add_an_alert

CONFIRMED: dict[str, Any] = {
    "confirmation": {"person": "Mira Moss"},
    "confirmed_by": "Mira Moss",
    "approved_by": "Mira Moss",
}


def a_complaint(alert: Alert, right_id: int) -> Complaint:
    return Complaint(platform="p", site="s", work_id=alert.work_id, right_id=right_id, reason="r", explanation="copied")


async def make(database: Database) -> tuple[Complaint, Alert]:
    """A decided alert in a drafted complaint."""
    async with database.write("test") as session:
        alert = await add_an_alert(session)
        await decide(session, alert.id, Answer.INFRINGING, "mira", NOW)
        right = Right(owner_id=1, kind="copyright_unregistered", title="Moth", number="UC-1", facts={})
        await add_right(session, NOW, "mira", right, [alert.work_id])
        return await add_complaint(session, NOW, "mira", a_complaint(alert, right.id), [alert.id]), alert


async def change(database: Database, complaint_id: int, **values: object) -> None:
    async with database.write("test") as session:
        row = await get_complaint(session, complaint_id, lock=True)
        for name, value in values.items():
            setattr(row, name, value)


def test_the_tables_know_exactly_the_states_of_the_lifecycle() -> None:
    assert set(COMPLAINT_STATES.split()) == {state.value for state in ComplaintState}
    assert set(TARGET_STATES.split()) == {state.value for state in TargetState}


async def test_a_listing_is_complained_of_once_per_right_while_the_complaint_lives(database: Database) -> None:
    complaint, alert = await make(database)
    async with database.write("test") as session:
        assert await infringing_alerts(session, alert.work_id, complaint.right_id) == []
        (view,) = await targets_of(session, complaint.id)
        assert (view.alert.id, view.listing.listing_id, view.target.state) == (alert.id, "1", "selected")
        with pytest.raises(StaleState, match="another complaint"):
            await add_complaint(session, NOW, "mira", a_complaint(alert, complaint.right_id), [alert.id])


@pytest.mark.parametrize("state", ["cancelled", "withdrawn"])
async def test_a_listing_of_a_complaint_taken_back_may_be_complained_of_again(database: Database, state: str) -> None:
    complaint, alert = await make(database)
    await change(database, complaint.id, state=state, exported_at=NOW, **CONFIRMED)
    async with database.read() as session:
        assert len(await infringing_alerts(session, alert.work_id, complaint.right_id)) == 1


@pytest.mark.parametrize(("state", "free"), [("excluded", 1), ("void_gone", 1), ("reappeared", 1), ("rejected", 0)])
async def test_a_listing_left_out_or_come_back_is_free_and_a_refused_one_is_not(
    database: Database, state: str, free: int
) -> None:
    complaint, alert = await make(database)
    async with database.write("test") as session:
        target = await find_target(session, complaint.id, alert.id)
        await move_targets(session, [target], "a test", state, NOW, "mira", note="because")
    async with database.read() as session:
        assert len(await infringing_alerts(session, alert.work_id, complaint.right_id)) == free
        with pytest.raises(NotFound, match="no listing #99"):
            await find_target(session, complaint.id, 99)


async def test_an_allowed_sellers_listing_is_never_complained_of(database: Database) -> None:
    complaint, alert = await make(database)
    await change(database, complaint.id, state="cancelled")
    async with database.write("test") as session:
        await allow_seller(session, NOW, "mira", "bazaar", "s1", "own shop")
    async with database.read() as session:
        assert await infringing_alerts(session, alert.work_id, complaint.right_id) == []


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"state": "dreaming"}, "state"),
        ({"state": "approved"}, "confirmed_by_a_person"),
        ({"state": "approved", **CONFIRMED, "confirmed_by": "  "}, "confirmed_by_a_person"),
        ({"state": "approved", **CONFIRMED, "approved_by": None}, "confirmed_by_a_person"),
        ({"state": "approved", **CONFIRMED, "four_eyes": True}, "approved_by_another"),
        ({"state": "approved", **CONFIRMED, "four_eyes": True, "approved_by": "MIRA MOSS"}, "approved_by_another"),
        ({"state": "exported", **CONFIRMED}, "left_by_an_export"),
        ({"state": "submitted", **CONFIRMED, "exported_at": NOW}, "handed_in_with_a_receipt"),
        ({"state": "upheld", **CONFIRMED, "exported_at": NOW}, "handed_in_with_a_receipt"),
    ],
)
async def test_the_database_itself_refuses(database: Database, values: dict[str, object], refusal: str) -> None:
    complaint, _ = await make(database)
    with pytest.raises(IntegrityError, match=refusal):
        await change(database, complaint.id, **values)


async def test_the_database_itself_refuses_listings_and_answers_without_a_person(database: Database) -> None:
    complaint, alert = await make(database)

    async def change_target(**values: str) -> None:
        async with database.write("test") as session:
            target = await find_target(session, complaint.id, alert.id)
            for name, value in values.items():
                setattr(target, name, value)

    with pytest.raises(IntegrityError, match="state"):
        await change_target(state="lost")
    with pytest.raises(IntegrityError, match="seen_by_a_person"):
        await change_target(live_how="person")
    answered = CounterNotice(
        complaint_id=complaint.id, round=1, claim="licensed", elements=[], received_at=NOW, state="accepted"
    )
    with pytest.raises(IntegrityError, match="answered_by_a_person"):
        async with database.write("test") as session:
            session.add(answered)


async def test_a_decision_stands_while_its_complaint_lives(database: Database) -> None:
    complaint, alert = await make(database)
    async with database.write("test") as session:
        with pytest.raises(StaleState, match="part of a complaint"):
            await decide(session, alert.id, Answer.LICENSED, "mira", NOW)
    await change(database, complaint.id, state="cancelled")
    async with database.write("test") as session:
        assert (await decide(session, alert.id, Answer.LICENSED, "mira", NOW)).answer == "licensed"


async def test_steps_are_kept_in_order_with_what_was_before(database: Database) -> None:
    complaint, alert = await make(database)
    async with database.write("test") as session:
        row = await get_complaint(session, complaint.id, lock=True)
        await move(session, row, "validate", "ready", NOW + HOUR, "system")
        await move(session, row, "chase", "ready", NOW + 2 * HOUR, "mira", note="by mail", raw="In progress")
        target = await find_target(session, complaint.id, alert.id)
        await move_targets(session, [target], "exclude", "excluded", NOW + 2 * HOUR, "mira", note="ours")
    async with database.read() as session:
        steps = await events_of(session, complaint.id)
        row = await get_complaint(session, complaint.id)
    assert [(one.event, one.before, one.after, one.note, one.raw, alert_id) for one, alert_id in steps] == [
        ("validate", "draft", "ready", "", "", None),
        ("chase", "ready", "ready", "by mail", "In progress", None),
        ("exclude", "selected", "excluded", "ours", "", alert.id),
    ]
    assert row.state_since == NOW + HOUR, "a step that changes nothing does not make it younger"


async def test_complaints_stand_by_counter_notice_then_deadline_then_newest(database: Database) -> None:
    complaint, alert = await make(database)
    async with database.write("test") as session:
        ids = [complaint.id]
        for _ in range(3):
            row = await add_complaint(session, NOW, "mira", a_complaint(alert, complaint.right_id), [], again=True)
            ids.append(row.id)
        for complaint_id, hours, kind in ((ids[0], 5, "review"), (ids[1], 2, "review"), (ids[3], 1, "recrawl")):
            due = NOW + hours * HOUR
            timer = ComplaintTimer(kind=kind, started_at=NOW, due_at=due, act_by_at=due, zone="UTC", basis="a test")
            await start_timers(session, complaint_id, [timer])
        counter = CounterNotice(complaint_id=ids[2], round=1, claim="licensed", elements=[], received_at=NOW)
        session.add(counter)
    async with database.read() as session:
        found = await list_complaints(session)
        assert [one.complaint.id for one in found] == [ids[2], ids[1], ids[0], ids[3]]
        assert [one.complaint.id for one in await list_complaints(session, states=["upheld"])] == []
        (of_seller,) = await list_complaints(session, seller_key=1)
    assert (of_seller.complaint.id, of_seller.work.title, of_seller.right.number, of_seller.targets) == (
        complaint.id,
        "Moth",
        "UC-1",
        1,
    )


async def test_the_same_timer_is_kept_once(database: Database) -> None:
    complaint, _ = await make(database)
    async with database.write("test") as session:
        for _ in range(2):
            timer = ComplaintTimer(kind="review", started_at=NOW, due_at=NOW, act_by_at=NOW, zone="UTC", basis="a test")
            await start_timers(session, complaint.id, [timer])
    async with database.read() as session:
        (summary,) = await list_complaints(session)
    assert summary.timer is not None


async def test_a_complaint_is_found_by_a_listing_and_the_platforms_number_is_its_alone(database: Database) -> None:
    complaint, alert = await make(database)
    await change(database, complaint.id, external_ref="CMP-9")
    async with database.read() as session:
        for word in ("1", "https://bazaar.example/item/1"):
            assert [one.id for one in await find_by_listings(session, "p", [word], ["draft"])] == [complaint.id]
        assert await find_by_listings(session, "p", ["1"], ["upheld"]) == []
        other = a_complaint(alert, complaint.right_id)
        other.id = complaint.id + 1
        with pytest.raises(Refused, match="already"):
            await require_free_reference(session, other, "CMP-9")


async def test_what_is_known_of_many_listings_is_asked_at_once(database: Database) -> None:
    _, alert = await make(database)
    async with database.read() as session:
        facts = await target_facts(session, [alert.id, 99])
    assert [match.detector for match in facts[alert.id].matches] == ["phash"]
    assert [picture.url for picture in facts[alert.id].pictures] == ["https://bazaar.example/1.jpg"]
    assert facts[99].matches == ()


async def test_a_rights_approval_is_kept_for_each_platform(database: Database) -> None:
    complaint, _ = await make(database)
    async with database.write("test") as session:
        for state in ("submitted", "verified"):
            await set_right_state(session, complaint.right_id, "alibaba_ipp", state, "", NOW, "mira")
        states = await right_states(session, (await get_right(session, complaint.right_id)).id)
    assert {name: row.state for name, row in states.items()} == {"alibaba_ipp": "verified"}
