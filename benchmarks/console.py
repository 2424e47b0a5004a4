"""The console at size: a million listings, a hundred thousand alerts, twenty readers, a scan that writes meanwhile.

    .venv/bin/python benchmarks/console.py [--listings N] [--alerts N] [--seconds S] [--data FOLDER] [--postgres URL]

Twenty people are signed in. Twelve ask for a page every three seconds, of every kind in turn; eight review: every three
seconds one answers the card that is shown and has the next one loaded ahead. Meanwhile a scan records three pages a
second of fifty listings, describes a picture a second in its child and raises an alert on it. The load comes from
another process, whose CPU time is told apart. Prints p95 by page in ms, what decisions took, faults, and the bytes of
the first load without pictures; requests of the first half minute after the console's start on a line of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import itertools
import math
import multiprocessing
import os
import random
import re
import resource
import statistics
import tempfile
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx2
from console_data import PASSWORD, SELLERS, WORKS, Planted, plant
from PIL import Image
from sqlalchemy import text

from config.settings import load
from detectors.model import Confidence, Listing, Match, Priority, PriorityLevel, Seller, Verdict
from monitor.console.server import listening
from monitor.daemon import Parts, build
from storage.alerts import raise_alert, record_matches
from storage.database import Database, upgrade_schema
from storage.listings import Link, link_pictures, record_listings
from storage.pictures import Seen, remember

_TODAY = datetime.now(UTC).date()
_WEEK = _TODAY - timedelta(days=_TODAY.weekday() + 21)
_ROWS = f"/dashboard/alerts/rows?key0={_WEEK}&key1=high"  # behind one number of the first chart
PAGES = (
    *("/inbox", "/inbox?priority=high", "/inbox?text=fox+pin", "/inbox?text=shop+77", "/inbox?work=7"),
    *("/inbox?marketplace=site-3", "/inbox?seller=77", "/inbox?state=all", "/inbox?state=infringing&text=moon"),
    *("/inbox?after=60.50000", "/alerts/4711", "/alerts/4000", "/decisions", "/decisions/77", "/complaints"),
    *("/complaints/77", "/mails", "/works", "/works?text=work+1", "/works/7", "/works/shop", "/readiness", "/sellers"),
    *("/sellers?text=shop+77", "/sellers?text=shop", "/sellers/77", "/searches", "/searches/7", "/marketplaces"),
    *("/dashboard", _ROWS, "/dashboard/alerts.csv", "/audit", "/audit?actor=ann"),
    *("/audit?subject=alert+4711", "/rules", "/reviewers", "/settings", "/start", "/account", "/jobs"),
)
READERS, REVIEWERS, EVERY_S = 12, 8, 3.0
WARM_S = 30.0  # templates and statements are compiled, PostgreSQL's pages read: told apart
FIRST = f"in the first {WARM_S:.0f} s"
_JSON = {"accept": "application/json"}


async def scan(parts: Parts, planted: Planted) -> None:
    """Write as a scan does: pages of listings, nearly all of them known, and now and then a copy."""
    chance = random.Random(2)
    pictures = [_noise(sigma) for sigma in range(40, 90)]  # made before: it is the scan that is measured
    for number in itertools.count():
        known = [chance.randrange(1, min(100_000, planted.listings)) for _ in range(48)]
        fresh = [10_000_000 + 2 * number + more for more in range(2)]
        now = parts.clock.now()
        async with parts.database.write("page recorded") as session:
            page = [_listing(planted, one) for one in (*known, *fresh)]
            recorded = await record_listings(session, page, None, now)
        if number % 3 == 0:
            await _examine(parts, recorded.seen[-1], chance.choice(pictures), chance)
        await asyncio.sleep(0.33)


def _listing(planted: Planted, number: int) -> Listing:
    seller = number % SELLERS + 1
    site = f"site-{number % 12}"
    link = f"https://site.example/item/{number}"
    return Listing(site, str(number), link, planted.title(number), seller=Seller(str(seller), f"Shop {seller}"))


def _noise(sigma: int) -> bytes:
    """A picture of noise as a JPEG file's bytes."""
    file = io.BytesIO()
    Image.effect_noise((600, 600), sigma).convert("RGB").save(file, "JPEG", quality=80)
    return file.getvalue()


