"""An installation with alerts whose evidence is real: pictures drawn here, pages and heads as if they had come."""

from __future__ import annotations

import asyncio
import io
import random
import shutil
import zipfile
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest
from PIL import Image, ImageDraw

from config.settings import load
from detectors import model
from detectors.model import Match, Priority, PriorityLevel, Region, Verdict
from detectors.rights import Right, RightKind
from monitor import daemon
from monitor.evidence.bundle import write_bundle
from monitor.evidence.capture import TOOL, brought_by, facts_of, proof
from storage import tables
from storage.alerts import raise_alert, record_matches
from storage.evidence import keep_evidence
from storage.listings import Link, get_listing, get_seller, link_pictures, pictures_of, record_listings
from storage.searches import add_capture
from storage.works import add_reference, add_work, set_owner

HOSTILE = '=HYPERLINK("http://evil")<script>alert(1)</script>\u202egpj.exe'
TITLES = (
    "Cat pin, enamel",
    "正品动漫徽章 猫 亚克力 胸针",
    "Значок «Кот» эмалевый",
    "סיכת חתול מעץ 123 (חדש)",
    "دبوس قطة خشبي 12.50 ريال",
    HOSTILE,
)
HEAD = {
    "method": "GET",
    "sent": {"host": "bazaar.example", "user-agent": "Bazaarwatch/0.1 (+me@example.org)"},
    "status": 200,
    "headers": {"content-type": "text/html", "set-cookie": "(left out)"},
    "address": "203.0.113.5",
}


