"""From alert to upheld complaint, and to one lost by silence: an artist's path, on a fake clock."""

import json
from email.message import EmailMessage

import pytest

from monitor.complaints.base import TargetState
from monitor.complaints.errors import NotPossible
from monitor.complaints.lifecycle import ComplaintEvent, ComplaintState
from monitor.desk import filing, following, kit, ladder, recheck
from monitor.desk.dossier import load as load_complaint
from monitor.desk.mailbox import take_in
from monitor.desk.timers import follow_up
from monitor.errors import NoticeRefused
from monitor.reporting import make_digest
from storage.complaints import counters_of, events_of, list_complaints, targets_of, timers_of
from tests.stories.complaining import (
    PERSON,
    add_infringing,
    add_right_to,
    add_works,
    beijing,
    confirmed,
    is_sound,
    listing_of,
    set_clock,
    state,
    states,
)

CLAIM = "UC-MIRAMOSS-01J9ZQ4X7M3V8T2K5N6P0R1S4W"


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
    with pytest.raises(NoticeRefused, match="it is pending verification there"):
        await filing.export(parts, complaint_id, "mira")
    approval = await take_in(parts, mail("Your IPR has been approved", f"Number {CLAIM}.", clock.now()), "file")
    assert (approval.state, approval.note) == ("applied", "right 1 is approved at alibaba_ipp")
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
    assert json.loads((folder / "manifest.json").read_text("utf-8")) == [f"C-{complaint_id}-2"], "as its tables name it"
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
