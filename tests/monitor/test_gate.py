"""Which URLs, ports and addresses the gate lets through, row by row."""

import ipaddress
import re
import socket
import ssl

import httpcore2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monitor import gate as gates
from monitor.errors import FetchError
from monitor.gate import DENIED, AddressRefused, AnswerTooLarge, Gate, NameUnknown, read_url, why_denied

PUBLIC = ["8.8.8.8", "93.184.215.14", "1.1.1.1", "172.32.0.1", "100.128.0.1", "198.20.0.1", "2606:4700::1111"]
PUBLIC += ["2a00:1450:4001:81b::200e", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
NOT_PUBLIC = re.findall(
    r"\S+",
    """
    0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 169.254.169.254
    172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.19.255.255
    198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
    :: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1
    64:ff9b::7f00:1 64:ff9b::10.0.0.1 64:ff9b:1::7f00:1 64:ff9b:1::8.8.8.8 100::1 2001::1 2001:0:7f00:1:: 2001:10::1
    2001:20::1 2001:2::1 2001:db8::1 2002:7f00:1:: 2002:808:808:: 3fff::1 5f00::1 fc00::1 fd00::1 fe80::1 fe80::1%eth0
    fec0::1 ff02::1 ff0e::1 4000::1 1::1
    """,
)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_passes(address):
    assert why_denied(ipaddress.ip_address(address)) is None


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_a_non_public_address_is_denied(address):
    assert why_denied(ipaddress.ip_address(address))


@pytest.mark.parametrize(("network", "what"), DENIED)
def test_both_ends_of_every_denied_network_are_denied(network, what):
    for address in (network[0], network[-1]):
        assert why_denied(address)
        if address.version == 4:
            assert why_denied(ipaddress.ip_address(f"::ffff:{address}"))
            assert why_denied(ipaddress.ip_address(f"64:ff9b::{address}"))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://shop.example/",
        "file:///etc/passwd",
        "gopher://shop.example/",
        "data:text/html,x",
        "javascript:alert(1)",
        "//shop.example/",
        "shop.example/",
        "",
        "http://",
        "http:///path",
        "http://user@shop.example/",
        "http://user:password@shop.example/",
        "http://shop.example@127.0.0.1/",
        "http://shop.example\\@127.0.0.1/",
        "http:\\\\127.0.0.1\\",
        "http://shop.example/\\..\\x",
        "http://shop.example/\r\nHost: other",
        "http://shop.example/\x00",
        "http://shop\t.example/",
        "http://sh op.example/",
        "http://127.1/",
        "http://127.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://127.0.0.1.5/",
        "http://%31%32%37.0.0.1/",
        "http://１２７.0.0.1/",
        "http://①②⑦.0.0.1/",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        "http://a..b/",
        "http://-/",
        "http://shop.example:99999999/",
        "http://shop.example/" + "x" * 9000,
        "http://shop.example/\udc80",
    ],
)
def test_a_url_that_is_not_plain_is_refused(url):
    with pytest.raises(AddressRefused):
        read_url(url)


def test_a_url_is_read_once_into_all_its_parts():
    target = read_url(" HTTPS://Shop.Example.:443/a b?c=d#e", {"f": "g&h"})
    assert (target.scheme, target.host, target.port, target.path) == (
        "https",
        "shop.example",
        443,
        b"/a%20b?c=d&f=g%26h",
    )
    assert (target.key, target.authority) == ("shop.example:443", "shop.example")
    assert "#" not in target.url


def test_a_name_in_another_script_is_asked_for_in_ascii():
    assert read_url("https://пример.рф/").host == "xn--e1afmkfd.xn--p1ai"


def test_an_ipv6_address_keeps_one_spelling():
    target = read_url("http://[2606:4700:0:0::1111]:80/")
    assert (target.host, target.key) == ("2606:4700::1111", "[2606:4700::1111]:80")


async def resolve_to(*addresses):
    return addresses


class Connections(httpcore2.AsyncNetworkBackend):
    """Notes where it is asked to connect; refuses the addresses in ``down``."""

    def __init__(self, down=()):
        self.made = []
        self.down = down

    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        self.made.append((host, port))
        if host in self.down:
            raise httpcore2.ConnectError("down")
        return Stream()


class Stream(httpcore2.AsyncNetworkStream):
    def __init__(self, name=None):
        self.name = name

    async def read(self, max_bytes, timeout=None):
        return b"x" * max_bytes

    async def write(self, buffer, timeout=None):
        pass

    async def start_tls(self, ssl_context, server_hostname=None, timeout=None):
        return Stream(server_hostname)

    def get_extra_info(self, info):
        return self.name if info == "name" else None


