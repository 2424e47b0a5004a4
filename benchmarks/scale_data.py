"""The lines of `benchmarks/scale.py` that need listings, pictures or works."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from scan import draw_everything, family, pss_mb
from sqlalchemy import TextClause, text

from detectors.model import Listing
from monitor.daemon import build, work
from monitor.demo.catalogue import make_catalogue
from monitor.demo.server import demo_process
from monitor.demo.tour import MARKETPLACE, demo_settings, register
from monitor.engines.shared import install
from monitor.lookback import near_in
from monitor.marketplaces import MARKETPLACES
from monitor.marketplaces.demo import DemoBazaar
from storage.database import Database, upgrade_schema
from storage.listings import Link, finish_examination, link_pictures, pictures_of, record_listings
from storage.lookback import ROW_BYTES, Shard
from storage.pictures import Seen, remember

_PAGE, _PAGES = 24, 40
_A_SHARD = 4_000_000  # 50 million in a year
_LISTINGS = 320
_OF_DEMO = "FROM listings WHERE marketplace = 'demo-bazaar'"
_RESULTS = (
    text(f"SELECT count(*) {_OF_DEMO} AND examined_at IS NOT NULL"),
    text(
        f"SELECT count(DISTINCT p.sha256) FROM listing_pictures p JOIN (SELECT id {_OF_DEMO}) l ON l.id = p.listing_key"
    ),
    text("SELECT count(*) FROM alerts"),
)
_WAITING = text(
    f"SELECT count(*) {_OF_DEMO} AND examine_at IS NOT NULL OR NOT EXISTS (SELECT FROM crawls)"
    " OR EXISTS (SELECT FROM crawls WHERE finished_at IS NULL)"
)
_TOOK = text(f"SELECT extract(epoch FROM max(examined_at) - min(first_seen_at)) {_OF_DEMO}")
_FILL = """
INSERT INTO sellers (id, marketplace, seller_id, name, first_seen_at)
    SELECT n, 'bazaar', 's' || n, 'Shop ' || n, now() FROM generate_series(:first / 50 + 1, :last / 50) n;
INSERT INTO captures (id, marketplace, url, sha256, status, outcome, reason, how, head, captured_at)
    SELECT n, 'bazaar', 'https://bazaar.example/search?page=' || n, md5(n::text) || md5(n::text), 200, 'ok', '',
    'fetched', '{}', now() FROM generate_series(:first / 24 + 1, :last / 24) n;
INSERT INTO listings (id, marketplace, listing_id, url, title, seller_key, capture_id, first_capture_id, content,
    attempts, first_seen_at, last_seen_at, detailed_at, examined_at)
    SELECT n, 'bazaar', n::text, 'https://bazaar.example/item/' || n, 'A cute vintage enamel pin, number ' || n,
    (n - 1) / 50 + 1, least((n - 1) / 24 + 1, :last / 24), least((n - 1) / 24 + 1, :last / 24),
    md5(n::text) || md5(n::text), 0, now(), now(), now(), now() FROM generate_series(:first + 1, :last) n;
INSERT INTO pictures (sha256, first_seen_at)
    SELECT md5('p' || n) || md5('q' || n), now() FROM generate_series(:first + 1, :last) n;
INSERT INTO listing_pictures (listing_key, url, position, sha256, outcome, how, head, fetched_at)
    SELECT n, 'https://bazaar.example/full/' || n || '.jpg', 0, md5('p' || n) || md5('q' || n), 'ok', 'fetched', '{}',
    now() FROM generate_series(:first + 1, :last) n;
SELECT setval(pg_get_serial_sequence(name, 'id'), 1000000000 + CAST(:last AS bigint))
    FROM unnest(ARRAY['sellers', 'captures', 'listings']) name
"""
Start = Callable[[int, Sequence[str]], "subprocess.Popen[str]"]
Prepare = Callable[[Database], Awaitable[None]]


# Listings end to end


@dataclass(frozen=True, slots=True)
class Listed:
    """What a scan of the demo bazaar came to; CPU seconds are the workers', their children's and PostgreSQL's."""

    listings: int
    pictures: int
    alerts: int
    took_s: float
    cpu_s: float


def list_together(url: str, workers: Sequence[int], start: Start) -> None:
    """Print how many listings a second so many workers bring from the search page to stored findings."""
    for number in workers:
        found = asyncio.run(list_with(url, number, start))
        print(
            f"{number} workers: {found.listings / found.took_s:.1f} listings a second, "
            f"{1000 * found.cpu_s / found.listings:.0f} ms of CPU each (PostgreSQL's and their start included)",
            flush=True,
        )


