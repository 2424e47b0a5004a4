"""From alert to upheld complaint, and to one lost by silence: an artist's path and a team's, on a fake clock."""

import asyncio
import csv
import io
import json
from email.message import EmailMessage
from pathlib import Path

import pytest

from config.settings import load
from monitor.complaints.base import Pack, TargetState
from monitor.complaints.errors import NotPossible
from monitor.complaints.lifecycle import ComplaintEvent, ComplaintState
from monitor.complaints.mails import read_mail
from monitor.daemon import build
from monitor.desk import filing, following, kit, ladder, recheck, sheets
from monitor.desk.dossier import load as load_complaint
from monitor.desk.mailbox import take_in
from monitor.desk.timers import follow_up
from monitor.errors import NoticeRefused
from monitor.reporting import make_digest
from storage.complaints import counters_of, events_of, list_complaints, targets_of, timers_of
from storage.invariants import contradictions
from tests.stories.complaining import add_infringing, add_right_to, add_works, beijing, listing_of, set_clock

PERSON = "Mira Moss"
CLAIM = "UC-MIRAMOSS-01J9ZQ4X7M3V8T2K5N6P0R1S4W"


async def read_here(data, trusted_server):
    """A mail read without walls: those have tests of their own."""
    return read_mail(data, trusted_server)


@pytest.fixture
async def open_parts(tmp_path, sqlite_url, clock):
    """Opens the running parts on a database of their own, with some settings."""
    opened = []

    async def opening(**environ):
        given = {"BAZAARWATCH_DATABASE__URL": sqlite_url, **environ}
        context = build(load(tmp_path / "data", given), clock=clock)
        opened.append(context)
        parts = await context.__aenter__()
        parts.sandbox.mail = read_here
        return parts

    yield opening
    for context in opened:
        await context.__aexit__(None, None, None)


@pytest.fixture
def plain_packs(monkeypatch):
    """Packs of the addresses alone: what is in a whole one, and how long its PDF takes, is another test's."""

    def plain(draft, *_):
        urls = "".join(f"{target.url}\n" for target in draft.targets).encode()
        return Pack(draft.number, {"urls-1.txt": urls, "manifest.json": json.dumps([draft.number]).encode()})

    monkeypatch.setattr(filing, "export_pack", plain)


@pytest.fixture
async def artist(open_parts, clock):
    """An artist whose work is copied by three listings on AliExpress; her right waits to be approved."""
    set_clock(clock, "2026-09-28T10:00")
    parts = await open_parts()
    async with parts.database.write("test") as session:
        works = await add_works(session, ["Moth"], clock.now())
        await add_right_to(session, works["Moth"][0], "Moth", clock.now(), "pending_verification", CLAIM)
        listings = [("Moth", listing_of("aliexpress", number)) for number in range(3)]
        await add_infringing(session, parts.blobs, works, listings, clock.now())
    return parts


def mail(subject, body, at, sender="Alibaba IPP <ipr@service.alibaba.com>"):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, "mira@example.org", subject
    message["Date"] = at
    message["Message-ID"] = f"<{abs(hash((subject, body)))}@service.alibaba.com>"
    message.set_content(body)
    return message.as_bytes()


async def states(parts, complaint_id):
    async with parts.database.read() as session:
        return [view.target.state for view in await targets_of(session, complaint_id)]


async def state(parts, complaint_id):
    return (await load_complaint(parts, complaint_id)).row


async def is_sound(parts):
    async with parts.database.read() as session:
        return await contradictions(session) == []


async def confirmed(parts, complaint_id, person=PERSON):
    stored = await load_complaint(parts, complaint_id)
    await filing.consider(parts, complaint_id, person, [target.alert_id for target in stored.draft.targets])
    return await filing.confirm(parts, complaint_id, person)


