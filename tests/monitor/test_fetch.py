"""What comes of a request when all is well, and which requests are never made."""

import asyncio

import pytest

from detectors.model import Outcome
from monitor.errors import FetchError
from monitor.fetch import user_agent
from monitor.gate import AddressRefused, Gate
from monitor.marketplaces.base import Request

BLOCKED, FAILED, GONE, LIMITED = Outcome.BLOCKED, Outcome.FAILED, Outcome.GONE, Outcome.RATE_LIMITED


# All is well


async def test_a_page_comes_with_its_bytes_and_where_they_came_from(make, server, clock):
    page = await make().get(Request(f"{server.url}/page?a=b#c", {"d": "e f"}, {"Accept-Language": "de"}))
    assert (page.outcome, page.status, page.body) == (None, 200, b"<html>a page</html>")
    assert (page.address, page.fetched_at, page.headers["content-type"]) == ("127.0.0.1", clock.now(), "text/html")
    path, headers, _ = server.requests[-1]
    assert (path, page.url) == ("/page?a=b&d=e+f", f"{server.url}/page?a=b&d=e+f")
    assert headers == {
        "host": server.address,
        "accept": "*/*",
        "accept-language": "de",
        "accept-encoding": "gzip, deflate",
        "user-agent": "Bazaarwatch/0.1 (+owner@example.org)",
    }


@pytest.mark.parametrize("how", ["gzip", "x-gzip", "deflate", "raw", "identity"])
async def test_a_packed_body_is_unpacked(make, server, how):
    page = await make().get(Request(f"{server.url}/packed?how={how}"))
    assert page.body == b"the unpacked body " * 100


async def test_an_empty_body_that_claims_to_be_packed_is_empty(make, server):
    assert (await make().get(Request(f"{server.url}/empty-gzip"))).body == b""


async def test_connections_are_used_again(make, server):
    fetcher = make()
    for _ in range(5):
        await fetcher.get(Request(f"{server.url}/page"))
    assert server.peak_open == 1


async def test_pictures_of_an_own_server_are_fetched_side_by_side(make, server):
    fetcher = make()
    pages = await asyncio.gather(*(fetcher.get(Request(f"{server.url}/page?n={n}")) for n in range(40)))
    assert [page.status for page in pages] == [200] * 40
    assert [path for path, _, _ in server.requests].count("/robots.txt") == 1
    assert 1 < server.peak_open <= 16


# Requests that must not be made


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "http://10.0.0.1/", "http://8.8.8.8:81/", "ftp://a.example/", "x"]
)
async def test_a_refused_address_is_the_callers_fault(make, url):
    with pytest.raises(AddressRefused):
        await make().get(Request(url))


async def test_a_name_that_leads_inside_is_the_callers_fault(make):
    async def resolve(_):
        return ["127.0.0.1"]

    with pytest.raises(AddressRefused, match="not public"):
        await make(gate=Gate((), 1000, resolve)).get(Request("http://inside.example/"))


@pytest.mark.parametrize("headers", [{"User-Agent": "x"}, {"Host": "x"}, {"Accept-Encoding": "br"}, {"X": "a\r\nb"}])
async def test_a_header_that_is_not_the_callers_to_set_is_refused(make, server, headers):
    with pytest.raises(FetchError):
        await make().get(Request(f"{server.url}/page", headers=headers))
    assert server.pages == []


@pytest.mark.parametrize("contact", ["", "  ", "a\nb", "ü@example.org", "x) (y"])
def test_without_a_usable_contact_nothing_starts(contact):
    with pytest.raises(FetchError, match=r"fetch\.contact"):
        user_agent(contact)
