"""What is not drafted, and what a person is told of it."""

import pytest

from monitor.complaints.errors import NotPossible
from monitor.desk import filing
from monitor.desk.dossier import load
from monitor.errors import NoticeRefused
from storage.rights import edit_right, get_right
from tests.monitor.desk.conftest import Opening
from tests.stories.complaining import add_right_to, add_works


async def test_only_a_right_of_the_work_that_carries_the_reason_is_complained_on(open_parts: Opening) -> None:
    parts = await open_parts()
    async with parts.database.write("test") as session:
        fox = (await add_works(session, ["Fox"], parts.clock.now()))["Fox"][0]
        other = (
            await add_right_to(session, fox, "Fox", parts.clock.now(), "verified", "UC-FOX-01J9ZQ4X7M3V8T2K5N6P")
        ).id
    with pytest.raises(NoticeRefused, match="right 2 does not protect 'Moth'; its rights: 1"):
        await filing.draft_complaints(parts, 1, "alibaba_ipp", "mira", right_id=other)
    with pytest.raises(NoticeRefused, match="tm_counterfeit cannot be based on right 1, a copyright unregistered"):
        await filing.draft_complaints(parts, 1, "alibaba_ipp", "mira", reason="tm_counterfeit")
    (drafted,) = (await filing.draft_complaints(parts, 1, "alibaba_ipp", "mira")).complaint_ids
    async with parts.database.write("test") as session:
        row = await get_right(session, 1)
        await edit_right(session, 1, parts.clock.now(), "mira", row.facts, row.number, [fox], "wrong work")
    assert any("no longer protects this work" in str(one) for one in (await load(parts, drafted)).in_the_way)


async def test_who_drafts_twice_is_told_where_the_listings_stand(open_parts: Opening) -> None:
    parts = await open_parts()
    (drafted,) = (await filing.draft_complaints(parts, 1, "alibaba_ipp", "mira")).complaint_ids
    again = await filing.draft_complaints(parts, 1, "alibaba_ipp", "mira")
    assert again.complaint_ids == ()
    assert again.why_none().endswith(f"stands in a complaint on this right already: C-{drafted}")
    with pytest.raises(NotPossible, match="export: not for a complaint that is ready; possible: cancel, confirm"):
        await filing.export(parts, drafted, "mira")
