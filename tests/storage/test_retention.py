import os
from datetime import timedelta

import pytest
from sqlalchemy import select

from detectors.model import Answer
from storage.blobs import Blobs
from storage.cases import decide
from storage.database import Database
from storage.errors import NotFound, StaleState
from storage.evidence import custody_faults, custody_of, evidence_of, keep_evidence
from storage.invariants import contradictions, referenced_hashes
from storage.listings import Link, finish_examination, link_pictures, pictures_of, record_listings
from storage.retention import (
    Limits,
    count_bound,
    count_due,
    due_alerts,
    forget_evidence,
    forget_listings,
    forget_pages,
    place_hold,
    release_hold,
    unreferenced,
)
from storage.searches import add_capture
from storage.tables import Alert, Capture, Complaint, ComplaintTarget, Evidence, Listing, ListingPicture, Picture, Right

from .making import NOW, SHA, add_a_work, add_alert_of, listing

LATER = NOW + timedelta(days=400)
EVER = Limits(None, None, None, None, None, None)
ALL = Limits(*(LATER,) * 6)


def _item(alert_id, kind="page", sha256=SHA):
    return Evidence(alert_id=alert_id, kind=kind, sha256=sha256, url="https://x", how="fetched", seen_at=NOW, about={})


async def _alerts(session, *answers):
    """An alert of one work for each answer, with one item of evidence; none: undecided."""
    work, reference = await add_a_work(session)
    alerts = []
    for number, answer in enumerate(answers, 1):
        alert = await add_alert_of(session, work.id, reference.id, number)
        await keep_evidence(session, [_item(alert.id)], "test", NOW)
        if answer:
            await decide(session, alert.id, answer, "mira", NOW)
        alerts.append(alert)
    return alerts


async def _complain(session, alert, state):
    work = alert.work_id
    number = f"n{alert.id} {state}"
    right = Right(owner_id=1, kind="copyright_unregistered", title="t", number=number, facts={}, created_at=NOW)
    session.add(right)
    await session.flush()
    values = dict.fromkeys(("platform", "site", "reason", "explanation"), "x")
    confirmed = {
        "confirmation": {},
        "confirmed_by": "mira",
        "approved_by": "mira",
        "exported_at": NOW,
        "submitted_at": NOW,
    }
    complaint = Complaint(
        **values, **confirmed, work_id=work, right_id=right.id, state=state, state_since=NOW, drafted_at=NOW
    )
    session.add(complaint)
    await session.flush()
    session.add(
        ComplaintTarget(complaint_id=complaint.id, alert_id=alert.id, position=1, state="reported", state_since=NOW)
    )
    await session.flush()


async def _purged(session, limits):
    """The alerts whose evidence is due, by class, and gone with it."""
    gone = {}
    for name, query in due_alerts(limits).items():
        gone[name] = sorted(await session.scalars(query))
        await forget_evidence(session, query, "purge", LATER, 100)
    return gone


async def test_each_class_goes_when_it_is_due_and_what_waits_for_a_person_never(database: Database) -> None:
    async with database.write("test") as session:
        answers = (Answer.NOT_A_MATCH, Answer.LICENSED, Answer.INFRINGING, Answer.UNSURE, None)
        first, second, third, fourth, fifth = await _alerts(session, *answers)
        assert await count_due(session, EVER) == {}
        before = Limits(*(NOW - timedelta(days=1),) * 6)
        assert set((await count_due(session, before)).values()) == {0}
        assert await _purged(session, ALL) == {
            "dismissed": [first.id, second.id],
            "infringing": [third.id],
            "complaints": [],
        }
        left = set(await session.scalars(select(Evidence.alert_id)))
    assert left == {fourth.id, fifth.id}


async def test_an_alert_that_was_purged_keeps_its_answer_its_hashes_and_its_custody(database: Database) -> None:
    async with database.write("test") as session:
        (alert,) = await _alerts(session, Answer.NOT_A_MATCH)
        await _purged(session, ALL)
    async with database.read() as session:
        assert (await session.get_one(Alert, alert.id)).answer == Answer.NOT_A_MATCH
        assert [entry.action for entry in await custody_of(session, alert.id)] == ["kept", "purged"]
        assert await evidence_of(session, alert.id) == []
        emptied = (await session.scalars(select(Listing))).one()
        assert (emptied.title, emptied.price, emptied.seller_key) == ("", None, None)
        assert (await session.scalars(select(ListingPicture.sha256))).one() is None
        assert (await session.scalars(select(Picture.sha256))).one() == SHA
        assert await custody_faults(session) == []
        assert await contradictions(session) == []


