from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from detectors.model import Answer
from storage.cases import allow_seller, decide
from storage.complaints import (
    add_complaint,
    cancel_complaint,
    confirm_complaint,
    infringing_alerts,
    list_complaints,
    note_export,
    targets_of,
)
from storage.database import Database
from storage.errors import StaleState
from storage.rights import add_right, get_right, right_states, set_right_state
from storage.tables import Alert, Complaint, Right
from tests.storage.making import HOUR, NOW, add_an_alert


async def make(database: Database) -> tuple[Complaint, Alert]:
    """A decided alert in a drafted complaint."""
    async with database.write("test") as session:
        alert = await add_an_alert(session)
        await decide(session, alert.id, Answer.INFRINGING, "mira", NOW)
        right = Right(owner_id=1, kind="copyright_unregistered", title="Moth", number="UC-1", facts={})
        await add_right(session, NOW, "mira", right, [alert.work_id])
        row = Complaint(
            platform="p", site="s", work_id=alert.work_id, right_id=right.id, reason="r", explanation="copied"
        )
        return await add_complaint(session, NOW, "mira", row, [alert.id]), alert


async def test_a_listing_is_complained_of_once_per_right_while_the_complaint_lives(database: Database) -> None:
    complaint, alert = await make(database)
    async with database.write("test") as session:
        assert await infringing_alerts(session, alert.work_id, complaint.right_id) == []
        assert [view.alert.id for view in await targets_of(session, complaint.id)] == [alert.id]
        await cancel_complaint(session, complaint.id, "mira", NOW)
        assert len(await infringing_alerts(session, alert.work_id, complaint.right_id)) == 1


async def test_an_allowed_sellers_listing_is_never_complained_of(database: Database) -> None:
    complaint, alert = await make(database)
    async with database.write("test") as session:
        await cancel_complaint(session, complaint.id, "mira", NOW)
        await allow_seller(session, NOW, "mira", "bazaar", "s1", "own shop")
    async with database.read() as session:
        assert await infringing_alerts(session, alert.work_id, complaint.right_id) == []


async def test_only_a_persons_confirmation_lets_a_complaint_leave_and_it_leaves_once(database: Database) -> None:
    complaint, _ = await make(database)
    async with database.write("test") as session:
        with pytest.raises(StaleState, match="draft, not approved"):
            await note_export(session, complaint.id, "mira", "packs/C-1", "aa" * 32, NOW)
        confirmed = await confirm_complaint(session, complaint.id, "Mira Moss", {"person": "Mira Moss"}, NOW)
        assert (confirmed.state, confirmed.confirmed_by) == ("approved", "Mira Moss")
        with pytest.raises(StaleState):
            await confirm_complaint(session, complaint.id, "Somebody", {"person": "Somebody"}, NOW)
        await note_export(session, complaint.id, "mira", "packs/C-1", "aa" * 32, NOW)
        again = await note_export(session, complaint.id, "mira", "packs/C-1", "aa" * 32, NOW + HOUR)
        assert again.exported_at == NOW
        with pytest.raises(StaleState):
            await note_export(session, complaint.id, "mira", "packs/C-1", "bb" * 32, NOW)
        with pytest.raises(StaleState, match="withdraw it at the platform"):
            await cancel_complaint(session, complaint.id, "mira", NOW)


async def test_the_database_itself_refuses_an_unconfirmed_export(database: Database) -> None:
    complaint, _ = await make(database)
    with pytest.raises(IntegrityError, match="confirmed_by_a_person"):
        async with database.write("test") as session:
            (await session.get_one(Complaint, complaint.id)).state = "exported"


async def test_a_decision_stands_while_its_complaint_lives(database: Database) -> None:
    complaint, alert = await make(database)
    async with database.write("test") as session:
        with pytest.raises(StaleState, match="part of a complaint"):
            await decide(session, alert.id, Answer.LICENSED, "mira", NOW)
        await cancel_complaint(session, complaint.id, "mira", NOW)
        assert (await decide(session, alert.id, Answer.LICENSED, "mira", NOW)).answer == "licensed"


async def test_complaints_are_listed_newest_first_with_their_size(database: Database) -> None:
    complaint, _ = await make(database)
    async with database.read() as session:
        (summary,) = await list_complaints(session)
    assert (summary.complaint.id, summary.work.title, summary.right.number, summary.targets) == (
        complaint.id,
        "Moth",
        "UC-1",
        1,
    )


async def test_a_rights_approval_is_kept_for_each_platform(database: Database) -> None:
    complaint, _ = await make(database)
    async with database.write("test") as session:
        for state in ("submitted", "verified"):
            await set_right_state(session, complaint.right_id, "alibaba_ipp", state, "", NOW, "mira")
        states = await right_states(session, (await get_right(session, complaint.right_id)).id)
    assert {name: row.state for name, row in states.items()} == {"alibaba_ipp": "verified"}
