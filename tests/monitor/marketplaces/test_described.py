"""Sites that are described in TOML: the documentation's example, wrong descriptions, JSON, and the child."""

import re
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel

from config.errors import ConfigError
from config.settings import load
from detectors.model import Outcome
from monitor.daemon import build, described_marketplaces
from monitor.importing import import_page, import_urls
from monitor.marketplaces import MARKETPLACES, canonical, described, parse
from monitor.marketplaces.base import Page
from monitor.marketplaces.described import Description, described_sites, descriptions, read_description, site_of
from monitor.marketplaces.diagnosis import diagnose

GUIDE = Path(__file__).parents[3] / "docs" / "adding-a-marketplace.md"
URL = "https://pinbazaar.example/find?q=moth+pin"


def block(kind):
    return re.search(rf"```{kind}\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)[1]


@pytest.fixture
def toml():
    return block("toml")


@pytest.fixture
def page():
    return Page(URL, block("html").encode())


@pytest.fixture
def site(toml):
    return site_of(Description.model_validate(tomllib.loads(toml)))


def read(site, page):
    return parse(page, site.name, {site.name: site})


def test_the_guides_description_reads_the_guides_page(site, page):
    parsed = read(site, page)
    assert (parsed.outcome, parsed.next) == (Outcome.OK, "https://pinbazaar.example/find?q=moth+pin&page=2")
    first, second = parsed.listings
    assert (first.listing_id, first.url) == ("1041", "https://pinbazaar.example/pin/1041")
    assert (first.title, first.price, first.currency) == ("Luna moth enamel pin", Decimal("12.50"), "EUR")
    assert first.image_urls == ("https://img.pinbazaar.example/full/1041.jpg",)
    assert (first.seller.name, second.seller.name) == ("Moss & Co", "pinlover")


def test_a_described_site_is_recognised_by_its_host_before_the_shops_on_any_host(site, page):
    assert parse(page, None, {site.name: site, **MARKETPLACES}).marketplace == "pin-bazaar"
    assert canonical("http://www.pinbazaar.example/pin/7?x=1", {site.name: site}) == (
        "pin-bazaar",
        "7",
        "https://pinbazaar.example/pin/7",
    )


def test_a_search_begins_at_the_described_address(site):
    assert site.search_request("moth & pin").url == "https://pinbazaar.example/find?q=moth+%26+pin"
    assert site.abilities.keyword == "http rendered saved"


def test_only_the_sites_own_words_make_a_page_empty(site):
    def ended(text):
        return read(
            site, Page(URL, f"<html><body><h1>Pins</h1><p>{text} {'x ' * 900}</p></body></html>".encode())
        ).outcome

    assert ended("no pins FOUND for you") is Outcome.EMPTY
    assert ended("many pins") is Outcome.DRIFT


def test_json_answers_are_read_by_paths_and_lead_on():
    site = site_of(
        Description.model_validate(
            tomllib.loads("""
            name = "json-bazaar"
            hosts = ["jsonbazaar.example"]
            [listing]
            address = 'jsonbazaar\\.example/i/(?P<id>\\d+)'
            canonical = "https://jsonbazaar.example/i/{id}"
            [search]
            url = "https://jsonbazaar.example/api?q={keyword}"
            next_path = "links.next"
            [[records]]
            items = "hits"
            price = "cents"
            minor_digits = 2
            currency = "money"
            pictures = "photo"
            picture = "https://img.jsonbazaar.example/{}.jpg"
            seller_id = "shop.id"
            seller_name = "shop.name"
            total = "count"
            """)
        )
    )
    body = b"""{"count": 1, "links": {"next": "/api?q=a&page=2"}, "hits": [{"id": 5, "title": "Pin", "cents": 1250,
        "money": "CHF", "photo": "p5", "shop": {"id": "s1", "name": "Moss"}}]}"""
    parsed = read(site, Page("https://jsonbazaar.example/api?q=a", body))
    (listing,) = parsed.listings
    assert (listing.listing_id, listing.price, listing.currency) == ("5", Decimal("12.50"), "CHF")
    assert listing.image_urls == ("https://img.jsonbazaar.example/p5.jpg",)
    assert listing.seller.seller_id == "s1"
    assert parsed.next == "https://jsonbazaar.example/api?q=a&page=2"
    empty = read(site, Page("https://jsonbazaar.example/api?q=b", b'{"count": 0, "hits": []}'))
    assert empty.outcome is Outcome.EMPTY
    away = body.replace(b"/api?q=a&page=2", b"https://elsewhere.example/")
    assert read(site, Page("https://jsonbazaar.example/api?q=a", away)).next is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('title = "h3"', 'titel = "h3"', "cards.0.titel: no such key; did you mean title?"),
        ('title = "h3"', 'title = "h3["', "cards.0.title: 'h3[' is no CSS selector"),
        ("(?P<id>", "(", "listing.address: the pattern needs a group"),
        (r"(?P<id>\d+)", r"(?P<id>\d+", "listing.address: "),
        ("pin/{id}", "pin/{number}", "listing.canonical: write it with {id}"),
        ("{keyword}", "moth", "search.url: write a web address with {keyword}"),
        ('"pin-bazaar"', '"Pin Bazaar"', "name: "),
        ('["pinbazaar.example"]', '["https://pinbazaar.example/"]', "hosts.0: "),
        ('["pinbazaar.example"]', "[]", "hosts: "),
        ("= 10", "= 1000", "requests_per_minute: "),
        (r"'/full/\1'", r"'/full/\7'", "pictures.replace: "),
        ('currency = "EUR"', 'currency = "euro"', "listing.currency: "),
        ("[search]", "[serch]", "serch: no such key; did you mean search?"),
        ("[[cards]]", "[[cards", "Expected"),
    ],
)
def test_a_fault_is_named_with_its_file_and_key(tmp_path, toml, old, new, said):
    assert old in toml
    file = tmp_path / "wrong.toml"
    file.write_text(toml.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        read_description(file)
    assert str(file) in str(caught.value)
    assert said in str(caught.value)


def test_a_description_without_any_table_is_refused(tmp_path, toml):
    file = tmp_path / "wrong.toml"
    file.write_text(toml.split("[[cards]]")[0])
    with pytest.raises(ConfigError, match="one of them is needed"):
        read_description(file)


def test_two_sites_of_one_name_are_refused(tmp_path, toml):
    folder = tmp_path / "marketplaces"
    folder.mkdir()
    (folder / "a.toml").write_text(toml)
    assert set(described_sites(tmp_path, MARKETPLACES)) == {"pin-bazaar"}
    (folder / "b.toml").write_text(toml)
    with pytest.raises(ConfigError, match=r"b\.toml: name: another marketplace"):
        described_sites(tmp_path, MARKETPLACES)
    (folder / "b.toml").write_text(toml.replace('"pin-bazaar"', '"ebay"'))
    with pytest.raises(ConfigError, match="'ebay' already"):
        described_marketplaces(tmp_path)


def test_the_diagnosis_says_key_by_key_what_is_found(site, page):
    rows = {row["key"]: (row["found"], row["of"], row["example"]) for row in diagnose(site, page)}
    assert rows == {
        "cards[0].card": (2, 2, ""),
        "cards[0].link": (2, 2, "1041"),
        "cards[0].title": (2, 2, "Luna moth enamel pin"),
        "cards[0].price": (2, 2, "12,50 €"),
        "cards[0].seller": (2, 2, "Moss & Co"),
        "cards[0].pictures": (2, 2, "https://img.pinbazaar.example/s/1041.jpg"),
    }
    torn = Page(URL, page.body.replace(b"<h3>Luna", b"<h4>Luna"))
    assert {row["key"]: row["found"] for row in diagnose(site, torn)}["cards[0].title"] == 1


async def test_a_described_site_is_searched_imported_and_read_in_the_child(tmp_path, toml, page):
    settings = load(tmp_path / "data", {})
    folder = tmp_path / "data" / "marketplaces"
    folder.mkdir(parents=True)
    (folder / "pins.toml").write_text(toml)
    (tmp_path / "search.html").write_bytes(page.body)
    async with build(settings) as parts:
        assert parts.marketplaces["pin-bazaar"].search_request("moth")
        done = await import_page(parts, tmp_path / "search.html", None, URL, "mira")
        assert (done.outcome, done.marketplace, done.new) == (Outcome.OK, "pin-bazaar", 2)
        (line,) = await import_urls(parts, ["https://pinbazaar.example/pin/1041-luna-moth"], "mira")
        assert (line.marketplace, line.new, line.listing_keys) == ("pin-bazaar", 0, done.listing_keys[:1])
        rows, parsed = await parts.sandbox.diagnose(page, next(descriptions(parts.described.values())))
        assert len(rows) == 6
        assert len(parsed.listings) == 2


def test_the_guide_explains_every_key():
    text = GUIDE.read_text("utf-8")
    models = [Description, *(value for value in vars(described).values() if _is_table(value))]
    assert len(models) > 6
    assert [key for model in models for key in model.model_fields if not re.search(rf"\b{key}\b", text)] == []


def _is_table(value):
    return isinstance(value, type) and issubclass(value, BaseModel) and value.__name__.endswith(("Description", "Rule"))


def test_the_guides_python_site_reads_a_page():
    names = {}
    exec(block("python"), names)
    body = b'<li class=button><a href="/b/5"><h3>Button</h3></a><i class=cost>2 EUR</i></li>'
    site = names["MARKETPLACE"]
    (listing,) = read(site, Page("https://buttonbazaar.example/find?q=x", body)).listings
    assert (listing.listing_id, listing.currency) == ("5", "EUR")
