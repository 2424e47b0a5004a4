# ruff: noqa: ASYNC109, ARG002 - the signatures of a network backend are httpcore2's
"""Where a request may go: URLs that are read once, addresses that are checked, and connections to nothing else.

Every outgoing connection is made by `Gate.connect_tcp`. A name is resolved once, every address it has must be public,
and the connection goes to the address that was checked, while TLS asks for the name. So neither a redirect, nor odd
notation, nor a name server that answers differently the second time leads into the operator's network.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import select
import socket
import ssl
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import httpcore2
import httpx2

from monitor.errors import FetchError

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str], Awaitable[Sequence[str]]]

_PORTS = {"http": 80, "https": 443}
_LONGEST_URL = 8192
# What needs no normalising: most addresses of pages and pictures. Everything else is read by httpx2.
_PLAIN_URL = re.compile(
    r"(https?)://((?:[a-z0-9-]+\.)*[a-z0-9-]+)(?::([1-9][0-9]{1,4}))?((?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?"
    r"(?:\?[A-Za-z0-9._~=&-]+)?)"
)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\\]")
_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
_MOST_ADDRESSES = 4  # of one name that are tried
_MOST_LOOKUPS = 8  # of names at once
_HEAD_PHASE_BYTES = 256 << 10  # before the answer's own head: that head, its 1xx forerunners, and a read beyond

# IANA's special-purpose registries, and what translates into IPv4. Python's own `is_global` lets several through.
DENIED = tuple(
    (ipaddress.ip_network(network), what)
    for network, what in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("2001::/23", "protocol assignments, Teredo, ORCHID"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("3fff::/20", "documentation"),
    )
)
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")  # all that is assigned; the rest of IPv6 is refused
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # judged by the IPv4 address inside


class AddressRefused(FetchError):
    """The URL leads, or may lead, to where nothing is fetched from."""


class NameUnknown(httpcore2.ConnectError):
    """The host's name has no address, or name resolution does not work."""


@dataclass(frozen=True, slots=True)
class Target:
    """One place to ask, read from a URL once; nothing reads the URL again."""

    scheme: str
    host: str  # lower case, ASCII; an IPv6 address without brackets
    port: int
    path: bytes  # with the query, percent-encoded
    url: str  # as shown and stored, without fragment

    @property
    def key(self) -> str:
        """``host:port``, lower case: what pace and robots.txt are kept by."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def authority(self) -> str:
        """The Host header: the port only where it is not the scheme's."""
        return self.key if self.port != _PORTS[self.scheme] else self.key.rpartition(":")[0]

    @property
    def origin(self) -> tuple[str, str, int]:
        """What secrets are bound to."""
        return self.scheme, self.host, self.port

    def join(self, reference: str) -> str:
        """The absolute URL of a reference on this page.

        Raises:
            AddressRefused: The reference is no URL.
        """
        try:
            return str(httpx2.URL(self.url).join(_clean(reference)))
        except httpx2.InvalidURL as error:
            raise AddressRefused(f"no usable URL: {error}") from None


def read_url(url: str, params: Mapping[str, str] | None = None) -> Target:
    """Where a URL leads, with ``params`` added to its query. httpx2 takes 0.2 ms for one: those of late are remembered.

    Raises:
        AddressRefused: It is no plain http or https URL: another scheme, user info, backslash, control characters,
            a host in numbers that is no dotted quad, over 8192 characters.
    """
    return (None if params else _read_plain(url)) or _read_url(url, tuple(params.items()) if params else ())


def _read_plain(url: str) -> Target | None:
    """The same for a URL whose parts are as httpx2 would write them; None for any other."""
    plain = _PLAIN_URL.fullmatch(url) if len(url) <= _LONGEST_URL else None
    if plain is None or "xn--" in plain[2] or not plain[4].startswith("/"):
        return None
    port = int(plain[3]) if plain[3] else _PORTS[plain[1]]
    if port > 65535 or (plain[3] and port == _PORTS[plain[1]]):
        return None
    return Target(plain[1], _host(plain[2]), port, plain[4].encode(), url)


@lru_cache(maxsize=1024)
def _read_url(url: str, params: tuple[tuple[str, str], ...]) -> Target:
    try:
        parsed = httpx2.URL(_clean(url))
        if params:
            parsed = parsed.copy_merge_params(dict(params))
    except (httpx2.InvalidURL, UnicodeError) as error:
        raise AddressRefused(f"no usable URL: {error}: {url[:200]!r}") from None
    if parsed.scheme not in _PORTS:
        raise AddressRefused(f"only http and https are fetched: {url[:200]!r}")
    if parsed.userinfo:
        raise AddressRefused(f"a URL with user name or password is not fetched: {parsed.host!r}")
    host = _host(parsed.raw_host.decode("ascii"))
    port = _PORTS[parsed.scheme] if parsed.port is None else parsed.port
    if not 0 < port < 65536:
        raise AddressRefused(f"no port: {port}")
    return Target(parsed.scheme, host, port, parsed.raw_path, str(parsed.copy_with(fragment=None)))


