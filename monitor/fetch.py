"""The only door to the network: one request out, one page in, whatever the other side does.

Beneath it `monitor.gate` decides where a connection may go, `monitor.politeness` when, and `monitor.body` how much.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import version

import httpcore2
import httpx2
import stamina
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from config.settings import FetchSettings
from detectors.model import Outcome
from monitor.body import ACCEPTED, BadBody, Body
from monitor.clock import Clock
from monitor.errands import HEAD_BYTES, Answer, Errand, answered_fields, checked_fields, pause_until
from monitor.errors import FetchError, Offline
from monitor.gate import AddressRefused, AnswerTooLarge, Gate, Target, ToProxy, bound_body, read_url
from monitor.heads import sent_head
from monitor.marketplaces.apis import signed
from monitor.marketplaces.base import Api, Grant, Page, Request
from monitor.politeness import Politeness
from monitor.robots import LIMIT_BYTES, PRODUCT
from monitor.tokens import Tokens
from storage.database import Database

_logger = logging.getLogger(__name__)
_Pool = httpcore2.AsyncConnectionPool

_CONNECTIONS = 20
_KEEP_ALIVE_S = 15.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HARMLESS = frozenset({"accept", "accept-language"})  # headers that may go with a redirect to another origin
_TRY_ONLINE_AGAIN = timedelta(minutes=1)
_UNROUTED = (("192.0.2.1", socket.AF_INET), ("2001:db8::1", socket.AF_INET6))  # documentation addresses


class Fetcher:
    """Gets pages. Use it from one event loop and `aclose` it.

    Args:
        settings: Limits, pace, contact.
        database: Where hosts are remembered.
        clock: Tells the time and waits for turns.
        gate: Makes the connections; one for these settings if None.
        has_network: Whether this machine has a way out at all; must send nothing.

    Raises:
        FetchError: The contact is missing or unusable, or an own address or the proxy is malformed.
    """

    def __init__(
        self,
        settings: FetchSettings,
        database: Database,
        clock: Clock,
        *,
        gate: Gate | None = None,
        has_network: Callable[[], bool] | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._agent = user_agent(settings.contact)
        self._gate = gate or Gate(settings.own_addresses, settings.max_bytes + HEAD_BYTES)
        self._has_network = has_network or has_route
        set_on_retry_hooks([_log_retry])  # stamina's own hook would print
        self._politeness = Politeness(settings, database, clock, self._gate.is_own)
        self._tokens = Tokens(self.get, clock)
        self._pool = _pool(self._gate)
        self._by_proxy = _proxied(settings.proxy.get_secret_value(), settings.max_bytes + HEAD_BYTES)

    async def get(self, request: Request, *, pace_s: float = 0.0, per_day: int = 0) -> Page:
        """The page at a URL, or how it failed; see `Page.outcome`.

        Args:
            request: What to ask for.
            pace_s: Seconds between two requests that its marketplace wants; the settings may want more.
            per_day: Requests in any 24 hours that its marketplace wants at most; the settings may want fewer. 0: any.

        Raises:
            FetchError: The URL or a header must not be sent; no fault of the other side.
            Offline: This machine has no network.
        """
        if request.api and request.api.signing_key:
            request = signed(request, request.api.signing_key, self._clock.now())
        target = read_url(request.url, request.params)
        self._gate.check(target)
        self._require_leave(target, request.referrer)
        per_day = request.api.requests_per_day if request.api else per_day
        headers = checked_fields(request.headers)
        errand = Errand(headers, request.method, request.body, request.repeatable, request.api, per_day, request.part)
        if request.api is None or request.api.grant is None:
            return await self._run(target, errand, pace_s)
        return await self._run_with_token(target, errand, pace_s, request.api, request.api.grant)

    async def _run_with_token(self, target: Target, errand: Errand, pace_s: float, api: Api, grant: Grant) -> Page:
        """The page, asked for with an access token; one that is refused is renewed once."""
        for _ in range(2):
            token = await self._tokens.token(api, grant)
            if isinstance(token, Page):
                return replace(token, url=target.url)
            headers = {**errand.headers, "authorization": f"Bearer {token}"}
            page = await self._run(target, replace(errand, headers=headers), pace_s)
            if page.status != 401:
                break
            self._tokens.forget(grant, token)
        return page

    async def _run(self, target: Target, errand: Errand, pace_s: float) -> Page:
        budget = _Budget(self._settings.timeout_s)
        try:
            async for attempt in self._attempts(errand.repeatable):
                with attempt:
                    return await self._journey(target, errand, pace_s, budget)
        except _Failure as failure:
            await self._politeness.note(failure.target, Outcome.FAILED)
            return failure.page
        raise AssertionError("stamina ends in a return or an error")

    def _require_leave(self, target: Target, referrer: str | None) -> None:
        """Refuse to be led to the operator's own servers by a page that is not theirs.

        Raises:
            AddressRefused: The page that named the target is foreign, or was saved by hand.
        """
        if referrer is None or not self._gate.is_own(target):
            return
        if not referrer or not self._gate.is_own(read_url(referrer)):
            raise AddressRefused(f"{target.key} is the operator's own, and a page from elsewhere names it")

    async def report(self, page: Page, outcome: Outcome) -> datetime | None:
        """Tell what the classifier found in a page that came without outcome: a wall or a limit closes the host.

        Returns:
            Until when, if it does.
        """
        if page.outcome is not None:
            return None  # acted upon when it came
        if outcome in (Outcome.BLOCKED, Outcome.LOGIN_REQUIRED):
            return await self._politeness.block(read_url(page.url), Outcome.BLOCKED)
        if outcome == Outcome.RATE_LIMITED:
            until = pause_until(page.headers, self._clock.now())
            return await self._politeness.block(read_url(page.url), outcome, until)
        return None

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()
        if self._by_proxy is not None:
            await self._by_proxy.aclose()

    def _attempts(self, repeatable: bool = True) -> AsyncIterator[stamina.Attempt]:
        return stamina.retry_context(
            on=lambda error: repeatable and isinstance(error, _Failure) and error.may_pass,
            attempts=1 + self._settings.retries,
            timeout=None,  # the budget is the limit
            wait_initial=0.5,
            wait_max=10.0,
            wait_jitter=1.0,
        )

    async def _journey(self, target: Target, errand: Errand, pace_s: float, budget: _Budget) -> Page:
        """One attempt: turn by turn through the redirects to a page."""

        async def ask_robots(place: Target) -> tuple[int, bytes]:
            return await self._ask_robots(place, budget)

        first = target
        for _ in range(self._settings.max_redirects + 1):
            try:
                async with self._politeness.connections(target):
                    refusal = await self._politeness.admit(target, pace_s, ask_robots, errand.api, errand.per_day)
                    if refusal is not None:
                        page = self._page(target, refusal.outcome, refusal.reason, retry_at=refusal.retry_at)
                        return replace(page, paused=refusal.pause)
                    answer = await self._ask(target, errand, budget)
            except AddressRefused as error:
                if target is first:
                    raise
                raise self._failure(target, f"redirect refused: {error}") from None
            if answer.status not in _REDIRECTS:
                return await self._judge(target, answer, errand)
            if errand.body:
                raise self._failure(target, f"status {answer.status}: what was sent is not sent elsewhere")
            following = self._follow(target, answer)
            if following.origin != target.origin:
                harmless = {name: value for name, value in errand.headers.items() if name in _HARMLESS}
                errand = Errand(harmless, per_day=0 if errand.api else errand.per_day, part=errand.part)
            target = following
        raise self._failure(target, f"more than {self._settings.max_redirects} redirects")

    async def _ask_robots(self, target: Target, budget: _Budget) -> tuple[int, bytes]:
        """Status and beginning of the host's robots.txt; `robots.UNREACHABLE` (status 0) without an answer."""
        place = read_url(target.join("/robots.txt"))
        try:
            async for attempt in self._attempts():
                with attempt:
                    return await self._robots_journey(place, budget)
        except _Failure as failure:
            return failure.page.status, b""
        raise AssertionError("stamina ends in a return or an error")

    async def _robots_journey(self, target: Target, budget: _Budget) -> tuple[int, bytes]:
        first = target
        for _ in range(self._settings.max_redirects + 1):
            try:
                answer = await self._ask(target, Errand({}), budget, enough_bytes=LIMIT_BYTES)
            except AddressRefused as error:
                if target is first:
                    raise
                raise self._failure(target, f"redirect refused: {error}") from None
            if answer.status >= 500:
                raise self._failure(target, f"status {answer.status}", answer, may_pass=True)
            if answer.status not in _REDIRECTS:
                return answer.status, answer.body
            target = self._follow(target, answer)
        raise self._failure(target, "more redirects than allowed")

    def _follow(self, target: Target, answer: Answer) -> Target:
        """Where a redirect leads, checked as any other URL. The operator's own servers are no place to be sent to."""
        try:
            following = read_url(target.join(answer.headers.get("location", "")))
            if self._gate.is_own(following) and not self._gate.is_own(target):
                raise AddressRefused(f"{following.key} is the operator's own")
            self._gate.check(following)
        except AddressRefused as error:
            raise self._failure(target, f"redirect refused: {error}") from None
        if following.url == target.url:
            raise self._failure(target, "redirects to itself")
        return following

    async def _judge(self, target: Target, answer: Answer, errand: Errand) -> Page:
        """The page, with its outcome where the status alone decides; what it means for the host is remembered."""
        status, now = answer.status, self._clock.now()
        if status == 429 or (status == 503 and "retry-after" in answer.headers):
            until = await self._politeness.block(target, Outcome.RATE_LIMITED, pause_until(answer.headers, now))
            return self._page(target, Outcome.RATE_LIMITED, f"status {status}", answer, until)
        if status == 401 and errand.api is not None:  # the key's fault, not ours as a visitor
            await self._politeness.note(target, Outcome.BLOCKED)
            return self._page(target, Outcome.BLOCKED, "status 401: the key or token was refused", answer)
        if status in (401, 403, 451):
            until = await self._politeness.refused(target, part=errand.part)
            return self._page(target, Outcome.BLOCKED, f"status {status}", answer, until)
        if status >= 500 or status < 200:
            raise self._failure(target, f"status {status}", answer, may_pass=True)
        outcome = Outcome.GONE if status in (404, 410) else Outcome.FAILED if 300 <= status < 400 else None
        await self._politeness.note(target, outcome)
        return self._page(target, outcome, f"status {status}" if outcome else "", answer)

    async def _ask(self, target: Target, errand: Errand, budget: _Budget, enough_bytes: int | None = None) -> Answer:
        """One request and its whole answer."""
        began_s = self._clock.monotonic()
        try:
            async with budget.spend():
                answer = await self._exchange(target, errand, enough_bytes)
            took_s = self._clock.monotonic() - began_s
            await self._politeness.learn(target, took_s, strained=answer.status == 429 or answer.status >= 500)
            return answer
        except TimeoutError:
            self._require_network(target)
            await self._politeness.learn(target, 0.0, strained=True)
            raise self._failure(target, f"no complete answer within {self._settings.timeout_s:g} s") from None
        except (AnswerTooLarge, BadBody) as error:
            raise self._failure(target, str(error)) from None
        except httpcore2.LocalProtocolError:
            raise FetchError("a request header cannot be sent") from None  # which the error quotes, keys included
        except (
            httpcore2.TimeoutException,
            httpcore2.NetworkError,
            httpcore2.ProtocolError,
            httpcore2.ProxyError,
        ) as error:
            self._require_network(target)
            raise self._failure(target, f"{type(error).__name__}: {error}", may_pass=True) from error

    async def _exchange(self, target: Target, errand: Errand, enough_bytes: int | None) -> Answer:
        seconds = self._settings.timeout_s
        fields = {"host": target.authority, "accept": "*/*", **errand.headers}
        fields |= {"accept-encoding": ACCEPTED, "user-agent": self._agent}
        if errand.method != "GET":
            fields["content-length"] = str(len(errand.body))
        limits = dict.fromkeys(("read", "write", "pool"), seconds)
        request = httpcore2.Request(
            errand.method,
            httpcore2.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path),
            headers=list(fields.items()),
            content=errand.body,
            extensions={"timeout": {"connect": min(self._settings.connect_timeout_s, seconds), **limits}},
        )
        direct = self._by_proxy is None or self._gate.is_own(target)
        pool = self._pool if direct or self._by_proxy is None else self._by_proxy
        response = await pool.handle_async_request(request)
        try:
            bound_body(response.extensions["network_stream"])
            answered = answered_fields(response.headers)
            body = Body(answered.get("content-encoding", ""), self._settings.max_decoded_bytes)
            async for piece in response.aiter_stream():
                body.add(piece)
                if enough_bytes is not None and body.size >= enough_bytes:
                    return Answer(response.status, answered, body.beginning())
            stream = response.extensions["network_stream"]
            peer = stream.get_extra_info("server_addr") if direct else None
            address, certificate = str(peer[0]) if peer else None, _certificate(stream.get_extra_info("ssl_object"))
            sent = sent_head(fields)
            return Answer(response.status, answered, body.finish(), address, errand.method, sent, certificate)
        finally:
            await response.aclose()

    def _require_network(self, target: Target) -> None:
        if not self._gate.is_own(target) and not self._has_network():
            retry_at = self._clock.now() + _TRY_ONLINE_AGAIN
            raise Offline(f"this machine has no network: {target.host} was not reached", retry_at)

    def _failure(
        self, target: Target, reason: str, answer: Answer | None = None, *, may_pass: bool = False
    ) -> _Failure:
        return _Failure(target, self._page(target, Outcome.FAILED, reason, answer), may_pass)

    def _page(
        self,
        target: Target,
        outcome: Outcome | None,
        reason: str,
        answer: Answer | None = None,
        retry_at: datetime | None = None,
    ) -> Page:
        answer = answer or Answer(0, {}, b"")
        return Page(
            target.url,
            answer.body,
            answer.status,
            answer.headers,
            self._clock.now(),
            outcome,
            reason,
            answer.address,
            retry_at,
            answer.method,
            answer.sent,
            answer.certificate,
        )


