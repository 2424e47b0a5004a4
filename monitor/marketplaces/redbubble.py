"""Redbubble: saved pages, by their state or their cards. It answers 403 to plain clients, and no recording exists."""

from __future__ import annotations

import re
from collections.abc import Sequence

from selectolax.lexbor import LexborHTMLParser, LexborNode

from monitor.marketplaces.base import Abilities
from monitor.marketplaces.document import Document
from monitor.marketplaces.tables import Cards, Records, TableSite
from monitor.marketplaces.text import one_line


class Redbubble(TableSite):
    """Redbubble. One artwork on one kind of product is a listing."""

    def identity(self, match: re.Match[str]) -> str:
        """Artwork number and product code."""
        return f"{match['id']}.{match['code']}"

    def card_nodes(self, page: Document, layout: Cards) -> Sequence[LexborNode | LexborHTMLParser]:
        """The cards that show a picture: each is one link."""
        return [card for card in page.tree.css(layout.card)[:2000] if card.css_first("img") is not None]

    def card_seller(self, card: LexborNode | LexborHTMLParser, layout: Cards) -> str:
        """The artist's name without "By"."""
        texts = (one_line(node.text()) for node in card.css(layout.seller))
        named = (re.match(r"(?:By|Designed (?:and sold )?by)\s+(.+)", text) for text in texts)
        return next((name[1] for name in named if name), "")


MARKETPLACE = Redbubble(
    "redbubble",
    abilities=Abilities(
        "rendered saved",
        detail="rendered saved",
        note="refuses plain requests; written without a recorded page: check what it reads",
    ),
    hosts=frozenset({"redbubble.com"}),
    address=re.compile(
        r"redbubble\.com/(?:[a-z]{2}/)?i/(?P<type>[^/?]+)/(?P<slug>[^/?]+)/(?P<number>(?P<id>\d{5,12})[./](?P<code>[A-Za-z0-9]{3,10}))"
        r"(?:\.XYZ)?(?=[/?])"
    ),
    template="https://www.redbubble.com/i/{type}/{slug}/{number}",
    mark='#SearchResultsGrid, [data-testid="search-result-card"] a[href*="redbubble.com/i/"]',
    linked=True,
    scripts=("script#__NEXT_DATA__",),
    records=(
        # By what public readers of 2026 name; no recorded page exists.
        Records(
            name="results[].inventoryItem",
            items="props.pageProps.results[].inventoryItem",
            listing_id="''",  # its address tells it
            title="work.title",
            price="price.amount",
            currency="price.currency",
            pictures="previewSet.previews[0].url",
            seller_name="work.artistUsername",
            url="productPageUrl || productPageUrls.url",
        ),
    ),
    cards=(
        Cards(
            name="#SearchResultsGrid a",
            card='#SearchResultsGrid a[href*="/i/"], [data-testid="search-result-card"]',
            title='img[class*="productImage"], img[alt], span',
            title_attribute="alt",
            price='[data-testid*="price"], [class*="price"]',
            seller='[data-testid*="artist"], span',
        ),
    ),
)
