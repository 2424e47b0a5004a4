"""Plants a small world straight into the tables: owners, works, sellers, listings with pictures, alerts."""

import io
import random
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from email.message import EmailMessage
from email.policy import SMTP

from PIL import Image, ImageDraw

from monitor.complaints.packs import policy
from storage import tables
from storage.complaints import add_complaint
from storage.search import note_title, note_words

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "javascript:alert(1)",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "\u202egpj.exe\u2066 \u200b\ufeff",
    "</textarea></title></style><svg/onload=alert(1)>",
    "\x1b[31m\r\nSet-Cookie: a=b",
)


@dataclass
class World:
    """Ids of what was planted."""

    owner: int
    works: list[int] = field(default_factory=list)
    rights: list[int] = field(default_factory=list)
    references: list[int] = field(default_factory=list)
    sellers: list[int] = field(default_factory=list)
    alerts: list[int] = field(default_factory=list)
    searches: list[int] = field(default_factory=list)
    mail: int = 0  # that waits for a person


def drawing(seed: int, side: int = 240) -> bytes:
    """A picture of its own for every seed."""
    chance = random.Random(seed)
    image = Image.new("RGB", (side, side), "white")
    pen = ImageDraw.Draw(image)
    for _ in range(14):
        x, y, size = (chance.randrange(side) for _ in range(3))
        pen.ellipse((x, y, x + size // 2 + 8, y + size // 2 + 8), fill=tuple(chance.randrange(256) for _ in range(3)))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


async def plant(
    parts, owner="Mira Moss", works=1, listings=6, clusters=None, hostile="", kind="copyright_unregistered"
):
    """A rights holder with works, each with ``listings`` alerts on ``clusters`` different pictures."""
    now = parts.clock.now()
    clusters = clusters or listings
    async with parts.database.write("planted") as session:
        row = tables.Owner(name=owner + hostile, country="DE", address="1 Lane" + hostile, email="a@example.org",
                           created_at=now)  # fmt: skip
        session.add(row)
        await session.flush()
        world = World(row.id)
        for number in range(works):
            await _work(parts, session, world, f"{owner} {number}", listings, clusters, hostile, kind, now)
        world.mail = await _mail(parts, session, owner + hostile, now)
    return world


async def _mail(parts, session, hostile, now):
    letter = EmailMessage(policy=SMTP.clone(utf8=True))
    letter["From"], letter["Subject"] = "robot@platform.example", "About your report"
    letter.set_content(f"Dear {hostile}, we looked at it.")
    sha256 = await parts.blobs.put(letter.as_bytes())
    row = tables.Mail(sha256=sha256, how="file", received_at=now, sender=f"robot@{hostile}", subject=f"About {hostile}",
                      state="waiting", note=f"nobody knows {hostile}")  # fmt: skip
    session.add(row)
    await session.flush()
    return row.id


async def _work(parts, session, world, title, listings, clusters, hostile, kind, now):
    work = tables.Work(owner_id=world.owner, title=f"Moth of {title}{hostile}", created_at=now,
                       revision=len(world.works), reference_price=Decimal(20), currency="EUR")  # fmt: skip
    session.add(work)
    await session.flush()
    await note_title(session, work)
    original = await parts.blobs.put(drawing(work.id))
    reference = tables.Reference(work_id=work.id, sha256=original, file_name=f"moth{hostile}.png", description=b"",
                                 added_at=now)  # fmt: skip
    facts = {"kind": kind, "title": work.title, "holder": "Mira", "claim_number": f"CL-{work.id}"}
    right = tables.Right(owner_id=world.owner, kind=kind, title=work.title, number=f"CL-{work.id}", facts=facts,
                         created_at=now)  # fmt: skip
    seller = tables.Seller(marketplace="demo-bazaar", seller_id=f"s{work.id}{hostile}", name=f"Shop {work.id}{hostile}",
                           url="javascript:alert(1)" if hostile else None, first_seen_at=now)  # fmt: skip
    search = tables.Search(marketplace="demo-bazaar", keyword=f"moth {work.id}{hostile}", rhythm_h=24.0, page_limit=5,
                           next_run_at=now + timedelta(hours=5), created_at=now)  # fmt: skip
    session.add_all([reference, right, seller, search])
    await session.flush()
    session.add(tables.RightWork(right_id=right.id, work_id=work.id))
    session.add(tables.Crawl(search_id=search.id, marketplace="demo-bazaar", started_at=now, finished_at=now,
                             outcome="ok", pages=2, listings_seen=listings, listings_new=listings,
                             reason=hostile))  # fmt: skip
    world.works.append(work.id)
    world.references.append(reference.id)
    world.rights.append(right.id)
    world.sellers.append(seller.id)
    world.searches.append(search.id)
    pictures = [await parts.blobs.put(drawing(1000 * work.id + number)) for number in range(clusters)]
    for sha256 in pictures:
        session.add(tables.Picture(sha256=sha256, first_seen_at=now))
    await session.flush()
    for number in range(listings):
        sha256 = pictures[number % clusters]
        world.alerts.append(await _alert(session, work, reference, seller, number, sha256, hostile, now))


async def _alert(session, work, reference, seller, number, sha256, hostile, now):
    key = f"{work.id}-{number}"
    url = f"javascript:alert({number})//{key}" if hostile else f"http://127.0.0.1/item/{key}"
    listing = tables.Listing(marketplace="demo-bazaar", listing_id=key + hostile, url=url, title=f"Pin {key}{hostile}",
                             price=Decimal("4.90"), currency="EUR", price_raw="4.90" + hostile, seller_key=seller.id,
                             content="0" * 64, first_seen_at=now, last_seen_at=now, examined_at=now)  # fmt: skip
    session.add(listing)
    await session.flush()
    session.add(tables.ListingPicture(listing_key=listing.id, url=f"{url}.jpg", position=0, sha256=sha256,
                                      how="fetched", fetched_at=now))  # fmt: skip
    session.add(tables.Match(listing_key=listing.id, sha256=sha256, work_id=work.id, reference_id=reference.id,
                             detector="features", version=1, threshold=0.25, score=0.9, found_at=now,
                             facts={"region": ["whole", 0, 0, 1, 1], "reference_region": ["whole", 0, 0, 1, 1],
                                    "orientation": 0, "inliers": 40,
                                    "placement": [0.8, 0, 0.1, 0, 0.8, 0.1]}))  # fmt: skip
    level = ("urgent", "high", "normal", "low")[number % 4]
    alert = tables.Alert(listing_key=listing.id, work_id=work.id, priority=level, score=90 - number % 80,
                         cluster=sha256, confidence="high", raised_at=now, changed_at=now,
                         reasons=["features find it" + hostile, "+45 confidence high"])  # fmt: skip
    session.add(alert)
    await session.flush()
    await note_words(session, alert)
    return alert.id


async def plant_complaint(parts, world):
    """A complaint about the first work's first two alerts, decided infringing."""
    now = parts.clock.now()
    async with parts.database.write("complaint planted") as session:
        for alert_id in world.alerts[:2]:
            alert = await session.get_one(tables.Alert, alert_id)
            alert.answer, alert.decided_by, alert.decided_at = "infringing", "planter", now
        rules = policy("demo")
        row = tables.Complaint(platform="demo", site=next(iter(rules.sites)), route=next(iter(rules.routes)),
                               work_id=world.works[0], right_id=world.rights[0], reason=next(iter(rules.reasons)),
                               explanation="It shows the work.")  # fmt: skip
        await add_complaint(session, now, "planter", row, world.alerts[:2])
        return row.id


async def plant_parked(parts, listing_id, hostile=""):
    """A listing that could not be examined and waits for a person; its row id."""
    now = parts.clock.now()
    row = tables.Listing(marketplace="demo-bazaar", listing_id=listing_id + hostile, url="http://127.0.0.1/item/parked",
                         title=f"Parked pin{hostile}", content="0" * 64, first_seen_at=now, last_seen_at=now,
                         examine_at=now, attempts=3, failure=f"UndecodableImage: not a picture{hostile}")  # fmt: skip
    async with parts.database.write("parked") as session:
        session.add(row)
        await session.flush()
        return row.id