def _pool(backend: httpcore2.AsyncNetworkBackend, proxy: httpcore2.Proxy | None = None) -> _Pool:
    return httpcore2.AsyncConnectionPool(
        ssl_context=_tls(),
        proxy=proxy,
        max_connections=_CONNECTIONS,
        keepalive_expiry=_KEEP_ALIVE_S,
        network_backend=backend,
    )


def _proxied(address: str, limit_bytes: int) -> _Pool | None:
    """Connections by way of the operator's proxy; None without one.

    Raises:
        FetchError: The address is no proxy's. It is not repeated: it may hold a password.
    """
    if not address:
        return None
    try:
        url = httpx2.URL(address)
    except httpx2.InvalidURL:
        url = httpx2.URL("")
    if url.scheme not in ("http", "https") or not url.host or url.raw_path != b"/":
        raise FetchError('fetch.proxy is not of the form "http://host:port"')
    port = url.port or (443 if url.scheme == "https" else 80)
    _logger.info("names are resolved by the proxy", extra={"proxy": f"{url.host}:{port}"})
    login = (url.username, url.password) if url.userinfo else None
    proxy = httpcore2.Proxy(
        httpcore2.URL(scheme=url.scheme, host=url.host, port=port, target="/"),
        auth=login,
        ssl_context=_tls() if url.scheme == "https" else None,
    )
    return _pool(ToProxy(url.host, port, limit_bytes), proxy)


