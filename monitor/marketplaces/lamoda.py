"""Lamoda: the cards of its catalogue and search pages, and item pages."""

from __future__ import annotations

import re

from monitor.marketplaces.base import Abilities
from monitor.marketplaces.tables import Cards, Item, TableSite


class Lamoda(TableSite):
    """Lamoda. Addresses write the article number in small letters, cards in capitals."""

    def identity(self, match: re.Match[str]) -> str:
        """The article number in capitals."""
        return match["id"].upper()


MARKETPLACE = Lamoda(
    "lamoda",
    abilities=Abilities("rendered saved", detail="rendered saved", language="ru", note="refuses plain requests"),
    hosts=frozenset({"lamoda.ru", "lamoda.by", "lamoda.kz"}),
    main_host="lamoda.ru",
    address=re.compile(r"/p/(?P<article>(?P<id>[a-z0-9]{10,16}))(?P<slug>/[^/?]*)?/?\?", re.IGNORECASE),
    template="https://www.{host}/p/{article}{slug}/",
    mark=".x-product-card__card",
    currency="",
    linked=True,
    items=(
        # By the marks that its public readers go by; no recorded page exists. The last price is the one to pay.
        Item(
            name=".x-premium-product-title",
            title="[class*=product-title]:has([class*=__model-name]), [class*=product-title][class*=__model-name]",
            price="[class*=product-prices__price]:last-of-type, [class*=product-prices__price]",
            pictures=("[class*=product-gallery] img",),
        ),
        Item(
            name=".ui-product-page",
            title="body:has([aria-label='Итоговая цена'], .ui-product-page-gallery) h1",
            price="[aria-label='Итоговая цена']",
            pictures=(".ui-product-page-gallery img",),
        ),
    ),
    cards=(
        Cards(
            name=".x-product-card__card",
            card=".x-product-card__card",
            title=".x-product-card-description__microdata-wrap:has(.x-product-card-description__product-name)",
            price=".x-product-card-description__price-new, .x-product-card-description__price-single, [class*=price]",
            link='a[href*="/p/"]',
        ),
    ),
)
