"""Lamoda: the cards of its catalogue and search pages."""

from __future__ import annotations

import re

from monitor.marketplaces.base import Abilities
from monitor.marketplaces.tables import Cards, TableSite


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
