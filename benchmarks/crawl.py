"""Listings a second from a shop on loopback into SQLite and a picture folder: this crawler and Scrapy, the same job.

    python benchmarks/crawl.py [--rounds 3] [--listings 1200]

Both read every search page, every listing's own page and every picture, keep each listing and picture once, and write
one SQLite transaction a page. Each runs pinned to one core, the shop to another; politeness is off on both. Scrapy
comes from the dependency group ``bench``; without it only our own figures are printed.

Ours does more: it keeps the bytes of every page as evidence, reads pages in a limited child process, checks every
address, and syncs files and transactions to the disk. Scrapy's ImagesPipeline does more in one thing: it opens every
picture's header. Detection runs in neither.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from detectors.errors import UndecodableImage

CARDS = 60  # on a search page, as AliExpress and eBay show
PICTURES = 2  # of a listing; the first is on its card too
CONCURRENCY = 8
PICTURE_SIDE_PX = 500
BIG_CARDS, BIG_BYTES, BIG_BAR_MS = 240, 77_000, 15.0
MEMORY_BAR = 1.2

SCRAPY = {
    "CONCURRENT_REQUESTS": CONCURRENCY,
    "CONCURRENT_REQUESTS_PER_DOMAIN": CONCURRENCY,
    "DOWNLOAD_DELAY": 0,
    "AUTOTHROTTLE_ENABLED": False,
    "ROBOTSTXT_OBEY": False,
    "COOKIES_ENABLED": False,
    "TELNETCONSOLE_ENABLED": False,
    "RETRY_TIMES": 2,
    "LOG_LEVEL": "ERROR",
    "ITEM_PIPELINES": {"scrapy.pipelines.images.ImagesPipeline": 1, "__main__.IntoSqlite": 300},
}
OURS = {
    "BAZAARWATCH_FETCH__CONTACT": "bench@example.org",
    "BAZAARWATCH_FETCH__OWN_PACE_S": "0",
    "BAZAARWATCH_FETCH__RESPECT_ROBOTS": "false",
    "BAZAARWATCH_SCHEDULE__CONCURRENCY": str(CONCURRENCY),
}


# The shop


def picture_bytes() -> bytes:
    """A JPEG of the size that marketplaces show."""
    from PIL import Image

    kept = BytesIO()
    grey = Image.effect_noise((PICTURE_SIDE_PX, PICTURE_SIDE_PX), 60)
    Image.merge("RGB", (grey, grey.rotate(90), grey.rotate(180))).resize((64, 64)).resize(
        (PICTURE_SIDE_PX, PICTURE_SIDE_PX)
    ).save(kept, "JPEG", quality=90)
    return kept.getvalue()


def price(number: int) -> str:
    """A listing's price."""
    amount = f"{number % 90}.{number % 100:02}"
    return f'<span class="price" data-amount="{amount}" data-currency="EUR">€{amount}</span>'


def card(number: int, width: int) -> str:
    """One listing in a search page, about as long as markets write it."""
    return f"""<article class="listing" data-id="{number}">
<a class="picture" href="/item/{number}"><img src="/thumb/{number}-0.jpg"></a>
<a class="title" href="/item/{number}">Enamel pin no. {number}, luna moth{" of brass" * width}</a>
{price(number)}
<a class="seller" data-id="s{number % 40}" href="/seller/s{number % 40}">Shop {number % 40}</a></article>
"""


