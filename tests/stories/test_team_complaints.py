"""A team's path: hundreds of listings of two designs on two sites, looked at by two people, on a fake clock."""

import asyncio
import csv
import io
import json
from collections import Counter
from pathlib import Path

import pytest

from monitor.complaints.base import TargetState
from monitor.complaints.errors import NotPossible
from monitor.complaints.lifecycle import ComplaintEvent, ComplaintState
from monitor.desk import filing, folders, following, sheets
from monitor.desk.dossier import load as load_complaint
from monitor.desk.statuses import import_sheet
from monitor.desk.timers import follow_up
from monitor.errors import NoticeRefused
from storage.complaints import list_complaints, targets_of
from tests.stories.complaining import (
    add_infringing,
    add_right_to,
    add_works,
    confirmed,
    is_sound,
    listing_of,
    set_clock,
    state,
    states,
)

CLAIM = "UC-MIRAMOSS-01J9ZQ4X7M3V8T2K5N6P0R1S4"
FEW = {("Moth", "aliexpress"): 2, ("Moth", "1688"): 5, ("Fox", "aliexpress"): 3}
ALL_650 = {("Moth", "aliexpress"): 301, ("Moth", "1688"): 24, ("Fox", "aliexpress"): 300, ("Fox", "1688"): 25}
TENTH = {("Moth", "aliexpress"): 31, ("Moth", "1688"): 2, ("Fox", "aliexpress"): 30, ("Fox", "1688"): 2}
A_TENTH = """
extends: alibaba_ipp
platform: alibaba_ipp
version: 2
routes: {portal: {max_targets: {value: 30, source: own, confidence: assumed}}}
"""


@pytest.fixture
async def team(request, open_parts, clock):
    """A team of two with listings of two designs on two sites; two people have to look at each complaint."""
    set_clock(clock, "2026-09-28T10:00")
    parts = await open_parts(BAZAARWATCH_COMPLAINTS__SECOND_PERSON="true")
    if request.param is TENTH:
        (parts.settings.data_dir / "policies").mkdir()
        (parts.settings.data_dir / "policies" / "alibaba_ipp.yaml").write_text(A_TENTH, "utf-8")
    async with parts.database.write("test") as session:
        works = await add_works(session, ["Moth", "Fox"], clock.now())
        for number, (title, (work_id, _)) in enumerate(works.items()):
            await add_right_to(session, work_id, title, clock.now(), "verified", f"{CLAIM}{number}")
        count, listings = 0, []
        for (title, site), size in request.param.items():
            listings += [(title, listing_of(site, count + number)) for number in range(size)]
            count += size
        await add_infringing(session, parts.blobs, works, listings, clock.now())
    return parts


def filled(data, leave_out=()):
    """A sheet as a person fills it in: everything considered, some listings left out."""
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert not any(row["fair_use"] or row["exhaustion"] or row["authorised_seller"] for row in rows), "never pre-ticked"
    for row in rows:
        if int(row["listing"].lstrip("#")) in leave_out:
            row["leave_out"] = "ours"
        else:
            row |= {"fair_use": "yes", "exhaustion": "x", "authorised_seller": "JA", "note": "compared"}
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


