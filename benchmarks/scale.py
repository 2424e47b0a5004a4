"""What many workers, many listings and many pictures cost. Each line of the tables in docs/scaling.md has its command:

    python benchmarks/scale.py queue --workers 1 2 4 8      jobs a second on one box; takeover after kill -9
    python benchmarks/scale.py hosts --workers 1 2 4 8      the same, each worker in a network namespace (Linux, root)
    python benchmarks/scale.py listings --workers 1 2 4 8   listings a second end to end, on the demo bazaar
    python benchmarks/scale.py growth --stored 10000 ...    what a listing costs as stored listings grow
    python benchmarks/scale.py lookback --pictures 1 10 50  one new work over millions of stored pictures
    python benchmarks/scale.py memory                       of each role, resting
    python benchmarks/scale.py index --works 10000 --workers 1 2 4 8    building the works' index; memory of workers
    python benchmarks/scale.py week --works 10000 --stored 1000000 --pictures 50    how many boxes a team's week needs

A PostgreSQL of its own is started and removed (its defaults, fsync included). Queue jobs do nothing: what is measured
is the queue, with 40 marketplaces whose limits are kept. CPU time is what to compare where the machine has other work.
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
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import scale_data
import scale_works

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
_NETWORK, _SHUT_IN = "10.77.0", "BAZAARWATCH_BENCH_SHUT_IN"
Start = Callable[[int, Sequence[str]], "subprocess.Popen[str]"]


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


def _here(_: int, arguments: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True)


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


async def throughput(url: str, workers: int, jobs: int, start: Start) -> None:
    """Print how many jobs a second so many workers do, from the first that is done to the last."""
    async with _fresh(url, jobs) as database:
        started = [start(number, ["be-worker", url, "nothing"]) for number in range(workers)]
        await _until(database, "SELECT count(*) = 0 FROM pgqueuer")
        took_ms = await _ask(database, _TOOK_MS)
        for one in started:
            one.terminate()
        said = [one.communicate(timeout=60)[0].split() for one in started]
    cpu_s, rss_mb = sum(float(cpu) for cpu, _ in said), max(float(rss) for _, rss in said)
    print(
        f"{workers} workers: {1000 * jobs / max(1, took_ms):,.0f} jobs a second, "
        f"{1000 * cpu_s / jobs:.2f} ms of CPU each, {rss_mb:.0f} MB a worker at most",
        flush=True,
    )


async def takeover(url: str) -> None:
    """Print how long after kill -9 of its worker a job is another's."""
    async with _fresh(url, 1) as database:
        victim = _here(0, ["be-worker", url, "for ever"])
        await _until(database, "SELECT count(*) = 1 FROM pgqueuer WHERE status = 'picked'")
        heir = _here(1, ["be-worker", url, "nothing"])
        await asyncio.sleep(3)  # it is there when the other dies
        victim.kill()
        killed = time.monotonic()
        await _until(database, "SELECT count(*) = 0 FROM pgqueuer")
        print(f"a killed worker's job was done by another {time.monotonic() - killed:.1f} s after the kill")
        heir.terminate()
        for one in (victim, heir):
            one.communicate(timeout=60)


