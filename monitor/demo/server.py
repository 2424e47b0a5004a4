"""The demo bazaar over HTTP, on loopback: robots.txt, search, listings, sellers, pictures, and a log of requests."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import socket
import sys
import threading
from collections.abc import AsyncIterator, Generator
from dataclasses import dataclass
from datetime import UTC, datetime

import uvicorn
from jinja2 import Environment, PackageLoader
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from monitor.demo.catalogue import KEYWORDS, Catalogue, DemoListing, make_catalogue
from monitor.demo.faults import Cut, FaultPlan, Faulty

PAGE_SIZE = 24
_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£"}
_ROBOTS = "User-agent: *\nDisallow: /private\n"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that came in: the path with its query, and when (aware UTC)."""

    path: str
    at: datetime


class DemoServer:
    """The shop's state and its ASGI application, ``app``. ``base_url`` is set while it serves."""

    def __init__(self, catalogue: Catalogue, faults: FaultPlan | None = None) -> None:
        self.catalogue = catalogue
        self.base_url = ""
        self.requests: list[Asked] = []
        self._listings = {listing.listing_id: listing for listing in catalogue.listings}
        self._words = {listing.listing_id: listing.title.lower().split() for listing in catalogue.listings}
        self._ended: set[str] = set()
        self._pages = Environment(loader=PackageLoader("monitor.demo"), autoescape=True)
        self._pages.globals.update(keywords=KEYWORDS, signs=_SIGNS)
        app: ASGIApp = Starlette(
            routes=[
                Route("/", self._front),
                Route("/robots.txt", lambda _: PlainTextResponse(_ROBOTS)),
                Route("/style.css", self._style),
                Route("/search", self._search),
                Route("/item/{listing_id}", self._item),
                Route("/seller/{seller_id}", self._seller),
                Route("/{size:str}/{picture_id}.jpg", self._picture),
                Route("/private", lambda _: PlainTextResponse("for members only")),
            ]
        )
        self._app = Faulty(app, faults) if faults else app

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request and note that it was asked."""
        if scope["type"] == "http":
            query = scope["query_string"].decode("latin-1")
            self.requests.append(Asked(scope["path"] + (f"?{query}" if query else ""), datetime.now(UTC)))
        with contextlib.suppress(Cut):
            await self._app(scope, receive, send)

    def end(self, listing_id: str) -> None:
        """Take a listing down: its page is 410 from now on, its pictures 404, and no search shows it.

        Raises:
            KeyError: There is no such listing.
        """
        self._ended.add(self._listings[listing_id].listing_id)

    def _on_sale(self) -> list[DemoListing]:
        return [listing for listing in self.catalogue.listings if listing.listing_id not in self._ended]

    def _page(self, template: str, status: int = 200, **values: object) -> HTMLResponse:
        return HTMLResponse(self._pages.get_template(template).render(values), status)

    async def _front(self, _: Request) -> Response:
        return self._page("front.html", listings=self._on_sale()[:12], query="")

    async def _style(self, _: Request) -> Response:
        return Response(self._pages.get_template("style.css").render(), media_type="text/css")

    async def _search(self, request: Request) -> Response:
        query = request.query_params.get("q", "")
        number = request.query_params.get("page", "1")
        page = max(1, int(number)) if number.isascii() and number.isdigit() and len(number) < 6 else 1
        wanted = query.lower().split()
        found = [
            listing
            for listing in self._on_sale()
            if all(any(word.startswith(w) for word in self._words[listing.listing_id]) for w in wanted)
        ]
        pages = math.ceil(len(found) / PAGE_SIZE)
        shown = found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
        return self._page("search.html", listings=shown, total=len(found), query=query, page=page, pages=pages)

    async def _item(self, request: Request) -> Response:
        listing = self._listings.get(request.path_params["listing_id"])
        if listing is None:
            return self._page("missing.html", 404, query="")
        if listing.listing_id in self._ended:
            return self._page("ended.html", 410, query="")
        return self._page("item.html", listing=listing, query="")

    async def _seller(self, request: Request) -> Response:
        seller_id = request.path_params["seller_id"]
        seller = next((s for s in self.catalogue.sellers if s.seller_id == seller_id), None)
        if seller is None:
            return self._page("missing.html", 404, query="")
        listings = [listing for listing in self._on_sale() if listing.seller == seller]
        return self._page("seller.html", seller=seller, listings=listings, query="")

    async def _picture(self, request: Request) -> Response:
        size, picture_id = request.path_params["size"], request.path_params["picture_id"]
        render = {"full": self.catalogue.full, "thumb": self.catalogue.thumb}.get(size)
        ended = any(p.picture_id == picture_id for i in self._ended for p in self._listings[i].pictures)
        data = await run_in_threadpool(render, picture_id) if render and not ended else None
        if data is None:
            return self._page("missing.html", 404, query="")
        return Response(data, media_type="image/jpeg")


class _Uvicorn(uvicorn.Server):
    """Leaves the process's signals to whoever started it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@contextlib.asynccontextmanager
