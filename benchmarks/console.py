"""The console at size: a million listings, a hundred thousand alerts, twenty readers, a scan that writes meanwhile.

    .venv/bin/python benchmarks/console.py [--listings N] [--alerts N] [--seconds S] [--postgres URL]

Each reader asks for a page every three seconds, of every kind in turn; every fifth answers a card. The load comes from
another process, whose CPU time is told apart. Prints p95 by page in ms, what a decision took, faults, and the bytes of
the first load without pictures.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import multiprocessing
import os
import random
import resource
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import insert, text

from config.settings import load
from monitor.console.server import listening
from monitor.daemon import Parts, build
from storage import tables

PAGES = (
    *("/inbox", "/inbox?priority=high", "/inbox?text=fox+pin", "/inbox?work=7", "/inbox/review", "/alerts/4711"),
    *("/decisions", "/complaints", "/works", "/works/7", "/sellers", "/sellers/77", "/searches", "/marketplaces"),
    *("/dashboard", "/audit", "/rules", "/settings", "/start", "/account"),
)
READERS, EVERY_S = 20, 3.0
_WORKS, _SELLERS, _SEARCHES = 200, 5000, 60
_CHUNK = 20_000
_WORDS = (
    "fox",
    "moth",
    "pin",
    "sticker",
    "enamel",
    "patch",
    "moon",
    "flower",
    "vintage",
    "cute",
    "set",
    "kawaii",
    "laptop",
    "bottle",
    "gift",
)


def _rows(table: Any, rows: Iterator[dict[str, Any]]) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
    while chunk := list(itertools.islice(rows, _CHUNK)):
        yield table, chunk


async def plant(parts: Parts, listings: int, alerts: int) -> None:
    """Fill the tables: an alert for every listing up to ``alerts``, a tenth decided, clusters of one and of 500."""
    chance, now = random.Random(1), datetime.now(UTC)

    def at(days: float) -> datetime:
        return now - timedelta(days=chance.random() * days)

    def listing(number: int) -> dict[str, Any]:
        return {
            "id": number, "marketplace": f"site-{number % 12}", "listing_id": str(number), "price": None,
            "url": f"https://site.example/item/{number}", "title": " ".join(chance.choices(_WORDS, k=7)),
            "seller_key": number % _SELLERS + 1, "content": "0" * 64, "attempts": 0, "first_seen_at": at(90),
            "last_seen_at": at(9), "examined_at": now,
        }  # fmt: skip

    def picture(number: int) -> str:
        return f"{number // 500:064x}" if number < 5000 else f"{number:064x}"

    def alert(number: int) -> dict[str, Any]:
        answer = ("infringing", "licensed", "not-a-match")[number % 3] if number % 10 == 0 else None
        return {
            "id": number, "listing_key": number, "work_id": (number // 500 if number < 5000 else number) % _WORKS + 1,
            "priority": ("urgent", "high", "normal", "low")[number % 4], "score": 20 + number * 7919 % 80,
            "confidence": "high", "reasons": ["features find it"], "raised_at": at(90), "changed_at": at(9),
            "answer": answer, "decided_at": at(60) if answer else None, "decided_by": "ann" if answer else None,
        }  # fmt: skip

    def match(number: int) -> dict[str, Any]:
        placed = {"region": ["whole", 0, 0, 1, 1], "reference_region": ["whole", 0, 0, 1, 1], "orientation": 0,
                  "inliers": 30, "placement": [1, 0, 0, 0, 1, 0]}  # fmt: skip
        work_id = alert(number)["work_id"]
        return {
            "listing_key": number, "sha256": picture(number), "work_id": work_id, "reference_id": work_id,
            "detector": "features", "version": 1, "threshold": 0.25, "score": 0.9, "facts": placed, "found_at": now,
        }  # fmt: skip

    pictures = sorted({picture(number) for number in range(1, alerts + 1)})
    filled = (
        (tables.Owner, iter([{"id": 1, "name": "Mira", "kind": "person", "country": "DE", "address": "", "phone": "",
                              "email": "", "created_at": now}])),
        (tables.Work, ({"id": n, "owner_id": 1, "title": f"Work {n}", "created_at": now, "revision": n}
                       for n in range(1, _WORKS + 1))),
        (tables.Reference, ({"id": n, "work_id": n, "sha256": f"{n:064x}", "file_name": "a.png", "description": b"",
                             "added_at": now} for n in range(1, _WORKS + 1))),
        (tables.Seller, ({"id": n, "marketplace": f"site-{n % 12}", "seller_id": str(n), "name": f"Shop {n}",
                          "first_seen_at": at(90)} for n in range(1, _SELLERS + 1))),
        (tables.Search, ({"id": n, "marketplace": f"site-{n % 12}", "keyword": f"word {n}", "seller": "", "picture": "",
                          "shop": "", "rhythm_h": 24.0, "page_limit": 5, "next_run_at": now, "created_at": now}
                         for n in range(1, _SEARCHES + 1))),
        (tables.Crawl, ({"search_id": n % _SEARCHES + 1, "marketplace": "site", "started_at": at(30),
                         "finished_at": at(30), "outcome": "ok", "reason": "", "pages": 5, "listings_seen": 100,
                         "listings_new": 3} for n in range(5000))),
        (tables.Listing, (listing(n) for n in range(1, listings + 1))),
        (tables.Picture, ({"sha256": sha256, "first_seen_at": now} for sha256 in pictures)),
        (tables.Match, (match(n) for n in range(1, alerts + 1))),
        (tables.Alert, (alert(n) for n in range(1, alerts + 1))),
    )  # fmt: skip
    async with parts.database.write("planted") as session:
        for table, rows in filled:
            for one, chunk in _rows(table, rows):
                await session.execute(insert(one), chunk)
        if session.get_bind().dialect.name == "postgresql":
            for table, _ in filled:
                if "id" in table.__table__.columns:
                    name = table.__tablename__
                    await session.execute(
                        text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), (SELECT max(id) FROM {name}))")
                    )
    async with parts.database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("ANALYZE"))


async def scan(parts: Parts) -> None:
    """Write as a scan does: a page of listings seen again, three times a second."""
    chance = random.Random(2)
    while True:
        async with parts.database.write("scanned") as session:
            keys = chance.sample(range(1, 100_000), 50)
            listed = ", ".join(map(str, keys))
            await session.execute(text(f"UPDATE listings SET title = title || '.' WHERE id IN ({listed})"))
        await asyncio.sleep(0.33)


async def read_pages(address: str, seconds: float) -> dict[str, list[float]]:
    """Twenty readers; milliseconds by page, and what went wrong."""
    took: dict[str, list[float]] = defaultdict(list)
    end = time.monotonic() + seconds

    async def ask(client: httpx2.AsyncClient, name: str, method: str, path: str, **more: Any) -> str:
        start = time.perf_counter()
        try:
            answer = await client.request(method, path, follow_redirects=False, **more)
            took[name].append((time.perf_counter() - start) * 1000)
            if answer.status_code >= 400:
                took[f"fault {name} {answer.status_code}"].append(0)
            return answer.text
        except httpx2.HTTPError as error:
            took[f"fault {name} {type(error).__name__}"].append(0)
            return ""

    async def reader(number: int) -> None:
        headers = {"origin": address}
        async with httpx2.AsyncClient(base_url=address, timeout=30, headers=headers) as client:
            await client.get("/login")
            await asyncio.sleep(number * EVERY_S / READERS)
            for turn in itertools.count(number):
                if time.monotonic() > end:
                    return
                begun = time.monotonic()
                page = await ask(client, path := PAGES[turn % len(PAGES)], "GET", path)
                if path == "/inbox/review" and number % 5 == 0:
                    form = page.partition('action="/inbox/decide"')[2]
                    sent = {"csrf": page.partition('data-csrf="')[2].partition('"')[0], "answer": "not-a-match"}
                    for name in ("alert", "up_to", "was"):
                        sent[name] = form.partition(f'name="{name}" value="')[2].partition('"')[0]
                    json = {"accept": "application/json"}
                    await ask(client, "a decision", "POST", "/inbox/decide", data=sent, headers=json)
                await asyncio.sleep(max(0.0, EVERY_S - (time.monotonic() - begun)))

    await asyncio.gather(*(reader(number) for number in range(READERS)))
    return took


def load_from_aside(address: str, seconds: float, results: Any) -> None:
    """The load generator's process."""
    took = asyncio.run(read_pages(address, seconds))
    used = resource.getrusage(resource.RUSAGE_SELF)
    results.put((dict(took), used.ru_utime + used.ru_stime))


