"""A marketplace that shows less than it did is reported, one that refuses to answer is not."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from config.settings import load
from detectors.model import Outcome
from monitor.canaries import drift_notes, lost_fields, run_canary, run_due_canaries, searched
from monitor.crawl import Reader
from monitor.daemon import build
from monitor.doctor import examine_installation
from monitor.marketplaces.base import Page
from storage.canaries import CanaryRun
from storage.searches import add_search, edit_search, set_paused

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SITE = """
name = "pin-bazaar"
hosts = ["pinbazaar.example"]
[listing]
address = 'pinbazaar\\.example/pin/(?P<id>\\d+)'
canonical = "https://pinbazaar.example/pin/{id}"
currency = "EUR"
[search]
url = "https://pinbazaar.example/find?q={keyword}"
nothing = ["No pins found"]
[[cards]]
card = "li.pin"
title = "h3"
price = ".cost"
seller = ".by"
"""


def pins(count, price="<b class=cost>5 €</b>"):
    cards = "".join(
        f'<li class=pin><a href="/pin/{number}"><img src="/img/{number}.jpg"></a><h3>Pin {number}</h3>{price}</li>'
        for number in range(count)
    )
    return f"<html><body><p>{'welcome ' * 300}</p><ul>{cards}</ul></body></html>"


def past(outcome="ok", listings=10, **fields):
    everything = dict.fromkeys(("title", "url", "price", "currency", "pictures"), listings) | {"seller": 0}
    return CanaryRun("ebay", "moth", NOW, outcome, listings, everything | fields)


@pytest.mark.parametrize(
    ("outcome", "listings", "fields", "before", "said"),
    [
        (Outcome.OK, 10, past().fields, [past()], ""),
        (Outcome.OK, 10, past(price=6).fields, [past()], ""),
        (Outcome.OK, 10, past(price=4).fields, [past()], "price in 4 of 10 listings (it was 100%)"),
        (Outcome.OK, 10, past(price=4).fields, [past(price=4), past()], "price in 4 of 10"),
        (Outcome.OK, 10, past(seller=0).fields, [past(seller=4)], ""),
        (Outcome.OK, 10, past(seller=0).fields, [past(seller=9)], "seller in 0 of 10"),
        (Outcome.OK, 10, past(pictures=0, seller=0, price=0).fields, [], "pictures in 0 of 10"),
        (Outcome.EMPTY, 0, {}, [past()], "no listing, where 10 were"),
        (Outcome.EMPTY, 0, {}, [past("blocked", 0)], ""),
        (Outcome.DRIFT, 0, {}, [], "the page's layout is not known"),
        (Outcome.BLOCKED, 0, {}, [past()], ""),
        (Outcome.FAILED, 0, {}, [CanaryRun("ebay", "moth", NOW, "ok", 5, {}, "price"), past()], "price"),
    ],
)
def test_what_counts_as_lost(outcome, listings, fields, before, said):
    lost = lost_fields(outcome, listings, fields, before)
    assert lost.startswith(said)
    assert bool(lost) == bool(said)


class Answers:
    """A fetcher that gives prepared pages."""

    def __init__(self):
        self.pages = []
        self.asked = []

    async def get(self, request, **_):
        self.asked.append(request.url)
        body = self.pages.pop(0)
        outcome = Outcome.BLOCKED if body is None else None
        return Page(request.url, (body or "").encode(), fetched_at=None, outcome=outcome)

    async def report(self, page, outcome):
        pass

    async def aclose(self):
        pass


@pytest.fixture
async def parts(tmp_path, clock):
    (tmp_path / "marketplaces").mkdir()
    (tmp_path / "marketplaces" / "pins.toml").write_text(SITE)
    async with build(load(tmp_path, {}), clock=clock) as parts:
        answers = Answers()
        parts.__dict__["reader"] = Reader(answers, parts.sandbox, parts.blobs, parts.marketplaces, clock)
        parts.__dict__["answers"] = answers
        yield parts


async def test_a_run_that_lost_its_prices_is_reported_until_they_are_back(parts, clock):
    reported = []
    for body in (pins(20), pins(20, price=""), None, pins(20)):
        parts.answers.pages.append(body)
        finding = await run_canary(parts, "pin-bazaar", "moth", "mira")
        async with parts.database.read() as session:
            reported.append((finding.drifted, await drift_notes(session)))
        clock.advance(86_400)
    assert [drifted for drifted, _ in reported] == [False, True, True, False]
    assert "pin-bazaar shows less than before: price in 0 of 20 listings (it was 100%)" in reported[1][1][0]
    assert reported[3][1] == []


async def test_a_page_that_cannot_be_read_any_more_is_reported_and_kept(parts):
    body = f"<html><body><h1>Pins</h1><p>{'new and shiny ' * 300}</p></body></html>"
    parts.answers.pages.append(body)
    finding = await run_canary(parts, "pin-bazaar", "moth", "mira")
    assert finding.drifted
    assert "pin-bazaar" in finding.reason
    assert body.encode() in [await parts.blobs.get(sha256) for sha256 in parts.blobs.hashes()]
    checks = {one.name: one for one in await examine_installation(parts, deep=False)}
    assert "layout is not known" in checks["layouts"].detail
    assert not checks["layouts"].bad


async def test_each_searched_marketplace_is_asked_once_a_day_with_its_newest_keyword(parts, clock):
    async with parts.database.write("test") as session:
        for keyword in ("old", "new"):
            await add_search(session, NOW, "mira", "pin-bazaar", keyword, 24.0, 5)
    parts.answers.pages += [pins(3), pins(3)]
    for _ in range(3):
        await run_due_canaries(parts)
        clock.advance(3600)
    assert parts.answers.asked == ["https://pinbazaar.example/find?q=new"]
    clock.advance(timedelta(days=1).total_seconds())
    await run_due_canaries(parts)
    assert len(parts.answers.asked) == 2


async def test_a_marketplaces_canary_is_asked_in_place_of_its_newest_keyword(parts):
    async with parts.database.write("test") as session:
        ids = [
            (await add_search(session, NOW, "mira", "pin-bazaar", word, 24.0, 5)).id
            for word in ("moth", "moon", "star")
        ]
        await edit_search(session, ids[1], NOW, "mira", canary=True)
    assert (await searched(parts))["pin-bazaar", ""] == "moon"
    async with parts.database.write("test") as session:
        await set_paused(session, ids[1], NOW, "mira", paused=True)
    assert (await searched(parts))["pin-bazaar", ""] == "star", "a search that rests asks nothing"


async def test_each_shop_of_a_kind_has_a_canary_of_its_own(parts, clock):
    async with parts.database.write("test") as session:
        for shop in ("https://a.example", "https://b.example"):
            await add_search(session, NOW, "mira", "woocommerce", "moth", 24.0, 5, shop=shop)
    answer = '[{"id": %d, "name": "Moth", "permalink": "https://%s.example/product/moth", "prices": {"price": "1250",'
    answer += ' "currency_code": "EUR", "currency_minor_unit": 2}, "images": [{"src": "https://%s.example/1.jpg"}]}]'
    parts.answers.pages += [answer % (1, "a", "a"), answer % (2, "b", "b")]
    await run_due_canaries(parts)
    assert sorted(urlsplit(url).netloc for url in parts.answers.asked) == ["a.example", "b.example"]
    clock.advance(timedelta(days=1).total_seconds())
    parts.answers.pages += [f"<html><body><p>{'new and shiny ' * 300}</p></body></html>", answer % (2, "b", "b")]
    await run_due_canaries(parts)
    async with parts.database.read() as session:
        (note,) = await drift_notes(session)
    assert note.startswith("woocommerce at https://a.example shows less than before")