def search_page(numbers: Sequence[int], total: int, following: str, width: int = 2) -> bytes:
    """A page of results in the demo bazaar's layout."""
    onward = f'<p class="pages"><a rel="next" href="{following}">Next</a></p>' if following else ""
    cards = "".join(card(number, width) for number in numbers)
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>pin | Bench Bazaar</title></head><body>
<main data-bazaar="search" data-total="{total}"><h1>{total} results for “pin”</h1><div class="grid">
{cards}</div>{onward}</main></body></html>""".encode()


def item_page(number: int) -> bytes:
    """A listing's own page."""
    shown = "".join(f'<img class="picture" src="/full/{number}-{at}.jpg" alt="">' for at in range(PICTURES))
    words = "Ships within three days; returns within thirty. Colours may differ a little from your screen. " * 40
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Pin | Bench Bazaar</title></head><body>
<main data-bazaar="item" data-id="{number}"><div class="pictures">{shown}</div><div class="offer">
<h1 class="title">Enamel pin no. {number}, luna moth of brass of brass</h1>
{price(number)}
<p>Sold by <a class="seller" data-id="s{number % 40}" href="/seller/s{number % 40}">Shop {number % 40}</a></p>
<p class="description">{words}</p></div></main></body></html>""".encode()


class Shop(asyncio.Protocol):
    """Answers over kept connections from memory, so that the shop is never what is waited for."""

    listings = 0
    picture = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._waiting = b""

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while b"\r\n\r\n" in self._waiting:
            head, _, self._waiting = self._waiting.partition(b"\r\n\r\n")
            kind, body = self._answer(head.split(b" ", 2)[1].decode())
            status = "200 OK" if body else "404 Not Found"
            self._transport.write(  # type: ignore[attr-defined]
                f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
            )

    def _answer(self, path: str) -> tuple[str, bytes]:
        if path.endswith(".jpg"):  # a comment after the JPEG's start makes every picture one of its own
            comment = path.encode()
            size = (len(comment) + 2).to_bytes(2, "big")
            return "image/jpeg", self.picture[:2] + b"\xff\xfe" + size + comment + self.picture[2:]
        parts = urlsplit(path)
        if parts.path.startswith("/item/"):
            return "text/html; charset=utf-8", item_page(int(parts.path.rpartition("/")[2]))
        if parts.path != "/search":
            return "text/plain", b""
        page = int(parse_qs(parts.query).get("page", ["1"])[0])
        numbers = range((page - 1) * CARDS + 1, min(page * CARDS, self.listings) + 1)
        following = f"/search?q=pin&amp;page={page + 1}" if page * CARDS < self.listings else ""
        return "text/html; charset=utf-8", search_page(numbers, self.listings, following)


def serve(listings: int) -> None:
    """Be the shop, in a process of its own; the first line of output is its address."""
    Shop.listings, Shop.picture = listings, picture_bytes()

    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(Shop, "127.0.0.1", 0)
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await server.serve_forever()

    asyncio.run(forever())


# The contenders, each in a process of its own


def report(folder: Path, listings: int, pictures: int, wall_s: float, loading_s: float) -> None:
    """The last line of a contender's output; ``loading_s`` is the CPU time before its crawl began."""
    files = sum(1 for path in folder.rglob("*") if path.is_file() and path.suffix not in {".db", ".toml", ".sqlite"})
    facts = {"listings": listings, "pictures": pictures, "files": files, "wall_s": wall_s, "loading_s": loading_s}
    print(json.dumps(facts), flush=True)


class NoDetection:
    """In place of the works: looks at no picture."""

    async def findings(self, _sha256: str, _picture: bytes) -> Any:
        raise UndecodableImage("not looked at: nothing is detected here")

    async def judge(self, _matches: Sequence[Any]) -> Sequence[Any]:
        return ()


async def prepare(folder: Path) -> None:
    """Make the tables, as `bazaarwatch init` does: neither contender is measured while it sets up."""
    from config.settings import load
    from monitor.daemon import build

    async with build(load(folder, OURS)):
        pass


async def run_ours(url: str, folder: Path) -> None:
    """The daemon's own path: a search, its pages, each listing's page and pictures."""
    from sqlalchemy import func, select

    from config.settings import load
    from monitor.daemon import build, scan
    from monitor.marketplaces import MARKETPLACES
    from monitor.marketplaces.demo import DemoBazaar
    from storage.searches import add_search
    from storage.tables import Listing, ListingPicture

    settings = load(folder, OURS | {"BAZAARWATCH_FETCH__OWN_ADDRESSES": json.dumps([urlsplit(url).netloc])})
    sites = {**MARKETPLACES, "demo-bazaar": DemoBazaar(base_url=url)}
    async with build(settings, sites) as whole:
        parts = replace(whole, works=NoDetection())  # type: ignore[arg-type]
        async with parts.database.write("search") as session:
            await add_search(session, parts.clock.now(), "bench", "demo-bazaar", "pin", 24.0, 10_000)
        began, loading_s = time.perf_counter(), time.process_time()
        await scan(parts)
        wall_s = time.perf_counter() - began
        async with parts.database.read() as session:
            stored = select(func.count()).select_from(ListingPicture).where(ListingPicture.sha256.is_not(None))
            pictures = await session.scalar(stored) or 0
            listings = await session.scalar(select(func.count()).select_from(Listing)) or 0
        await parts.reader.fetcher.aclose()
    report(folder, listings, pictures, wall_s, loading_s)


class IntoSqlite:
    """Scrapy's last pipeline: the listing's row with its pictures, one transaction."""

    def open_spider(self, spider: Any) -> None:
        self._rows = spider.rows

    def process_item(self, item: Any, spider: Any) -> Any:  # noqa: ARG002 - Scrapy's signature
        rows = self._rows
        pictures = [(item["id"], at, one["url"], one["checksum"]) for at, one in enumerate(item["images"])]
        with rows:
            rows.execute(
                "UPDATE listings SET title = ?, price = ?, currency = ?, seller = ?, detailed = 1 WHERE id = ?",
                (item["title"], item["price"], item["currency"], item["seller"], item["id"]),
            )
            rows.executemany("INSERT OR IGNORE INTO pictures VALUES (?, ?, ?, ?)", pictures)
        return item