async def handed_in(parts, clock):
    """The artist's complaint, at the platform since 29 September, nine in the morning."""
    (complaint_id,) = (await filing.draft_complaints(parts, 1, "alibaba_ipp", "mira")).complaint_ids
    await confirmed(parts, complaint_id)
    await take_in(parts, mail("Your IPR has been approved", f"Number {CLAIM}.", clock.now()), "file")
    await filing.export(parts, complaint_id, "mira")
    set_clock(clock, "2026-09-29T09:00")
    await following.hand_in(parts, complaint_id, "mira", "CMP-20260929-1")
    return complaint_id


async def is_confirmed_by_who_considered_it(parts, clock, complaint_id):
    """It is considered listing by listing, confirmed, and its right verified; its listings."""
    stored = await load_complaint(parts, complaint_id)
    assert stored.state is ComplaintState.READY
    alert_ids = [target.alert_id for target in stored.draft.targets]

    with pytest.raises(NoticeRefused, match="has not considered #1, #2, #3"):
        await filing.confirm(parts, complaint_id, PERSON)
    await filing.consider(parts, complaint_id, PERSON, alert_ids, "compared side by side")
    with pytest.raises(NoticeRefused, match="Somebody Else has not considered"):
        await filing.confirm(parts, complaint_id, "Somebody Else")
    assert (await filing.confirm(parts, complaint_id, PERSON)).state is ComplaintState.APPROVED
    with pytest.raises(NoticeRefused, match="pending_verification"):
        await filing.export(parts, complaint_id, "mira")
    approval = await take_in(parts, mail("Your IPR has been approved", f"Number {CLAIM}.", clock.now()), "file")
    assert (approval.state, approval.note) == ("applied", "right 1 is verified at alibaba_ipp")
    return alert_ids


async def leaves_once(parts, clock, complaint_id):
    """It is exported once and handed in once."""
    folder = await filing.export(parts, complaint_id, "mira")
    assert len((folder / "urls-1.txt").read_text("utf-8").splitlines()) == 3
    assert await filing.export(parts, complaint_id, "mira") == folder
    set_clock(clock, "2026-09-29T09:00")
    with pytest.raises(NoticeRefused, match="by what it was handed in"):
        await following.hand_in(parts, complaint_id, "mira", "")
    await following.hand_in(parts, complaint_id, "mira", "CMP-20260929-1")
    await following.hand_in(parts, complaint_id, "mira", "CMP-20260929-1")
    with pytest.raises(NotPossible):
        await following.hand_in(parts, complaint_id, "mira", "CMP-20260929-2")
    with pytest.raises(NotPossible):
        await filing.cancel(parts, complaint_id, "mira")


async def is_moved_by_known_words_alone(parts, clock, complaint_id, alert_ids):
    """What the platform writes moves what it is about; unknown words nothing."""
    received = mail("We have received your complaint", "Complaint CMP-20260929-1.", clock.now())
    assert (await take_in(parts, received, "file")).state == "applied"
    assert await following.record_status(parts, complaint_id, "Listing removed", "mira", alert_ids=[alert_ids[0]])
    assert await following.record_status(parts, complaint_id, "Paused by magic", "mira", alert_ids=[alert_ids[2]]) == [
        "'Paused by magic' is not in the policy pack alibaba_ipp 2: kept as it is, nothing was changed by it"
    ]
    assert await states(parts, complaint_id) == ["removed", "reported", "reported"]


async def is_objected_to(parts, clock, complaint_id):
    """The seller objects; that stands on top of everything, with the day by Beijing's calendar."""
    set_clock(clock, "2026-09-29T18:30")
    item = (await load_complaint(parts, complaint_id)).draft.targets[1].listing_id
    body = f"The seller of item {item} says that the design is his own. Complaint CMP-20260929-1."
    counter = mail("A counter-notification was submitted", body, clock.now())
    assert (await take_in(parts, counter, "file")).state == "applied"
    assert not (await take_in(parts, counter, "file")).new, "the same mail again is no second counter-notice"
    assert await states(parts, complaint_id) == ["removed", "countered", "reported"]
    async with parts.database.read() as session:
        (top,) = await list_complaints(session)
        answer = next(row for row in await timers_of(session, complaint_id) if row.kind == "holder_answer")
    assert top.counter is not None
    assert top.timer is not None
    assert (answer.due_at, answer.act_by_at) == (beijing("2026-10-10T00:00"), beijing("2026-10-09T12:00"))
    assert top.timer.id == answer.id
    digest = (await make_digest(parts) / "digest.txt").read_text("utf-8").splitlines()
    assert "COUNTER-NOTICE: silence loses, due 2026-10-09 04:00 UTC" in "\n".join(digest[:6])