@pytest.mark.parametrize(
    ("team", "limit", "last"),
    [
        pytest.param(TENTH, 30, 2, id="a tenth"),
        pytest.param(ALL_650, 300, 25, id="all 650", marks=[pytest.mark.soak, pytest.mark.timeout(600)]),
    ],
    indirect=["team"],
)
async def test_a_teams_listings_go_from_alert_to_upheld_and_one_batch_is_lost_by_silence(team, clock, limit, last):
    parts = team
    ids = await are_batched(parts, limit, last)
    big, lost, *_ = sorted(ids, key=ids.get, reverse=True)
    await is_looked_at_by_two(parts, big, limit)
    for other in set(ids) - {big}:
        await confirmed(parts, other, "Ana Lima")
        await filing.approve(parts, other, "Bo Chen")
    packs = {one: await filing.export(parts, one, "ana") for one in ids}
    numbered = [json.loads((folder / "listings.json").read_text("utf-8"))[0] for folder in packs.values()]
    batches = Counter((row["matched_work_id"], row["site"], row["batch_no"]) for row in numbered)
    assert set(batches.values()) == {1}, "each is one of those that its draft was split into"
    set_clock(clock, "2026-09-29T09:00")
    for one, folder in packs.items():
        assert await told(parts, folder, external_ref=f"CMP-{one}") == [], "the platform's number hands it in"
        assert (await state(parts, one)).state == "submitted"
    set_clock(clock, "2026-09-29T18:30")
    await following.countered(parts, lost, "ana", clock.now(), claim="own-design", words="our own design")
    for one in set(ids) - {lost}:
        await told(parts, packs[one], external_ref=f"CMP-{one}", platform_status="Listing removed")
    set_clock(clock, "2026-10-10T00:01")  # three working days on, by Beijing's calendar
    await follow_up(parts)
    ended = {one: ((row := await state(parts, one)).state, row.outcome) for one in ids}
    assert ended.pop(lost) == ("expired", "lost_by_silence")
    assert set(ended.values()) == {("upheld", "upheld")}
    assert set(await states(parts, lost)) == {"reinstated"}
    assert sorted(await states(parts, big)) == ["excluded"] * 2 + ["removed"] * (limit - 2)
    assert await is_sound(parts)