def _clean(url: str) -> str:
    url = url.strip(" ")
    if len(url) > _LONGEST_URL or _CONTROLS.search(url):
        raise AddressRefused(f"a URL with backslash or control characters, or too long: {url[:200]!r}")
    return url


@lru_cache(maxsize=1024)
def _host(host: str) -> str:
    host = host.lower().removesuffix(".")
    address = _literal(host)
    if address is not None and "%" not in host:
        return str(address)
    if not _HOST_NAME.fullmatch(host) or _NUMERIC_LABEL.fullmatch(host.rpartition(".")[2]):
        raise AddressRefused(f"no host name: {host[:200]!r}")
    return host


def _literal(host: str) -> IPAddress | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def why_denied(address: IPAddress) -> str | None:
    """Why nothing is fetched from an address; None where it is public."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id:
            return "an address of one link"
        if address.ipv4_mapped is not None:
            return why_denied(address.ipv4_mapped)
        if address in _NAT64:
            return why_denied(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address not in _GLOBAL_UNICAST:
            return "not global unicast"
    for network, what in DENIED:
        if address in network:
            return what
    return None if address.is_global else "not global"


def _getaddrinfo(host: str) -> Sequence[Any]:
    return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)


class SystemResolver:
    """The addresses of a name, by the system's resolver, in the order in which to try them.

    A lookup cannot be called off. One that hangs keeps a thread of its own and nothing else: who waits for the same
    name waits for it, and all lookups together have a few threads. Use it from one event loop.

    Args:
        look_up: What ``socket.getaddrinfo`` gives for a name; blocks.
    """

    def __init__(self, look_up: Callable[[str], Sequence[Any]] = _getaddrinfo) -> None:
        self._look_up = look_up
        self._free = asyncio.Semaphore(_MOST_LOOKUPS)
        self._under_way: dict[str, asyncio.Future[Sequence[str]]] = {}

    async def __call__(self, host: str) -> Sequence[str]:
        """Look up one name; whoever gives up waiting disturbs no one else.

        Raises:
            OSError: It has none, or lookups do not work.
        """
        if host not in self._under_way:
            await self._free.acquire()
            if host in self._under_way:  # someone else began it meanwhile
                self._free.release()
            else:
                self._start(host, asyncio.get_running_loop())
        return await asyncio.shield(self._under_way[host])

    def _start(self, host: str, loop: asyncio.AbstractEventLoop) -> None:
        future: asyncio.Future[Sequence[str]] = loop.create_future()
        self._under_way[host] = future

        def finish(addresses: Sequence[str], error: Exception | None) -> None:
            self._free.release()
            self._under_way.pop(host, None)
            if error is None:
                future.set_result(addresses)
            else:
                future.set_exception(error)
                future.exception()  # nobody may be waiting any more

        def work() -> None:
            addresses: Sequence[str] = ()
            failed: Exception | None = None
            try:
                addresses = list(dict.fromkeys(str(entry[4][0]) for entry in self._look_up(host)))
            except (OSError, UnicodeError) as error:
                failed = error
            with suppress(RuntimeError):  # the loop may be closed by now
                loop.call_soon_threadsafe(finish, addresses, failed)

        threading.Thread(target=work, name=f"lookup {host}", daemon=True).start()


class Gate(httpcore2.AsyncNetworkBackend):
    """Makes every connection of the fetcher's, and refuses what is not public.

    Args:
        own_addresses: ``ip:port`` of the operator's servers, which may be non-public: matched as written in a URL,
            never through a name.
        limit_bytes: What one answer, head included, may take of a connection.
        resolve: From a name to its addresses; the system's unless a test brings its own.
        backend: Makes the connections to checked addresses.
    """

    def __init__(
        self,
        own_addresses: Iterable[str],
        limit_bytes: int,
        resolve: Resolve | None = None,
        backend: httpcore2.AsyncNetworkBackend | None = None,
    ) -> None:
        self._own = frozenset(_own_key(address) for address in own_addresses)
        self._limit_bytes = limit_bytes
        self._resolve = resolve or SystemResolver()
        self._backend = backend or httpcore2.AnyIOBackend()

    def is_own(self, target: Target) -> bool:
        """Whether the operator listed this very address and port."""
        return target.key in self._own

    def check(self, target: Target) -> None:
        """Refuse what can be refused without asking anyone.

        Raises:
            AddressRefused: The port is neither 80, 443 nor the operator's, or the host is an address that is denied.
        """
        if self.is_own(target):
            return
        if target.port not in _PORTS.values():
            raise AddressRefused(f"only ports 80 and 443 are asked: {target.key}")
        address = _literal(target.host)
        if address is not None:
            _require_public(target.host, (address,))

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A connection to a checked address of ``host``; ``timeout`` seconds for all of it.

        Raises:
            AddressRefused: One of its addresses is denied.
            httpcore2.ConnectError: No address answered; a `NameUnknown` where there is none.
        """
        target = Target("http", host, port, b"/", "")
        try:
            async with asyncio.timeout(timeout):
                if self.is_own(target):
                    addresses: Sequence[str] = (host,)
                else:
                    self.check(target)
                    addresses = await self._public_addresses(host)
                stream = await self._first(addresses, port, timeout)
        except TimeoutError:
            raise httpcore2.ConnectTimeout(f"no connection within {timeout:g} s") from None
        return _Bounded(stream, self._limit_bytes)

    async def _public_addresses(self, host: str) -> Sequence[str]:
        literal = _literal(host)
        if literal is not None:
            return (str(literal),)  # checked already
        try:
            addresses = [ipaddress.ip_address(address) for address in await self._resolve(host)]
        except (OSError, UnicodeError) as error:
            raise NameUnknown(f"{host}: {error}") from error
        if not addresses:
            raise NameUnknown(f"{host} has no address")
        _require_public(host, addresses)
        return [str(address) for address in addresses]

    async def _first(self, addresses: Sequence[str], port: int, timeout: float | None) -> httpcore2.AsyncNetworkStream:
        addresses = addresses[:_MOST_ADDRESSES]
        share_s = None if timeout is None else timeout / len(addresses)
        for address in addresses[:-1]:
            try:
                return await self._backend.connect_tcp(address, port, share_s)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._backend.connect_tcp(addresses[-1], port, share_s)