async def _examine(parts: Parts, listing_key: int, picture: bytes, chance: random.Random) -> None:
    """One examination: the picture described in its child, what was found recorded."""
    await parts.sandbox.describe(picture)
    glance, now = await parts.sandbox.glance(picture), parts.clock.now()
    sha256, work = f"{chance.getrandbits(256):064x}", chance.randrange(1, WORKS + 1)
    found = Match(work, work, "phash", 1, threshold=62.0, distance_bits=4)
    async with parts.database.write("examination recorded") as session:
        seen = Seen(sha256, *glance.hashes(), glance.thumbnail(), "site", str(listing_key), "", "")
        await remember(session, [seen], now, now)
        await link_pictures(session, [Link(0, sha256, "fetched", now)], now)
        await record_matches(session, listing_key, sha256, [found], now)
        verdict = Verdict(work, Confidence.HIGH, 0.98, (found,), ("phash finds it",))
        priority = Priority(PriorityLevel.HIGH, chance.randrange(20, 100), ())
        await raise_alert(session, listing_key, verdict, priority, None, now)


class Reader:
    """Somebody at a browser, who notes how long each answer took."""

    def __init__(self, client: httpx2.AsyncClient, took: dict[str, list[float]], warm_at: float) -> None:
        self._client, self._took, self._warm_at = client, took, warm_at
        self._csrf = ""

    async def sign_in(self, name: str) -> None:
        """Be let in; not measured."""
        await self._client.post("/login", data={"name": name, "password": PASSWORD, "next": "/account"})
        page = await self._client.get("/account")
        self._csrf = page.text.partition('data-csrf="')[2].partition('"')[0]

    async def ask(self, name: str, path: str, form: dict[str, str] | None = None) -> str:
        """One page, or with a form what it answers."""
        start = time.perf_counter()
        name = name if start > self._warm_at else FIRST
        try:
            asked = self._client.get(path) if form is None else self._client.post(path, data=form, headers=_JSON)
            answer = await asked
        except httpx2.HTTPError as error:
            self._took[f"fault {name} {type(error).__name__}"].append(0)
            return ""
        self._took[name].append((time.perf_counter() - start) * 1000)
        if answer.status_code >= 400:
            self._took[f"fault {name} {answer.status_code} {answer.text[:200]}"].append(0)
        return answer.text

    async def read(self, turn: int) -> None:
        """One page."""
        path = PAGES[turn % len(PAGES)]
        await self.ask(path, path)

    async def review(self, card: str) -> str:
        """Answer a card; the one that comes after the next, as the page's script loads it ahead."""
        form = card.partition('action="/inbox/decide"')[2]
        sent = {name: form.partition(f'name="{name}" value="')[2].partition('"')[0] for name in ("alert", "up_to")}
        if sent["alert"]:
            await self.ask(
                "a decision", "/inbox/decide", {"csrf": self._csrf, "answer": "not-a-match", "was": "", **sent}
            )
        following = re.search('data-next="([^"]+)"', card)
        return await self.ask("the next card", unescape(following[1]) if following else "/inbox/card")


async def read_pages(address: str, seconds: float) -> dict[str, list[float]]:
    """Twenty people at it; milliseconds by page, and what went wrong."""
    took: dict[str, list[float]] = defaultdict(list)
    warm_at = time.perf_counter() + WARM_S
    async with contextlib.AsyncExitStack() as stack:
        people = []
        for number in range(READERS + REVIEWERS):
            client = httpx2.AsyncClient(base_url=address, timeout=30, headers={"origin": address})
            people.append(Reader(await stack.enter_async_context(client), took, warm_at))
            await people[-1].sign_in(f"reader {number}")
        end = time.monotonic() + WARM_S + seconds

        async def sit(number: int, person: Reader) -> None:
            await asyncio.sleep(number * EVERY_S / len(people))
            card = await person.ask("/inbox/review", "/inbox/review") if number >= READERS else ""
            for turn in itertools.count(number * 3):
                if time.monotonic() > end:
                    return
                begun = time.monotonic()
                if number < READERS:
                    await person.read(turn)
                else:
                    card = await person.review(card)
                await asyncio.sleep(max(0.0, EVERY_S - (time.monotonic() - begun)))

        await asyncio.gather(*(sit(number, person) for number, person in enumerate(people)))
    return took


