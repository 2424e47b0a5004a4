"""What the shared queue carries: jobs a second with several workers, and how soon a killed one's job is done.

Run: python benchmarks/scale.py [--workers 1 2 4] [--jobs 4000] [--database URL]
Without --database a PostgreSQL of its own is started and removed. Jobs do nothing, so what is measured is the queue;
each worker is a process. The jobs are of 40 marketplaces, whose limits are kept. CPU time is that of the workers.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from monitor.engines.postgres import PostgresEngine
from monitor.engines.shared import install
from storage.database import Database
from storage.postgres import raw

_CONCURRENCY = 16
_SITES = [f"shop {number}" for number in range(40)]  # as many marketplaces as an installation knows
_AT_A_SITE = 8  # as schedule.site_concurrency
_TOOK_MS = """
SELECT extract(epoch FROM max(created) - min(created)) * 1000 FROM pgqueuer_log WHERE status = 'successful'
"""


async def _nothing(_: int) -> None:
    """A unit of work that takes no time."""


async def _for_ever(_: int) -> None:
    await asyncio.sleep(3600)


async def _told(name: str, number: int, error: Exception) -> None:
    sys.exit(f"{name} {number}: {error}")


async def work(url: str, how: str) -> None:
    """Be a worker until SIGTERM, then say how much CPU that took."""
    database = Database(url)
    task = _nothing if how == "nothing" else _for_ever
    engine = PostgresEngine(database, {"job": task}, _told, _CONCURRENCY, _SITES, _AT_A_SITE)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, engine.stop)
    await engine.run()
    await database.close()
    used = resource.getrusage(resource.RUSAGE_SELF)
    sys.stdout.write(f"{used.ru_utime + used.ru_stime:.2f} {used.ru_maxrss / 1024:.0f}\n")


def _start(url: str, how: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, __file__, "--be-worker", url, how], stdout=subprocess.PIPE, text=True)


async def _ask(database: Database, question: str) -> int:
    async with raw(database.engine) as connection:
        return int(await connection.fetchval(question) or 0)


async def _until(database: Database, question: str) -> None:
    while not await _ask(database, question):  # noqa: ASYNC110 - other processes answer it
        await asyncio.sleep(0.05)


@asynccontextmanager
async def _fresh(url: str, jobs: int) -> AsyncIterator[Database]:
    database = Database(url)
    await install(database)
    async with raw(database.engine) as connection:
        await connection.execute("TRUNCATE pgqueuer, pgqueuer_log, pgqueuer_statistics")
    queue = PostgresEngine(database, {}, _told, 1, _SITES)
    for number, site in enumerate(_SITES):
        await queue.enqueue("job", range(number, jobs, len(_SITES)), site=site)
    yield database
    await database.close()


async def throughput(url: str, workers: int, jobs: int) -> None:
    """Print how many jobs a second so many workers do, from the first that is done to the last."""
    async with _fresh(url, jobs) as database:
        started = [_start(url, "nothing") for _ in range(workers)]
        await _until(database, "SELECT count(*) = 0 FROM pgqueuer")
        took_ms = await _ask(database, _TOOK_MS)
        for one in started:
            one.terminate()
        said = [one.communicate(timeout=60)[0].split() for one in started]
    cpu_s, rss_mb = sum(float(cpu) for cpu, _ in said), max(float(rss) for _, rss in said)
    print(
        f"{workers} workers: {1000 * jobs / max(1, took_ms):,.0f} jobs a second, "
        f"{1000 * cpu_s / jobs:.2f} ms of CPU each, {rss_mb:.0f} MB a worker at most"
    )


async def takeover(url: str) -> None:
    """Print how long after kill -9 of its worker a job is another's."""
    async with _fresh(url, 1) as database:
        victim = _start(url, "for ever")
        await _until(database, "SELECT count(*) = 1 FROM pgqueuer WHERE status = 'picked'")
        heir = _start(url, "nothing")
        await asyncio.sleep(3)  # it is there when the other dies
        victim.kill()
        killed = time.monotonic()
        await _until(database, "SELECT count(*) = 0 FROM pgqueuer")
        print(f"a killed worker's job was done by another {time.monotonic() - killed:.1f} s after the kill")
        heir.terminate()
        for one in (victim, heir):
            one.communicate(timeout=60)


@contextmanager
def _own_server() -> Iterator[str | None]:
    """A PostgreSQL on a Unix socket, with its defaults; none where it is not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: -float(folder.parent.name))
    found = shutil.which("initdb")
    programs = [Path(found).resolve().parent] if found else folders
    if not programs:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="bazaarwatch-bench-"))
    become = []
    if os.geteuid() == 0:  # PostgreSQL refuses root
        shutil.chown(folder, "postgres", "postgres")
        become = ["runuser", "-u", "postgres", "--"]

    def run(program: str, *arguments: str) -> None:
        command = [*become, str(programs[0] / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)

    run("initdb", "-U", "postgres", "--auth=trust")
    run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", f"-k {folder} -c listen_addresses=''", "start")
    try:
        yield f"postgresql+asyncpg://postgres@/postgres?host={folder}"
    finally:
        run("pg_ctl", "-m", "fast", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Measure, or be one of the workers that are measured."""
    if sys.argv[1:2] == ["--be-worker"]:
        asyncio.run(work(sys.argv[2], sys.argv[3]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--jobs", type=int, default=4000)
    parser.add_argument("--database", help="an empty PostgreSQL database; else one is started")
    given = parser.parse_args()
    with _own_server() as own:
        url = given.database or own
        if url is None:
            print("nothing measured: PostgreSQL's server is not installed; give --database")
            return
        for workers in given.workers:
            asyncio.run(throughput(url, workers, given.jobs))
        asyncio.run(takeover(url))


if __name__ == "__main__":
    main()
