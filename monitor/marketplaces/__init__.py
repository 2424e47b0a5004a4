"""The marketplaces we can read, and the one way from a page to its outcome and listings."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from detectors.model import Outcome
from monitor.errors import LayoutChanged
from monitor.marketplaces import (
    alibaba,
    aliexpress,
    amazon,
    avito,
    demo,
    dhgate,
    ebay,
    etsy,
    facebook_marketplace,
    generic_jsonld,
    lamoda,
    lazada,
    megamarket,
    mercadolibre,
    mercari_jp,
    redbubble,
    shopee,
    shopify,
    site_1688,
    taobao,
    temu,
    tmall,
    vinted,
    walmart,
    wildberries,
    woocommerce,
)
from monitor.marketplaces.base import Marketplace, Page, ParsedPage
from monitor.marketplaces.classifier import Finding, classify, explain
from monitor.marketplaces.precheck import unreadable
from monitor.marketplaces.rescue import own_item

_GROUP = "bazaarwatch.marketplaces"
# In the order in which they are asked whose page it is: shops on any host come last.
_BUILT_IN: tuple[Marketplace, ...] = (
    demo.MARKETPLACE,
    ebay.MARKETPLACE,
    aliexpress.MARKETPLACE,
    etsy.MARKETPLACE,
    amazon.MARKETPLACE,
    site_1688.MARKETPLACE,
    taobao.MARKETPLACE,
    tmall.MARKETPLACE,
    lazada.MARKETPLACE,
    walmart.MARKETPLACE,
    mercadolibre.MARKETPLACE,
    mercari_jp.MARKETPLACE,
    wildberries.MARKETPLACE,
    vinted.MARKETPLACE,
    shopee.MARKETPLACE,
    alibaba.MARKETPLACE,
    avito.MARKETPLACE,
    megamarket.MARKETPLACE,
    lamoda.MARKETPLACE,
    facebook_marketplace.MARKETPLACE,
    temu.MARKETPLACE,
    dhgate.MARKETPLACE,
    redbubble.MARKETPLACE,
    shopify.MARKETPLACE,
    woocommerce.MARKETPLACE,
    generic_jsonld.MARKETPLACE,
)


def _others() -> list[Marketplace]:
    """Those that other packages name as entry points, the first of a name last.

    Every child asks: whether there are any is looked for before `importlib.metadata`, which takes 2 MB, is loaded.
    """
    named = (file for folder in sys.path for file in Path(folder).glob("*-info/entry_points.txt"))
    if not any(f"[{_GROUP}]" in file.read_text(encoding="utf-8", errors="replace") for file in named):
        return []
    from importlib.metadata import entry_points

    return [entry.load() for entry in reversed(entry_points(group=_GROUP))]


def _registered() -> dict[str, Marketplace]:
    """Those of other packages first: shops on any host, the last of ours, would claim their pages."""
    built_in = {site.name: site for site in _BUILT_IN}
    others = {site.name: site for site in _others()}
    return {name: site for name, site in others.items() if name not in built_in} | built_in


MARKETPLACES: dict[str, Marketplace] = _registered()


def recognise(page: Page, marketplaces: Mapping[str, Marketplace] = MARKETPLACES) -> Marketplace | None:
    """The marketplace whose page this is, shops on any host last; None if nobody claims it."""
    return next((site for site in marketplaces.values() if site.recognises(page)), None)


def parse(
    page: Page, marketplace: str | None = None, marketplaces: Mapping[str, Marketplace] = MARKETPLACES
) -> ParsedPage:
    """Read a page: the fetcher's outcome, then the classifier's, then the parser's. Never raises for what it holds.

    Args:
        page: As fetched or saved.
        marketplace: A key of ``marketplaces``; None recognises the site, and falls back to the generic shop.
        marketplaces: Those that are known, in the order in which they are asked whose page it is.

    Raises:
        KeyError: The marketplace is unknown.
    """
    too_much = unreadable(page.body)
    if too_much:
        return ParsedPage(Outcome.FAILED, marketplace or "", reason=too_much)
    known = marketplaces[marketplace] if marketplace is not None else recognise(page, marketplaces)
    site = known or generic_jsonld.MARKETPLACE
    if page.outcome is not None and page.outcome is not Outcome.OK:
        return ParsedPage(page.outcome, site.name, reason=page.reason)
    finding = classify(page)
    if finding is not None:
        return ParsedPage(finding.outcome, site.name, reason=finding.reason)
    try:
        return site.parse(page)
    except LayoutChanged as error:
        finding = explain(page)
        rescued = own_item(site, page) if finding is None else None
        finding = finding or Finding(Outcome.DRIFT, str(error))
        return rescued or ParsedPage(finding.outcome, site.name, reason=finding.reason)


def canonical(url: str, marketplaces: Mapping[str, Marketplace] = MARKETPLACES) -> tuple[str, str, str] | None:
    """(marketplace, listing id, canonical URL) of any form of a listing's URL; None if it is no known listing's."""
    for site in marketplaces.values():
        known = site.canonical(url)
        if known is not None:
            return site.name, *known
    return None