def load_from_aside(address: str, seconds: float, results: Any) -> None:
    """The load generator's process."""
    took = asyncio.run(read_pages(address, seconds))
    used = resource.getrusage(resource.RUSAGE_SELF)
    results.put((dict(took), used.ru_utime + used.ru_stime))


async def first_load(address: str) -> int:
    """Bytes of the inbox, its style and its script, as sent."""
    async with httpx2.AsyncClient(base_url=address, headers={"origin": address}) as client:
        await client.post("/login", data={"name": "reader 0", "password": PASSWORD, "next": "/account"})
        page = await client.get("/inbox")
        files = [part.partition('"')[0] for part in page.text.split('"/static/')[1:]]
        sizes = [len((await client.get(f"/static/{name}")).content) for name in dict.fromkeys(files)]
    return len(page.content) + sum(sizes)


async def measure(options: argparse.Namespace, data: Path) -> None:
    """Plant, serve, load, print."""
    environ = {"BAZAARWATCH_DATABASE__URL": options.postgres} if options.postgres else {}

    async def examine(_: object) -> None:
        return None

    settings = load(data, environ)
    database = Database(settings.database_url)
    await upgrade_schema(database)
    await database.close()
    async with build(settings) as parts:
        async with parts.database.read() as session:
            is_planted = await session.scalar(text("SELECT count(*) FROM works"))
        planted = Planted(options.listings, options.alerts)
        if not is_planted:
            start = time.perf_counter()
            await plant(parts, planted)
            print(f"planted in {time.perf_counter() - start:.0f} s")
        async with listening(parts, examine, 0) as address:
            scanning = asyncio.create_task(scan(parts, planted))
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
            if not scanning.cancel():
                scanning.result()  # it must not have ended by itself
    report(took, after.user + after.system - before.user - before.system, load_cpu_s, WARM_S + options.seconds)


def report(took: dict[str, list[float]], cpu_s: float, load_cpu_s: float, seconds: float) -> None:
    """Print what was measured."""
    faults = {name: len(times) for name, times in took.items() if name.startswith("fault")}
    shown = {name: sorted(times) for name, times in took.items() if name not in faults}
    everything = sorted(itertools.chain.from_iterable(times for name, times in shown.items() if name != FIRST))
    print(f"{'page':28} {'asked':>6} {'median':>8} {'p95':>8}  ms")
    for name, times in {**shown, "all": everything}.items():
        print(
            f"{name:28} {len(times):6} {statistics.median(times):8.0f} {times[math.ceil(0.95 * len(times)) - 1]:8.0f}"
        )
    asked = sum(map(len, shown.values()))
    share = f"{1000 * cpu_s / asked:.0f} ms for each of {asked} requests"
    print(f"console and scan: {cpu_s:.1f} s of CPU in {seconds:.0f} s, {share}; load generator: {load_cpu_s:.1f} s")
    print(f"faults: {faults or 'none'}")


def main() -> None:
    """Measure with what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listings", type=int, default=1_000_000)
    parser.add_argument("--alerts", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--data", type=Path, help="a folder to plant in, or one that was planted before")
    parser.add_argument("--postgres", default="", help="postgresql+asyncpg://... of an empty database; else SQLite")
    options = parser.parse_args()
    if options.data:
        asyncio.run(measure(options, options.data))
        return
    with tempfile.TemporaryDirectory(prefix="bazaarwatch-bench-") as folder:
        asyncio.run(measure(options, Path(folder)))


if __name__ == "__main__":
    main()
