"""1688: search pages as rendered in a browser, the answers behind them, and the state of an offer's page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from detectors.model import Seller
from monitor.marketplaces.base import Abilities
from monitor.marketplaces.document import Document, first_attribute
from monitor.marketplaces.html import segments
from monitor.marketplaces.reading import Found, seller
from monitor.marketplaces.tables import Cards, Records, TableSite

_RENDER_KEY = re.compile(r"^\d+_\d+_[a-z0-9]+_(?P<member>.+)_(?P<offer>\d{9,14})$")


class Site1688(TableSite):
    """1688. A card is a link holding links, so cards are read from the raw text between two render keys."""

    def record(self, page: Document, entry: Mapping[str, Any], layout: Records) -> Found | None:
        """The offer; a search's answer writes its pictures as one text, with commas between them."""
        together = entry.get("offerPicUrl")
        shown = together.split(",") if isinstance(together, str) else together
        return super().record(page, {**entry, "offerPicUrl": shown}, layout)

    def card_nodes(self, page: Document, layout: Cards) -> Sequence[LexborNode | LexborHTMLParser]:
        """One tree a render key; placed advertisements ("bid") answer no search and are left out."""
        pieces = segments(page.text, layout.card)
        return [LexborHTMLParser(text) for key, text in pieces.items() if "_bid_" not in key]

    def card_identity(
        self, page: Document, card: LexborNode | LexborHTMLParser, layout: Cards
    ) -> tuple[str, str] | None:
        """By the render key: advertisements link through a redirect that holds no id."""
        key = _RENDER_KEY.match(first_attribute(card, f"[{layout.card}]", layout.card))
        return (key["offer"], self.address_of(page, key["offer"])) if key else None

    def card_account(self, card: LexborNode | LexborHTMLParser, layout: Cards) -> Seller | None:
        """The company's name, under the member id of the render key."""
        key = _RENDER_KEY.match(first_attribute(card, f"[{layout.card}]", layout.card))
        return seller(key["member"] if key else None, self.card_seller(card, layout))


MARKETPLACE = Site1688(
    "1688",
    abilities=Abilities(
        "rendered saved", detail="rendered saved", language="zh", note="its pages need a browser, search in Chinese"
    ),
    hosts=frozenset({"1688.com"}),
    address=re.compile(r"(?:/offer/|[?&]offerId=)(?P<id>\d{9,14})(?!\d)"),
    template="https://detail.1688.com/offer/{id}.html",
    mark="[data-renderkey].search-offer-wrapper",
    currency="CNY",
    records=(
        # By what its public readers name; no recorded answer or page exists. Advertisements ("P4P") are left out.
        Records(
            name="OFFER.items",
            items="OFFER.items[].data | [?offerId && isP4P != 'true']",
            listing_id="offerId",
            price="priceInfo.price",
            pictures="[odPicUrl, offerPicUrl][]",
            seller_id="memberId",
            seller_name="shop.text || loginId",
            seller_url="shopAddition.shopLinkUrl || winPortUrl",
        ),
        Records(
            name="context",
            items="""result.data.Root.fields.dataJson.tempModel && result.data.{
                id: Root.fields.dataJson.tempModel.offerId,
                title: productTitle.fields.title || Root.fields.dataJson.tempModel.offerTitle,
                pictures: gallery.fields.offerImgList || gallery.fields.mainImage,
                price: mainPrice.fields.priceModel.currentPrices[0].price
                    || Root.fields.dataJson.orderParamModel.orderParam.skuParam.skuRangePrices[0].price,
                member: Root.fields.dataJson.tempModel.sellerMemberId,
                company: Root.fields.dataJson.tempModel.companyName || productTitle.fields.shopInfo.shopName,
                shop: Root.fields.dataJson.tempModel.winportUrl}""",
            pictures="pictures",
            seller_id="member",
            seller_name="company",
            seller_url="shop",
            kind="product",
        ),
        Records(
            name="tempModel",
            items="""globalData.tempModel && {
                id: globalData.tempModel.offerId, title: globalData.tempModel.offerTitle,
                pictures: values(data)[].data.offerImgList | [0],
                price: values(data)[].data.priceModel.currentPrices | [0] | [0].price,
                member: globalData.tempModel.sellerMemberId, company: globalData.tempModel.companyName,
                shop: globalData.tempModel.winportUrl}""",
            pictures="pictures",
            seller_id="member",
            seller_name="company",
            seller_url="shop",
            kind="product",
        ),
    ),
    scripts=("__INIT_DATA=", "__INIT_DATA =", "__STORE_DATA=", "__STORE_DATA =", "(window.contextPath,"),
    cards=(
        Cards(
            name="data-renderkey",
            card="data-renderkey",
            title=".offer-title-row .title-text",
            price=".offer-price-row .price-item",
            pictures="img.main-img",
            seller=".offer-shop-row .desc-text",
        ),
    ),
)