async def is_answered_in_time(parts, clock, complaint_id):
    """The kit is prepared and the counter-notice refused before the time runs out."""
    set_clock(clock, "2026-10-09T11:00")
    await follow_up(parts)
    assert (await state(parts, complaint_id)).state == "countered", "an hour is left"
    kit_folder, missing = await kit.write_kit(parts, complaint_id, "mira")
    assert {"answer.txt", "authorship.json", "kit.html", "missing.txt"} <= {file.name for file in kit_folder.iterdir()}
    assert "2024-05-01: first published" in (kit_folder / "answer.txt").read_text("utf-8")
    assert any("dated proof" in line for line in missing)
    assert (await state(parts, complaint_id)).state == "counter_review"
    await following.answer_counter(parts, complaint_id, PERSON, accept=False, note="proof of 2024 attached")


async def test_an_artists_complaint_goes_from_alert_to_upheld_across_the_october_holiday(artist, clock):
    parts = artist
    (complaint_id,) = (await filing.draft_complaints(parts, 1, "alibaba_ipp", "mira")).complaint_ids
    alert_ids = await is_confirmed_by_who_considered_it(parts, clock, complaint_id)
    await leaves_once(parts, clock, complaint_id)
    await is_moved_by_known_words_alone(parts, clock, complaint_id, alert_ids)
    await is_objected_to(parts, clock, complaint_id)
    await is_answered_in_time(parts, clock, complaint_id)
    set_clock(clock, "2026-10-12T10:00")
    await follow_up(parts)
    await following.record_status(parts, complaint_id, "Listing removed", "mira", alert_ids=[alert_ids[1]])
    await following.record_status(parts, complaint_id, "Unable to process", "mira", alert_ids=[alert_ids[2]])
    row = await state(parts, complaint_id)
    assert (row.state, row.outcome) == ("upheld", "upheld")
    assert await states(parts, complaint_id) == ["removed", "removed", "void_gone"]
    assert await is_sound(parts)


@pytest.mark.usefixtures("plain_packs")
async def test_an_artists_complaint_whose_counter_notice_nobody_answers_is_lost_by_silence(artist, clock):
    parts = artist
    complaint_id = await handed_in(parts, clock)
    set_clock(clock, "2026-09-29T18:30")
    await following.countered(parts, complaint_id, "mira", clock.now(), claim="own-design", words="my own design")
    again = await following.countered(parts, complaint_id, "mira", clock.now(), claim="own-design")
    assert again.round == 1
    assert await states(parts, complaint_id) == ["countered"] * 3
    set_clock(clock, "2026-10-09T23:59")
    await follow_up(parts)
    row = await state(parts, complaint_id)
    assert (row.state, row.outcome) == ("countered", ""), "the last working day in Beijing is not over"
    set_clock(clock, "2026-10-10T00:01")
    await follow_up(parts)
    await follow_up(parts)
    row = await state(parts, complaint_id)
    assert (row.state, row.outcome) == ("expired", "lost_by_silence")
    assert await states(parts, complaint_id) == ["reinstated"] * 3
    async with parts.database.read() as session:
        (counter,) = await counters_of(session, complaint_id)
        steps = [event.event for event, _ in await events_of(session, complaint_id)]
    assert counter.state == "lost_by_silence"
    assert steps.count("stay_silent") == 1
    assert "lost by silence" in (await make_digest(parts) / "digest.txt").read_text("utf-8")
    with pytest.raises(NotPossible):
        await following.answer_counter(parts, complaint_id, PERSON, accept=False, note="too late")
    await following.simple_step(parts, complaint_id, ComplaintEvent.CLOSE, "mira")
    assert (await state(parts, complaint_id)).outcome == "lost_by_silence"
    assert await is_sound(parts)