async def are_batched(parts, limit, last):
    """The fewest complaints that hold all listings, each of one design and one site: id to number of listings."""
    for work_id in (1, 2):
        await filing.draft_complaints(parts, work_id, "alibaba_ipp", "ana")
    async with parts.database.read() as session:
        drafted = await list_complaints(session)
    found = sorted((one.work.title, one.complaint.site, one.targets) for one in drafted)
    assert [(title, site) for title, site, _ in found] == [
        ("Fox", "1688"),
        ("Fox", "aliexpress"),
        ("Moth", "1688"),
        ("Moth", "aliexpress"),
        ("Moth", "aliexpress"),
    ]
    assert [count for *_, count in found] == [last, limit, max(2, limit * 8 // 100), 1, limit]
    return {one.complaint.id: one.targets for one in drafted}


async def is_looked_at_by_two(parts, big, limit):
    """One person fills in a sheet, leaves two listings out and confirms; another sends it back, then approves."""
    stored = await load_complaint(parts, big)
    out = {stored.draft.targets[0].alert_id, stored.draft.targets[7].alert_id}
    sheet = filled(sheets.write_sheet(stored), leave_out=out)
    assert await sheets.apply_sheet(parts, big, "Ana Lima", sheet) == []
    assert (await filing.confirm(parts, big, "Ana Lima")).state is ComplaintState.IN_REVIEW
    assert len((await load_complaint(parts, big)).draft.targets) == limit - 2
    with pytest.raises(NotPossible):
        await filing.export(parts, big, "ana")
    with pytest.raises(NoticeRefused, match="a second person"):
        await filing.approve(parts, big, "ana  LIMA")
    await filing.send_back(parts, big, "Bo Chen", "look at 12 again")
    await filing.confirm(parts, big, "Ana Lima")
    await filing.approve(parts, big, "Bo Chen")
    row = await state(parts, big)
    assert (row.state, row.confirmed_by, row.approved_by) == ("approved", "Ana Lima", "Bo Chen")


async def told(parts, pack, **cells):
    """The pack's status sheet with these cells filled in each row, read back; what it said was wrong."""
    with (pack / "status.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [row | cells for row in csv.DictReader(file)]
    filled_in = parts.settings.data_dir / "status.csv"
    with filled_in.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    read = await import_sheet(parts, filled_in, "ana")
    assert read.applied >= 1
    return list(read.problems)


@pytest.mark.parametrize("team", [FEW], indirect=True)
async def test_a_teams_complaint_leaves_once_and_a_silent_seller_is_no_success_until_it_is_seen(team, clock):
    parts = team
    drafted = (await filing.draft_complaints(parts, 1, "alibaba_ipp", "ana")).complaint_ids
    (small,) = [one for one in drafted if (await state(parts, one)).site == "1688"]
    await confirmed(parts, small, "Ana Lima")
    await filing.approve(parts, small, "Bo Chen")
    folders = await asyncio.gather(*(filing.export(parts, small, "ana") for _ in range(3)))
    assert len(set(folders)) == 1
    assert len((folders[0] / "urls-1.txt").read_text("utf-8").splitlines()) == 5
    assert (await state(parts, small)).submission == 1
    with (folders[0] / "listings.csv").open(encoding="utf-8-sig", newline="") as file:
        people = {(row["signer"], row["approved_by"]) for row in csv.DictReader(file)}
    assert people == {("Ana Lima", "Bo Chen")}, "no row that leaves lacks two different people"
    await following.hand_in(parts, small, "ana", "CMP-24")
    await following.record_outcome(parts, small, TargetState.PAUSED, "ana", note="off sale for now")
    await following.simple_step(parts, small, ComplaintEvent.PAUSE, "ana")
    set_clock(clock, "2026-10-09T23:00")
    await follow_up(parts)
    assert set(await states(parts, small)) == {"removed_unconfirmed"}, "the seller stayed silent"
    assert (await state(parts, small)).outcome == "", "the seller's silence alone is no success"
    await following.record_outcome(parts, small, TargetState.REMOVED, "ana")
    row = await state(parts, small)
    assert (row.state, row.outcome) == ("upheld", "upheld")
    assert await is_sound(parts)


@pytest.mark.parametrize("team", [FEW], indirect=True)
async def test_a_sheet_filled_for_something_else_or_by_halves_is_not_taken(team):
    parts = team
    (first, *_) = (await filing.draft_complaints(parts, 2, "alibaba_ipp", "ana")).complaint_ids
    stored = await load_complaint(parts, first)
    named = stored.draft.targets
    data = filled(sheets.write_sheet(stored)).decode()
    halved = data.replace("JA", "", 1)
    async with parts.database.write("the seller changes the title") as session:
        view = next(one for one in await targets_of(session, first) if one.alert.id == named[1].alert_id)
        view.listing.title = "=cmd|' /C calc'!A0"
    problems = await sheets.apply_sheet(parts, first, "Ana Lima", halved.encode())
    assert len(problems) == 2
    assert "authorised_seller has no yes" in problems[0]
    assert "has changed since the sheet was written" in problems[1]
    missing = (await load_complaint(parts, first)).unconsidered("Ana Lima")
    assert [target.alert_id for target in missing] == [named[0].alert_id, named[1].alert_id]
    assert b"\"'=cmd|" in sheets.write_sheet(await load_complaint(parts, first)), "no live formula"
    for wrong in (b"", b"a,b\n1,2\n", bytes(range(256))):
        with pytest.raises(NoticeRefused):
            await sheets.apply_sheet(parts, first, "Ana Lima", wrong)


@pytest.mark.parametrize("team", [FEW], indirect=True)
@pytest.mark.usefixtures("plain_packs")
async def test_a_crash_while_a_pack_is_written_is_put_right_by_the_next_export(team, monkeypatch):
    parts = team
    (first, *_) = (await filing.draft_complaints(parts, 2, "alibaba_ipp", "ana")).complaint_ids
    await confirmed(parts, first, "Ana Lima")
    await filing.approve(parts, first, "Bo Chen")
    root = parts.settings.data_dir / folders.PACKS

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", die)
        with pytest.raises(KeyboardInterrupt):
            await filing.export(parts, first, "ana")
    (half,) = root.iterdir()
    assert half.name.startswith("new-")
    row = await state(parts, first)
    assert (row.state, row.pack_sha256, row.submission) == ("exported", None, 1)
    with pytest.raises(NoticeRefused, match="was not written"):
        await following.hand_in(parts, first, "ana", "CMP-1")
    monkeypatch.setattr(folders, "_LEFTOVER_AFTER_S", -1.0)
    assert folders.leftovers(root) == [half]
    folder = await filing.export(parts, first, "ana")
    assert [Path(entry).name for entry in root.iterdir()] == [folder.name]
    assert (await state(parts, first)).submission == 1