def run_scrapy(url: str, folder: Path) -> None:
    """The same job in Scrapy's own words."""
    import scrapy
    from scrapy.crawler import CrawlerProcess

    rows = sqlite3.connect(folder / "scrapy.db")
    rows.execute("PRAGMA journal_mode=WAL")
    rows.execute("PRAGMA synchronous=FULL")  # both as ours
    rows.execute("CREATE TABLE listings (id PRIMARY KEY, url, title, price, currency, seller, detailed)")
    rows.execute("CREATE TABLE pictures (listing, position, url, checksum, PRIMARY KEY (listing, url))")

    def facts(node: Any, title: str) -> dict[str, Any]:
        price = node.css("span.price")
        return {
            "id": node.attrib["data-id"],
            "title": " ".join(node.css(title).get().split()),
            "price": str(Decimal(price.attrib["data-amount"])),
            "currency": price.attrib["data-currency"],
            "seller": node.css("a.seller").attrib["data-id"],
        }

    class Spider(scrapy.Spider):
        name = "bench"
        start_urls = (f"{url}/search?q=pin",)

        def __init__(self) -> None:
            super().__init__()
            self.rows = rows
            self.seen: set[str] = set()

        async def parse(self, response: Any) -> AsyncIterator[Any]:
            found = [
                (facts(node, "a.title::text"), response.urljoin(node.css("a.title").attrib["href"]))
                for node in response.css("article.listing")
            ]
            with rows:
                rows.executemany(
                    "INSERT OR IGNORE INTO listings VALUES (:id, :url, :title, :price, :currency, :seller, 0)",
                    [{**one, "url": address} for one, address in found],
                )
            for one, address in found:
                if one["id"] not in self.seen:
                    self.seen.add(one["id"])
                    yield response.follow(address, self.item)
            following = response.css("a[rel=next]::attr(href)").get()
            if following:
                yield response.follow(following, self.parse)

        def item(self, response: Any) -> dict[str, Any]:
            main = response.css("main[data-bazaar=item]")[0]
            pictures = [response.urljoin(src) for src in main.css("img.picture::attr(src)").getall()]
            return {**facts(main, "h1.title::text"), "image_urls": pictures}

    process = CrawlerProcess({**SCRAPY, "IMAGES_STORE": str(folder / "pictures")})
    began, loading_s = time.perf_counter(), time.process_time()
    process.crawl(Spider)
    process.start()
    wall_s = time.perf_counter() - began
    (listings,) = rows.execute("SELECT count(*) FROM listings WHERE detailed").fetchone()
    (pictures,) = rows.execute("SELECT count(*) FROM pictures").fetchone()
    report(folder, listings, pictures, wall_s, loading_s)


# Measuring


