"""The program as a user meets it, and the demo bazaar beside it."""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import text

from config.settings import load
from monitor.complaints.base import Pack
from monitor.complaints.mails import read_mail
from monitor.daemon import build
from monitor.demo import server as demo
from monitor.demo.catalogue import Kind, make_catalogue
from monitor.desk import filing
from storage.database import Database

_PROGRAM = Path(__file__).with_name("program.py")
SURE = ("thumbnail", "recompress", "pad", "mirror", "grayscale", "rotate90")  # edits that hashes find


def pytest_collection_modifyitems(items):
    """A story drives processes by fork and signals, which Windows does not have."""
    if os.name == "nt":
        for item in items:
            if Path(item.path).is_relative_to(Path(__file__).parent):
                item.add_marker(pytest.mark.skip(reason="no fork on Windows"))


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def forks():
    """A process that forks the program; hand it an order, get the exit code."""
    command = [sys.executable, "-W", "error", str(_PROGRAM)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def fork(order):
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        yield fork
        process.stdin.close()


class Bazaar(threading.Thread):
    """A demo bazaar that serves from a thread of this process, so that it survives whatever asks it."""

    def __init__(self, catalogue, faults=None):
        super().__init__(daemon=True)
        self.catalogue = catalogue
        self._faults = faults
        self._ready = threading.Event()

    def run(self):
        asyncio.run(self._serve())

    async def _serve(self):
        self._loop, self._enough = asyncio.get_running_loop(), asyncio.Event()
        async with demo.demo_server(self.catalogue, faults=self._faults) as self.server:
            self._ready.set()
            await self._enough.wait()

    def __enter__(self):
        self.start()
        assert self._ready.wait(30)
        self.url = self.server.base_url
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._enough.set)
        self.join(30)

    @property
    def asked(self):
        """How often each path was asked for."""
        return Counter(one.path for one in self.server.requests)


@pytest.fixture(scope="session")
def catalogue():
    """Three works; their copies by edits that hashes find, one licensed listing, four innocent ones."""
    whole = make_catalogue(1, works=3, listings=96, sellers=8)
    copies = [one for one in whole.listings if one.kind is Kind.COPY and one.edit in SURE]
    licensed = [one for one in whole.listings if one.kind is Kind.LICENSED and one.edit is None]
    innocent = [one for one in whole.listings if one.kind in (Kind.INNOCENT, Kind.SHARES_MOTIF)]
    return replace(whole, listings=(*copies[:4], *licensed[:1], *innocent[:2], *copies[4:], *innocent[2:4]))


@pytest.fixture
def open_bazaar(monkeypatch):
    """Opens a bazaar of a catalogue, four listings a page."""
    monkeypatch.setattr(demo, "PAGE_SIZE", 4)
    opened = []

    def opening(catalogue, faults=None):
        opened.append(Bazaar(catalogue, faults).__enter__())
        return opened[-1]

    yield opening
    for bazaar in opened:
        bazaar.__exit__()


@pytest.fixture
def bazaar(open_bazaar, catalogue):
    return open_bazaar(catalogue)


