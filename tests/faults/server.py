"""A web server that misbehaves on purpose: each path is one fault. Loopback only, plain sockets, no HTTP library."""

import asyncio
import gzip
import time
import zlib
from email.utils import format_datetime
from functools import cache
from urllib.parse import parse_qs, urlsplit


def answer(body=b"", status="200 OK", *headers):
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


@cache
def bomb(bits):
    """64 MB of zeros in 64 kB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, bits)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()


class FaultServer:
    """``requests`` lists (path, headers, seconds) of all that was asked; ``robots`` is the answer to /robots.txt.

    It serves as an HTTP proxy too, of which ``connect_status`` answers every CONNECT.
    """

    def __init__(self):
        self.requests = []
        self.methods, self.bodies = [], []
        self.connect_status = "502 Bad Gateway"
        self.robots = answer(b"", "404 Not Found")
        self.open = self.peak_open = 0
        self.address = ""

    @property
    def url(self):
        return f"http://{self.address}"

    @property
    def pages(self):
        return [path for path, _, _ in self.requests if path != "/robots.txt"]

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self._tasks = set()
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        self.open += 1
        self.peak_open = max(self.peak_open, self.open)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            writer.transport.abort()
            self._tasks.discard(asyncio.current_task())

    async def _one(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        path = head[0].split(" ")[1]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        self.requests.append((path, headers, time.monotonic()))
        self.methods.append(head[0].split(" ")[0])
        self.bodies.append(await reader.readexactly(int(headers.get("content-length", 0))))
        if self.methods[-1] == "CONNECT":
            writer.write(answer(b"", self.connect_status))
            await writer.drain()
            return False
        parts = urlsplit(path)
        if parts.path == "/robots.txt":
            fault = self.robots
        else:
            fault = getattr(self, parts.path.strip("/").replace("-", "_") or "page")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        written = fault(**query) if callable(fault) else fault
        if isinstance(written, bytes):
            writer.write(written)
            await writer.drain()
            return True
        async for piece in written:
            writer.write(piece)
            await writer.drain()
        return False

    def page(self, **_):
        return answer(b"<html>a page</html>", "200 OK", "Content-Type: text/html")

    def status(self, code, **headers):
        return answer(b"the body", f"{code} Because", *(f"{n.replace('_', '-')}: {v}" for n, v in headers.items()))

    def retry_date(self, at):
        return answer(b"", "429 Slow", f"Retry-After: {at}")

    def redirect(self, to):
        return answer(b"", "302 Found", f"Location: {to}")

    def redirect_without_location(self):
        return answer(b"", "302 Found")

    def redirect_loop(self, n="0"):
        return answer(b"", "302 Found", f"Location: /redirect-loop?n={1 - int(n)}")

    def redirect_self(self):
        return answer(b"", "302 Found", "Location: /redirect-self")

    def redirect_chain(self, n):
        return answer(b"", "302 Found", f"Location: /redirect-chain?n={int(n) - 1}") if int(n) else self.page()

    async def hang(self):
        await asyncio.sleep(60)
        yield b""

    async def hang_after_head(self):
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
        await asyncio.sleep(60)

    async def drip(self):
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
        while True:
            yield b"x"
            await asyncio.sleep(0.02)

    async def drip_head(self):
        yield b"HTTP/1.1 200 OK\r\n"
        while True:
            yield b"X-Y: z\r\n"
            await asyncio.sleep(0.02)

    async def endless(self):
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            yield bytes(1 << 16)

    async def endless_chunks(self):
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        while True:
            yield b"10000\r\n" + bytes(1 << 16) + b"\r\n"

    async def endless_continue(self):
        while True:
            yield b"HTTP/1.1 100 Continue\r\n\r\n" * 1000

    async def huge_head(self):
        yield b"HTTP/1.1 200 OK\r\n"
        for _ in range(200):
            yield b"X-Long: " + b"x" * 50_000 + b"\r\n"
        yield b"\r\n"

    def big_head(self):
        return answer(b"", "200 OK", *(f"X-{n}: {'x' * 100}" for n in range(800)))

    def many_fields(self):
        return answer(b"", "200 OK", *(f"X-{n}: y" for n in range(100_000)))

    async def reset(self):
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"
        raise ConnectionError

    async def close_at_once(self):
        raise ConnectionError
        yield b""

    async def short(self):
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"

    async def short_chunk(self):
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nshort"

    def bad_chunk(self):
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc"

    def two_lengths(self):
        return b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde"

    def no_http(self):
        return b"SSH-2.0-OpenSSH_9.2\r\n\r\n"

    def bad_field(self):
        return b"HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 0\r\n\r\n"

    def packed(self, how):
        body = b"the unpacked body " * 100
        raw = zlib.compressobj(wbits=-15)
        packed = {
            "gzip": gzip.compress(body),
            "x-gzip": gzip.compress(body[:50]) + gzip.compress(body[50:]),
            "deflate": zlib.compress(body),
            "raw": raw.compress(body) + raw.flush(),
            "identity": body,
        }[how]
        return answer(packed, "200 OK", f"Content-Encoding: {how.replace('raw', 'deflate')}")

    def encoding(self, name):
        return answer(gzip.compress(b"body"), "200 OK", f"Content-Encoding: {name}")

    def stacked_fields(self):
        body = gzip.compress(gzip.compress(b"body"))
        return answer(body, "200 OK", "Content-Encoding: gzip", "Content-Encoding: gzip")

    def lying_gzip(self):
        return answer(b"not packed at all", "200 OK", "Content-Encoding: gzip")

    def cut_gzip(self):
        return answer(gzip.compress(bytes(range(256)) * 100)[:-20], "200 OK", "Content-Encoding: gzip")

    def gzip_bomb(self):
        return answer(bomb(31), "200 OK", "Content-Encoding: gzip")

    def deflate_bomb(self):
        return answer(bomb(-15), "200 OK", "Content-Encoding: deflate")

    def empty_gzip(self):
        return answer(b"", "200 OK", "Content-Encoding: gzip")

    def flaky(self):
        return self.page() if self.pages.count("/flaky") > 2 else answer(b"", "500 Oops")


def http_date(when):
    return format_datetime(when, usegmt=True)