@contextmanager
def shop(listings: int, core: int | None) -> Any:
    """A running shop's address."""
    command = [*pinned(core), sys.executable, __file__, "--serve", "--listings", str(listings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def pinned(core: int | None) -> list[str]:
    """The words before a command that hold it, and its children, to one core."""
    return [] if core is None else ["taskset", "--cpu-list", str(core)]


def family(pid: int) -> list[int]:
    """A process and its descendants (Linux)."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in family(int(child)))]


def pss_mb(pid: int) -> float:
    """The proportional set size of a process (Linux); 0 once it is gone."""
    try:
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        return 0.0
    return int(found[1]) / 1024 if found else 0.0


def run(who: str, url: str, core: int | None) -> dict[str, float]:
    """One run of one contender: what it reports, its CPU seconds, and its peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        if who == "ours":
            asyncio.run(prepare(Path(folder)))
        command = [*pinned(core), sys.executable, __file__, "--as", who, "--url", url, "--folder", folder]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        peak_mb, ended = [0.0], threading.Event()

        def watch() -> None:
            while not ended.wait(0.2):
                peak_mb[0] = max(peak_mb[0], sum(map(pss_mb, family(process.pid))))

        watcher = threading.Thread(target=watch)
        watcher.start()
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        ended.set()
        watcher.join()
        if status or not output.strip():
            raise SystemExit(f"{who} failed with status {status}")
        facts: dict[str, float] = json.loads(output.strip().splitlines()[-1])
        return {**facts, "cpu_s": used.ru_utime + used.ru_stime - facts["loading_s"], "mb": peak_mb[0]}


def compare(rounds: int, listings: int) -> None:
    """Print both contenders' figures and the bars."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    mine, theirs = (cores[0], cores[-1]) if len(cores) > 1 else (None, None)
    who = ["ours", "scrapy"] if importlib.util.find_spec("scrapy") else ["ours"]
    if len(who) == 1:
        print("Scrapy is not installed (pip install scrapy): only our own figures")
    else:
        print("Scrapy's settings:", json.dumps(SCRAPY))
        print("Scrapy's database: WAL, synchronous=FULL, one transaction a page; pictures by its ImagesPipeline")
    print("Ours:", json.dumps(OURS), "- SQLite in WAL, synchronous=FULL; every file synced; pages kept as evidence")
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in who}
    with shop(listings, theirs) as url:
        for _ in range(rounds):
            for name in who:
                one = run(name, url, mine)
                if one["listings"] != listings or one["pictures"] != listings * PICTURES:
                    raise SystemExit(f"{name} stored {one['listings']:g} listings and {one['pictures']:g} pictures")
                runs[name].append(one)
    print(f"{listings} listings, each with its own page and {PICTURES} pictures; medians of {rounds} runs, one core")
    middle = {
        name: {key: statistics.median(one[key] for one in several) for key in several[0]}
        for name, several in runs.items()
    }
    for name, one in middle.items():
        print(
            f"  {name:<8}{listings / one['wall_s']:7.1f} listings/s wall {listings / one['cpu_s']:7.1f} a CPU second "
            f"{1000 * one['cpu_s'] / listings:6.2f} ms CPU a listing {one['mb']:6.0f} MB PSS {one['files']:6.0f} files"
        )
    if len(who) > 1:
        ours, other = middle["ours"], middle["scrapy"]
        print(
            f"  ours / Scrapy: {other['wall_s'] / ours['wall_s']:.2f} times the listings a second (bar: over 1), by "
            f"CPU {other['cpu_s'] / ours['cpu_s']:.2f}; memory {ours['mb'] / other['mb']:.2f} (bar: {MEMORY_BAR})"
        )


async def measure_big_page(folder: Path) -> None:
    """Print what parsing and storing one large search page takes."""
    from config.settings import load
    from monitor.daemon import build
    from monitor.marketplaces import parse
    from monitor.marketplaces.base import Page
    from storage.listings import record_listings

    body = search_page(range(1, BIG_CARDS + 1), BIG_CARDS, "", width=0)
    padding = b"<!--" + b"x" * max(0, BIG_BYTES - len(body) - 7) + b"-->"
    body = body.replace(b"</main>", padding + b"</main>") if len(body) < BIG_BYTES else body
    async with build(load(folder, OURS)) as parts:
        parsing, storing, crossing = [], [], []
        for at in range(12):
            page = Page(f"http://127.0.0.{at}/search?q=pin", body.replace(b'data-id="', f'data-id="{at}9'.encode()))
            began = time.process_time()
            parsed = parse(page, "demo-bazaar")
            parsing.append(time.process_time() - began)
            began = time.perf_counter()
            crossed = await parts.sandbox.parse(page, "demo-bazaar")
            crossing.append(time.perf_counter() - began)
            assert len(crossed.listings) == len(parsed.listings) == BIG_CARDS
            began = time.process_time()
            async with parts.database.write("page", brief=True) as session:
                recorded = await record_listings(session, crossed.listings, None, parts.clock.now())
            storing.append(time.process_time() - began)
            assert len(recorded.new) == BIG_CARDS
    parse_ms, store_ms, cross_ms = (1000 * statistics.median(one[2:]) for one in (parsing, storing, crossing))
    print(f"a search page of {len(body) // 1000} KB, {BIG_CARDS} new cards:")
    print(
        f"  parsed in {parse_ms:.1f} ms CPU, stored in {store_ms:.1f} ms CPU: {parse_ms + store_ms:.1f} ms "
        f"(bar: {BIG_BAR_MS:g}); parsed through the limited child in {cross_ms:.1f} ms wall"
    )


def main() -> None:
    """Be what the arguments say; without any, measure everything."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--listings", type=int, default=1200)
    arguments.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments.add_argument("--as", dest="who", choices=["ours", "scrapy"], help=argparse.SUPPRESS)
    arguments.add_argument("--url", help=argparse.SUPPRESS)
    arguments.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.serve:
        serve(chosen.listings)
    elif chosen.who == "ours":
        asyncio.run(run_ours(chosen.url, chosen.folder))
    elif chosen.who == "scrapy":
        run_scrapy(chosen.url, chosen.folder)
    else:
        compare(chosen.rounds, chosen.listings)
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(measure_big_page(Path(folder)))


if __name__ == "__main__":
    main()
