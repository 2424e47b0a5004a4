"""What a person does at the command line with a complaint, for stories."""

import hashlib
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from detectors.model import Answer, Listing, Seller
from detectors.rights import FirstPublication, Right, RightKind
from monitor.desk import filing
from monitor.desk.dossier import load as load_complaint
from storage import tables
from storage.cases import decide_all
from storage.complaints import get_complaint, targets_of
from storage.invariants import contradictions
from storage.listings import record_listings
from storage.rights import add_right, set_right_state
from storage.works import add_reference, add_work, set_owner

PERSON = "Mira Moss"
QUESTIONS = "fair-use,exhaustion,authorised-seller"


def confirmation(desk, complaint, person=PERSON):
    """The command by which a person considers every listing of a complaint and affirms its statements."""
    shown = desk.json("complaints", "show", complaint)
    named = [one["listing"] for one in shown["listings"] if one["state"] not in ("excluded", "void_gone")]
    listings = [word for number in named for word in ("--listing", number)]
    return ("complaints", "confirm", complaint, "--as", person, *listings, "--considered", QUESTIONS, "--affirm")


def confirm(desk, complaint, person=PERSON):
    """Let a person confirm a complaint."""
    return desk(*confirmation(desk, complaint, person))


# The same inside of one process, on a clock that need not be waited for


BEIJING = ZoneInfo("Asia/Shanghai")


def beijing(text):
    """A time of day in Beijing."""
    return datetime.fromisoformat(text).replace(tzinfo=BEIJING).astimezone(UTC)


def set_clock(clock, text):
    """Move a clock on to a time of day in Beijing."""
    seconds = (beijing(text) - clock.now()).total_seconds()
    assert seconds >= 0, f"{text} is past"
    clock.advance(seconds)


def listing_of(site, number):
    """A listing on AliExpress or 1688."""
    host = {"aliexpress": "www.aliexpress.com/item", "1688": "detail.1688.com/offer"}[site]
    listing_id = str(1005000000000 + number)
    seller = Seller(f"s{number % 7}", f"Shop {number % 7}", f"https://{host.split('/')[0]}/store/{number % 7}")
    return Listing(
        marketplace=site,
        listing_id=listing_id,
        url=f"https://{host}/{listing_id}.html",
        title=f"Enamel pin {number}",
        price=Decimal("1.90"),
        currency="USD",
        price_raw="$1.90",
        image_urls=(f"https://{host}/{listing_id}.jpg",),
        seller=seller,
    )


async def add_right_to(session, work_id, title, now, state, number):
    """An unregistered copyright, at a state at Alibaba's platform."""
    right = Right(
        kind=RightKind.COPYRIGHT_UNREGISTERED,
        title=title,
        holder="Mira Moss",
        claim_number=number,
        first_publication=FirstPublication(date(2024, 5, 1), "miramoss.example", "https://miramoss.example/moth"),
    )
    row = tables.Right(owner_id=1, kind=right.kind.value, title=title, number=number, facts=right.to_wire())
    await add_right(session, now, "mira", row, [work_id])
    await set_right_state(session, row.id, "alibaba_ipp", state, "", now, "mira")
    return row


async def add_infringing(session, blobs, works, listings, now):
    """Decided alerts, one for each listing, on the work whose title it is filed under."""
    capture = tables.Capture(
        marketplace="aliexpress",
        url="https://www.aliexpress.com/w/wholesale-moth.html",
        sha256=await blobs.put(b"<html>a page of a test</html>"),
        status=200,
        outcome="ok",
        how="fetched",
        captured_at=now,
    )
    session.add(capture)
    await session.flush()
    recorded = await record_listings(session, [one for _, one in listings], capture.id, now)
    rows = zip(recorded.seen, listings, strict=True)
    page = {"kind": "page", "sha256": capture.sha256, "url": capture.url, "how": "fetched", "seen_at": now}
    alerts = []
    for key, (title, listing) in rows:
        work_id, reference_id = works[title]
        sha256 = hashlib.sha256(listing.listing_id.encode()).hexdigest()
        session.add(tables.Picture(sha256=sha256, first_seen_at=now))
        alert = tables.Alert(
            listing_key=key,
            work_id=work_id,
            priority="high",
            score=70,
            confidence="high",
            reasons=["2 of 64 bits differ"],
            raised_at=now,
            changed_at=now,
        )
        session.add(alert)
        alerts.append((alert, key, sha256, work_id, reference_id))
    await session.flush()
    for alert, key, sha256, work_id, reference_id in alerts:
        finding = {"detector": "phash", "version": 1, "threshold": 62.0, "distance_bits": 2, "facts": {}}
        session.add(
            tables.Match(
                listing_key=key, sha256=sha256, work_id=work_id, reference_id=reference_id, found_at=now, **finding
            )
        )
        session.add(tables.Evidence(alert_id=alert.id, **page))
    await session.flush()
    await decide_all(session, [alert for alert, *_ in alerts], Answer.INFRINGING, "mira", now)
    return [alert.id for alert, *_ in alerts]


async def add_works(session, titles, now):
    """Works with a picture each: title to (work id, reference id)."""
    facts = {"email": "mira@example.org", "country": "DE", "address": "1 Lane\nUlm", "phone": "+4973112345"}
    owner = await set_owner(session, now, "mira", "Mira Moss", facts)
    works = {}
    for title in titles:
        work = await add_work(session, now, "mira", owner.id, title)
        sha256 = hashlib.sha256(title.encode()).hexdigest()
        reference = await add_reference(session, work.id, sha256, f"{title}.png", b"description", now, "mira")
        works[title] = (work.id, reference.id)
    return works


async def states(parts, complaint_id):
    async with parts.database.read() as session:
        return [view.target.state for view in await targets_of(session, complaint_id)]


async def state(parts, complaint_id):
    async with parts.database.read() as session:
        return await get_complaint(session, complaint_id)


async def is_sound(parts):
    async with parts.database.read() as session:
        return await contradictions(session) == []


async def confirmed(parts, complaint_id, person=PERSON):
    stored = await load_complaint(parts, complaint_id)
    await filing.consider(parts, complaint_id, person, [target.alert_id for target in stored.draft.targets])
    return await filing.confirm(parts, complaint_id, person)
