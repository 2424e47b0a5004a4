"""What is not drafted, what a person is told of it, and whom a complaint about many sellers concerns."""

import csv
import io
import zipfile
from pathlib import Path

import pytest

from monitor.complaints.errors import NotPossible
from monitor.complaints.lifecycle import ComplaintEvent, ComplaintState, next_state
from monitor.desk import filing, following
from monitor.desk.dossier import load
from monitor.desk.wording import reword
from monitor.errors import NoticeRefused
from monitor.evidence.counsel import write_counsel_pack
from storage.audit import entries
from storage.cases import list_cases
from storage.rights import edit_right, get_right
from storage.subjects import find_seller
from tests.monitor.desk.conftest import Opening, handed_in
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
    with pytest.raises(NoticeRefused, match="no reason about a storefront over a copyright"):
        await filing.draft_complaints(parts, 1, "alibaba_ipp", "mira", kind="storefront")
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
    with pytest.raises(NoticeRefused, match="no person has confirmed"):
        await filing.export(parts, drafted, "mira")
    with pytest.raises(NotPossible, match="export: not for a complaint that is ready; possible: cancel, confirm"):
        next_state(ComplaintState.READY, ComplaintEvent.EXPORT)


async def test_a_draft_in_a_persons_own_words_keeps_them_and_is_confirmed_again(open_parts: Opening) -> None:
    parts = await open_parts()
    (number,) = (await filing.draft_complaints(parts, 1, "alibaba_ipp", "mira")).complaint_ids
    drafted = (await load(parts, number)).row.explanation
    await reword(parts, number, "mira", " The moth is mine. ", {"countries": "DE"})
    await filing.leave_out(parts, number, [1], "mira", "not sure")
    stored = await load(parts, number)
    assert (stored.row.explanation, stored.row.explained_by) == ("The moth is mine.", "mira")
    assert stored.draft.reason_facts == {"countries": "DE"}
    await filing.consider(parts, number, "Mira Moss", [2])
    await filing.confirm(parts, number, "Mira Moss")
    await reword(parts, number, "mira", "", {"countries": ""})
    stored = await load(parts, number)
    assert (stored.state, stored.row.explained_by, stored.draft.reason_facts) == (ComplaintState.READY, "", {})
    assert "The goods shown in the listing carry" in stored.row.explanation != drafted
    async with parts.database.read() as session:
        newest = [one.facts["before"]["facts"] for one in await entries(session, 20) if one.action.endswith("reworded")]
    assert newest == [{"countries": "DE"}, {}]
    await filing.cancel(parts, number, "mira")
    with pytest.raises(NotPossible, match="edit: not for a complaint that is cancelled"):
        await reword(parts, number, "mira", "Too late.")


async def test_a_complaint_that_was_given_up_counts_in_no_case(open_parts: Opening) -> None:
    parts = await open_parts(listings=1)
    (drafted,) = (await filing.draft_complaints(parts, 1, "alibaba_ipp", "mira")).complaint_ids

    async def listings() -> dict[str, int]:
        async with parts.database.read() as session:
            (case,) = await list_cases(session)
        return case.listings

    assert await listings() == {"selected": 1}
    await filing.cancel(parts, drafted, "mira")
    assert await listings() == {}


@pytest.mark.slow
async def test_a_sellers_counsel_pack_tells_nothing_of_what_another_seller_objected(
    open_parts: Opening, tmp_path: Path
) -> None:
    parts = await open_parts(listings=2)
    first, _ = await handed_in(parts)
    await following.countered(parts, 1, "mira", parts.clock.now(), claim="own-design", alert_ids=[first])
    told = []
    for name in ("s0", "s1"):
        async with parts.database.read() as session:
            seller = await find_seller(session, name)
        written = await write_counsel_pack(parts, seller, tmp_path / f"{name}.zip", "mira")
        with zipfile.ZipFile(written.path) as file:
            rows = csv.DictReader(io.StringIO(file.read("chronology.csv").decode("utf-8-sig")))
            told.append("counter-notice" in [row["what"] for row in rows])
    assert told == [True, False]
