"""The complaints' desk: no statement without a person who considered every listing, and the way to the outcome."""

import asyncio
import io
import zipfile
from datetime import date

import pytest
from sqlalchemy import select

from detectors.model import Answer
from detectors.rights import FirstPublication, RightKind
from monitor.console import complaints, leaving
from monitor.registry.rights import new_right
from storage import tables
from storage.decisions import decide_together
from storage.rights import add_right, set_right_state
from tests.monitor.console.planting import plant


@pytest.fixture
async def world(parts):
    """Two copies confirmed, a right that the demo platform has verified, evidence of both."""
    world = await plant(parts, listings=4)
    now = parts.clock.now()
    async with parts.database.write("ready") as session:
        owner = await session.get_one(tables.Owner, world.owner)
        work = await session.get_one(tables.Work, world.works[0])
        first = {"first_publication": FirstPublication(date(2024, 5, 1), "own shop", None)}
        right = new_right(RightKind.COPYRIGHT_UNREGISTERED, owner, [work], first)
        await add_right(session, now, "test", right, [work.id])
        await set_right_state(session, right.id, "demo", "verified", "", now, "test")
        world.right = right.id
        for alert_id in world.alerts:
            alert = await session.get_one(tables.Alert, alert_id)
            listing = await session.get_one(tables.Listing, alert.listing_key)
            capture = tables.Capture(marketplace="demo-bazaar", url=listing.url, sha256="a" * 64, status=200,
                                     outcome="ok", how="fetched", captured_at=now)  # fmt: skip
            session.add(capture)
            await session.flush()
            listing.capture_id = capture.id
            session.add(tables.Evidence(alert_id=alert_id, kind="page", sha256="a" * 64, url=listing.url, how="fetched",
                                        seen_at=now))  # fmt: skip
        await decide_together(session, world.alerts[:2], Answer.INFRINGING, "test", now, right_id=right.id)
    return world


async def complaint(parts):
    async with parts.database.read() as session:
        return (await session.scalars(select(tables.Complaint))).one()


def hidden(page, name):
    return page.partition(f'name="{name}" value="')[2].partition('"')[0]


def statements(page):
    return [part.partition('"')[0] for part in page.split('name="statement" value="')[1:]]


@pytest.fixture
def hold(monkeypatch):
    """Exports go on only once this is set, and whoever asked for one does not wait."""
    go, leave = asyncio.Event(), leaving.leave

    async def held(parts, complaint_id, actor, tell):
        tell("comparing", 1, 2)
        await go.wait()
        return await leave(parts, complaint_id, actor, tell)

    monkeypatch.setattr(leaving, "leave", held)
    monkeypatch.setattr(complaints, "_PATIENCE_S", 0.01)
    return go


async def test_a_complaint_is_drafted_considered_confirmed_exported_and_followed(parts, seat, world, hold):
    drafted = await seat.post("/complaints", {"work": world.works[0], "platform": "demo", "right": world.right})
    assert drafted.status_code == 303, drafted.text
    where = drafted.headers["location"]
    page = (await seat.get(where)).text
    assert "checked" not in page.partition("The listings")[2].partition("Timeline")[0]
    confirm = {"content": hidden(page, "content"), "statement": statements(page), "shown_at": hidden(page, "shown_at")}
    assert confirm["statement"]
    early = await seat.post(f"{where}/confirm", confirm)
    assert early.status_code == 409
    assert "has not considered" in early.text
    ticks = {"alert": world.alerts[:2], "shown_at": confirm["shown_at"]}
    for name in ("fair_use", "exhaustion", "authorised"):
        ticks[f"{name}-{world.alerts[0]}"] = "yes"
    assert (await seat.post(f"{where}/consider", ticks)).status_code == 303
    assert (await seat.post(f"{where}/confirm", confirm)).status_code == 409
    for name in ("fair_use", "exhaustion", "authorised"):
        ticks[f"{name}-{world.alerts[1]}"] = "yes"
    await seat.post(f"{where}/consider", ticks)
    unread = await seat.post(f"{where}/confirm", confirm | {"statement": confirm["statement"][:-1]})
    assert unread.status_code == 422
    changed = await seat.post(f"{where}/confirm", confirm | {"content": "0" * 64})
    assert changed.status_code == 409
    assert (await complaint(parts)).confirmed_by is None
    done = await seat.post(f"{where}/confirm", confirm)
    assert done.status_code == 303, done.text
    row = await complaint(parts)
    assert (row.state, bool(row.confirmed_by)) == ("approved", True)
    assert (await seat.get(f"{where}/pack.zip")).status_code == 404
    exported = await seat.post(f"{where}/export")
    assert (exported.status_code, exported.headers["location"]) == (303, f"{where}#leaving"), exported.text
    assert "Laying the pictures side by side: 1 / 2" in (await seat.get(where)).text
    hold.set()
    sent = await seat.get(f"{where}/pack.zip")
    assert sent.status_code == 200, sent.text
    pack = zipfile.ZipFile(io.BytesIO(sent.content))
    assert {"complaint-C-1/manifest.json", "complaint-C-1/evidence.zip"} <= set(pack.namelist())
    assert pack.testzip() is None
    evidence = zipfile.ZipFile(io.BytesIO(pack.read("complaint-C-1/evidence.zip")))
    assert {"alert-1/custody.jsonl", "alert-2/custody.jsonl", "verify.py"} <= set(evidence.namelist())
    handed_in = await seat.post(f"{where}/status", {"what": "submitted", "reference": "D-77"})
    assert handed_in.status_code == 303, handed_in.text
    outcome = await seat.post(f"{where}/status", {"what": "outcome", "outcome": "removed"})
    assert outcome.status_code == 303, outcome.text
    page = (await seat.get(where)).text
    assert (await complaint(parts)).external_ref == "D-77"
    assert "Timeline" in page
    async with parts.database.read() as session:
        logged = list(await session.scalars(select(tables.Audit.action)))
    assert {"listings considered", "complaint read before confirming"} <= set(logged)


