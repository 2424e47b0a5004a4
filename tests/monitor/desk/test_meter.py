"""The gate before a platform closes its own: what was refused holds the next complaint back until a person answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import update

from monitor.complaints.base import TargetState
from monitor.complaints.quality import Standing
from monitor.daemon import Parts
from monitor.desk import filing, following, meter
from monitor.desk.dossier import load
from monitor.desk.meter import By
from monitor.errors import NoticeRefused
from storage import tables
from storage.invariants import contradictions
from tests.conftest import FakeClock
from tests.monitor.desk.conftest import Opening, handed_in

PERSON = "Mira Moss"


async def decided(parts: Parts, refused: Sequence[int]) -> None:
    """A complaint of every listing but the last, decided: some refused, the others removed."""
    named = await handed_in(parts, leave_out=1)
    bad = [named[place] for place in refused]
    await following.record_outcome(parts, 1, TargetState.REJECTED, "mira", alert_ids=bad)
    good = [one for one in named if one not in bad]
    await following.record_outcome(parts, 1, TargetState.REMOVED, "mira", alert_ids=good)


async def test_too_many_refusals_hold_the_next_complaint_back_until_a_person_answers_for_it(
    open_parts: Opening, clock: FakeClock
) -> None:
    parts = await open_parts(listings=21, right="verified")
    assert await meter.readings(parts) == []
    await decided(parts, refused=range(3))  # 17 of 20 upheld
    (read,) = await meter.readings(parts)
    assert (read.platform, read.of, read.meter.decided, read.standing) == (
        *("alibaba_ipp", "cr_pirated_product", 20),
        Standing.CLOSED,
    )
    assert [one.of for one in await meter.readings(parts, By.PERSON)] == [PERSON]
    assert [one.of for one in await meter.readings(parts, By.WORK)] == ["Moth"]

    (complaint_id,) = (await filing.draft_complaints(parts, 1, "alibaba_ipp", "mira")).complaint_ids
    stored = await load(parts, complaint_id)
    assert [problem.field for problem in stored.in_the_way] == ["quality"]
    assert "85% upheld" in str(stored.in_the_way[0])
    await filing.consider(parts, complaint_id, PERSON, [one.alert_id for one in stored.draft.targets])
    with pytest.raises(NoticeRefused, match="held back"):
        await filing.confirm(parts, complaint_id, PERSON)

    place = ("alibaba_ipp", read.account, "cr_pirated_product", "Ada Vale", "the three were our own mistake")
    with pytest.raises(NoticeRefused, match="at most 90 days"):
        await meter.override(parts, *place, timedelta(days=91))
    with pytest.raises(NoticeRefused, match="has no reason 'theft'"):
        await meter.override(parts, *place[:2], "theft", *place[3:], timedelta(days=14))
    await meter.override(parts, *place, timedelta(days=14))
    stored = await filing.confirm(parts, complaint_id, PERSON)
    assert stored.row.state == "approved"
    assert "let through by Ada Vale" in " ".join(map(str, stored.problems))

    clock.advance(15 * 86_400)
    assert "quality" in [problem.field for problem in (await load(parts, complaint_id)).problems if problem.blocking]
    clock.advance(80 * 86_400)  # the refusals leave the window
    assert "quality" not in [problem.field for problem in (await load(parts, complaint_id)).problems]
    async with parts.database.read() as session:
        assert await contradictions(session) == []


async def test_a_complaint_that_would_push_the_rate_too_low_is_held_until_its_weakest_listings_are_left_out(
    open_parts: Opening,
) -> None:
    parts = await open_parts(listings=40, right="verified")
    async with parts.database.write("of a test") as session:
        unsure = tables.Alert.id.in_([*range(1, 7), *range(36, 41)])
        await session.execute(update(tables.Alert).where(unsure).values(confidence="low"))
    named = await handed_in(parts, leave_out=5)
    await following.record_outcome(parts, 1, TargetState.REJECTED, "mira", alert_ids=named[:3])
    await following.record_outcome(parts, 1, TargetState.REMOVED, "mira", alert_ids=named[3:])

    (complaint_id,) = (await filing.draft_complaints(parts, 1, "alibaba_ipp", "mira")).complaint_ids
    stored = await load(parts, complaint_id)
    (held,) = stored.in_the_way
    assert "about 2 of 5 are likely to be upheld (0 to 5), by 35 decided" in str(held)
    assert "--listing 36 --listing 37 --listing 38 --listing 39 --reason" in str(held)
    await filing.leave_out(parts, complaint_id, range(36, 40), "mira", "the weakest")
    stored = await load(parts, complaint_id)
    assert stored.in_the_way == ()
    assert any("of 1 are likely to be upheld" in str(one) for one in stored.problems)
