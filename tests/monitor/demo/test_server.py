from collections.abc import AsyncIterator
from random import Random

import httpx2
import pytest
from selectolax.lexbor import LexborHTMLParser

from monitor.demo.catalogue import Catalogue, make_catalogue
from monitor.demo.faults import Fault, FaultPlan
from monitor.demo.server import DemoServer, demo_process, demo_server


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return make_catalogue(1, works=3, listings=60, sellers=8)


@pytest.fixture
def server(catalogue: Catalogue) -> DemoServer:
    return DemoServer(catalogue)


@pytest.fixture
async def shop(server: DemoServer) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(server.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://bazaar") as client:
        yield client


async def _tree(shop: httpx2.AsyncClient, path: str) -> LexborHTMLParser:
    answer = await shop.get(path)
    assert answer.status_code == 200
    return LexborHTMLParser(answer.text)


async def test_the_pages_of_a_search_show_every_listing_once(shop: httpx2.AsyncClient, catalogue: Catalogue) -> None:
    seen: list[str | None] = []
    path: str | None = "/search?q="
    while path:
        tree = await _tree(shop, path)
        main = tree.css_first("main[data-bazaar=search]")
        assert main is not None
        assert main.attributes["data-total"] == "60"
        cards = [card.attributes["data-id"] for card in tree.css("article.listing")]
        assert 0 < len(cards) <= 24
        seen += cards
        following = tree.css_first("a[rel=next]")
        path = following.attributes["href"] if following else None
    assert sorted(map(str, seen)) == sorted(listing.listing_id for listing in catalogue.listings)


async def test_a_card_says_what_the_catalogue_says(shop: httpx2.AsyncClient, catalogue: Catalogue) -> None:
    listing = catalogue.listings[0]
    tree = await _tree(shop, "/search?q=")
    card = tree.css_first(f"article.listing[data-id='{listing.listing_id}']")
    assert card is not None
    title, price, seller, image = (
        card.css_first(selector) for selector in ("a.title", "span.price", "a.seller", "img")
    )
    assert title
    assert price
    assert seller
    assert image
    assert (title.text(), title.attributes["href"]) == (listing.title, f"/item/{listing.listing_id}")
    assert price.attributes["data-amount"] == str(listing.price)
    assert price.attributes["data-currency"] == listing.currency
    assert price.text()[1:] == str(listing.price)
    assert (seller.text(), seller.attributes["data-id"]) == (listing.seller.name, listing.seller.seller_id)
    assert image.attributes["src"] == f"/thumb/{listing.pictures[0].picture_id}.jpg"


async def test_a_search_matches_words_from_their_beginning(shop: httpx2.AsyncClient, catalogue: Catalogue) -> None:
    wanted = [li.listing_id for li in catalogue.listings if " sticker" in f" {li.title.lower()}"]
    tree = await _tree(shop, "/search?q=STICK")
    assert [card.attributes["data-id"] for card in tree.css("article.listing")] == wanted[:24]
    assert wanted


@pytest.mark.parametrize("path", ["/search?q=submarine", "/search?q=&page=99"])
async def test_a_search_without_results_says_so(shop: httpx2.AsyncClient, path: str) -> None:
    tree = await _tree(shop, path)
    assert tree.css_first("p.no-results") is not None
    assert not tree.css("article.listing, a[rel=next]")


async def test_a_query_cannot_become_markup(shop: httpx2.AsyncClient) -> None:
    answer = await shop.get("/search", params={"q": '"><script>alert(1)</script>'})
    assert "<script" not in answer.text


@pytest.mark.parametrize("page", ["0", "-1", "x", "²", "9" * 5000])
async def test_an_odd_page_number_is_answered(shop: httpx2.AsyncClient, page: str) -> None:
    assert (await shop.get("/search", params={"q": "", "page": page})).status_code == 200


async def test_an_item_page_shows_all_its_pictures(shop: httpx2.AsyncClient, catalogue: Catalogue) -> None:
    listing = max(catalogue.listings, key=lambda li: len(li.pictures))
    tree = await _tree(shop, f"/item/{listing.listing_id}")
    main = tree.css_first("main[data-bazaar=item]")
    assert main is not None
    assert main.attributes["data-id"] == listing.listing_id
    title = tree.css_first("h1.title")
    assert title is not None
    assert title.text() == listing.title
    assert [image.attributes["src"] for image in tree.css("img.picture")] == [
        f"/full/{picture.picture_id}.jpg" for picture in listing.pictures
    ]
    assert len(listing.pictures) > 1
    assert tree.css_first("span.price[data-amount]") is not None
    assert tree.css_first("a.seller[data-id]") is not None
    picture = await shop.get(f"/full/{listing.pictures[1].picture_id}.jpg")
    assert (picture.status_code, picture.headers["content-type"], picture.content[:2]) == (
        200,
        "image/jpeg",
        b"\xff\xd8",
    )


async def test_a_sellers_page_shows_what_they_sell(shop: httpx2.AsyncClient, catalogue: Catalogue) -> None:
    seller = catalogue.listings[0].seller
    tree = await _tree(shop, f"/seller/{seller.seller_id}")
    ids = [card.attributes["data-id"] for card in tree.css("article.listing")]
    assert ids == [li.listing_id for li in catalogue.listings if li.seller == seller]


async def test_an_ended_listing_is_gone_for_good(
    shop: httpx2.AsyncClient, server: DemoServer, catalogue: Catalogue
) -> None:
    listing = catalogue.listings[0]
    server.end(listing.listing_id)
    answer = await shop.get(f"/item/{listing.listing_id}")
    assert answer.status_code == 410
    assert LexborHTMLParser(answer.text).css_first("p.ended") is not None
    assert (await shop.get(f"/thumb/{listing.pictures[0].picture_id}.jpg")).status_code == 404
    assert listing.listing_id not in (await shop.get("/search?q=")).text
    with pytest.raises(KeyError):
        server.end("1")


@pytest.mark.parametrize("path", ["/item/1", "/seller/s99", "/full/p9999a.jpg", "/huge/p0000a.jpg", "/nothing"])
async def test_what_never_was_is_not_found(shop: httpx2.AsyncClient, path: str) -> None:
    assert (await shop.get(path)).status_code == 404


async def test_robots_txt_keeps_out_of_private_and_every_request_is_noted(
    shop: httpx2.AsyncClient, server: DemoServer
) -> None:
    assert (await shop.get("/robots.txt")).text == "User-agent: *\nDisallow: /private\n"
    await shop.get("/search?q=pin&page=2")
    assert [asked.path for asked in server.requests] == ["/robots.txt", "/search?q=pin&page=2"]
    assert server.requests[0].at <= server.requests[1].at


def test_faults_occur_at_about_their_rate_and_pass_when_asked_again() -> None:
    plan = FaultPlan(rate=0.1, seed=4)
    found = [plan.fault(f"/item/{k}", 0) for k in range(2000)]
    assert 150 < sum(fault is not None for fault in found) < 250
    assert set(found) == {None, *Fault}
    unlucky = [k for k, fault in enumerate(found) if fault]
    assert sum(plan.fault(f"/item/{k}", 1) is None for k in unlucky) > len(unlucky) * 0.7


async def _faulty_answer(catalogue: Catalogue, fault: Fault) -> httpx2.Response:
    plan = FaultPlan(rate=1.0, kinds=(fault,), hang_s=0.05)
    async with demo_server(catalogue, faults=plan) as server, httpx2.AsyncClient(base_url=server.base_url) as client:
        assert (await client.get("/robots.txt")).status_code == 200
        return await client.get("/search?q=")


@pytest.mark.parametrize(
    ("fault", "status", "content"),
    [
        (Fault.RATE_LIMITED, 429, b"slow down"),
        (Fault.UNAVAILABLE, 503, b"be right back"),
        (Fault.HANG, 504, b""),
        (Fault.CAPTCHA, 200, b"captcha"),
        (Fault.GARBAGE, 200, Random("garbage /search?q=").randbytes(4000)),
    ],
)
async def test_a_fault_spoils_an_answer_but_never_robots_txt(
    catalogue: Catalogue, fault: Fault, status: int, content: bytes
) -> None:
    answer = await _faulty_answer(catalogue, fault)
    assert answer.status_code == status
    assert content in answer.content
    assert ("retry-after" in answer.headers) == (fault is Fault.RATE_LIMITED)


async def test_a_truncated_answer_ends_before_its_length(catalogue: Catalogue) -> None:
    with pytest.raises(httpx2.RemoteProtocolError):
        await _faulty_answer(catalogue, Fault.TRUNCATED)


async def test_a_process_of_its_own_serves_the_same_catalogue_and_ends_with_the_block() -> None:
    listing = make_catalogue(3, 2, 20, 4).listings[0]
    async with demo_process(seed=3, works=2, listings=20, sellers=4) as base_url, httpx2.AsyncClient() as client:
        answer = await client.get(f"{base_url}/item/{listing.listing_id}")
    assert listing.title in answer.text
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(base_url)
