"""A page's cards read together are what they are when read one by one, however odd one of them is."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from monitor.marketplaces.document import Document
from monitor.marketplaces.generic_jsonld import MARKETPLACE
from monitor.marketplaces.html import Cards
from monitor.marketplaces.images import full_sizes, full_sizes_of
from monitor.marketplaces.prices import Price
from monitor.marketplaces.reading import found, founds
from monitor.marketplaces.text import lines, one_line
from monitor.marketplaces.urls import absolute, absolutes

BASE = "https://shop.example/search?q=pin"
TEXTS = st.sampled_from(
    ["Pin", "two  spaces", " edges ", "", "a &amp; b", "<b>x</b>", "苹果 pin", "a\u200bb", "a\tb", "\ud800", "x" * 3000]
)
HREFS = st.sampled_from(
    [
        *("/item/1", "/item/2?a=b", "//other.example/x", "/a/../b", "/ä", "/with space", "#top", "", "javascript:x"),
        *("https://cdn.example/a.jpg", "https://cdn.example/a.jpg#part", "rel/x", "/a\\b", "/a.", "/" + "x" * 5000),
    ]
)
CARDS = st.recursive(
    st.sampled_from(["<i>1</i>", "text", "<b><i>2</i></b>", '<div class="card"></div>']),
    lambda inner: st.lists(inner, max_size=4).map(lambda parts: f'<div class="card">{"".join(parts)}</div>'),
    max_leaves=20,
)


@given(st.lists(st.one_of(st.just("Plain pin"), TEXTS), max_size=6))
def test_texts_are_cleaned_as_each_alone(values):
    assert list(lines(values)) == [one_line(value) for value in values]


@example(["/two\n/lines"])
@given(st.lists(st.one_of(st.just("/item/9"), HREFS), max_size=6))
def test_links_are_made_absolute_as_each_alone(hrefs):
    assert list(absolutes(BASE, hrefs)) == [absolute(BASE, href) for href in hrefs]
    assert list(absolutes("", hrefs)) == [absolute("", href) for href in hrefs]


@given(st.lists(st.lists(st.one_of(st.just("/thumb/1.jpg"), HREFS), max_size=2), max_size=5))
def test_pictures_are_resized_as_each_alone(several):
    assert full_sizes_of(BASE, several) == [full_sizes(BASE, sources) for sources in several]


@given(st.lists(CARDS, max_size=5))
def test_what_stands_in_a_card_is_what_the_card_itself_finds(parts):
    tree = LexborHTMLParser(f"<main>{''.join(parts)}<i>outside</i></main>")
    cards = Cards(tree, "div.card")
    for selector in ("i", "b > i", ".card"):
        alone = [[node.mem_id for node in card.css(selector) if node != card] for card in cards.nodes]
        assert [[node.mem_id for node in nodes] for nodes in cards.css(selector)] == alone
    assert [node.mem_id if node else None for node in cards.first("i")] == [
        node.mem_id if (node := card.css_first("i")) else None for card in cards.nodes
    ]


@pytest.mark.parametrize("number", ["17", "x" * 300, ""])
def test_a_card_in_columns_is_the_same_listing_as_alone(number):
    page = Document(BASE, b"", "")
    columns = founds(
        MARKETPLACE,
        page,
        ids=[number],
        urls=["https://shop.example/item/17"],
        titles=["Enamel pin"],
        prices=[Price(None, None, "ask")],
        pictures=[["/full/17.jpg"]],
        sources=[["/thumb/17.jpg", "blob:x"]],
        sellers=[None],
    )
    alone = found(
        MARKETPLACE,
        page,
        number,
        "https://shop.example/item/17",
        "Enamel pin",
        price=Price(None, None, "ask"),
        pictures=["/full/17.jpg"],
    )
    assert [one and one.listing for one in columns] == [alone and alone.listing]
    assert [one.sources for one in columns if one] == [("/thumb/17.jpg",)] * bool(number)
