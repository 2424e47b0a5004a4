"""Taobao: search grids and item pages as rendered in a logged-in browser, and the data behind them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from selectolax.lexbor import LexborHTMLParser, LexborNode

from monitor.marketplaces.base import Abilities
from monitor.marketplaces.document import Document, first_attribute
from monitor.marketplaces.html import segments
from monitor.marketplaces.tables import Cards, Item, Records, TableSite

_TILE = re.compile(r"^item_id_(?P<id>\d{8,14})$")


# What an item's page is made from, in its script and in the answer it asks for: by what many public readers name.
DETAIL = Records(
    name="componentsVO",
    items="(loaderData.home.data.res || @) | item.itemId && seller && @",
    listing_id="item.itemId",
    title="item.title || componentsVO.titleVO.title.title",
    price_raw="componentsVO.priceVO.price.priceText",
    price="",
    pictures="item.images || componentsVO.headImageVO.images",
    seller_id="seller.sellerId || seller.userId",
    seller_name="seller.shopName || seller.sellerNick",
    seller_url="seller.pcShopUrl",
    kind="product",
)
DETAIL_SCRIPTS = ("var b =", "var b=")  # "var b = {...}; window.__ICE_APP_CONTEXT__ = b"


class Taobao(TableSite):
    """Taobao. A tile is a link holding links, so tiles are read from the raw text between two tile ids."""

    def card_nodes(
        self,
        page: Document,
        layout: Cards,  # noqa: ARG002 - the base's
    ) -> Sequence[LexborNode | LexborHTMLParser]:
        """One tree a tile."""
        return [LexborHTMLParser(text) for text in segments(page.text, "id", "item_id_").values()]

    def card_identity(
        self, page: Document, card: LexborNode | LexborHTMLParser, layout: Cards
    ) -> tuple[str, str] | None:
        """By the tile's id: advertisements link through a redirect."""
        tile = _TILE.match(first_attribute(card, layout.card, "id"))
        return (tile["id"], self.address_of(page, tile["id"])) if tile else None


MARKETPLACE = Taobao(
    "taobao",
    abilities=Abilities(
        "rendered saved", detail="rendered saved", language="zh", note="asks for a login; use your own browser"
    ),
    hosts=frozenset({"taobao.com"}),
    address=re.compile(
        r"(?:(?:item|m\.intl|h5\.m|a\.m|world)\.[a-z.]*taobao\.com/[^?]*\?(?:[^#]*&)?(?:id|itemId)="
        r"|world\.taobao\.com/item/(?:wap/)?(?=\d+\.htm))(?P<id>\d{8,14})(?!\d)"
    ),
    template="https://item.taobao.com/item.htm?id={id}",
    mark='a[id^="item_id_"], .ww-light[data-item]',
    currency="CNY",
    records=(
        Records(
            name="g_page_config auctions",
            items="mods.itemlist.data.auctions",
            listing_id="nid",
            title="raw_title",
            price="view_price",
            pictures="pic_url",
            seller_id="user_id",
            seller_name="nick",
        ),
        Records(
            name="itemsArray",
            items="itemsArray[?item_id]",
            listing_id="item_id",
            price="priceShow.price || price",
            pictures="pic_path",
            seller_name="nick",
        ),
        DETAIL,
    ),
    scripts=("g_page_config = ", "g_page_config=", *DETAIL_SCRIPTS),
    items=(
        Item(
            name='[class*="mainTitle--"]',
            title='[class*="mainTitle--"]',
            price='[class*="highlightPrice--"] [class*="text--"], [class*="priceText--"]',
            pictures=('img[class*="mainPic--"]', '[class*="mainPic--"] img', 'img[class*="thumbnailPic--"]'),
            seller='[class*="shopName--"]',
            listing_id="#aliww-click-trigger[data-item], .ww-light[data-item]",
            id_attribute="data-item",
        ),
    ),
    cards=(
        Cards(
            name='a[id^="item_id_"]',
            card='a[id^="item_id_"]',
            title='[class*="title--"][title], [class*="title--"]',
            title_attribute="title",
            price='[class*="innerPriceWrapper--"], [class*="priceWrapper--"]',
            pictures='img[class*="mainPic--"], img[class*="mainImg--"]',
            seller='[class*="shopNameText--"], [class*="shopName--"]',
        ),
    ),
)
