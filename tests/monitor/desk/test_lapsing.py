"""What becomes of complaints whose right, or whose agent's authority, ends while the platform has them."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import update

from detectors.rights import Right
from monitor.complaints.lifecycle import ComplaintEvent
from monitor.daemon import Parts
from monitor.desk import following
from monitor.desk.dossier import load
from monitor.desk.lapsing import LAPSED, note_lapsed
from monitor.desk.timers import follow_up
from storage import tables
from storage.complaints import events_of, get_complaint, timers_of
from storage.documents import add_document
from storage.invariants import contradictions
from storage.rights import get_right
from tests.conftest import FakeClock
from tests.monitor.desk.conftest import Opening, handed_in


async def ends_on(parts: Parts, day: date) -> None:
    async with parts.database.write("test") as session:
        row = await get_right(session, 1)
        row.facts = Right.from_wire(row.facts).to_wire() | {"expires_on": day.isoformat()}


async def lapses(parts: Parts) -> list[str]:
    async with parts.database.read() as session:
        assert await contradictions(session) == []
        return [event.note for event, _ in await events_of(session, 1) if event.event == LAPSED]


async def test_a_right_that_ends_at_the_platform_makes_the_complaint_wait_for_us_once(
    open_parts: Opening, clock: FakeClock
) -> None:
    parts = await open_parts(right="verified")
    await handed_in(parts)
    last = (clock.now() + timedelta(days=1)).date()
    await ends_on(parts, last)
    await follow_up(parts)
    assert await lapses(parts) == [], "it holds today"
    clock.advance(86_400)
    await follow_up(parts)
    assert (await load(parts, 1)).row.state == "info_requested"
    async with parts.database.read() as session:
        assert "information" in [timer.kind for timer in await timers_of(session, 1) if timer.ended_at is None]
    await following.simple_step(parts, 1, ComplaintEvent.SUPPLY, "mira", "the renewed certificate")
    assert await note_lapsed(parts, "timer") == 0, "one end is told once"
    await ends_on(parts, last + timedelta(days=10))
    clock.advance(10 * 86_400)
    await note_lapsed(parts, "timer")
    first, second = await lapses(parts)
    assert first.startswith(f"the right ended on {last}:")
    assert second.startswith(f"the right ended on {last + timedelta(days=10)}:")


async def test_a_power_of_attorney_that_ends_does_the_same_for_an_agents_account(
    open_parts: Opening, clock: FakeClock
) -> None:
    parts = await open_parts(right="verified")
    facts = {"grantor": "Mira Moss", "grantee": "Guard Ltd.", "platforms": []}
    sealed = {"sha256": "0" * 64, "size": 1, "sealed_name": b"", "mark": "m"}
    last = (clock.now() + timedelta(days=2)).date()
    row = tables.Document(owner_id=1, kind="power_of_attorney", facts=facts, valid_to=last, **sealed)
    async with parts.database.write("test") as session:
        await session.execute(update(tables.PlatformAccount).values(role="agent", owner_id=None))
        await add_document(session, clock.now(), "mira", row)
    await handed_in(parts)
    await follow_up(parts)
    assert await lapses(parts) == []
    clock.advance(3 * 86_400)
    await follow_up(parts)
    (note,) = await lapses(parts)
    assert note.startswith("the power of attorney ended on")
    async with parts.database.read() as session:
        assert (await get_complaint(session, 1)).state == "info_requested"
