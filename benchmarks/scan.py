"""Listings a second from search page to stored match on the demo bazaar, and the daemon's memory when it rests.

    python benchmarks/scan.py

CPU is that of our processes (parent and children), not of the bazaar's. Pictures are drawn before the clock starts.
"""

from __future__ import annotations

import asyncio
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from monitor.daemon import Parts, build, scan
from monitor.demo.catalogue import KEYWORDS, make_catalogue
from monitor.demo.server import demo_process
from monitor.demo.tour import MARKETPLACE, demo_settings, register
from monitor.marketplaces import MARKETPLACES
from monitor.marketplaces.demo import DemoBazaar

_SETTLE_S = 8.0


def cpu_s() -> float:
    """CPU seconds of this process and of its children that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


async def draw_everything(base_url: str) -> None:
    """Ask for every picture once, so that drawing them is not measured."""
    catalogue = make_catalogue()
    async with httpx2.AsyncClient(base_url=base_url, timeout=60) as client:
        for listing in catalogue.listings:
            for picture in listing.pictures:
                (await client.get(f"/full/{picture.picture_id}.jpg")).raise_for_status()


async def measure_scan(folder: Path) -> None:
    """Print the scan's rate."""
    async with demo_process() as base_url:
        await draw_everything(base_url)
        settings = demo_settings(folder, urlsplit(base_url).netloc, {})
        marketplaces = dict(MARKETPLACES) | {MARKETPLACE: DemoBazaar(base_url=base_url)}
        before_cpu = cpu_s()
        async with build(settings, marketplaces) as parts:
            await register(parts, make_catalogue())
            before, before_work_cpu = time.perf_counter(), cpu_s()
            await scan(parts)
            wall = time.perf_counter() - before
            listings, pictures = await count(parts)
        cpu = cpu_s() - before_cpu
    print(f"{'scan: listings, their pages and pictures, to stored matches':<62}")
    print(f"  {listings} listings, {pictures} pictures, {len(KEYWORDS)} searches in {wall:.1f} s wall")
    print(
        f"  {listings / wall:.1f} listings/s wall; {1000 * cpu / listings:.0f} ms CPU a listing, registering 12 works"
    )
    print(f"  (of it {before_work_cpu - before_cpu:.1f} s in the parent before the scan); the bazaar shares the cores")


async def count(parts: Parts) -> tuple[int, int]:
    """Listings and pictures stored."""
    from sqlalchemy import func, select

    from storage.tables import Listing, ListingPicture

    async with parts.database.read() as session:
        stored = select(func.count()).select_from(ListingPicture).where(ListingPicture.sha256.is_not(None))
        return await session.scalar(select(func.count()).select_from(Listing)) or 0, await session.scalar(stored) or 0


def measure_idle(folder: Path) -> None:
    """Print the memory of a resting daemon: PSS of all its processes."""
    (folder / "bazaarwatch.toml").write_text('[fetch]\ncontact = "bench@example.org"\n', "utf-8")
    command = [sys.executable, "-m", "monitor", "--data", str(folder), "run"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as daemon:
        time.sleep(_SETTLE_S)
        total = sum(pss_mb(pid) for pid in family(daemon.pid))
        daemon.terminate()
    print(f"idle daemon: {total:.0f} MB (PSS of all its processes; bar: 250)")


def family(pid: int) -> list[int]:
    """A process and its descendants (Linux); none, if it has ended."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [pid, *(one for child in children for one in family(int(child)))]


def pss_mb(pid: int) -> float:
    """The proportional set size of a process (Linux)."""
    found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def main() -> None:
    """Measure both."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure_scan(Path(folder)))
    if os.path.exists("/proc/self/smaps_rollup"):  # noqa: PTH110
        with tempfile.TemporaryDirectory() as folder:
            measure_idle(Path(folder))


if __name__ == "__main__":
    main()