class ToProxy(httpcore2.AsyncNetworkBackend):
    """Connects to the operator's own proxy and to nothing else; where that leads on from there is the proxy's doing."""

    def __init__(self, host: str, port: int, limit_bytes: int) -> None:
        self._proxy = host, port
        self._limit_bytes = limit_bytes
        self._backend = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A connection to the proxy.

        Raises:
            AddressRefused: ``host`` and ``port`` are not the proxy's.
        """
        if (host, port) != self._proxy:
            raise AddressRefused(f"{host}:{port} is not the proxy")
        return _Bounded(await self._backend.connect_tcp(host, port, timeout), self._limit_bytes)


def bound_body(stream: object) -> None:
    """Let what comes over an answer's connection from now on count as its body, not as its head."""
    bounded = stream.get_extra_info("bounded") if isinstance(stream, httpcore2.AsyncNetworkStream) else None
    if isinstance(bounded, _Bounded):
        bounded.head_is_read()


class AnswerTooLarge(httpcore2.ReadError):
    """The server sent more than one answer may take."""


class _Bounded(httpcore2.AsyncNetworkStream):
    """A connection that gives out a bounded number of bytes for each thing written to it."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream, limit_bytes: int) -> None:
        self._stream = stream
        self._limit_bytes = limit_bytes
        self._read_bytes = 0
        self._in_head = True
        self._facts: dict[str, object] = {}
        self._poll: Any = None
        raw = stream.get_extra_info("socket")
        if raw is not None and sys.platform != "win32":  # every idle connection is looked at for every request
            self._poll = select.poll()
            self._poll.register(raw.fileno(), select.POLLIN)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = await self._stream.read(max_bytes, timeout)
        self._read_bytes += len(data)
        limit = min(_HEAD_PHASE_BYTES, self._limit_bytes) if self._in_head else self._limit_bytes
        if self._read_bytes > limit:
            raise AnswerTooLarge(f"the {'head' if self._in_head else 'answer'} takes more than {limit} bytes")
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._read_bytes = 0
        self._in_head = True
        await self._stream.write(buffer, timeout)

    def head_is_read(self) -> None:
        """The answer's own head is complete: from here on its body is read."""
        self._in_head = False

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        return _Bounded(await self._stream.start_tls(ssl_context, server_hostname, timeout), self._limit_bytes)

    def get_extra_info(self, info: str) -> object:
        if info == "bounded":
            return self
        if info == "is_readable":
            return bool(self._poll.poll(0)) if self._poll else self._stream.get_extra_info(info)
        if info not in self._facts:  # the same for the life of the connection, and dear to ask for
            self._facts[info] = self._stream.get_extra_info(info)
        return self._facts[info]


def _require_public(host: str, addresses: Iterable[IPAddress]) -> None:
    for address in addresses:
        why = why_denied(address)
        if why is not None:
            raise AddressRefused(f"{host} leads to {address}, which is not public ({why})")


def _own_key(address: str) -> str:
    host, _, port = address.rpartition(":")
    try:
        literal = ipaddress.ip_address(host.strip("[]"))
        return Target("http", str(literal), int(port), b"/", "").key
    except ValueError:
        raise FetchError(f"fetch.own_addresses: {address!r} is not of the form ip:port") from None