@contextmanager
def own_server(options: str = "-c listen_addresses=''", trusted: str = "") -> Iterator[str]:
    """The address of a PostgreSQL on a Unix socket, with its defaults.

    Args:
        options: Further ones of its command line.
        trusted: A network that is let in, too.
    """
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: -float(folder.parent.name))
    found = shutil.which("initdb")
    programs = [Path(found).resolve().parent] if found else folders
    if not programs:
        sys.exit("nothing measured: PostgreSQL's server is not installed")
    folder = Path(tempfile.mkdtemp(prefix="bazaarwatch-bench-"))
    become = []
    if os.geteuid() == 0:  # PostgreSQL refuses root
        shutil.chown(folder, "postgres", "postgres")
        become = ["runuser", "-u", "postgres", "--"]

    def run(program: str, *arguments: str) -> None:
        command = [*become, str(programs[0] / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)

    run("initdb", "-U", "postgres", "--auth=trust")
    if trusted:
        with (folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {trusted} trust\n")
    run("pg_ctl", "-w", "-t", "120", "-l", str(folder / "log"), "-o", f"-k {folder} {options}", "start")
    try:
        yield f"postgresql+asyncpg://postgres@/postgres?host={folder}"
    finally:
        run("pg_ctl", "-m", "fast", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def queue(workers: Sequence[int], jobs: int) -> None:
    """Print the queue's figures with all processes on one box."""
    with own_server() as url:
        for number in workers:
            asyncio.run(throughput(url, number, jobs, _here))
        asyncio.run(takeover(url))


def hosts(workers: Sequence[int], jobs: int) -> None:
    """The same with each worker behind a network interface of its own, as on a host of its own."""
    if os.environ.get(_SHUT_IN) != "yes":
        command = ["unshare", "--net", sys.executable, __file__, *sys.argv[1:]]
        sys.exit(subprocess.run(command, env=os.environ | {_SHUT_IN: "yes"}).returncode)
    for line in ("link set lo up", "link add bench type bridge", f"addr add {_NETWORK}.1/24 dev bench",
                 "link set bench up"):  # fmt: skip
        subprocess.run(["ip", *line.split()], check=True)
    with ExitStack() as stack:
        url = stack.enter_context(own_server(f"-c listen_addresses={_NETWORK}.1", f"{_NETWORK}.0/24"))
        away = f"postgresql+asyncpg://postgres@{_NETWORK}.1/postgres"
        inside = [stack.enter_context(_namespace(number)) for number in range(max(workers))]

        def there(number: int, arguments: Sequence[str]) -> subprocess.Popen[str]:
            command = [*inside[number], sys.executable, __file__, *(away if one == url else one for one in arguments)]
            return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

        for number in workers:
            asyncio.run(throughput(url, number, jobs, there))


@contextmanager
def _namespace(number: int) -> Iterator[list[str]]:
    """What a command has to begin with to run on a host of its own."""
    with subprocess.Popen(["unshare", "--net", "sleep", "infinity"]) as host:
        while os.readlink(f"/proc/{host.pid}/ns/net") == os.readlink("/proc/self/ns/net"):  # noqa: PTH115
            time.sleep(0.01)
        enter = ["nsenter", "--target", str(host.pid), "--net"]
        name = f"host{number}"
        subprocess.run(["ip", "link", "add", name, "type", "veth", "peer", "name", "up0", "netns", str(host.pid)])
        subprocess.run(["ip", "link", "set", name, "master", "bench", "up"], check=True)
        for line in (f"addr add {_NETWORK}.{10 + number}/24 dev up0", "link set up0 up", "link set lo up"):
            subprocess.run([*enter, "ip", *line.split()], check=True)
        yield enter
        host.kill()


def main() -> None:
    """Measure, or be one of the workers that are measured."""
    if sys.argv[1:2] == ["be-worker"]:
        asyncio.run(work(sys.argv[2], sys.argv[3]))
        return
    if sys.argv[1:2] == ["be-lister"]:
        asyncio.run(scale_data.list_as_worker(sys.argv[2], sys.argv[3], sys.argv[4]))
        return
    if sys.argv[1:2] == ["be-comparer"]:
        asyncio.run(scale_works.compare_as_worker(sys.argv[2], sys.argv[3]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    lines = ("queue", "hosts", "listings", "growth", "lookback", "memory", "index", "week")
    parser.add_argument("lines", nargs="*", help=f"of {', '.join(lines)}; else queue")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--jobs", type=int, default=4000)
    parser.add_argument("--stored", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--works", type=int, default=1000)
    parser.add_argument("--pictures", type=int, nargs="+", default=[1], help="in millions")
    given = parser.parse_args()
    if unknown := set(given.lines) - set(lines):
        parser.error(f"{unknown}: known are {', '.join(lines)}")
    for line in given.lines or ["queue"]:
        print(f"# {line}; load {os.getloadavg()[0]:.1f} when it began", flush=True)
        if line == "queue":
            queue(given.workers, given.jobs)
        elif line == "hosts":
            hosts(given.workers, given.jobs)
        elif line == "lookback":
            scale_data.look_back_over(given.pictures)
        else:
            with own_server() as url:
                if line == "listings":
                    scale_data.list_together(url, given.workers, _here)
                elif line == "growth":
                    asyncio.run(scale_data.grow(url, given.stored))
                elif line == "index":
                    scale_works.share_index(url, given.workers, given.works, _here)
                elif line == "week":
                    scale_works.live_a_week(url, given.works, given.stored[-1], given.pictures[-1], _here)
                else:
                    scale_data.rest(url)


if __name__ == "__main__":
    main()
