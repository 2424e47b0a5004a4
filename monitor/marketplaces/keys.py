"""Marketplaces with the keys that the operator set for their APIs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from config.settings import MarketplacesSettings
from monitor.marketplaces.aliexpress import AliExpress
from monitor.marketplaces.apis import AliExpressOpen, EbayBrowse, EtsyOpen
from monitor.marketplaces.base import Marketplace
from monitor.marketplaces.ebay import Ebay
from monitor.marketplaces.etsy import Etsy


def with_keys(marketplaces: Mapping[str, Marketplace], settings: MarketplacesSettings) -> Mapping[str, Marketplace]:
    """The same marketplaces; those with a key ask by their API."""
    keyed: dict[str, Marketplace] = {}
    ebay, etsy = marketplaces.get("ebay"), marketplaces.get("etsy")
    ebay_secret = settings.ebay.client_secret.get_secret_value()
    etsy_secret = settings.etsy.shared_secret.get_secret_value()
    if isinstance(ebay, Ebay) and settings.ebay.client_id and ebay_secret:
        browse = EbayBrowse(settings.ebay.client_id, ebay_secret, settings.ebay.site, settings.ebay.requests_per_day)
        keyed["ebay"] = replace(ebay, api=browse)
    if isinstance(etsy, Etsy) and settings.etsy.keystring and etsy_secret:
        api = EtsyOpen(settings.etsy.keystring, etsy_secret, settings.etsy.requests_per_day)
        keyed["etsy"] = replace(etsy, api=api)
    aliexpress, account = marketplaces.get("aliexpress"), settings.aliexpress
    aliexpress_secret = account.app_secret.get_secret_value()
    if isinstance(aliexpress, AliExpress) and account.app_key and aliexpress_secret:
        asked_for = account.tracking_id, account.currency, account.language, account.requests_per_day
        by_picture = account.session.get_secret_value(), account.ship_to
        keyed["aliexpress"] = replace(
            aliexpress, api=AliExpressOpen(account.app_key, aliexpress_secret, *asked_for, *by_picture)
        )
    return {**marketplaces, **keyed} if keyed else marketplaces
