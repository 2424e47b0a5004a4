"""TLS is for the name that was asked for: through the gate, the operator's proxy, and the browser's."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpcore2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from detectors.model import Outcome
from monitor import fetch
from monitor.gate import Gate, read_url
from monitor.marketplaces.base import Request
from monitor.proxy import Proxy
from tests.faults.server import answer
from tests.monitor.crawling import crawling

pytestmark = pytest.mark.usefixtures("no_waiting_between_retries")
ROBOTS, PAGE = answer(b"", "404 Not Found"), answer(b"a page behind TLS")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A file with a key and a certificate for ``shop.example`` that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "shop.pem"
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    file.write_bytes(key.private_bytes(pem, *plain) + made.public_bytes(pem))
    return file


@pytest.fixture
async def shop(certificate):
    """The port of a shop behind TLS; ``names`` are those that were asked of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    names = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    async def serve(reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                writer.write(ROBOTS if b"robots.txt" in head else PAGE)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        server.names, server.port = names, server.sockets[0].getsockname()[1]
        yield server


@pytest.fixture
def trusted(certificate, monkeypatch):
    context = ssl.create_default_context(cafile=certificate)
    monkeypatch.setattr(fetch, "_tls", lambda: context)


class Elsewhere(httpcore2.AsyncNetworkBackend):
    """The internet: every address is the shop's."""

    def __init__(self, port):
        self.port, self.reached = port, []

    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        self.reached.append((host, port))
        return await httpcore2.AnyIOBackend().connect_tcp("127.0.0.1", self.port, timeout)


@asynccontextmanager
async def tunnelling(port):
    """An operator's proxy that opens every tunnel to one port; ``asked`` are the first lines of what it was asked."""
    asked = []

    async def serve(reader, writer):
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[0])
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

    async def pump(source, sink):
        try:
            while piece := await source.read(1 << 16):
                sink.write(piece)
                await sink.drain()
        except ConnectionError:
            pass
        finally:
            sink.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        server.asked, server.url = asked, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield server


async def resolve(_name):
    return ["93.184.215.14"]


async def test_the_checked_address_is_asked_with_tls_for_the_name(store, clock, tmp_path, shop, trusted):
    internet = Elsewhere(shop.port)
    async with crawling(store, clock, tmp_path, [], gate=Gate((), 1 << 20, resolve, internet)) as world:
        page = await world.fetcher.get(Request("https://shop.example/thing"))
        other = await world.fetcher.get(Request("https://other.example/thing"))
    assert (page.outcome, page.body) == (None, b"a page behind TLS")
    assert set(internet.reached) == {("93.184.215.14", 443)}
    assert shop.names[0] == "shop.example"
    assert other.outcome == Outcome.FAILED, "the certificate is another name's"


async def test_through_the_operators_proxy_tls_ends_at_the_shop_and_is_checked(store, clock, tmp_path, shop, trusted):
    async with (
        tunnelling(shop.port) as proxy,
        crawling(store, clock, tmp_path, [], proxy=proxy.url) as world,
    ):
        page = await world.fetcher.get(Request("https://shop.example/thing"))
        other = await world.fetcher.get(Request("https://other.example/thing"))
    assert (page.outcome, page.body) == (None, b"a page behind TLS")
    assert {"CONNECT shop.example:443 HTTP/1.1", "CONNECT other.example:443 HTTP/1.1"} == set(proxy.asked)
    assert shop.names[0] == "shop.example"
    assert other.outcome == Outcome.FAILED


async def test_a_certificate_that_nobody_signed_is_not_taken(store, clock, tmp_path, shop):
    gate = Gate((), 1 << 20, resolve, Elsewhere(shop.port))
    async with crawling(store, clock, tmp_path, [], gate=gate) as world:
        page = await world.fetcher.get(Request("https://shop.example/thing"))
    assert page.outcome == Outcome.FAILED


async def test_the_browsers_tunnel_carries_tls_to_the_shop_as_it_is(shop, certificate):
    gate = Gate((), 1 << 20, resolve, Elsewhere(shop.port))
    proxy = Proxy(gate, read_url("https://shop.example/"), 1 << 20)
    async with proxy.serving() as address:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
        writer.write(b"CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        await writer.start_tls(ssl.create_default_context(cafile=certificate), server_hostname="shop.example")
        writer.write(b"GET /thing HTTP/1.1\r\nHost: shop.example\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(17) == b"a page behind TLS"
        writer.close()
    assert shop.names == ["shop.example"]
