"""The console at size: a million listings, a hundred thousand alerts, twenty readers, a scan that writes meanwhile.

    .venv/bin/python benchmarks/console.py [--listings N] [--alerts N] [--seconds S] [--data FOLDER] [--postgres URL]

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
from pathlib import Path
from typing import Any

import httpx2
from console_data import plant
from sqlalchemy import text

from config.settings import load
from monitor.console.server import listening
from monitor.daemon import Parts, build
from storage.database import Database, upgrade_schema

PAGES = (
    *("/inbox", "/inbox?priority=high", "/inbox?text=fox+pin", "/inbox?work=7", "/inbox/review", "/alerts/4711"),
    *("/decisions", "/complaints", "/works", "/works/7", "/sellers", "/sellers/77", "/searches", "/marketplaces"),
    *("/dashboard", "/audit", "/rules", "/settings", "/start", "/account"),
)
READERS, EVERY_S = 20, 3.0


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

    settings = load(data, environ)
    database = Database(settings.database_url)
    await upgrade_schema(database)
    await database.close()
    async with build(settings) as parts:
        async with parts.database.read() as session:
            is_planted = await session.scalar(text("SELECT count(*) FROM works"))
        if not is_planted:
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
    share = f"{1000 * cpu_s / len(everything):.0f} ms for each of {len(everything)} requests"
    print(f"console and scan: {cpu_s:.1f} s of CPU in {seconds:.0f} s, {share}; load generator: {load_cpu_s:.1f} s")
    print(f"faults: {faults or 'none'}")


def main() -> None:
    """Measure with what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listings", type=int, default=1_000_000)
    parser.add_argument("--alerts", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=60.0)
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