@pytest.mark.usefixtures("plain_packs")
async def test_the_platforms_earlier_date_counts_and_an_accepted_counter_notice_gives_the_listing_back(artist, clock):
    parts = artist
    complaint_id = await handed_in(parts, clock)
    set_clock(clock, "2026-09-29T18:30")
    due = beijing("2026-10-01T18:30")
    await following.countered(parts, complaint_id, "mira", clock.now(), alert_ids=[1], claim="licensed", due=due)
    async with parts.database.read() as session:
        (counter,) = await counters_of(session, complaint_id)
        ours = min(row.act_by_at for row in await timers_of(session, complaint_id) if row.kind == "holder_answer")
    assert (counter.due_at, ours) == (due, beijing("2026-10-01T06:30"))
    await following.answer_counter(parts, complaint_id, PERSON, accept=True, note="a licence of May")
    assert await states(parts, complaint_id) == ["reinstated", "reported", "reported"]
    assert (await state(parts, complaint_id)).state == "under_review", "two listings are still to be decided"
    await following.record_outcome(parts, complaint_id, TargetState.REMOVED, "mira", alert_ids=[2, 3])
    assert (await state(parts, complaint_id)).state == "partially_upheld"
    await following.withdraw(parts, complaint_id, PERSON, "settled")
    row = await state(parts, complaint_id)
    assert (row.state, row.outcome) == ("retracted", "retracted")
    assert "removed" not in await states(parts, complaint_id), "what was taken back never counts as taken down"
    assert await is_sound(parts)


@pytest.mark.usefixtures("plain_packs")
async def test_what_changed_or_was_not_seen_for_a_day_does_not_leave(artist, clock):
    parts = artist
    (complaint_id,) = (await filing.draft_complaints(parts, 1, "alibaba_ipp", "mira")).complaint_ids
    await take_in(parts, mail("Your IPR has been approved", f"Number {CLAIM}.", clock.now()), "file")
    await confirmed(parts, complaint_id)
    set_clock(clock, "2026-09-29T10:01")
    with pytest.raises(NoticeRefused, match="more than 24 h ago"):
        await filing.export(parts, complaint_id, "mira")
    assert (await state(parts, complaint_id)).state == "draft", "back to the person"
    await recheck.seen_by(parts, complaint_id, [1, 2, 3], PERSON)
    stored = await load_complaint(parts, complaint_id)
    assert {target.seen_live_by for target in stored.draft.targets} == {PERSON}
    assert stored.state is ComplaintState.READY
    await filing.confirm(parts, complaint_id, PERSON)
    async with parts.database.write("the seller changes the title") as session:
        (await targets_of(session, complaint_id))[0].listing.title = "Something else"
    with pytest.raises(NoticeRefused, match="changed since it was confirmed"):
        await filing.export(parts, complaint_id, "mira")
    with pytest.raises(NoticeRefused, match="has not considered #1 of"):
        await filing.confirm(parts, complaint_id, PERSON)
    await filing.leave_out(parts, complaint_id, [1], "mira", "no longer the same")
    await filing.confirm(parts, complaint_id, PERSON)
    folder = await filing.export(parts, complaint_id, "mira")
    assert len((folder / "urls-1.txt").read_text("utf-8").splitlines()) == 2
    stored = await load_complaint(parts, complaint_id)
    assert "each of the 2 listings" in stored.draft.explanation
    assert [view.target.live_how for view in stored.targets[1:]] == ["person", "person"]


@pytest.mark.usefixtures("plain_packs")
async def test_a_refused_form_is_bettered_confirmed_anew_and_leaves_as_a_submission_of_its_own(artist, clock):
    parts = artist
    complaint_id = await handed_in(parts, clock)
    await following.hand_back(parts, complaint_id, "mira", "the form wants another reason")
    assert await states(parts, complaint_id) == ["selected"] * 3
    await recheck.seen_by(parts, complaint_id, [1, 2, 3], PERSON)
    await filing.confirm(parts, complaint_id, PERSON)
    folder = await filing.export(parts, complaint_id, "mira")
    assert folder.name.endswith(f"C-{complaint_id}-2")
    assert (await state(parts, complaint_id)).submission == 2