async def list_with(url: str, workers: int, start: Start, prepare: Prepare | None = None) -> Listed:
    """Have workers scan a demo bazaar into a database of their own on a server, which may be filled before."""
    own = url.replace("/postgres?", f"/listed_{workers}?")
    admin = Database(url)
    async with admin.engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(
            text(f"CREATE DATABASE listed_{workers}")
        )
    await admin.close()
    database = Database(own)
    await upgrade_schema(database)
    await install(database)
    with tempfile.TemporaryDirectory() as folder:
        async with demo_process(listings=_LISTINGS) as bazaar:
            await draw_everything(bazaar)
            async with build(*_settings(own, Path(folder), bazaar)) as parts:
                await register(parts, make_catalogue())
                if prepare:
                    await prepare(parts.database)
                    await parts.works.index()  # is built once and kept: no part of what a picture takes
                before = [await _count(database, question) for question in _RESULTS]
            server = server_pid(database)
            idle_s = cpu_s(server)
            started = [start(n, ["be-lister", own, folder, bazaar]) for n in range(workers)]
            while await _count(database, _WAITING) or await _count(database, _RESULTS[0]) == before[0]:  # noqa: ASYNC110
                await asyncio.sleep(0.5)  # other processes answer it
            took_s = await _count(database, _TOOK)
            used_s = cpu_s(server) - idle_s
            for one in started:
                one.send_signal(signal.SIGTERM)
            used_s += sum(float(one.communicate(timeout=60)[0].split()[0]) for one in started)
            after = [await _count(database, question) for question in _RESULTS]
    await database.close()
    listings, pictures, alerts = (int(later - sooner) for later, sooner in zip(after, before, strict=True))
    return Listed(listings, pictures, alerts, took_s, used_s)


async def _count(database: Database, question: TextClause) -> float:
    async with database.engine.connect() as connection:
        return float((await connection.execute(question)).scalar_one() or 0)


def _settings(url: str, folder: Path, bazaar: str) -> tuple[object, object]:
    settings = demo_settings(folder, urlsplit(bazaar).netloc, {"BAZAARWATCH_DATABASE__URL": url})
    settings = settings.model_copy(update={"schedule": settings.schedule.model_copy(update={"tick_s": 1.0})})
    return settings, dict(MARKETPLACES) | {MARKETPLACE: DemoBazaar(base_url=bazaar)}


async def list_as_worker(url: str, folder: str, bazaar: str) -> None:
    """Be a worker on the demo bazaar until SIGTERM, then say how much CPU that took."""
    async with build(*_settings(url, Path(folder), bazaar)) as parts:
        await work(parts)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    sys.stdout.write(f"{sum(one.ru_utime + one.ru_stime for one in used):.2f}\n")


# What a listing costs as they grow


async def grow(url: str, sizes: Sequence[int]) -> None:
    """Print what storing a listing costs, the database's work included, with so many stored already."""
    database, stored, first_ms = Database(url), 0, None
    await upgrade_schema(database)
    server = server_pid(database)
    for size in sizes:
        await fill(database, stored, size)
        stored = size
        before_s, began = cpu_s(server), time.perf_counter()
        for page in range(_PAGES):
            await _store_page(database, size, page)
        count = _PAGE * _PAGES
        cpu_ms, wall_ms = 1000 * (cpu_s(server) - before_s) / count, 1000 * (time.perf_counter() - began) / count
        first_ms = first_ms or cpu_ms
        print(
            f"{size:>12,} listings stored: {cpu_ms:.2f} ms of CPU a listing, PostgreSQL's included "
            f"({cpu_ms / first_ms:.2f} of the first), {wall_ms:.2f} ms on the clock",
            flush=True,
        )
    await database.close()


async def fill(database: Database, first: int, last: int) -> None:
    """Store listings as a scan of long ago left them, numbered from after ``first`` to ``last``."""
    async with database.engine.begin() as connection:
        for statement in _FILL.split(";"):
            await connection.execute(text(statement), {"first": first, "last": last} if ":last" in statement else {})
    async with database.engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("VACUUM ANALYZE"))
        await connection.execute(text("CHECKPOINT"))


