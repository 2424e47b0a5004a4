"""What every test may ask for: shared recordings, a database of its own, a clock that need not be waited for.

No test reaches beyond this machine: one that tries to fails, even if the code under test swallows the refusal, and even
if it is a Python that the test started.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, NoReturn
from uuid import uuid4

import pytest
from hypothesis import settings

from storage.database import Database, upgrade_schema

# `make check` samples what `make soak` tries in full.
settings.register_profile("check", max_examples=10, deadline=None)
settings.register_profile("soak", max_examples=500, deadline=None)
settings.load_profile("check")

_SHARED = Path(__file__).parents[2] / "shared"


def _missing(reason: str) -> NoReturn:
    """Skip where something is not there; in CI everything must be, so fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}; with CI=true that is a failure", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of third-party recordings beside the repository; nothing of it is ever copied into it."""
    if not _SHARED.is_dir():
        _missing("the recordings are not there: no folder ../shared beside the repository")
    return _SHARED


# The network is shut


def _shut_the_network() -> ModuleType:
    """Load the guard here, and let every Python that starts from here load it too.

    A process that the guard came to at its start (pytest-xdist's workers) keeps it, and notes for its own tests alone.
    """
    folder = Path(tempfile.mkdtemp(prefix="bazaarwatch-shut-"))
    owner = os.getpid()
    atexit.register(lambda: shutil.rmtree(folder, ignore_errors=True) if os.getpid() == owner else None)
    guard = Path(shutil.copy(Path(__file__).with_name("shut_network.py"), folder / "sitecustomize.py"))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    if hasattr(present := sys.modules.get("sitecustomize"), "taken_notes"):
        present.NOTES = folder
        return present
    spec = spec_from_file_location("shut_network", guard)
    assert spec is not None
    assert spec.loader is not None
    loaded = module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


_shut_network = _shut_the_network()


@pytest.fixture(autouse=True)
def _stays_on_this_machine() -> Iterator[None]:
    _shut_network.taken_notes()
    yield
    if reached := _shut_network.taken_notes():
        pytest.fail(f"the test left this machine: {'; '.join(reached)}", pytrace=False)


# A clock that need not be waited for