def encoded(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def drawing(seed=4, side_px=300):
    rng, image = random.Random(seed), Image.new("RGB", (side_px, side_px), "white")
    pen = ImageDraw.Draw(image)
    for _ in range(40):
        x, y, r = (rng.uniform(0, side_px), rng.uniform(0, side_px), rng.uniform(6, 40))
        pen.ellipse((x - r, y - r, x + r, y + r), fill=tuple(rng.randrange(256) for _ in range(3)), outline="black")
    return image


def copied(image, seed):
    ground = Image.new("RGB", (400, 400), (200, 220, 200 + seed % 50))
    ground.paste(image.resize((200, 200)), (50, 150))
    return ground


class StillClock:
    """Stands still."""

    def now(self):
        return datetime(2026, 1, 5, 9, tzinfo=UTC)

    def monotonic(self):
        return 0.0


class HereSandbox:
    """Draws without walls: these tests are not about hostile bytes."""

    def __init__(self, settings, **_):
        self.settings = settings

    async def comparison(self, reference, picture, match, form):
        from detectors.explain import side_by_side

        return side_by_side(reference, picture, form=form)

    async def thumbnail(self, data, side_px):
        from detectors.thumbnail import thumbnail

        return thumbnail(data, side_px)

    async def close(self):
        pass


@asynccontextmanager
async def open_parts(data, url, clock, marketplaces=None, **environ):
    """The installation in a folder; settings come as BAZAARWATCH_SECTION__KEY."""
    given = {"BAZAARWATCH_DATABASE__URL": url, "BAZAARWATCH_FETCH__CONTACT": "me@example.org", **environ}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(daemon, "Sandbox", HereSandbox)
        async with daemon.build(load(data, given), marketplaces or {}, clock) as parts:
            yield parts


@pytest.fixture
def opened(tmp_path, clock):
    """Opens the installation of a database."""
    return partial(open_parts, tmp_path / "data", clock=clock)


@pytest.fixture(scope="module")
def written(tmp_path_factory, _sqlite_template):
    """An evidence ZIP of alerts with titles in many scripts."""
    folder = tmp_path_factory.mktemp("evidence")
    shutil.copyfile(_sqlite_template, folder / "bazaarwatch.db")

    async def write():
        async with open_parts(
            folder / "data", f"sqlite+aiosqlite:///{folder / 'bazaarwatch.db'}", StillClock()
        ) as parts:
            return await write_bundle(parts, "case 1", await plant(parts), folder / "case.zip", "mira")

    return asyncio.run(write())


@pytest.fixture(scope="module")
def files(written):
    """Its files by name."""
    with zipfile.ZipFile(written.path) as file:
        assert file.testzip() is None
        return {name: file.read(name) for name in file.namelist()}


@pytest.fixture
async def parts(opened, database_url):
    async with opened(database_url) as parts:
        yield parts


@pytest.fixture
async def sqlite_parts(opened, sqlite_url):
    """For what has nothing to do with the kind of database."""
    async with opened(sqlite_url) as parts:
        yield parts


async def plant(parts, titles=TITLES, how="fetched"):
    """A work, and for each title a listing with a captured page, a matched picture and its alert; the alerts' ids."""
    now = parts.clock.now()
    reference = encoded(drawing())
    sha256 = await parts.blobs.put(reference)
    async with parts.database.write("work") as session:
        owner = await set_owner(session, now, "mira", "Mira Moss", {"email": "m@example.org", "country": "DE"})
        work = await add_work(session, now, "mira", owner.id, "Cat")
        row = await add_reference(session, work.id, sha256, "cat.png", b"", now, "mira")
    return [await plant_alert(parts, work.id, row.id, number, title, how) for number, title in enumerate(titles, 1)]


async def plant_alert(parts, work_id, reference_id, number, title, how="fetched"):
    now, url = parts.clock.now(), f"https://bazaar.example/item/{number}"
    page = await parts.blobs.put(f"<html><title>{title}</title>{number}</html>".encode("utf-8", "replace"))
    picture = await parts.blobs.put(encoded(copied(drawing(), number), "JPEG", quality=80))
    seller = model.Seller("s1", "Магазин 1", "https://bazaar.example/s1")
    seen = model.Listing("bazaar", str(number), url, title, Decimal("4.90"), "EUR", "€4.90", (f"{url}.jpg",), seller)
    head = HEAD if how == "fetched" else brought_by("mira", now, {"file": "saved.html"})
    capture = tables.Capture(
        marketplace="bazaar",
        url=url,
        sha256=page,
        status=200,
        outcome="ok",
        reason="",
        address=None,
        how=how,
        head=head,
    )
    capture.captured_at = now + timedelta(microseconds=number)
    async with parts.database.write("alert") as session:
        kept = await add_capture(session, capture)
        (key,) = (await record_listings(session, [seen], kept.id, now)).seen
        (row,) = await pictures_of(session, key)
        await link_pictures(session, [Link(row.id, picture, how, now, head=head or {})], now)
        found = Match(
            work_id, reference_id, "phash", 1, 62.0, 4, region=Region("whole"), placement=(0.5, 0, 0.1, 0, 0.5, 0.3)
        )
        await record_matches(session, key, picture, [found], now)
        verdict = Verdict(work_id, model.Confidence.HIGH, 0.98, (found,), ("phash finds it",))
        priority = Priority(PriorityLevel.HIGH, 70, ("+70 for a reason",))
        alert, _ = await raise_alert(session, key, verdict, priority, None, now)
    async with parts.database.read() as session:
        listing = await get_listing(session, key)
        seller_row = await get_seller(session, listing)
        pictures = await pictures_of(session, key)
        stored = await session.get_one(tables.Capture, listing.capture_id)
    facts = await parts.blobs.put(facts_of(listing, seller_row))
    async with parts.database.write("evidence") as session:
        await keep_evidence(session, proof(alert.id, listing, facts, stored, pictures, now), TOOL, now)
    return alert.id


async def protect(session, work_id, owner_id, now):
    """An unregistered copyright in a work."""
    right = Right(kind=RightKind.COPYRIGHT_UNREGISTERED, title="Cat", holder="Mira Moss", claim_number="BW-1")
    row = tables.Right(
        owner_id=owner_id, kind=right.kind, title=right.title, number="BW-1", facts=right.to_wire(), created_at=now
    )
    session.add(row)
    await session.flush()
    session.add(tables.RightWork(right_id=row.id, work_id=work_id))
