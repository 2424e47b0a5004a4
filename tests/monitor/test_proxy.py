"""The browser's proxy, asked as a hostile browser would."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from monitor.gate import AddressRefused, Gate, read_url
from monitor.proxy import Proxy


@asynccontextmanager
async def listening(answer):
    """A server that gives ``answer`` and closes; its address, and what it was sent."""
    received = []

    async def accept(reader, writer):
        received.append(await reader.read(100_000))
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", received


async def ask(proxy_url, *pieces):
    """What the proxy answers to bytes; each further piece is sent after something came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy_url.rpartition(":")[2]))
    try:
        answer = b""
        for piece in pieces:
            writer.write(piece)
            if piece is not pieces[-1]:
                answer += await reader.read(1000)
        return answer + await asyncio.wait_for(reader.read(-1), 20)
    except ConnectionError:
        return answer
    finally:
        writer.close()


@asynccontextmanager
async def proxy_for(address, *more_own, max_bytes=100_000):
    proxy = Proxy(Gate([address, *more_own], 1_000_000), read_url(f"http://{address}/"), max_bytes)
    async with proxy.serving() as url:
        yield proxy, url


async def test_a_plain_request_is_passed_on_without_what_is_meant_for_the_proxy():
    async with listening(b"HTTP/1.1 200 OK\r\n\r\nhello") as (address, received), proxy_for(address) as (_, url):
        head = f"POST http://{address}/a?b=c HTTP/1.1\r\nHost: evil.example\r\nProxy-Connection: keep-alive\r\n"
        answer = await ask(url, f"{head}X-Own: 1\r\nContent-Length: 4\r\n\r\nbody".encode())
    assert answer.endswith(b"hello")
    (request,) = received
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"POST /a?b=c HTTP/1.1", f"Host: {address}".encode(), b"X-Own: 1", b"Content-Length: 4", b"Connection: close",
    ]  # fmt: skip
    assert body == b"body"


async def test_a_second_request_on_a_connection_goes_nowhere():
    async with listening(b"HTTP/1.1 200 OK\r\n\r\none") as (address, received), proxy_for(address) as (_, url):
        request = f"GET http://{address}/ HTTP/1.1\r\n\r\n".encode()
        await ask(url, request + b"GET http://10.0.0.1/ HTTP/1.1\r\n\r\n")
    assert received == [f"GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode()]


async def test_a_tunnel_carries_tls_and_nothing_else():
    async with listening(b"\x16 answer") as (address, received), proxy_for(address) as (proxy, url):
        connect = f"CONNECT {address} HTTP/1.1\r\n\r\n".encode()
        assert (await ask(url, connect, b"\x16\x03\x01 hello")).endswith(b"\x16 answer")
        assert await ask(url, connect, b"GET /socket HTTP/1.1\r\nUpgrade: websocket\r\n\r\n") == (
            b"HTTP/1.1 200 Connected\r\n\r\n"
        )
        assert "else than TLS" in proxy.refused[-1]
    assert received[0] == b"\x16\x03\x01 hello"
    assert b"".join(received[1:]) == b""


@pytest.mark.parametrize(
    "request_line",
    [
        "GET http://10.0.0.1/ HTTP/1.1",
        "GET http://shop.example/ HTTP/1.1",
        "GET http://{other}/ HTTP/1.1",
        "GET https://{address}/ HTTP/1.1",
        "GET file:///etc/passwd HTTP/1.1",
        "GET / HTTP/1.1",
        "CONNECT {other} HTTP/1.1",
        "CONNECT 10.0.0.1:443 HTTP/1.1",
        "CONNECT shop.example:25 HTTP/1.1",
        "CONNECT user@{address} HTTP/1.1",
        "GET http://{address}/ HTTP/1.1\r\nUpgrade: websocket",
        "POST http://{address}/ HTTP/1.1\r\nTransfer-Encoding: chunked",
        "POST http://{address}/ HTTP/1.1\r\nContent-Length: many",
        "nonsense",
        "GET http://{address}/ HTTP/1.1\r\nX: " + "x" * 70_000,
    ],
)
async def test_what_the_page_may_not_ask_gets_no_answer(request_line):
    async with (
        listening(b"HTTP/1.1 200 OK\r\n\r\nhello") as (address, received),
        listening(b"HTTP/1.1 200 OK\r\n\r\nother") as (other, others),
        proxy_for(address, other) as (proxy, url),
    ):
        answer = await ask(url, (request_line.format(address=address, other=other) + "\r\n\r\n").encode())
        assert answer == b""
        assert len(proxy.refused) == 1
    assert received == others == []


async def test_what_the_gate_refuses_cannot_be_allowed():
    async with listening(b"") as (address, _), listening(b"") as (other, _), proxy_for(address, other) as (proxy, _):
        for url in (f"http://{other}/", "http://10.0.0.1/", "http://shop.example:8080/", "http://[::1]/"):
            with pytest.raises(AddressRefused):
                proxy.allow(read_url(url))
        proxy.allow(read_url("https://shop.example/"))


async def test_no_more_comes_in_than_one_page_may_load():
    big = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 400_000
    async with listening(big) as (address, _), proxy_for(address, max_bytes=100_000) as (proxy, url):
        answer = await ask(url, f"GET http://{address}/ HTTP/1.1\r\n\r\n".encode())
        assert len(answer) <= 100_000
        assert proxy.too_much
