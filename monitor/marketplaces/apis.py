"""How documented APIs are asked: eBay's Browse API, Etsy's Open API v3, AliExpress's Open Platform.

Pure: the fetcher gets the tokens, and says when a request is signed.
"""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from monitor.marketplaces.base import Api, Grant, Query, Request

_EBAY_PAGE = 200  # items; the Browse API's largest page
_ALSO_AUCTIONS = "buyingOptions:{FIXED_PRICE|AUCTION}"  # without it, auctions are left out
_ETSY_PAGE = 100  # listings; the Open API's largest page
_ALIEXPRESS_PAGE = 50  # products; the affiliate API's largest page


@dataclass(frozen=True, slots=True)
class EbayBrowse:
    """eBay's Browse API (developer.ebay.com/api-docs/buy/browse), as an application of the operator's."""

    client_id: str
    client_secret: str = field(repr=False)
    site: str = "EBAY_US"
    requests_per_day: int = 5000
    base_url: str = "https://api.ebay.com"

    def search(self, query: Query) -> Request | None:
        """A search by keyword, by keyword within a seller's items, or by picture; None for a seller alone."""
        sellers = f",sellers:{{{query.seller}}}" if query.seller else ""
        params = {"limit": str(_EBAY_PAGE), "filter": f"{_ALSO_AUCTIONS}{sellers}"}
        if query.picture:
            body = json.dumps({"image": b64encode(query.picture).decode("ascii")}).encode()
            return self._request("item_summary/search_by_image", params, body)
        if not query.keyword:
            return None
        return self._request("item_summary/search", {"q": query.keyword, **params, "sort": "newlyListed"})

    def item(self, listing_id: str) -> Request:
        """One item, by the id that its page shows."""
        return self._request("item/get_item_by_legacy_id", {"legacy_item_id": listing_id})

    def _request(self, path: str, params: dict[str, str], body: bytes = b"") -> Request:
        headers = {"accept": "application/json", "x-ebay-c-marketplace-id": self.site}
        api = Api("documented API, used under the eBay API License Agreement", self.requests_per_day, self._grant)
        url = f"{self.base_url}/buy/browse/v1/{path}"
        if not body:
            return Request(url, params, headers, api=api)
        headers["content-type"] = "application/json"
        return Request(url, params, headers, "POST", body, api=api)

    @property
    def _grant(self) -> Grant:
        scope = "https://api.ebay.com/oauth/api_scope"
        return Grant(f"{self.base_url}/identity/v1/oauth2/token", self.client_id, self.client_secret, scope)


@dataclass(frozen=True, slots=True)
class EtsyOpen:
    """Etsy's Open API v3 (developers.etsy.com/documentation), as an application of the operator's."""

    keystring: str
    shared_secret: str = field(repr=False)
    requests_per_day: int = 10_000
    base_url: str = "https://openapi.etsy.com"

    def search(self, query: Query) -> Request | None:
        """A search by keyword, or the listings of a shop by its number; None by picture, which the API cannot."""
        if query.picture or (query.seller and not query.seller.isdecimal()):
            return None
        params = {"limit": str(_ETSY_PAGE), "offset": "0"}
        if query.keyword:
            params["keywords"] = query.keyword
        if query.seller:
            return self._request(f"shops/{quote(query.seller)}/listings/active", params)
        return self._request("listings/active", params) if query.keyword else None

    def item(self, listing_id: str) -> Request:
        """One listing with its pictures and shop."""
        return self._request(f"listings/{quote(listing_id, safe='')}", {"includes": "Images,Shop"})

    def _request(self, path: str, params: dict[str, str]) -> Request:
        headers = {"accept": "application/json", "x-api-key": f"{self.keystring}:{self.shared_secret}"}
        api = Api("documented API, used under the Etsy API Terms of Use", self.requests_per_day)
        return Request(f"{self.base_url}/v3/application/{path}", params, headers, api=api)


@dataclass(frozen=True, slots=True)
class AliExpressOpen:
    """AliExpress's Open Platform (openservice.aliexpress.com), as an application of the operator's.

    Keywords are asked of its affiliate API. Pictures are for dropshippers' accounts, by a ``session`` (access token) to
    which a person consents every month or two. It knows its answer's first page only.
    """

    app_key: str
    app_secret: str = field(repr=False)
    tracking_id: str = ""
    currency: str = "USD"
    language: str = "EN"
    requests_per_day: int = 5000
    session: str = field(default="", repr=False)
    ship_to: str = "US"
    base_url: str = "https://api-sg.aliexpress.com"

    def search(self, query: Query) -> Request | None:
        """A search by keyword or, with a session, by picture; None by seller, which the API cannot."""
        if query.picture and self.session:
            return self._by_picture(query.picture)
        if not query.is_plain:
            return None
        page = {"keywords": query.keyword, "page_no": "1", "page_size": str(_ALIEXPRESS_PAGE)}
        return self._request("aliexpress.affiliate.product.query", self._shown | page)

    def item(self, listing_id: str) -> Request:
        """One product's details."""
        return self._request("aliexpress.affiliate.productdetail.get", self._shown | {"product_ids": listing_id})

    def _by_picture(self, picture: bytes) -> Request:
        sought = {
            "search_type": "similar",
            "image_base64": b64encode(picture).decode("ascii"),
            "currency": self.currency,
            "lang": self.language.lower(),
            "ship_to": self.ship_to,
        }
        # The session goes with the picture: addresses are written down.
        form = {"session": self.session, "param0": json.dumps(sought)}
        asked = self._request("aliexpress.ds.image.searchV2", {})
        headers = {**asked.headers, "content-type": "application/x-www-form-urlencoded"}
        return replace(asked, method="POST", headers=headers, body=urlencode(form).encode())

    @property
    def _shown(self) -> dict[str, str]:
        tracked = {"tracking_id": self.tracking_id} if self.tracking_id else {}
        return {"target_currency": self.currency, "target_language": self.language, **tracked}

    def _request(self, method: str, params: dict[str, str]) -> Request:
        whole = {"app_key": self.app_key, "method": method, **params}
        api = Api(
            "documented API, used under the AliExpress Open Platform's agreement",
            self.requests_per_day,
            signing_key=self.app_secret,
        )
        return Request(f"{self.base_url}/sync", whole, {"accept": "application/json"}, api=api)


def signed(request: Request, signing_key: str, now: datetime) -> Request:
    """The request as it leaves: with the time, and the HMAC of its parameters and its form's fields by name.

    As AliExpress's Open Platform wants it.
    """
    import hmac  # brings OpenSSL, which the children that read pages do without

    parts = urlsplit(request.url)
    params = dict(parse_qsl(parts.query, keep_blank_values=True)) | dict(request.params)
    params |= {"timestamp": str(round(1000 * now.timestamp())), "sign_method": "sha256"}
    params.pop("sign", None)
    fields = params | dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    text = "".join(f"{name}{fields[name]}" for name in sorted(fields))
    seal = hmac.new(signing_key.encode(), text.encode(), "sha256").hexdigest().upper()
    return replace(request, url=urlunsplit(parts._replace(query="")), params={**params, "sign": seal})