@pytest.mark.usefixtures("plain_packs")
async def test_what_a_platform_refused_is_said_again_in_a_complaint_that_names_the_first(artist, clock):
    parts = artist
    complaint_id = await handed_in(parts, clock)
    await following.record_outcome(parts, complaint_id, TargetState.REMOVED, "mira", alert_ids=[1])
    await following.record_outcome(parts, complaint_id, TargetState.REJECTED, "mira", alert_ids=[2, 3], note="no proof")
    assert (await state(parts, complaint_id)).state == "partially_upheld"
    nothing = await filing.draft_complaints(parts, 1, "alibaba_ipp", "mira")
    assert nothing.complaint_ids == (), "a plain repeat is not drafted"
    again = await filing.draft_again(parts, complaint_id, "mira")
    stored = await load_complaint(parts, again)
    assert (stored.row.supersedes_id, len(stored.draft.targets)) == (complaint_id, 2)
    assert (await state(parts, complaint_id)).state == "closed"
    assert await is_sound(parts)


@pytest.mark.usefixtures("plain_packs")
async def test_late_complaints_stand_on_the_ladder_until_they_are_chased(artist, clock):
    parts = artist
    complaint_id = await handed_in(parts, clock)
    set_clock(clock, "2026-10-30T10:00")
    await follow_up(parts)
    (row,) = await ladder.overdue(parts)
    assert (row["channel"], row["complaint"], row["external_ref"]) == ("portal_form", complaint_id, "CMP-20260929-1")
    assert "remind them" in row["next"]
    await following.simple_step(parts, complaint_id, ComplaintEvent.CHASE, "mira", "asked in the portal")
    (row,) = await ladder.overdue(parts)
    assert "ipr@alibaba-inc.com" in row["next"]
    await following.record_outcome(parts, complaint_id, TargetState.REMOVED, "mira")
    assert await ladder.overdue(parts) == []


# The team


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
            await add_right_to(session, work_id, title, clock.now(), "verified", f"{CLAIM[:-1]}{number}")
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
async def test_a_teams_listings_become_the_fewest_complaints_and_two_people_look_at_each(team, limit, last):
    parts = team
    ids = []
    for work_id in (1, 2):
        ids += (await filing.draft_complaints(parts, work_id, "alibaba_ipp", "ana")).complaint_ids
    async with parts.database.read() as session:
        drafted = {one.complaint.id: one for one in await list_complaints(session)}
    found = sorted((one.work.title, one.complaint.site, one.targets) for one in drafted.values())
    assert [(title, site) for title, site, _ in found] == [
        ("Fox", "1688"),
        ("Fox", "aliexpress"),
        ("Moth", "1688"),
        ("Moth", "aliexpress"),
        ("Moth", "aliexpress"),
    ], "one design and one site in each, and no more of them than it takes"
    assert [count for *_, count in found] == [last, limit, max(2, limit * 8 // 100), 1, limit]
    big = next(one.complaint.id for one in drafted.values() if one.targets == limit)

    stored = await load_complaint(parts, big)
    sheet = sheets.write_sheet(stored)
    out = {stored.draft.targets[0].alert_id, stored.draft.targets[7].alert_id}
    assert await sheets.apply_sheet(parts, big, "Ana Lima", filled(sheet, leave_out=out)) == []
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
    root = parts.settings.data_dir / filing.PACKS

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
    monkeypatch.setattr(filing, "_LEFTOVER_AFTER_S", -1.0)
    assert filing.leftovers(root) == [half]
    folder = await filing.export(parts, first, "ana")
    assert [Path(entry).name for entry in root.iterdir()] == [folder.name]
    assert (await state(parts, first)).submission == 1