def user_agent(contact: str) -> str:
    """How we introduce ourselves: name, version and where the operator can be reached.

    Raises:
        FetchError: There is no contact, or it cannot stand in a header.
    """
    contact = contact.strip()
    if not contact:
        raise FetchError("fetch.contact is empty: `bazaarwatch init --contact you@example.org` sets it")
    if not contact.isascii() or not contact.isprintable() or "(" in contact or ")" in contact:
        raise FetchError(
            "fetch.contact: only printable ASCII without parentheses can be sent; `bazaarwatch init` sets it"
        )
    return f"{PRODUCT}/{'.'.join(version('bazaarwatch').split('.')[:2])} (+{contact})"


def _log_retry(details: RetryDetails) -> None:
    _logger.info("request failed, trying again", extra={"reason": str(details.caused_by), "in_s": details.wait_for})


@cache
def _tls() -> ssl.SSLContext:
    """Reading the system's certificates takes 0.1 s."""
    return httpx2.create_ssl_context(trust_env=False)


def has_route() -> bool:
    """Whether this machine knows a way to anywhere. Asks the routing table by sockets that send nothing."""
    for address, family in _UNROUTED:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((address, 9))
            except OSError:
                continue
            return True
    return False


class _Failure(Exception):
    """An attempt that ended without an answer worth reading; ``may_pass`` says that another may do better."""

    def __init__(self, target: Target, page: Page, may_pass: bool) -> None:
        super().__init__(page.reason)
        self.target = target
        self.page = page
        self.may_pass = may_pass


class _Budget:
    """The seconds that all requests of one `get` may take together; waiting for turns does not count."""

    def __init__(self, seconds: float) -> None:
        self._left_s = seconds

    @asynccontextmanager
    async def spend(self) -> AsyncIterator[None]:
        start = time.monotonic()
        try:
            async with asyncio.timeout(self._left_s):
                yield
        finally:
            self._left_s -= time.monotonic() - start


def _certificate(tls: ssl.SSLObject | None) -> str | None:
    shown = tls.getpeercert(binary_form=True) if tls else None
    return hashlib.sha256(shown).hexdigest() if shown else None