async def demo_server(
    catalogue: Catalogue, *, faults: FaultPlan | None = None, port: int = 0
) -> AsyncIterator[DemoServer]:
    """Serve the bazaar on 127.0.0.1 within the running loop; port 0 takes a free one. The address is ``base_url``."""
    server = DemoServer(catalogue, faults)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as door:
        door.bind(("127.0.0.1", port))
        door.listen()  # from here on connections wait until they are answered
        server.base_url = f"http://127.0.0.1:{door.getsockname()[1]}"
        running = _Uvicorn(
            uvicorn.Config(
                server.app, interface="asgi3", http="h11", ws="none", lifespan="off", log_config=None,
                log_level="critical", access_log=False, timeout_graceful_shutdown=1,
            )
        )  # fmt: skip
        task = asyncio.create_task(running.serve([door]))
        try:
            yield server
        finally:
            running.should_exit = True
            await task


@contextlib.asynccontextmanager
async def demo_process(
    *, seed: int = 1, works: int = 12, listings: int = 320, sellers: int = 40, port: int = 0
) -> AsyncIterator[str]:
    """Serve ``make_catalogue(seed, works, listings, sellers)`` from a process of its own; gives the base URL.

    Raises:
        RuntimeError: The process ended before it served.
    """
    sizes = [f"--{k}={v}" for k, v in {"seed": seed, "works": works, "listings": listings, "sellers": sellers}.items()]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "monitor.demo.server", *sizes, f"--port={port}",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert child.stdin  # noqa: S101 - a pipe, as is stdout
    assert child.stdout  # noqa: S101
    try:
        base_url = (await child.stdout.readline()).decode().strip()
        if not base_url:
            raise RuntimeError(f"the demo bazaar's process ended at once with exit code {await child.wait()}")
        yield base_url
    finally:
        child.stdin.close()
        try:
            await asyncio.wait_for(child.wait(), 5)
        except TimeoutError:
            child.kill()
            await child.wait()


async def _serve(arguments: argparse.Namespace) -> None:
    catalogue = make_catalogue(arguments.seed, arguments.works, arguments.listings, arguments.sellers)
    ahead = threading.Thread(target=_render_ahead, args=(catalogue,), daemon=True)
    async with demo_server(catalogue, port=arguments.port) as server:
        ahead.start()
        sys.stdout.write(server.base_url + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)  # until whoever started us closes it, or is gone


def _render_ahead(catalogue: Catalogue) -> None:
    """Have the pictures ready, as shops do, in the order in which they are asked for."""
    for listing in catalogue.listings:
        for picture in listing.pictures:
            catalogue.full(picture.picture_id)


def main() -> None:
    """Serve until standard input ends; the first line written is the base URL."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    for name, default in (("seed", 1), ("works", 12), ("listings", 320), ("sellers", 40), ("port", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