def gate(*addresses, own=(), down=()):
    connections = Connections(down)
    return Gate(own, 1000, lambda _: resolve_to(*addresses), connections), connections.made


async def test_the_connection_goes_to_the_address_that_was_checked():
    door, made = gate("93.184.215.14")
    await door.connect_tcp("shop.example", 443)
    assert made == [("93.184.215.14", 443)]


async def test_tls_asks_for_the_name_though_the_connection_goes_to_the_address():
    door, made = gate("93.184.215.14")
    stream = await door.connect_tcp("shop.example", 443)
    secured = await stream.start_tls(ssl.create_default_context(), "shop.example")
    assert (secured.get_extra_info("name"), made) == ("shop.example", [("93.184.215.14", 443)])
    with pytest.raises(AnswerTooLarge):
        await secured.read(1001)


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("8.8.8.8", "10.0.0.1"), ("::1", "8.8.8.8"), ("fe80::1%eth0",)])
async def test_a_name_with_any_non_public_address_is_refused(addresses):
    door, made = gate(*addresses)
    with pytest.raises(AddressRefused, match="not public"):
        await door.connect_tcp("shop.example", 80)
    assert made == []


async def test_a_name_server_that_changes_its_mind_gains_nothing():
    answers = iter(["93.184.215.14", "127.0.0.1"] * 50)
    connections = Connections()
    door = Gate((), 1000, lambda _: resolve_to(next(answers)), connections)
    for _ in range(50):
        await door.connect_tcp("shop.example", 80)
        with pytest.raises(AddressRefused):
            await door.connect_tcp("shop.example", 80)
    assert set(connections.made) == {("93.184.215.14", 80)}


async def test_the_next_address_is_tried_where_one_is_down():
    door, made = gate("93.184.215.14", "93.184.215.15", down=("93.184.215.14",))
    await door.connect_tcp("shop.example", 80, timeout=5)
    assert [host for host, _ in made] == ["93.184.215.14", "93.184.215.15"]


async def test_a_name_without_address_is_unknown():
    async def fail(_):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    for door in (gate()[0], Gate((), 1000, fail, Connections())):
        with pytest.raises(NameUnknown):
            await door.connect_tcp("shop.example", 80)


@pytest.mark.parametrize("port", [22, 25, 8080, 6379])
async def test_other_ports_are_refused(port):
    door, made = gate("93.184.215.14")
    with pytest.raises(AddressRefused, match="80 and 443"):
        await door.connect_tcp("shop.example", port)
    assert made == []


async def test_an_own_address_is_reached_as_listed_and_never_through_a_name():
    door, made = gate("127.0.0.1", own=("127.0.0.1:80", "[::1]:8080"))
    await door.connect_tcp("127.0.0.1", 80)
    await door.connect_tcp("::1", 8080)
    assert made == [("127.0.0.1", 80), ("::1", 8080)]
    for host, port in (("shop.example", 80), ("127.0.0.1", 443), ("127.0.0.2", 80), ("::1", 80)):
        with pytest.raises(AddressRefused):
            await door.connect_tcp(host, port)


def test_a_literal_is_refused_before_any_connection():
    with pytest.raises(AddressRefused, match="loopback"):
        gate()[0].check(read_url("http://127.0.0.1/"))


@pytest.mark.parametrize("address", ["localhost:80", "127.0.0.1", "127.0.0.1:http", "::1", "", "10.0.0.0/8:80"])
def test_a_malformed_own_address_is_named(address):
    with pytest.raises(FetchError, match="own_addresses"):
        Gate((address,), 1000)


async def test_a_connection_gives_a_bounded_answer_to_each_request():
    door, _ = gate("93.184.215.14")
    stream = await door.connect_tcp("shop.example", 80)
    for _ in range(3):
        await stream.write(b"GET")
        await stream.read(900)
    with pytest.raises(AnswerTooLarge):
        await stream.read(101)


def _read_either_way(url):
    def outcome(read):
        try:
            return read(url)
        except AddressRefused:
            return "refused"

    return outcome(read_url), outcome(lambda one: gates._read_url(one, ()))


@given(st.from_regex(gates._PLAIN_URL, fullmatch=True))
@example("http://127.0.0.1:8765/search?q=pin&page=2")
@example("https://shop.example/a/b.jpg?w=1&")
@example("https://shop.example?q=1")
@example("https://shop.example:443/")
@example("https://shop.example:99999/")
@example("https://xn--bcher-kva.example/a")
@example("https://xn--/a")
@example("http://0x7f.1/")
@example("http://127.0.0.999/")
@example("http://2130706433/")
@example("http://-a.example/")
def test_a_plain_url_is_read_as_the_client_reads_it(url):
    quickly, slowly = _read_either_way(url)
    assert quickly == slowly
