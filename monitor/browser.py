"""Renders pages that only JavaScript fills, in the system's Chromium, which reaches nothing but through our gate.

The page itself comes from the fetcher, at its pace and by its rules; the browser gets those bytes and asks for no page
on its own: only for the scripts, styles and data that the page needs, one host's robots.txt permitting.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from config.errors import ConfigError
from config.settings import BrowserSettings, FetchSettings
from detectors.model import Outcome
from monitor import posix
from monitor.clock import Clock
from monitor.errors import FetchError
from monitor.fetch import user_agent
from monitor.gate import Gate, read_url
from monitor.marketplaces.base import Page
from monitor.proxy import Proxy
from monitor.robots import read_robots
from storage import hosts
from storage.database import Database

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Route

_logger = logging.getLogger(__name__)

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_NEEDED = frozenset(
    {"script", "stylesheet", "xhr", "fetch"}
)  # what may fill a page; pictures are fetched by the fetcher
_SETTLE_S = 10.0  # for what the page asks for after it is loaded
_FARTHEST_TURN_S = 300.0  # how far one page's requests may push a host's next turn: 100 of them at 3 s
_START_S = 30.0
_SCREENSHOT_S = 5.0
_END_S = 5.0
_WATCH_S = 0.25
_SWITCHES = (
    "--proxy-bypass-list=<-loopback>",  # loopback too is asked through the proxy
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # names are the proxy's business
    "--disable-quic",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--disable-extensions",
    "--disable-gpu",
    "--no-first-run",
    "--no-pings",
    "--dns-prefetch-disable",
    "--disable-features=LocalNetworkAccessChecks,MediaRouter,OptimizationHints,WebRtcHideLocalIpsWithMdns",
)
_WITHOUT_SIDE_DOORS = """for (const name of ["RTCPeerConnection", "webkitRTCPeerConnection", "WebSocket",
  "WebSocketStream", "WebTransport", "EventSource"]) delete globalThis[name];"""
_ENVIRONMENT = ("PATH", "HOME", "LANG", "TMPDIR")  # no secret of ours is in the browser's environment


class _TooMuch(Exception):
    """The page made the browser use more than it may."""


@dataclass(frozen=True)
class Renderer:
    """Renders one page at a time, each in a browser with a fresh profile that ends with it."""

    browser: BrowserSettings
    fetch: FetchSettings
    database: Database
    clock: Clock
    turn: asyncio.Semaphore
    program: str

    async def render(self, page: Page) -> Page:
        """The page as its scripts fill it; outcome ``failed`` with a reason where that takes more than it may.

        Args:
            page: As fetched, without outcome.
        """
        try:
            target = read_url(page.url)
            gate = Gate(self.fetch.own_addresses, 2 * self.browser.max_bytes)  # the proxy counts more strictly
            gate.check(target)
            proxy = Proxy(gate, target, self.browser.max_bytes)
            async with self.turn, proxy.serving() as address, asyncio.timeout(_START_S + self.browser.timeout_s):
                html, screenshot = await self._render(page, proxy, address)
        except (FetchError, _TooMuch) as error:
            return self._failed(page, str(error))
        except TimeoutError:
            return self._failed(page, f"it takes longer than {self.browser.timeout_s:g} s")
        if proxy.too_much:
            return self._failed(page, f"it loads more than {self.browser.max_bytes} bytes")
        facts = {"url": page.url, "bytes": len(html), "refused": len(proxy.refused)}
        _logger.info("page rendered", extra=facts)
        headers = {"content-type": "text/html; charset=utf-8"}
        return replace(page, body=html, headers=headers, fetched_at=self.clock.now(), screenshot=screenshot)

    async def _render(self, page: Page, proxy: Proxy, address: str) -> tuple[bytes, bytes | None]:
        from playwright.async_api import Error

        try:
            async with self._context(address) as (browser, context), asyncio.timeout(self.browser.timeout_s):
                return await self._within_memory(browser, self._show(context, page, proxy))
        except Error as error:
            raise _TooMuch(f"the browser gave up: {error.message.splitlines()[0][:200]}") from None

    @contextlib.asynccontextmanager
    async def _context(self, address: str) -> AsyncIterator[tuple[Browser, BrowserContext]]:
        """A browser of its own, and in it a context without cookies, cache or past."""
        from playwright.async_api import async_playwright

        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=self.program,
                args=list(_SWITCHES),
                proxy={"server": address, "bypass": "<-loopback>"},
                chromium_sandbox=getattr(os, "geteuid", lambda: 1)() != 0,  # root gets no sandbox of Chromium's
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                handle_sigint=False,
                handle_sigterm=False,
                handle_sighup=False,
                timeout=_START_S * 1000,
            )
            pids = await _pids(browser)
            try:
                context = await browser.new_context(
                    user_agent=user_agent(self.fetch.contact), service_workers="block", accept_downloads=False
                )
                yield browser, context
            finally:
                try:
                    await asyncio.wait_for(browser.close(), _END_S)
                except TimeoutError:
                    posix.kill_group(pids[0])

    async def _show(self, context: BrowserContext, page: Page, proxy: Proxy) -> tuple[bytes, bytes | None]:
        """The page's HTML, and a picture of its beginning as it was shown (without pictures, which nobody loads)."""
        from playwright.async_api import Error
        from playwright.async_api import TimeoutError as Late

        shown = False

        async def decide(route: Route) -> None:
            nonlocal shown
            request = route.request
            if request.is_navigation_request() and not shown:
                shown = True
                await route.fulfill(body=page.body, headers=_harmless(page), status=page.status)
            elif request.resource_type in _NEEDED and await self._may_ask(proxy, request.url):
                await route.continue_()
            else:
                await route.abort("aborted")  # not "failed": a page that would leave itself stays as it is

        await context.add_init_script(_WITHOUT_SIDE_DOORS)
        await context.route(re.compile(""), decide)
        tab = await context.new_page()
        await tab.goto(page.url, wait_until="commit")
        settle_ms = min(_SETTLE_S, self.browser.timeout_s / 2) * 1000
        with contextlib.suppress(Late):  # some pages never come to rest; they are read as they stand
            await tab.wait_for_load_state("load", timeout=settle_ms)
            await tab.wait_for_load_state("networkidle", timeout=settle_ms)
        html = (await tab.content()).encode("utf-8", "replace")
        if len(html) > self.fetch.max_decoded_bytes:
            raise _TooMuch(f"it grows to more than {self.fetch.max_decoded_bytes} bytes")
        screenshot = None
        with contextlib.suppress(Error):
            screenshot = await tab.screenshot(type="jpeg", quality=60, timeout=_SCREENSHOT_S * 1000)
        return html, screenshot

    async def _may_ask(self, proxy: Proxy, url: str) -> bool:
        """Whether the gate, and what we know of its host, let a request of a page's scripts through; then it counts."""
        try:
            target = read_url(url)
            proxy.allow(target)
        except FetchError:
            return False
        async with self.database.read() as session:
            host = await hosts.find_host(session, target.key)
        if host is not None and host.blocked_until is not None and host.blocked_until > self.clock.now():
            return False
        delay_s = host.slow_s if host else 0.0
        if self.fetch.respect_robots and host and host.robots is not None and host.robots_status is not None:
            robots = read_robots(host.robots_status, host.robots)
            if not robots.allows(target.url):
                return False
            delay_s = max(delay_s, robots.crawl_delay_s)
        return await self._counted(target.key, proxy.leads_home(target), delay_s)

    async def _counted(self, host: str, own: bool, delay_s: float) -> bool:
        """Count a request of a page's scripts: it goes at once, and the host's next page waits so much longer.

        A page is filled by many requests in a row, as everyone's browser makes them; kept apart by the pace, few pages
        would ever be filled. False where the host's next turn is too far off already, or its day's budget is spent.
        """
        pace_s = self.fetch.own_pace_s if own else max(self.fetch.pace_s, delay_s)
        per_day = 0 if own else self.fetch.requests_per_day
        if not pace_s and not per_day:
            return True
        now = self.clock.now()
        async with self.database.write("rendered page's request counted") as session:
            if pace_s:
                turn = await hosts.reserve(session, host, now, pace_s, _FARTHEST_TURN_S)
                if (turn - now).total_seconds() > _FARTHEST_TURN_S:
                    return False
            return not per_day or await hosts.spend(session, host, now, per_day) is None

    async def _within_memory(self, browser: Browser, work: Any) -> tuple[bytes, bytes | None]:
        """The end of ``work``, unless the browser's processes grow too large first."""
        task: asyncio.Task[tuple[bytes, bytes | None]] = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait((task,), timeout=_WATCH_S))[0]:
                used = sum(posix.resident_bytes(pid) or 0 for pid in await _pids(browser))
                if used > self.browser.memory_mb << 20:
                    raise _TooMuch(f"it needs more than {self.browser.memory_mb} MB")
            return task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _failed(self, page: Page, reason: str) -> Page:
        _logger.warning("page not rendered", extra={"url": page.url, "reason": reason})
        return replace(page, outcome=Outcome.FAILED, reason=f"rendering: {reason}")


