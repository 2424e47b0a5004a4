"""Works that are registered after their copies were crawled; what becomes of the verdicts later."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from PIL import Image, ImageDraw
from sqlalchemy import delete, select

from config.errors import ConfigError
from config.settings import load
from detectors import thumbnail
from detectors.describe import describe, describe_reference
from detectors.glance import glance
from detectors.model import Answer, Listing
from monitor.attack import attack
from monitor.calibrate import calibrate
from monitor.daemon import Parts
from monitor.demo.edits import EDITS
from monitor.innocents import generated, jpeg
from monitor.lookback import answer_look_backs, look_back
from monitor.registry.pictures import register_image
from monitor.replay import replay
from monitor.works import Works
from storage.alerts import list_alerts
from storage.blobs import Blobs
from storage.cases import decide
from storage.database import Database
from storage.listings import Link, link_pictures, pictures_of, record_listings, waiting_ids
from storage.negatives import add_negative
from storage.tables import Listing as ListingRow
from storage.tables import ListingPicture, LookBack, Match, Negative, Reference, SeenPicture
from storage.workers import worker_faults
from storage.works import set_owner, the_owner


class Here:
    """A sandbox without walls."""

    async def describe(self, data, *, reference=False):
        return describe_reference(data) if reference else describe(data)

    async def glance(self, data):
        return glance(data)

    async def thumbnail(self, data, side_px):
        return thumbnail.thumbnail(data, side_px)


@pytest.fixture
async def parts(sqlite_url, tmp_path, clock):
    database, blobs = Database(sqlite_url), Blobs(tmp_path / "blobs")
    works = Works(database, blobs, Here())
    async with database.write("test") as session:
        await set_owner(session, clock.now(), "mira", "Mira Moss", {})
    yield Parts(load(tmp_path, {}), database, blobs, Here(), works, clock)
    await database.close()


async def crawled(parts, number, picture):
    """A listing whose picture was fetched and examined."""
    listing = Listing("bazaar", str(number), f"https://bazaar.example/{number}", "A pin", image_urls=("https://x/1",))
    sha256, now = await parts.blobs.put(picture), parts.clock.now()
    async with parts.database.write("test") as session:
        (key,) = (await record_listings(session, [listing], None, now)).seen
        (row,) = await pictures_of(session, key)
        await link_pictures(session, [Link(row.id, sha256, "fetched", now)], now)
    await parts.examiner(None).examine(key)
    return key


async def seen(parts):
    async with parts.database.read() as session:
        return list(await session.scalars(select(SeenPicture.id)))


async def registered(parts, picture, name="moth.png"):
    async with parts.database.read() as session:
        owner = await the_owner(session, None)
    intake = await register_image(parts, Path(name), picture, owner, None, "mira")
    assert intake.refused is None
    return intake


async def alerts(parts, state="open"):
    async with parts.database.read() as session:
        return [view.alert for view in await list_alerts(session, parts.clock.now(), state=state)]


@pytest.mark.slow
async def test_a_work_registered_after_its_copy_was_crawled_is_found_without_a_request(parts, art):
    copy = await crawled(parts, 1, jpeg(EDITS["mirror"](art[0][0], Random(1))))
    await crawled(parts, 2, jpeg(EDITS["pad"](art[1][0], Random(1))))
    assert await alerts(parts) == []
    intake = await registered(parts, art[0][1])
    (found,) = await look_back(parts, [intake.work_id])
    assert (found.searched, found.shown, found.listings, found.asked_again) == (2, 1, (copy,), ())
    (alert,) = await alerts(parts)
    assert (alert.listing_key, alert.work_id, alert.suppressed) == (copy, intake.work_id, None)
    assert (await look_back(parts, [intake.work_id]))[0].listings == (copy,)
    assert len(await alerts(parts)) == 1, "looking back twice raises nothing twice"


@pytest.fixture
async def shared(postgres_url, tmp_path, clock):
    """Makes what one of two machines has: the same database and data folder, and its share of the months."""
    databases = []

    def machine(share=0):
        databases.append(Database(postgres_url))
        environ = {"BAZAARWATCH_LOOKBACK__SHARES": "2", "BAZAARWATCH_LOOKBACK__SHARE": str(share)}
        blobs = Blobs(tmp_path / "blobs")
        works = Works(databases[-1], blobs, Here())
        return Parts(load(tmp_path, environ), databases[-1], blobs, Here(), works, clock)

    async with (first := machine()).database.write("test") as session:
        await set_owner(session, clock.now(), "mira", "Mira Moss", {})
    yield first, machine(1), machine(2)
    for database in databases:
        await database.close()


@pytest.mark.slow
async def test_machines_share_a_look_back_by_months_and_who_asks_hears_of_all_that_they_found(shared, art):
    asking, one, other = shared
    keys = []
    for number in range(3):
        keys.append(await crawled(asking, number, jpeg(EDITS["mirror"](art[0][0], Random(number)), 80 + 3 * number)))
        asking.clock.advance(40 * 86_400)
    intake = await registered(asking, art[0][1])
    waiting = asyncio.create_task(look_back(asking, [intake.work_id]))
    while len(await _asked(one)) < 2:
        await asyncio.sleep(0.05)
    await answer_look_backs(one)
    (mine, theirs) = await _asked(one)
    assert (mine.found["searched"], mine.found["listings"], theirs.done_at) == (2, [keys[0], keys[2]], None)
    asking.clock.advance(600)
    async with asking.database.read() as session:
        (fault,) = await worker_faults(session, asking.clock.now())
    assert "share 2 of 2 of a look back waits" in fault
    assert not waiting.done()
    await answer_look_backs(other)
    (found,) = await waiting
    assert (found.searched, found.shown, sorted(found.listings)) == (3, 3, keys)
    assert {alert.listing_key for alert in await alerts(asking)} == set(keys)
    before = [row.done_at for row in await _asked(one)]
    asking.clock.advance(60)
    for machine in (one, other):
        await answer_look_backs(machine)
    assert [row.done_at for row in await _asked(one)] == before, "nothing is done twice"


async def _asked(parts):
    async with parts.database.read() as session:
        return list(await session.scalars(select(LookBack).order_by(LookBack.share)))


def test_a_share_that_is_none_of_them_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="share 3 is none of 2 shares"):
        load(tmp_path, {"BAZAARWATCH_LOOKBACK__SHARES": "2", "BAZAARWATCH_LOOKBACK__SHARE": "3"})


@pytest.mark.slow
async def test_a_listing_that_was_forgotten_is_asked_for_again(parts, art):
    key = await crawled(parts, 1, jpeg(EDITS["recolor"](art[0][0], Random(1))))
    async with parts.database.write("forget") as session:
        await session.execute(delete(ListingPicture))
        await session.execute(delete(ListingRow).where(ListingRow.id == key))
    intake = await registered(parts, art[0][1])
    (found,) = await look_back(parts, [intake.work_id])
    assert (found.listings, len(found.asked_again)) == ((), 1)
    async with parts.database.read() as session:
        assert await waiting_ids(session, parts.clock.now(), 9) == list(found.asked_again)
        row = await session.get_one(ListingRow, found.asked_again[0])
        assert (row.listing_id, row.url) == ("1", "https://bazaar.example/1")


@pytest.mark.slow
async def test_pictures_are_forgotten_when_their_time_is_over(parts, art):
    await crawled(parts, 1, jpeg(EDITS["pad"](art[0][0], Random(1))))
    parts.clock.advance(timedelta(days=parts.settings.lookback.keep_d + 1).total_seconds())
    intake = await registered(parts, art[0][1])
    (found,) = await look_back(parts, [intake.work_id])
    assert (found.near, found.shown) == (1, 0), "its hash is still in the file, but it counts no more"
    await crawled(parts, 2, jpeg(EDITS["pad"](art[1][0], Random(2))))
    (found,) = await look_back(parts, [intake.work_id])
    assert found.searched == 1, "its month's file went with it"
    assert len(await seen(parts)) == 1


@pytest.mark.slow
async def test_a_replay_with_the_same_version_gives_the_same_numbers(parts, art):
    await registered(parts, art[0][1])
    await crawled(parts, 1, jpeg(EDITS["inset"](art[0][0], Random(1))))
    await crawled(parts, 2, jpeg(EDITS["inset"](art[0][0], Random(1)), 60))  # takes over what was found on the first
    parts.clock.advance(60)
    await registered(parts, art[1][1], "other.png")  # a work that came later changes nothing of what was
    ids = [alert.id for alert in await alerts(parts)]
    assert len(ids) == 2
    assert [(one.change, one.differing, one.before == one.after) for one in await replay(parts, ids)] == [
        ("same", (), True)
    ] * 2


@pytest.mark.slow
async def test_a_replay_tells_what_would_change_and_changes_nothing(parts, art):
    await registered(parts, art[0][1])
    await crawled(parts, 1, jpeg(EDITS["inset"](art[0][0], Random(1))))
    (alert,) = await alerts(parts)
    async with parts.database.write("as an older detector had it") as session:
        for row in await session.scalars(select(Match)):
            row.version, row.score = 0, (row.score or 0.0) + 1.0
    (one,) = await replay(parts, [alert.id])
    assert one.change == "numbers"
    assert all("version 0" in told for told in one.differing)
    async with parts.database.write("as if it had matched something else") as session:
        for row in await session.scalars(select(Match)):
            row.facts = {**row.facts, "judged": await parts.blobs.put(jpeg(EDITS["pad"](art[2][0], Random(1))))}
    (one,) = await replay(parts, [alert.id])
    assert one.change == "gone"
    assert len(await alerts(parts)) == 1


@pytest.mark.slow
async def test_a_rejected_picture_stays_silent_when_it_returns_in_another_compression(parts, art):
    await registered(parts, art[0][1])
    picture = EDITS["recolor"](art[0][0], Random(2))
    await crawled(parts, 1, jpeg(picture, 90))
    (alert,) = await alerts(parts)
    parts.clock.advance(60)
    async with parts.database.write("test") as session:
        await decide(session, alert.id, Answer.NOT_A_MATCH, "mira", parts.clock.now())
    await crawled(parts, 2, jpeg(picture, 60))
    assert await alerts(parts) == []
    assert len(await alerts(parts, "suppressed")) == 1
    await crawled(parts, 3, jpeg(EDITS["mirror"](art[0][0], Random(2))))
    assert len(await alerts(parts)) == 1, "another copy of the work is no near copy of the rejected picture"


@pytest.mark.slow
async def test_what_is_nearer_to_a_negative_reference_is_set_aside_and_counted(parts, art):
    await registered(parts, art[0][1])
    lookalike = EDITS["recolor"](art[0][0], Random(6))
    row = Negative(work_id=None, sha256="f" * 64, file_name="licensed.jpg", reason="licensed lookalike")
    row.description, row.added_at = describe_reference(jpeg(lookalike)).to_bytes(), parts.clock.now()
    row.added_by = "mira"
    async with parts.database.write("test") as session:
        await add_negative(session, row)
    await crawled(parts, 1, jpeg(lookalike, 75))
    assert await alerts(parts) == []
    (aside,) = await alerts(parts, "suppressed")
    assert aside.suppressed == "nearer to the negative reference 1: licensed lookalike"


async def test_a_smiley_is_registered_as_weak_and_a_rich_drawing_is_not(parts, art, draw_smiley):
    weak = await registered(parts, draw_smiley, "smiley.png")
    rich = await registered(parts, art[0][1])
    assert "points" in (weak.weak or "")
    assert rich.weak is None
    async with parts.database.read() as session:
        said = {row.file_name: row.weak for row in await session.scalars(select(Reference))}
    assert said == {"smiley.png": weak.weak, "moth.png": None}


@pytest.fixture(scope="module")
def draw_smiley():
    image = Image.new("RGB", (600, 600), "white")
    pen = ImageDraw.Draw(image)
    pen.ellipse((60, 60, 540, 540), fill=(255, 220, 0), outline="black", width=12)
    pen.ellipse((190, 200, 250, 280), fill="black")
    pen.ellipse((350, 200, 410, 280), fill="black")
    pen.arc((170, 220, 430, 450), 20, 160, fill="black", width=14)
    return jpeg(image, 95)


@pytest.mark.soak
async def test_calibration_holds_on_pictures_that_it_was_not_measured_on(parts, art):
    for number, (_, picture) in enumerate(art[:2]):
        await registered(parts, picture, f"{number}.png")
    measured = await calibrate(parts, "mira", most=5, seed=1)
    assert (measured.crawled, measured.catalogue, measured.made, measured.provisional) == (0, 2, 5, True)
    assert all(one.threshold >= 0.78 for one in measured.works)
    matches = [(await parts.works.findings(f"{k:064x}", picture)).matches for k, picture in enumerate(generated(4, 2))]
    false = [verdict for found in matches for verdict in await parts.works.judge(found)]
    assert false == []
    copy = await parts.works.findings("c" * 64, jpeg(EDITS["pad"](art[0][0], Random(1))))
    assert await parts.works.judge(copy.matches), "a copy is still found"


@pytest.mark.soak
async def test_an_attack_is_the_same_for_a_seed_and_tells_what_slips_through(parts, art):
    work_id = (await registered(parts, art[0][1])).work_id
    first = await attack(parts, [work_id], ["mirror", "pad"], 7)
    assert first == await attack(parts, [work_id], ["mirror", "pad"], 7)
    assert [(one.edit, one.found) for one in first] == [("mirror", True), ("pad", True)]
