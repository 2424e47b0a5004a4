"""The lines of `benchmarks/scale.py` that need thousands of works: stand-ins, a few drawings' points changed."""

from __future__ import annotations

import asyncio
import math
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import scale_data
from detect import another, drawing, jpeg, placed
from sqlalchemy import insert

from config.settings import load
from detectors.describe import describe, describe_reference
from monitor.daemon import build
from storage.database import Database, upgrade_schema
from storage.tables import Reference, Work
from storage.works import set_owner, the_owner

_DRAWN = 20
_AT_ONCE = 200
_MATCHED = 10
_WEEK_S = 604_800
_BUSY = 0.7  # of a box
_CORES = 2  # of a box
_NEW_PICTURES, _LOOK_BACKS = 1_000_000, 70  # in a week
Start = Callable[[int, Sequence[str]], "subprocess.Popen[str]"]


async def register_stand_ins(database: Database, owner_id: int, count: int) -> None:
    """Works with one reference each, that look like nobody's drawing; describing as many would take half an hour."""
    rng, now = np.random.default_rng(2), datetime.now(UTC)
    drawn = [describe_reference(jpeg(drawing(seed))) for seed in range(_DRAWN)]
    for at in range(0, count, _AT_ONCE):
        numbers = range(1_000_000 + at, 1_000_000 + min(at + _AT_ONCE, count))
        works = [{"id": n, "owner_id": owner_id, "title": f"Stand-in {n}", "revision": n, "created_at": now}
                 for n in numbers]  # fmt: skip
        references = [
            {
                "id": n, "work_id": n, "sha256": f"{n:064x}", "file_name": "x.png", "added_at": now,
                "description": another(drawn[n % _DRAWN], rng).to_bytes(),
            }
            for n in numbers
        ]  # fmt: skip
        async with database.write("stand-ins") as session:
            await session.execute(insert(Work), works)
            await session.execute(insert(Reference), references)


def share_index(url: str, workers: Sequence[int], works: int, start: Start) -> None:
    """Print what building the index takes, what mapping it takes, and what so many processes hold that compare."""
    asyncio.run(_with_stand_ins(url, works))
    with tempfile.TemporaryDirectory() as folder:
        for number in workers:
            several = []
            for _ in range(number):  # one after another: the first finds no file, and builds
                several.append(start(0, ["be-comparer", url, folder]))
                line = several[-1].stdout.readline() if several[-1].stdout else ""
                if number == workers[0] and len(several) == 1:
                    size_mb = sum(path.stat().st_size for path in Path(folder, "index").glob("arrays-*")) / 1e6
                    print(f"{works} works, first process: {line.strip()}; the file has {size_mb:.0f} MB", flush=True)
            found = [_memory_mb(one.pid) for one in several]
            own, pss = (sum(each[at] for each in found) for at in (0, 1))
            print(f"{number} workers: the last {line.strip()}; {own / number:.0f} MB of its own each, "
                  f"{pss / number:.0f} MB each and {pss:.0f} MB together with shares of what is mapped (PSS)",
                  flush=True)  # fmt: skip
            for one in several:
                one.send_signal(signal.SIGTERM)
                one.communicate(timeout=60)


async def _with_stand_ins(url: str, works: int) -> None:
    database = Database(url)
    await upgrade_schema(database)
    async with database.write("owner") as session:
        owner = await set_owner(session, datetime.now(UTC), "bench", "Mira Moss", {})
    await register_stand_ins(database, owner.id, works)
    await database.close()


async def compare_as_worker(url: str, folder: str) -> None:
    """Be a process that compares: say how long it took to be ready, and what a picture takes, then stay."""
    began, used = time.perf_counter(), time.process_time()
    async with build(load(Path(folder), {"BAZAARWATCH_DATABASE__URL": url})) as parts:
        index = await parts.works.index()
        ready = f"was ready after {time.perf_counter() - began:.1f} s, {time.process_time() - used:.1f} s of CPU"
        seen = [describe(jpeg(placed(seed))) for seed in range(_MATCHED)]
        used = time.process_time()
        for one in seen:
            index.matches(one)
        matched_ms = 1000 * (time.process_time() - used) / _MATCHED
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sys.stdout.write(f"{ready}, {matched_ms:.0f} ms of CPU to match a picture, {peak:.0f} MB at most\n")
        sys.stdout.flush()
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        await ended.wait()


def _memory_mb(pid: int) -> tuple[float, float]:
    """What is a process's own, and its proportional set size (Linux)."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    own, pss = (re.search(rf"^{name}:\s+(\d+) kB", rollup, re.MULTILINE) for name in ("Pss_Anon", "Pss"))
    return (int(own[1]) / 1024 if own else 0.0), (int(pss[1]) / 1024 if pss else 0.0)


def live_a_week(url: str, works: int, stored: int, millions: int, start: Start) -> None:
    """Print how many two-core boxes a team's week needs, by what a small part of it takes beside all that is stored.

    The week: a million new pictures, 60,000 alerts, ten works a day looked for in 50 million pictures.
    """

    async def prepare(database: Database) -> None:
        async with database.read() as session:
            owner = await the_owner(session, None)
        await register_stand_ins(database, owner.id, works)
        await scale_data.fill(database, 0, stored)

    part = asyncio.run(scale_data.list_with(url, 1, start, prepare))
    look_back_s = scale_data.look_back_over([millions])
    picture_s = part.cpu_s / part.pictures
    print(
        f"{part.listings} listings with {part.pictures} new pictures and {part.alerts} alerts, beside {stored:,} "
        f"stored and {works:,} works: {1000 * picture_s:.0f} ms of CPU a picture, PostgreSQL's included"
    )
    look_backs_s = _LOOK_BACKS * look_back_s
    week_s = _NEW_PICTURES * picture_s + look_backs_s
    cores = week_s / (_WEEK_S * _BUSY)
    print(
        f"a week: {_NEW_PICTURES * part.alerts / part.pictures:,.0f} alerts on {_NEW_PICTURES:,} pictures, "
        f"{week_s:,.0f} s of CPU ({look_backs_s:,.0f} s of it looking back), {cores:.2f} cores at {_BUSY:.0%}: "
        f"{math.ceil(cores / _CORES)} boxes of two cores",
        flush=True,
    )