def make_renderer(browser: BrowserSettings, fetch: FetchSettings, database: Database, clock: Clock) -> Renderer:
    """A renderer, if all that it needs is there.

    Raises:
        ConfigError: Playwright or Chromium is missing, or `fetch.proxy` is set, past which the gate cannot see.
    """
    try:
        import playwright.async_api  # noqa: F401 - an extra, and slow to load
    except ImportError:
        raise ConfigError("[browser] needs Playwright: pip install 'bazaarwatch[browser]'") from None
    named = [browser.program] if browser.program else _PROGRAMS
    program = next(filter(None, map(shutil.which, named)), None)
    if program is None:
        raise ConfigError(f"[browser]: no {' or '.join(named)} is installed (Debian: apt-get install chromium)")
    if fetch.proxy.get_secret_value():
        raise ConfigError("[browser] renders nothing while fetch.proxy is set: the gate cannot see where a proxy leads")
    return Renderer(browser, fetch, database, clock, asyncio.Semaphore(1), program)


def _harmless(page: Page) -> dict[str, str]:
    names = ("content-type", "content-security-policy")
    return {name: page.headers[name] for name in names if name in page.headers}


async def _pids(browser: Browser) -> list[int]:
    """The browser's processes, its own first."""
    session = await browser.new_browser_cdp_session()
    try:
        answer = await session.send("SystemInfo.getProcessInfo")
    finally:
        await session.detach()
    found = sorted(answer["processInfo"], key=lambda process: process["type"] != "browser")
    return [int(process["id"]) for process in found]