async def _store_page(database: Database, size: int, page: int) -> None:
    """What the daemon writes for a page of listings, half of them known, and for the pictures of the new ones."""
    now, half = datetime.now(UTC), _PAGE // 2
    known = [1 + (page * 7919 + k * 104_729) % size for k in range(half)]
    new = [f"new {size} {page} {k}" for k in range(half)]
    listings = [
        Listing(
            "bazaar", str(one), f"https://bazaar.example/item/{one}", f"A pin {one}", image_urls=(f"https://b/{one}",)
        )
        for one in (*known, *new)
    ]
    async with database.write("listings") as session:
        recorded = await record_listings(session, listings, None, now)
    for key in recorded.new:
        sha256, hashes = os.urandom(32).hex(), (os.urandom(32), os.urandom(32))
        async with database.read(brief=True) as session:
            (picture,) = await pictures_of(session, key)
        async with database.write("examined") as session:
            seen = Seen(sha256, *hashes, os.urandom(13_000), "bazaar", str(key), "https://b", "https://b/1.jpg")
            await remember(session, [seen], now, now.replace(year=now.year - 1))
            await link_pictures(session, [Link(picture.id, sha256, "fetched", now)], now)
            await finish_examination(session, key, now)


def server_pid(database: Database) -> int:
    """The process of a server that `scale.own_server` started."""
    return int((Path(str(database.url.query["host"])) / "data" / "postmaster.pid").read_text().split()[0])


def cpu_s(server: int) -> float:
    """CPU seconds of this process and of every process of a PostgreSQL server, those that ended included (Linux)."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    ticks = 0
    for pid in family(server):
        with suppress(FileNotFoundError, ProcessLookupError):  # ended meanwhile: the server counts it
            spent = [int(one) for one in Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[11:15]]
            ticks += sum(spent if pid == server else spent[:2])
    return own.ru_utime + own.ru_stime + ticks / os.sysconf("SC_CLK_TCK")


# Looking back


def look_back_over(millions: Sequence[int]) -> float:
    """Print what one new work costs over so many stored pictures, in months' files as the program keeps them.

    Returns:
        CPU seconds over the most pictures, their pages mapped before.
    """
    rng, cost_s = np.random.default_rng(1), 0.0
    with tempfile.TemporaryDirectory() as folder:
        shards: list[Shard] = []
        for wanted in sorted(millions):
            _add_shards(shards, Path(folder), wanted * 1_000_000, rng)
            middle = shards[len(shards) // 2]
            planted = middle.first + middle.rows // 2
            queries = [rng.bytes(32) for _ in range(15)] + [middle.mapped()[middle.rows // 2, :32].tobytes()]
            for _ in range(2):
                before_s, began = time.process_time(), time.perf_counter()
                found = near_in(shards, queries)
                cost_s, wall_s = time.process_time() - before_s, time.perf_counter() - began
                print(
                    f"{wanted} million pictures in {len(shards)} files: {cost_s:.2f} s of CPU, "
                    f"{wall_s:.2f} s on the clock of {os.cpu_count()} cores, planted copy found: {planted in found}, "
                    f"{_own_mb():.0f} MB besides mapped pages",
                    flush=True,
                )
    return cost_s


def _add_shards(shards: list[Shard], folder: Path, wanted: int, rng: np.random.Generator) -> None:
    held = sum(shard.rows for shard in shards)
    while held < wanted:
        rows = min(_A_SHARD, wanted - held)
        path = folder / f"2026-{len(shards):02}-{held + 1}"
        with path.open("wb") as file:
            for at in range(0, rows, 500_000):
                file.write(rng.bytes(min(500_000, rows - at) * ROW_BYTES))
        shards.append(Shard(path, held + 1, rows, rows))
        held += rows


def _own_mb() -> float:
    """Memory of this process that is no mapped file's (Linux)."""
    found = re.search(r"^RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


# Memory


def rest(url: str) -> None:
    """Print what each kind of process holds when it rests."""
    database = Database(url)
    asyncio.run(_prepare(database))
    with tempfile.TemporaryDirectory() as folder:
        environ = os.environ | {"BAZAARWATCH_DATABASE__URL": url, "BAZAARWATCH_FETCH__CONTACT": "bench@example.org"}
        for name, arguments in {
            "console": ["serve", "--port", "0"],
            **{f"worker, {role}": ["worker", "--roles", role] for role in ("crawl", "examine", "notify")},
            "worker": ["worker"],
        }.items():
            command = [sys.executable, "-m", "monitor", "--data", folder, *arguments]
            with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environ) as process:
                time.sleep(10)
                print(f"{name}: {sum(pss_mb(pid) for pid in family(process.pid)):.0f} MB (PSS)", flush=True)
                process.terminate()


async def _prepare(database: Database) -> None:
    await upgrade_schema(database)
    await install(database)
    await database.close()
