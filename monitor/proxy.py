"""A proxy on loopback for one browser: whatever connection it wants, the gate makes it or refuses it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import httpcore2

from monitor.errors import FetchError
from monitor.gate import AddressRefused, Gate, Target, bound_body, read_url

_logger = logging.getLogger(__name__)

_LARGEST_HEAD = 64 << 10
_PATIENCE_S = 10.0  # for a request's head, for a tunnel's first byte, and for a connection to be made
_PIECE = 16 << 10  # less than a head may take: the gate counts anew after each piece that is sent
_TLS_HANDSHAKE = b"\x16"
_HOP_HEADERS = frozenset({b"connection", b"proxy-connection", b"proxy-authorization", b"keep-alive", b"te", b"host"})
_NOTED = 100  # refusals that are remembered


class Proxy:
    """Serves one browser while it shows one page.

    It leads only where the page was allowed to ask, so what the browser wants for itself (updates, its maker's
    accounts) goes nowhere. Tunnels (CONNECT) carry TLS and nothing else, so that no plain WebSocket passes; plain
    requests are passed on one a connection.

    Args:
        gate: Makes the connections.
        page: What the browser shows.
        max_bytes: What may come in through it in all.
    """

    def __init__(self, gate: Gate, page: Target, max_bytes: int) -> None:
        self.refused: list[str] = []
        self.too_much = False
        self._gate = gate
        self._page = page
        self._allowed = {page.key}
        self._left_bytes = max_bytes
        self._serving: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Listen on a free port as long as the block runs; gives the address."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_LARGEST_HEAD)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for task in self._serving:
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)

    def allow(self, target: Target) -> None:
        """Let the page ask a server from now on.

        Raises:
            AddressRefused: The gate refuses it, or it is the operator's own and the page is another server's.
        """
        if self._gate.is_own(target) and target.key != self._page.key:
            raise AddressRefused(f"{target.key} is the operator's own, and {self._page.key} is another server")
        self._gate.check(target)
        self._allowed.add(target.key)

    def leads_home(self, target: Target) -> bool:
        """Whether a server is the operator's own."""
        return self._gate.is_own(target)

    def _require_allowed(self, target: Target) -> None:
        if target.key not in self._allowed:
            raise AddressRefused(f"{target.key}: nothing that the page may ask for is there")

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(
            self._answer(reader, writer)
        )  # a task of our own: asyncio logs its own cancelled ones
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        except FetchError as error:
            self._note(str(error))
        except (asyncio.LimitOverrunError, ValueError) as error:
            self._note(f"no request: {error}")
        except (httpcore2.NetworkError, httpcore2.TimeoutException, OSError, TimeoutError, EOFError) as error:
            _logger.debug("proxied connection failed", extra={"reason": f"{type(error).__name__}: {error}"})
        finally:
            writer.close()  # no answer of ours could be taken for the server's

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_PATIENCE_S):
            head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
        method, place, _ = first.decode("ascii").split(" ")
        if method == "CONNECT":
            target = read_url(f"https://{place}/")
            self._require_allowed(target)
            stream = await self._gate.connect_tcp(target.host, target.port, _PATIENCE_S)
            await self._tunnel(target, reader, writer, stream)
        else:
            target = read_url(place)
            self._require_allowed(target)
            if target.scheme != "http":
                raise AddressRefused(f"no plain request leads to {place[:200]!r}")
            request, body_bytes = _request(method, target, lines)
            stream = await self._gate.connect_tcp(target.host, target.port, _PATIENCE_S)
            await self._pass_on(request, body_bytes, reader, writer, stream)

    async def _tunnel(
        self,
        target: Target,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        stream: httpcore2.AsyncNetworkStream,
    ) -> None:
        try:
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            await writer.drain()
            async with asyncio.timeout(_PATIENCE_S):
                first = await reader.read(_PIECE)
            if first and not first.startswith(_TLS_HANDSHAKE):
                self._note(f"{target.key}: a tunnel for something else than TLS")
                return
            await _send(stream, first)
            up = asyncio.ensure_future(_copy_up(reader, stream))
            down = asyncio.ensure_future(self._copy_down(stream, writer))
            try:
                await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
            finally:
                up.cancel()
                down.cancel()
                await asyncio.gather(up, down, return_exceptions=True)
        finally:
            await stream.aclose()

    async def _pass_on(
        self,
        request: bytes,
        body_bytes: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        stream: httpcore2.AsyncNetworkStream,
    ) -> None:
        try:
            await _send(stream, request)
            while body_bytes:
                piece = await reader.read(min(body_bytes, _PIECE))
                if not piece:
                    return
                body_bytes -= len(piece)
                await _send(stream, piece)
            await self._copy_down(stream, writer)
        finally:
            await stream.aclose()

    async def _copy_down(self, stream: httpcore2.AsyncNetworkStream, writer: asyncio.StreamWriter) -> None:
        while piece := await stream.read(_PIECE):
            self._left_bytes -= len(piece)
            if self._left_bytes < 0:
                self.too_much = True
                return
            writer.write(piece)
            await writer.drain()

    def _note(self, reason: str) -> None:
        _logger.info("browser refused", extra={"page": self._page.url, "reason": reason})
        if len(self.refused) < _NOTED:
            self.refused.append(reason)


async def _copy_up(reader: asyncio.StreamReader, stream: httpcore2.AsyncNetworkStream) -> None:
    while piece := await reader.read(_PIECE):
        await _send(stream, piece)


async def _send(stream: httpcore2.AsyncNetworkStream, piece: bytes) -> None:
    await stream.write(piece)
    bound_body(stream)  # heads are the browser's business: what counts here is all that comes


def _request(method: str, target: Target, lines: list[bytes]) -> tuple[bytes, int]:
    """A browser's request as the server wants it, and how many bytes of body follow.

    Raises:
        AddressRefused: It would change the protocol, or does not say how long it is.
    """
    headers, body_bytes = [f"Host: {target.authority}".encode()], 0
    for line in lines:
        name = line.partition(b":")[0].strip().lower()
        if name in (b"upgrade", b"transfer-encoding"):
            raise AddressRefused(f"{target.key}: a request with {name.decode()} is not passed on")
        if name == b"content-length":
            body_bytes = int(line.partition(b":")[2])
        if name not in _HOP_HEADERS:
            headers.append(line)
    start = b"%s %s HTTP/1.1" % (method.encode(), target.path)
    return b"\r\n".join([start, *headers, b"Connection: close", b"", b""]), body_bytes