@pytest.mark.parametrize("state", ["submitted", "under_review", "upheld", "countered"])
async def test_what_a_complaint_needs_is_kept_whatever_its_age(database: Database, state: str) -> None:
    async with database.write("test") as session:
        (alert,) = await _alerts(session, Answer.INFRINGING)
        await _complain(session, alert, state)
        assert await _purged(session, ALL) == {"dismissed": [], "infringing": [], "complaints": []}
        assert (await count_bound(session, ALL))["complained of"] == 1


async def test_a_complaint_that_ended_is_kept_to_its_date_and_a_second_one_binds_alone(database: Database) -> None:
    async with database.write("test") as session:
        (alert,) = await _alerts(session, Answer.INFRINGING)
        await _complain(session, alert, "closed")
        early = Limits(*(LATER,) * 5, NOW - timedelta(days=1))
        assert await _purged(session, early) == {"dismissed": [], "infringing": [], "complaints": []}
        await _complain(session, alert, "submitted")
        assert (await _purged(session, ALL))["complaints"] == []


async def test_a_hold_binds_until_a_person_releases_it(database: Database) -> None:
    async with database.write("test") as session:
        (alert,) = await _alerts(session, Answer.NOT_A_MATCH)
        assert await place_hold(session, [alert.id], "court 1", "mira", NOW) == 1
        assert await place_hold(session, [alert.id], "court 1", "mira", NOW) == 0
        assert (await _purged(session, ALL))["dismissed"] == []
        assert await release_hold(session, [alert.id], "mira", NOW) == 1
        with pytest.raises(StaleState):
            await release_hold(session, [alert.id], "mira", NOW)
        with pytest.raises(NotFound):
            await place_hold(session, [alert.id + 9], "court 1", "mira", NOW)
        assert (await _purged(session, ALL))["dismissed"] == [alert.id]
        actions = [entry.action for entry in await custody_of(session, alert.id)]
    assert actions == ["kept", "held", "released", "purged"]


async def test_a_listing_without_an_alert_is_forgotten_but_for_its_pictures_hash(database: Database) -> None:
    async with database.write("test") as session:
        (alert,) = await _alerts(session, None)
        done, waiting = (await record_listings(session, [listing(7), listing(8)], None, NOW)).seen
        (picture,) = await pictures_of(session, done)
        await link_pictures(session, [Link(picture.id, "cd" * 32, "fetched", NOW)], NOW)
        await finish_examination(session, done, NOW)
        assert await forget_listings(session, ALL, 100) == 1
        left = set(await session.scalars(select(Listing.id)))
        assert (await session.get_one(Picture, "cd" * 32)).sha256
    assert left == {alert.listing_key, waiting}


async def test_a_page_that_proves_nothing_loses_its_bytes_and_keeps_its_hash(database: Database) -> None:
    async with database.write("test") as session:
        await _alerts(session, None)
        facts = {
            "marketplace": "bazaar",
            "status": 200,
            "outcome": "ok",
            "reason": "",
            "address": None,
            "how": "fetched",
        }
        pages = (("https://x/1", SHA), ("https://x/2", "ef" * 32))
        proof, other = [
            await add_capture(session, Capture(url=url, sha256=sha256, captured_at=NOW, head={}, **facts))
            for url, sha256 in pages
        ]
        assert await forget_pages(session, ALL, LATER, 100) == 1
        kept, gone = [await session.get_one(Capture, one.id, populate_existing=True) for one in (proof, other)]
        assert (kept.purged_at, gone.purged_at, gone.sha256) == (None, LATER, "ef" * 32)
        assert await unreferenced(session, [SHA, "ef" * 32, "99" * 32]) == {"ef" * 32, "99" * 32}
        assert "ef" * 32 not in await referenced_hashes(session)


def test_a_file_stored_again_meanwhile_is_not_collected(tmp_path, clock) -> None:
    blobs = Blobs(tmp_path)
    sha256 = blobs._put(b"bytes")
    path = tmp_path / sha256[:2] / sha256
    os.utime(path, (1, 1))
    assert blobs._put(b"bytes") == sha256
    assert not blobs.collect(sha256, NOW)
    os.utime(path, (1, 1))
    assert blobs.collect(sha256, NOW)
    assert not blobs.collect(sha256, NOW)
    assert blobs._put(b"bytes") == sha256
    assert blobs.read(sha256) == b"bytes"


def test_what_a_dead_process_left_half_written_is_swept(tmp_path) -> None:
    blobs = Blobs(tmp_path)
    (old := tmp_path / "new-1").write_bytes(b"half")
    (young := tmp_path / "new-2").write_bytes(b"half")
    os.utime(old, (1, 1))
    blobs.sweep(NOW)
    assert (old.exists(), young.exists()) == (False, True)