async def test_a_counter_notice_stands_on_top_and_its_answer_needs_words(parts, seat, world, hold):
    await test_a_complaint_is_drafted_considered_confirmed_exported_and_followed(parts, seat, world, hold)
    countered = await seat.post("/complaints/1/status", {"what": "countered", "words": "it is my own design"})
    assert countered.status_code == 303, countered.text
    page = (await seat.get("/complaints/1")).text
    assert "The seller objects" in page
    assert "it is my own design" in page
    assert (await seat.get("/complaints/1/kits/answer-C-1-1-x.zip")).status_code == 404
    assert (await seat.post("/complaints/1/kit")).status_code == 303
    page = (await seat.get("/complaints/1")).text
    where = page.partition('href="/complaints/1/kits/')[2].partition('"')[0]
    kit = zipfile.ZipFile(io.BytesIO((await seat.get(f"/complaints/1/kits/{where}")).content))
    assert {"answer.txt", "authorship.json", "kit.html"} <= {name.rpartition("/")[2] for name in kit.namelist()}
    assert "working files, layers or sketches" in page
    assert (await seat.post("/complaints/1/answer", {"what": "refuse"})).status_code == 422
    answered = await seat.post("/complaints/1/answer", {"what": "refuse", "note": "first published in 2024"})
    assert answered.status_code == 303, answered.text


async def test_a_listing_is_left_out_and_taken_in_again(parts, seat, world):
    await seat.post("/complaints", {"work": world.works[0], "platform": "demo", "right": world.right})
    for form, left in (({"alert": world.alerts[0]}, 1), ({"alert": world.alerts[0], "take_in": 1}, 2)):
        answer = await seat.post("/complaints/1/listings", form)
        assert answer.status_code == 303, answer.text
        page = (await seat.get("/complaints/1")).text
        assert page.count('form="consider" name="alert"') == left
    assert (await seat.post("/complaints/1/cancel")).status_code == 303
    assert (await complaint(parts)).state == "cancelled"


async def test_a_draft_is_put_into_a_persons_own_words(parts, seat, world):
    await seat.post("/complaints", {"work": world.works[0], "platform": "demo", "right": world.right})
    drafted = (await complaint(parts)).explanation
    for said, kept in (
        ("My moth, wing by wing.\n\u202eIt is mine.", "My moth, wing by wing.\n\u202eIt is mine."),
        ("", drafted),
    ):
        answer = await seat.post("/complaints/1/words", {"explanation": said})
        assert answer.status_code == 303, answer.text
        assert (await complaint(parts)).explanation == kept
        assert (await seat.get("/complaints/1")).text.count("My moth") == (2 if said else 0)


async def test_what_a_reason_needs_is_stated_on_the_page(parts, seat, world):
    await seat.post("/complaints", {"work": world.works[0], "platform": "demo", "right": world.right})
    async with parts.database.write("needs") as session:
        row = (await session.scalars(select(tables.Complaint))).one()
        row.reason_facts = {"order_numbers": "8123", "ordernumbers": "8124"}
    page = (await seat.get("/complaints/1")).text
    assert "reason_facts.ordernumbers: nothing asks for it; what is asked for:" in page
    form = {"explanation": "", "fact-order_numbers": "8125", "fact-ordernumbers": "", "fact-strange": "1"}
    assert (await seat.post("/complaints/1/words", form)).status_code == 303
    assert (await complaint(parts)).reason_facts == {"order_numbers": "8125"}


async def test_without_confirmed_copies_nothing_is_drafted(parts, seat):
    world = await plant(parts, listings=1)
    refused = await seat.post("/complaints", {"work": world.works[0], "platform": "demo"})
    assert refused.status_code == 409
    assert (await seat.post("/complaints", {"work": world.works[0], "platform": "nowhere"})).status_code == 422