@dataclass(frozen=True)
class Desk:
    """One data folder and the command line on it."""

    fork: object
    data: Path
    beginnings: Path  # data folders as `begin` leaves them, to start from
    bazaar_url: str = ""
    environ: dict = field(default_factory=dict)
    sandbox: bool = False
    offline: bool | str = False  # or: as soon as an address with this in it is asked for

    def order(self, *arguments, stdin=None, **environ):
        files = {name: str(self.data.with_name(f"{self.data.name}.{name}")) for name in ("out", "err")}
        given = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        given |= {"HOME": str(self.data.parent)} | self.environ | environ
        if self.bazaar_url:
            given.setdefault("BAZAARWATCH_FETCH__OWN_ADDRESSES", json.dumps([self.bazaar_url.removeprefix("http://")]))
        return files | {
            "in": str(stdin or os.devnull),
            "environ": given,
            "arguments": ["--data", str(self.data), *map(str, arguments)],
            "bazaar": self.bazaar_url,
            "sandbox": self.sandbox,
            "offline": self.offline,
        }

    def run(self, *arguments, stdin=None, **environ):
        """Run a command, however it ends."""
        order = self.order(*arguments, stdin=stdin, **environ)
        code = self.fork(order)
        return Done(code, Path(order["out"]).read_text("utf-8"), Path(order["err"]).read_text("utf-8"))

    def __call__(self, *arguments, **options):
        """Run a command that succeeds; its standard output."""
        done = self.run(*arguments, **options)
        assert done.code == 0, done
        return done.out

    def json(self, *arguments, **options):
        return json.loads(self(*arguments, "--json", **options))

    def refused(self, *arguments, **options):
        """Run a command that is refused with one line; its exit code and that line."""
        done = self.run(*arguments, **options)
        lines = [line for line in done.err.splitlines() if line.startswith("error:")]
        assert done.code in (1, 2), done
        assert len(lines) == 1, done
        assert done.err.endswith(f"{lines[0]}\n"), done
        return done.code, lines[0]

    def rows(self, question):
        """What the database answers; a change is made and answers nothing."""
        url = self.environ.get("BAZAARWATCH_DATABASE__URL") or f"sqlite+aiosqlite:///{self.data / 'bazaarwatch.db'}"

        async def ask():
            database = Database(url)
            async with database.write("of a test") as session:
                result = await session.execute(text(question))
                found = [tuple(row) for row in result] if result.returns_rows else None
            await database.close()
            return found

        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            return runner.run(ask())

    def content(self):
        """What was found: nothing of when. Must be the same whatever happened on the way."""
        return {
            "listings": self.rows("SELECT marketplace, listing_id, title, price FROM listings ORDER BY 1, 2"),
            "pictures": self.rows(
                "SELECT l.listing_id, p.url, p.sha256, p.outcome FROM listing_pictures p JOIN listings l"
                " ON l.id = p.listing_key ORDER BY 1, 2"
            ),
            "alerts": self.rows(
                "SELECT l.listing_id, w.title, a.confidence, a.suppressed FROM alerts a"
                " JOIN works w ON w.id = a.work_id JOIN listings l ON l.id = a.listing_key ORDER BY 1, 2"
            ),
            "matches": self.rows(
                "SELECT l.listing_id, m.sha256, m.work_id, m.detector, m.distance_bits FROM matches m"
                " JOIN listings l ON l.id = m.listing_key ORDER BY 1, 2, 3, 4, 5"
            ),
            "waiting": self.rows("SELECT listing_id FROM listings WHERE examine_at IS NOT NULL"),
            "parked": self.rows("SELECT listing_id, failure FROM listings WHERE failure IS NOT NULL"),
        }

    def is_well(self):
        """Doctor finds nothing wrong, not even in the bytes of stored files."""
        checks = json.loads(self.run("doctor", "--deep", "--json").out)
        assert [check for check in checks if not check["ok"]] == []
        return True

    def begin(self, catalogue, keywords=("pin", "patch", "sticker", "print")):
        """The first evening up to the searches, done once for each choice and copied from then on.

        What is in a server's database is in no folder that could be copied.
        """
        if "BAZAARWATCH_DATABASE__URL" in self.environ:
            self._begin(catalogue, keywords)
            return self._designs
        chosen = " ".join([*(work.title for work in catalogue.works), *keywords])
        kept = self.beginnings / hashlib.sha256(chosen.encode()).hexdigest()
        if not kept.exists():
            self._begin(catalogue, keywords)
            shutil.copytree(self._designs, kept / "designs")
            shutil.copytree(self.data, kept / "data")
        else:
            shutil.copytree(kept / "designs", self._designs)
            shutil.copytree(kept / "data", self.data)
        return self._designs

    @property
    def _designs(self):
        return self.data.with_name(f"{self.data.name} designs")

    def _begin(self, catalogue, keywords):
        """Rights holder, works, a right for each, searches."""
        self._designs.mkdir()
        self(
            "init", "--owner", "Mira Moss", "--email", "mira@example.org", "--country", "de", "--address", "1 Lane;Ulm"
        )
        for work in catalogue.works:
            (self._designs / f"{work.title}.png").write_bytes(catalogue.reference(work))
        self("works", "add", self._designs)
        for work in catalogue.works:
            published = ("--published", "2025-05-01", "--published-at", "my shop")
            self("rights", "add", "copyright_unregistered", "--work", work.title, *published)
        for keyword in keywords:
            self("search", "add", "demo-bazaar", keyword, "--pages", "9")


@pytest.fixture(scope="session")
def beginnings(tmp_path_factory):
    return tmp_path_factory.mktemp("beginnings")


@pytest.fixture
def desk(forks, beginnings, tmp_path):
    """A data folder that does not exist yet, with no bazaar in reach."""
    return Desk(forks, tmp_path / "desk", beginnings)


@pytest.fixture
def shop_desk(desk, bazaar):
    """The same beside a bazaar."""
    return replace(desk, bazaar_url=bazaar.url)


def truth_of(catalogue, kind=Kind.COPY):
    """The planted listings: (listing id, work title)."""
    titles = {work.work_id: work.title for work in catalogue.works}
    return {(one.listing_id, titles[one.work]) for one in catalogue.listings if one.kind is kind}


@pytest.fixture(scope="session")
def planted(catalogue):
    return truth_of(catalogue)


async def read_here(data, trusted_server):
    """A mail read without walls: those have tests of their own."""
    return read_mail(data, trusted_server)


@pytest.fixture
async def open_parts(tmp_path, sqlite_url, clock):
    """Opens the running parts on a database of their own, with some settings."""
    opened = []

    async def opening(**environ):
        given = {"BAZAARWATCH_DATABASE__URL": sqlite_url, **environ}
        context = build(load(tmp_path / "data", given), clock=clock)
        opened.append(context)
        parts = await context.__aenter__()
        parts.sandbox.mail = read_here
        return parts

    yield opening
    for context in opened:
        await context.__aexit__(None, None, None)


@pytest.fixture
def plain_packs(monkeypatch):
    """Packs of the addresses alone: what is in a whole one, and how long its PDF takes, is another test's."""

    def plain(draft, *_):
        urls = "".join(f"{target.url}\n" for target in draft.targets).encode()
        return Pack(draft.number, {"urls-1.txt": urls, "manifest.json": json.dumps([draft.submission_id]).encode()})

    monkeypatch.setattr(filing, "export_pack", plain)