async def first_load(address: str) -> int:
    """Bytes of the inbox, its style and its script, as sent."""
    async with httpx2.AsyncClient(base_url=address, follow_redirects=True) as client:
        page = await client.get("/inbox")
        files = [part.partition('"')[0] for part in page.text.split('"/static/')[1:]]
        sizes = [len((await client.get(f"/static/{name}")).content) for name in dict.fromkeys(files)]
    return len(page.content) + sum(sizes)


async def measure(options: argparse.Namespace, data: Path) -> None:
    """Plant, serve, load, print."""
    environ = {"BAZAARWATCH_DATABASE__URL": options.postgres} if options.postgres else {}

    async def examine(_: object) -> None:
        return None

    async with build(load(data, environ)) as parts:
        start = time.perf_counter()
        await plant(parts, options.listings, options.alerts)
        print(f"planted in {time.perf_counter() - start:.0f} s")
        async with listening(parts, examine, 0) as address:
            scanning = asyncio.create_task(scan(parts))
            print(f"first load without pictures: {await first_load(address) / 1000:.0f} kB")
            results: Any = multiprocessing.get_context("spawn").Queue()
            aside = multiprocessing.get_context("spawn").Process(
                target=load_from_aside, args=(address, options.seconds, results)
            )
            before = os.times()
            aside.start()
            took, load_cpu_s = await asyncio.to_thread(results.get)
            after = os.times()
            aside.join()
            scanning.cancel()
    report(took, after.user + after.system - before.user - before.system, load_cpu_s, options.seconds)


def report(took: dict[str, list[float]], cpu_s: float, load_cpu_s: float, seconds: float) -> None:
    """Print what was measured."""
    faults = {name: len(times) for name, times in took.items() if name.startswith("fault")}
    shown = {name: sorted(times) for name, times in took.items() if name not in faults}
    everything = sorted(itertools.chain.from_iterable(shown.values()))
    print(f"{'page':28} {'asked':>6} {'median':>8} {'p95':>8}  ms")
    for name, times in {**shown, "all": everything}.items():
        print(f"{name:28} {len(times):6} {statistics.median(times):8.0f} {times[int(len(times) * 0.95)]:8.0f}")
    print(f"console and scan: {cpu_s:.1f} s of CPU in {seconds:.0f} s; load generator: {load_cpu_s:.1f} s of CPU")
    print(f"faults: {faults or 'none'}")


def main() -> None:
    """Measure with what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listings", type=int, default=1_000_000)
    parser.add_argument("--alerts", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--postgres", default="", help="postgresql+asyncpg://... of an empty database; else SQLite")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bazaarwatch-bench-") as folder:
        asyncio.run(measure(options, Path(folder)))


if __name__ == "__main__":
    main()
