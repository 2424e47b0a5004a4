"""Alibaba.com: the state of its search and item pages. No raw recording exists: read by public descriptions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from monitor.marketplaces.base import Abilities
from monitor.marketplaces.document import Document
from monitor.marketplaces.reading import Found
from monitor.marketplaces.tables import Cards, Records, TableSite

_OFFERS = Records(
    name="offerResultData.offers",
    items="offerResultData.offers",
    listing_id="productId || id",
    title="enPureTitle || title.displayTitle || title || subject",
    price="",
    price_raw="price || localOriginalPriceRangeStr",
    pictures="[mainImage, multiImage, imageUrl, productImage, image.mainImage][]",
    seller_id="companyId",
    seller_name="companyName",
    seller_url="supplierHref || companyUrl",
    total="offerResultData.totalCount",
)


class Alibaba(TableSite):
    """Alibaba.com."""

    def record(self, page: Document, entry: Mapping[str, Any], layout: Records) -> Found | None:
        """The offer; None for what a challenge page fills its list with: titles without letters, prices of zero."""
        one = super().record(page, entry, layout)
        if one is None or not any(letter.isalpha() for letter in one.listing.title) or one.listing.price == 0:
            return None
        return one


MARKETPLACE = Alibaba(
    "alibaba",
    abilities=Abilities("http rendered saved", detail="rendered saved", note="prices are ranges by quantity"),
    hosts=frozenset({"alibaba.com"}),
    address=re.compile(
        r"alibaba\.com/(?:(?:product-detail/(?:[^?]*_)?|x/|p-detail/(?:[^?]*-)?)(?=\d+\.html)|product/(?=\d+(?:/|\.html)))"
        r"(?P<id>\d{8,16})(?!\d)"
    ),
    template="https://www.alibaba.com/product-detail/_{id}.html",
    search_url="https://www.alibaba.com/trade/search?fsb=y&IndexArea=product_en",
    search_key="SearchText",
    linked=True,
    records=(
        _OFFERS,
        replace(_OFFERS, name="_offer_list", items="_offer_list.offerResultData.offers", total=""),
        Records(
            name="detailData",
            items="""globalData.product && {
                id: globalData.product.productId, title: globalData.product.subject,
                price: globalData.product.price.productRangePrices.dollarPriceRangeLow,
                raw: globalData.product.price.formatLadderPrice || globalData.product.price.formatPrice,
                pictures: globalData.product.mediaItems[].imageUrl.big,
                company: globalData.seller.companyName, account: globalData.seller.companyId}""",
            price_raw="raw",
            pictures="pictures",
            seller_id="account",
            seller_name="company",
            kind="product",
        ),
    ),
    scripts=(
        "window.__page__data_sse10._offer_list =",
        "window.__page__data_sse10._offer_list=",
        "window.__page__data_sse10 =",
        "window.__page__data_sse10=",
        "window.detailData =",
        "window.detailData=",
    ),
    cards=(
        # By what the readers of 2023 to 2026 go by; no recorded page exists.
        Cards(
            name=".fy26-product-card-wrapper, .fy23-search-card",
            card=".fy26-product-card-wrapper, .fy23-search-card",
            title=".searchx-product-e-title, .search-card-e-title, h2",
            price=".searchx-product-price-price-main, .search-card-e-price-main, [class*=searchx-price]",
            link='a[href*="/product-detail/"], a[href]',
            seller="a.searchx-product-e-company, a.search-card-e-company",
        ),
    ),
)
