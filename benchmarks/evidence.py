"""How long the evidence of many listings takes to leave, and how large it is: `python benchmarks/evidence.py 1000`.

Plants alerts with the demo's pictures in a folder of its own, exports them as one ZIP and checks it. Prints CPU seconds
of this process and of its children, and bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from config.settings import load
from detectors.model import Confidence, Listing, Match, Priority, PriorityLevel, Seller, Verdict
from monitor.daemon import Parts, build
from monitor.demo.catalogue import Kind, make_catalogue
from monitor.evidence.bundle import write_bundle
from monitor.evidence.capture import TOOL, facts_of, proof
from monitor.evidence.verify import check
from storage import tables
from storage.alerts import raise_alert, record_matches
from storage.evidence import keep_evidence
from storage.listings import Link, get_listing, get_seller, link_pictures, pictures_of, record_listings
from storage.searches import add_capture
from storage.works import add_reference, add_work, set_owner

_PAGE = 60_000  # bytes of one listing's page
_OWNER = {"email": "mira@example.org", "country": "DE", "address": "1 Lane\nUlm", "phone": "+4973112345"}
_DRAWN = 40  # different pictures; the listings share them in turn, each with bytes of its own behind


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + used.ru_utime + used.ru_stime


async def plant(parts: Parts, count: int, url: str = "https://bazaar.example/item/{}") -> list[int]:
    """Alerts on so many listings of one work, owned by one person, at addresses that their numbers complete."""
    catalogue = make_catalogue(1, works=1, listings=_DRAWN * 4, sellers=4)
    copies = [one for one in catalogue.listings if one.kind is Kind.COPY][:_DRAWN]
    pictures = [catalogue.full(one.pictures[0].picture_id) for one in copies]
    reference = catalogue.reference(catalogue.works[0])
    now = datetime.now(UTC)
    sha256 = await parts.blobs.put(reference)
    async with parts.database.write("work") as session:
        owner = await set_owner(session, now, "bench", "Mira Moss", _OWNER)
        work = await add_work(session, now, "bench", owner.id, "Work")
        row = await add_reference(session, work.id, sha256, "work.png", b"", now, "bench")
    if row is None:
        raise AssertionError("the work has its picture already")
    found = Match(work.id, row.id, "phash", 1, 62.0, 4, placement=(0.6, 0.0, 0.2, 0.0, 0.6, 0.2))
    return [
        await _alert(
            parts, found, url.format(1_000_000 + number), pictures[number % len(pictures)] + str(number).encode(), now
        )
        for number in range(count)
    ]


async def _alert(parts: Parts, found: Match, url: str, picture: bytes, now: datetime) -> int:
    number = url.rpartition("/")[2]
    page, kept = await parts.blobs.put(f"<html>{number}{'x' * _PAGE}".encode()), await parts.blobs.put(picture)
    head = {"status": 200, "headers": {"content-type": "text/html"}, "address": "203.0.113.5", "sent": {"host": "x"}}
    at = now + timedelta(microseconds=int(number))
    facts = {"marketplace": "bazaar", "status": 200, "outcome": "ok", "reason": "", "address": "203.0.113.5"}
    capture = tables.Capture(url=url, sha256=page, how="fetched", head=head, captured_at=at, **facts)
    seen = Listing(
        "bazaar", number, url, f"Cat pin {number}", image_urls=(f"{url}.jpg",), seller=Seller("s", "S", None)
    )
    async with parts.database.write("alert") as session:
        stored = await add_capture(session, capture)
        (key,) = (await record_listings(session, [seen], stored.id, now)).seen
        (row,) = await pictures_of(session, key)
        await link_pictures(session, [Link(row.id, kept, "fetched", now, head=head)], now)
        await record_matches(session, key, kept, [found], now)
        verdict = Verdict(found.work_id, Confidence.HIGH, 0.98, (found,), ("found",))
        priority = Priority(PriorityLevel.HIGH, 70, ())
        alert, _ = await raise_alert(session, key, verdict, priority, None, now)
    async with parts.database.read() as session:
        listing = await get_listing(session, key)
        seller, links = await get_seller(session, listing), await pictures_of(session, key)
    facts_sha256 = await parts.blobs.put(facts_of(listing, seller))
    async with parts.database.write("evidence") as session:
        items = proof(alert.id, listing, facts_sha256, stored, links, now)
        await keep_evidence(session, items, TOOL, now)
    return alert.id


async def _measure(count: int, folder: Path) -> None:
    async with build(load(folder / "data", {})) as parts:
        alert_ids = await plant(parts, count)
        for name in ("first export", "again"):  # the comparisons are drawn once
            before, began = _cpu_s(), time.monotonic()
            written = await write_bundle(parts, "benchmark", alert_ids, folder / "evidence.zip", "bench")
            await parts.sandbox.close()
            used, took = _cpu_s() - before, time.monotonic() - began
            size = f"{written.size / 1e6:.1f} MB, {written.files} files"
            print(f"{name}: {count} listings, {used:.1f} s CPU, {took:.1f} s, {size}")
        before = time.process_time()
        report = check(str(written.path), written.manifest_sha256)
        print(f"checked in {time.process_time() - before:.1f} s CPU: {len(report.faults)} faults")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=100)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_measure(parser.parse_args().count, Path(folder)))


if __name__ == "__main__":
    main()