class FakeClock:
    """A ``monitor.clock.Clock`` on which waiting takes no time: a sleep moves it on and returns."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._start = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
        self._passed_s = 0.0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed_s)

    def monotonic(self) -> float:
        return self._passed_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(max(seconds, 0.0))
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        self._passed_s += seconds


@pytest.fixture
def clock() -> FakeClock:
    """A clock at nine in the morning (UTC) of Monday, 5 January 2026; ``advance`` and ``sleep`` move it."""
    return FakeClock()


# Databases


class PostgresServer(NamedTuple):
    """A cluster for this run alone, reached through a Unix socket in ``folder``."""

    folder: Path
    programs: Path
    options: str  # of the server's command line

    def url(self, name: str) -> str:
        return f"postgresql+asyncpg://postgres@/{name}?host={self.folder}"

    def create(self, name: str, template: str = "template0") -> str:
        self._run("createdb", "--template", template, name)
        return self.url(name)

    def drop(self, name: str) -> None:
        self._run("dropdb", "--force", name)

    def kill(self) -> None:
        """End the server at once, as if its machine had failed; what it acknowledged must be there after `start`."""
        os.kill(int((self.folder / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def start(self) -> None:
        """Start the server again; its last processes may take a moment to see that it died."""
        command = [*_as_postgres(), self.programs / "pg_ctl", "-D", "data", "-l", "log", "-w", "-t", "60"]
        for _ in range(60):
            done = subprocess.run([*command, "-o", self.options, "start"], cwd=self.folder, stdout=subprocess.DEVNULL)
            if done.returncode == 0:
                return
            time.sleep(0.5)
        pytest.fail(f"PostgreSQL did not start: {(self.folder / 'log').read_text(errors='replace')}", pytrace=False)

    def _run(self, program: str, *arguments: str) -> None:
        command = [self.programs / program, "--host", self.folder, "--username", "postgres", *arguments]
        subprocess.run(command, check=True, timeout=60)


def _as_postgres() -> list[str]:
    return ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []  # PostgreSQL refuses root


# The server ends with the tests however they end: with them goes the other side of its standard input.
_SERVE = """
set -e
cd "$1"
"$2/initdb" -D data -U postgres --auth=trust --encoding=UTF8 --locale=C --no-sync >log 2>&1
"$2/pg_ctl" -D data -l log -w -t 60 start >/dev/null -o "$3"
echo ready
read -r _ || true
"$2/pg_ctl" -D data -m immediate stop >/dev/null || true
cd / && rm -rf "$1"
"""


def _postgres_programs() -> Path | None:
    found = shutil.which("initdb")
    candidates = [Path(found).resolve().parent] if found else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: -float(folder.parent.name))
    programs = ("initdb", "pg_ctl", "postgres", "createdb", "dropdb")
    return next((folder for folder in candidates if all((folder / name).exists() for name in programs)), None)


@contextmanager
def _serving(options: str) -> Iterator[PostgresServer]:
    """A PostgreSQL server on a Unix socket, gone with this process."""
    programs = _postgres_programs()
    if programs is None:
        _missing("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]  # they would lead clients to the developer's own server
    folder = Path(tempfile.mkdtemp(prefix="bazaarwatch-pg-"))
    server = PostgresServer(folder, programs, f"-k '{folder}' -c listen_addresses='' -c fsync=off {options}")
    if _as_postgres():
        shutil.chown(folder, "postgres", "postgres")
    command = [*_as_postgres(), "sh", "-c", _SERVE, "sh", str(folder), str(programs), server.options]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder, start_new_session=True
    ) as serving:
        assert serving.stdout is not None
        if serving.stdout.readline() != b"ready\n":
            pytest.fail(f"PostgreSQL did not start: {(folder / 'log').read_text(errors='replace')}", pytrace=False)
        yield server
        serving.communicate(timeout=60)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server, started once for this process: fast, and not to be killed."""
    with _serving("-c max_connections=100 -c synchronous_commit=off -c full_page_writes=off") as server:
        yield server


@pytest.fixture
def mortal_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for this test alone, which keeps what it acknowledged when it is killed."""
    with _serving("-c max_connections=200") as server:
        yield server


async def _migrate(url: str) -> None:
    database = Database(url)
    try:
        await upgrade_schema(database)
    finally:
        await database.close()


def _run_now(url: str) -> None:
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:  # leaves pytest-asyncio's loop alone
        runner.run(_migrate(url))


@pytest.fixture(scope="session")
def _postgres_template(postgres_server: PostgresServer) -> str:
    name = "migrated"
    _run_now(postgres_server.create(name))
    return name


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "migrated.db"
    _run_now(f"sqlite+aiosqlite:///{path}")
    assert not path.with_name(f"{path.name}-wal").exists(), "closing the last connection folds the log into the file"
    return path


@pytest.fixture
def empty_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of a PostgreSQL database with no tables, for this test alone."""
    name = f"empty_{uuid4().hex}"
    yield postgres_server.create(name)
    postgres_server.drop(name)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, _postgres_template: str) -> Iterator[str]:
    """The address of a PostgreSQL database with all tables, for this test alone."""
    name = f"test_{uuid4().hex}"
    yield postgres_server.create(name, _postgres_template)
    postgres_server.drop(name)


@pytest.fixture
def sqlite_url(tmp_path: Path, _sqlite_template: Path) -> str:
    """The address of a SQLite database with all tables, for this test alone."""
    path = tmp_path / "database" / "bazaarwatch.db"
    path.parent.mkdir()
    shutil.copyfile(_sqlite_template, path)
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of a database with all tables: the test runs once on SQLite and once on PostgreSQL."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database with no tables: the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}"
    return str(request.getfixturevalue("empty_postgres_url"))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with all tables: the test runs once on SQLite and once on PostgreSQL."""
    database = Database(database_url)
    yield database
    await database.close()
