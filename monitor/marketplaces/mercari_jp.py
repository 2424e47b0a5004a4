"""Mercari Japan: the answers of its own API, search and item, as a browser saved them, and the cards of its pages.

They are not asked for: the API is undocumented and takes only requests signed like its own web page's (DPoP), and we
do not pass for another client.
"""

from __future__ import annotations

import re

from selectolax.lexbor import LexborNode

from monitor.marketplaces.base import Abilities
from monitor.marketplaces.document import Document
from monitor.marketplaces.tables import Cards, Records, TableSite
from monitor.marketplaces.text import one_line

_PERSONS_ITEM = re.compile(r"m\d{8,13}")
_OF_A_PICTURE = re.compile(r"\s*の(?:サムネイル|(?:商品)?画像).*|^Thumbnail of ", re.DOTALL)


class MercariJapan(TableSite):
    """Mercari Japan. What its shops offer has addresses and numbers of another form than what persons offer."""

    def canonical(self, url: str) -> tuple[str, str] | None:
        """``/item/m...`` or ``/shops/product/...``."""
        known = super().canonical(url)
        return (known[0], _address(known[0])) if known else None

    def address_of(self, page: Document, listing_id: str) -> str:  # noqa: ARG002 - the base's
        """By the form of the number."""
        return _address(listing_id) if listing_id else ""

    def card_title(self, node: LexborNode, layout: Cards) -> str:
        """What stands below the picture, or what the picture is said to show."""
        said = one_line(node.attributes.get("alt")) or one_line(node.attributes.get("aria-label"))
        return _OF_A_PICTURE.sub("", said) or super().card_title(node, layout)


def _address(listing_id: str) -> str:
    kind = "item" if _PERSONS_ITEM.fullmatch(listing_id) else "shops/product"
    return f"https://jp.mercari.com/{kind}/{listing_id}"


MARKETPLACE = MercariJapan(
    "mercari-jp",
    abilities=Abilities(
        "saved",
        detail="saved",
        seller="saved",
        language="ja",
        note="signed requests only: record the visit as a HAR file",
    ),
    hosts=frozenset({"mercari.com", "mercari.jp"}),
    address=re.compile(
        r"(?:jp\.mercari\.com/(?:[a-z]{2}/)?item/(?=m)|mercari\.com/jp/(?:items/)?(?=m)|api\.mercari\.jp/items/get\?id=(?=m)"
        r"|jp\.mercari\.com/(?:[a-z]{2}/)?shops/product/(?=\w{22}[/?]))(?P<id>m\d{8,13}(?!\d)|[A-Za-z0-9]{22})"
    ),
    currency="JPY",
    hint="its API answers its own pages only",
    signs={"¥": "JPY", "￥": "JPY"},
    records=(
        Records(
            name="entities:search items",
            items="items[?thumbnails]",
            title="name",
            pictures="thumbnails",
            seller_id="shop.id || sellerId != '0' && sellerId",  # 0 is nobody
            total="meta.numFound",
        ),
        Records(
            name="items/get data",
            items="data",
            title="name",
            pictures="photos || thumbnails",
            seller_id="seller.id",
            seller_name="seller.name",
            kind="product",
        ),
        Records(
            name="items/get_items data",
            items="data[?thumbnails]",
            title="name",
            pictures="thumbnails",
            seller_id="seller.id",
            seller_name="seller.name",
        ),
    ),
    cards=(
        Cards(
            name="[data-testid=item-cell]",
            card="li[data-testid=item-cell]",
            title="[data-testid=thumbnail-item-name], [class*=itemName], [aria-label], img[alt]",
            price="[data-testid=item-tile-price], [class*=merPrice], [class*=price]",
        ),
    ),
)
