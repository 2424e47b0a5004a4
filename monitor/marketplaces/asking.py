"""Whether a marketplace can be asked what a person wants to have looked for."""

from __future__ import annotations

from urllib.parse import urlsplit

from monitor.errors import FetchError, MonitorError
from monitor.gate import read_url
from monitor.marketplaces.base import Marketplace, Query
from monitor.marketplaces.generic_jsonld import KEYWORD, GenericShop


class Unsearchable(MonitorError):
    """A marketplace cannot be asked this; the message says why, and what can be done instead."""


def shop_address(site: Marketplace, shop: str) -> str:
    """A shop's address as it is stored: with a path only where the site reads a page of it; empty without one.

    Raises:
        Unsearchable: It is no shop's address, or the site has hosts of its own.
    """
    if not shop:
        return ""
    if site.hosts:
        raise Unsearchable(f"{site.name} answers on its own hosts; an address is for shops that live on any host")
    try:
        target = read_url(shop.replace(KEYWORD, "keyword"))
    except FetchError as error:
        raise Unsearchable(f"shop: {error}") from None
    if isinstance(site, GenericShop):
        return shop.strip()
    parts = urlsplit(target.url)
    if parts.path.strip("/") or parts.query:
        raise Unsearchable(f"shop: {shop} is a page; the shop's address is {parts.scheme}://{parts.netloc}")
    return f"{parts.scheme}://{parts.netloc}"


def require_searchable(site: Marketplace, query: Query) -> None:
    """Make sure that a marketplace can be asked something.

    Raises:
        Unsearchable: It cannot, or nothing is asked.
    """
    if site.query_request(query) is not None:
        return
    kinds = (("by picture", query.picture), ("by seller", query.seller), ("by keyword", query.keyword))
    what = next((kind for kind, given in kinds if given), "as a whole" if query.shop else None)
    if what is None:
        raise Unsearchable("say what to look for: a keyword, a seller, a picture or a shop")
    raise Unsearchable(f"{site.name} cannot be searched {what}: {site.hint or 'save its pages and use `import`'}")
