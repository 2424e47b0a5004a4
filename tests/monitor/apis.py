"""Twins of documented APIs on loopback: they answer what the documentation allows and refuse what it does not know."""

import asyncio
import base64
import contextlib
import hmac
import io
import json
import re
import socket
from urllib.parse import parse_qsl

import uvicorn
from PIL import Image
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

CLIENT_ID, SECRET = "the-client+id", "the/client=secret"
APP_KEY, APP_SECRET = "500001", "the&app secret"
SESSION = "50000-the+session"
KEYSTRING, SHARED = "the-keystring", "the-shared-secret"

# developer.ebay.com, Browse API v1: the query parameters of each method
_SEARCH_BY_IMAGE = {"aspect_filter", "category_ids", "charity_ids", "fieldgroups", "filter", "limit", "offset", "sort"}
_SEARCH = _SEARCH_BY_IMAGE | {"q", "gtin", "epid", "auto_correct", "compatibility_filter"}
_ITEM = {
    "legacy_item_id",
    "legacy_variation_id",
    "legacy_variation_sku",
    "fieldgroups",
    "quantity_for_shipping_estimate",
}
_SORTS = {"price", "-price", "distance", "newlyListed", "endingSoonest", ""}
# developers.etsy.com, Open API v3: findAllListingsActive, findAllActiveListingsByShop, getListing
_ACTIVE = {
    "limit",
    "offset",
    "keywords",
    "sort_on",
    "sort_order",
    "min_price",
    "max_price",
    "taxonomy_id",
    "shop_location",
}
_OF_SHOP = {"limit", "offset", "keywords", "sort_on", "sort_order"}
# developer.woocommerce.com, Store API: list products
_WOO = {"search", "slug", "exclude", "include", "offset", "order", "orderby", "sku", "category", "page", "per_page"}


class Refused(Exception):
    """The documentation does not know the request."""


def require(truth, why):
    if not truth:
        raise Refused(why)


class Apis:
    """``asked`` lists (method, path with query) of all that came in; ``tokens`` those that are good."""

    def __init__(self, items=5):
        self.items = items
        self.asked = []
        self.tokens = set()
        self.issued = 0
        self.lasts_s = 7200
        self.token_answer = None
        self.pictures = []
        self.seals = set()  # of AliExpress's requests, each of them good
        self.url = ""
        self.app = Starlette(
            routes=[
                Route("/identity/v1/oauth2/token", self._guard(self._token), methods=["POST"]),
                Route("/buy/browse/v1/item_summary/search", self._guard(self._search)),
                Route("/buy/browse/v1/item_summary/search_by_image", self._guard(self._by_image), methods=["POST"]),
                Route("/buy/browse/v1/item/get_item_by_legacy_id", self._guard(self._item)),
                Route("/v3/application/listings/active", self._guard(self._active)),
                Route("/v3/application/shops/{shop:int}/listings/active", self._guard(self._active)),
                Route("/v3/application/listings/{listing:int}", self._guard(self._listing)),
                Route("/sync", self._guard(self._aliexpress), methods=["GET", "POST"]),
                Route("/products.json", self._guard(self._shopify)),
                Route("/wp-json/wc/store/v1/products", self._guard(self._woo)),
                Route("/robots.txt", self._robots),
            ]
        )

    def _guard(self, answer):
        async def guarded(request):
            path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            self.asked.append((request.method, path))
            try:
                require(len(set(request.query_params)) == len(request.query_params.multi_items()), "a key twice")
                return await answer(request)
            except Refused as refused:
                return JSONResponse({"errors": [{"errorId": 12000, "message": str(refused)}]}, 400)

        return guarded

    async def _aliexpress(self, request):
        query = dict(request.query_params)
        seal = query.pop("sign")
        form = dict(parse_qsl((await request.body()).decode(), strict_parsing=True)) if request.method == "POST" else {}
        text = "".join(name + value for name, value in sorted({**query, **form}.items()))
        if seal != hmac.new(APP_SECRET.encode(), text.encode(), "sha256").hexdigest().upper():
            return JSONResponse(
                {"error_response": {"type": "ISV", "code": "IncompleteSignature", "msg": "no standard"}}
            )
        require({"app_key", "method", "sign_method", "timestamp"} <= set(query), "")
        require(query["app_key"] == APP_KEY and query["sign_method"] == "sha256", "key")
        require(query["timestamp"].isdecimal() and len(query["timestamp"]) == 13, "milliseconds")
        self.seals.add(seal)
        if query["method"] == "aliexpress.ds.image.searchV2":
            return self._alike(form)
        require({"target_currency", "target_language"} <= set(query), "")
        if query["method"].endswith(".productdetail.get"):
            products, counts = [self._affiliate(int(query["product_ids"][-3:]), query)], {"current_record_count": 1}
        else:
            require(1 <= int(query["page_size"]) <= 50, "page size")
            start = (int(query["page_no"]) - 1) * 2  # smaller pages than asked for keep the tests small
            products = [self._affiliate(n, query) for n in range(start, min(start + 2, self.items))]
            counts = {"current_record_count": len(products), "current_page_no": int(query["page_no"])}
            counts["total_record_count"] = self.items * 25
        empty = {"resp_code": 405, "resp_msg": "The result is empty"}
        full = {"resp_code": 200, "resp_msg": "ok", "result": {**counts, "products": {"product": products}}}
        name = f"{query['method'].replace('.', '_')}_response"
        return JSONResponse({name: {"resp_result": full if products else empty, "request_id": "1"}})

    def _alike(self, form):
        if form["session"] != SESSION:
            return JSONResponse({"error_response": {"type": "ISP", "code": "IllegalAccessToken", "msg": "expired"}})
        sought = json.loads(form["param0"])
        require(set(sought) == {"search_type", "image_base64", "currency", "lang", "ship_to"}, f"param0 {set(sought)}")
        self.pictures.append(Image.open(io.BytesIO(base64.b64decode(sought["image_base64"], validate=True))))
        products = [
            {
                "product_id": str(1005000000000000 + number),
                "title": f"Luna moth pin {number}",
                "price": {"sale": {"value": "310", "currency": sought["currency"]}, "original": {"value": "795"}},
                "image_url": f"https://ae-pic-a1.aliexpress-media.com/kf/S{number}.jpg_350x350xz.jpg",
                "product_detail_url": f"https://www.aliexpress.com/item/{1005000000000000 + number}.html?skuId=12",
                "shop_id": 77,
                "similarity_score": "0.967",
            }
            for number in range(self.items)
        ]
        result = {"ret": True, "data": {"products": products}, "total_count": self.items, "empty": not products}
        return JSONResponse({"aliexpress_ds_image_searchV2_response": {"result": result, "request_id": "1"}})

    def _affiliate(self, number, query):
        picture = f"https://ae-pic-a1.aliexpress-media.com/kf/S{number}.jpg"
        return {
            "product_id": 1005000000000000 + number,
            "product_title": f"Luna moth pin {number}",
            "target_sale_price": "3.10",
            "target_sale_price_currency": query["target_currency"],
            "product_main_image_url": picture,
            "product_small_image_urls": {
                "string": [picture, f"https://ae-pic-a1.aliexpress-media.com/kf/T{number}.jpg"]
            },
            "product_detail_url": f"https://www.aliexpress.com/item/{1005000000000000 + number}.html?pdp_npi=4",
            "shop_id": 77,
            "shop_url": "https://www.aliexpress.com/store/77",
        }

    @property
    def paths(self):
        return [path for _, path in self.asked]

    async def _robots(self, request):
        self.asked.append((request.method, "/robots.txt"))
        return PlainTextResponse("User-agent: *\nDisallow: /buy\nDisallow: /v3\nDisallow: /identity\n")

    async def _token(self, request):
        login = base64.b64encode(b"the-client%2Bid:the%2Fclient%3Dsecret").decode()
        if self.token_answer is not None:
            return self.token_answer
        if request.headers.get("authorization") != f"Basic {login}":
            return JSONResponse({"error": "invalid_client", "error_description": "client authentication failed"}, 401)
        require(request.headers["content-type"] == "application/x-www-form-urlencoded", "content type")
        form = dict(parse_qsl((await request.body()).decode(), strict_parsing=True))
        scope = "https://api.ebay.com/oauth/api_scope"
        require(form == {"grant_type": "client_credentials", "scope": scope}, f"form {form}")
        self.issued += 1
        value = f"v^1.1#token-{self.issued}"
        self.tokens.add(value)
        lasts = {"expires_in": self.lasts_s, "token_type": "Application Access Token"}
        return JSONResponse({"access_token": value, **lasts})

    def _ebay(self, request, known):
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            return JSONResponse({"errors": [{"errorId": 1001, "message": "Invalid access token"}]}, 401)
        require(re.fullmatch("EBAY_[A-Z]{2}", request.headers.get("x-ebay-c-marketplace-id", "")), "marketplace id")
        require(set(request.query_params) <= known, f"unknown keys {set(request.query_params) - known}")
        require(request.query_params.get("sort", "") in _SORTS, "sort")
        if "filter" in request.query_params:
            parts = r"(buyingOptions:\{(AUCTION|FIXED_PRICE|BEST_OFFER|\|)+\})?,?(sellers:\{[^{}|]+(\|[^{}|]+)*\})?"
            require(re.fullmatch(parts, request.query_params["filter"]), "filter")
        return None

    def _page(self, request):
        query = request.query_params
        limit, offset = int(query.get("limit", "50")), int(query.get("offset", "0"))
        require(1 <= limit <= 200, "limit")
        require(offset % limit == 0, "offset is no multiple of limit")
        size = min(limit, 2)  # smaller pages than asked for keep the tests small
        start = offset // limit * size
        summaries = [self._summary(n) for n in range(start, min(start + size, self.items))]
        answer = {"href": str(request.url), "total": self.items, "limit": limit, "offset": offset}
        if summaries:
            answer["itemSummaries"] = summaries
        if start + size < self.items:
            answer["next"] = str(request.url.include_query_params(offset=offset + limit))
        return JSONResponse(answer)

    def _summary(self, n):
        number = 110000000000 + n
        return {
            "itemId": f"v1|{number}|0",
            "legacyItemId": str(number),
            "title": f"Luna Moth pin {n}",
            "price": {"value": f"{n + 1}.50", "currency": "USD"},
            "image": {"imageUrl": f"https://i.ebayimg.com/images/g/k{n}/s-l225.jpg"},
            "seller": {"username": f"shop{n}", "feedbackScore": 3},
            "itemWebUrl": f"https://www.ebay.com/itm/{number}",
        }

    async def _search(self, request):
        refusal = self._ebay(request, _SEARCH)
        if refusal:
            return refusal
        wanted = {"q", "category_ids", "charity_ids", "epid", "gtin"}
        require(wanted & set(request.query_params), "one of q, category_ids, charity_ids, epid, gtin is required")
        require(len(request.query_params.get("q", "")) <= 100, "q is longer than 100 characters")
        return self._page(request)

    async def _by_image(self, request):
        refusal = self._ebay(request, _SEARCH_BY_IMAGE)
        if refusal:
            return refusal
        require(request.headers["content-type"] == "application/json", "content type")
        body = await request.json()
        require(set(body) == {"image"}, f"unknown fields {set(body)}")
        picture = base64.b64decode(body["image"], validate=True)
        require(len(picture) <= 100_000, "the picture is too large")
        self.pictures.append(Image.open(io.BytesIO(picture)))
        return self._page(request)

    async def _item(self, request):
        refusal = self._ebay(request, _ITEM)
        if refusal:
            return refusal
        number = int(request.query_params["legacy_item_id"]) - 110000000000
        if number >= self.items:
            message = "The specified item Id was not found."
            return JSONResponse({"errors": [{"errorId": 11001, "message": message}]}, 404)
        more = {"additionalImages": [{"imageUrl": f"https://i.ebayimg.com/images/g/m{number}/s-l225.jpg"}]}
        return JSONResponse({**self._summary(number), **more})

    async def _active(self, request):
        self._etsy(request)
        of_shop = "shop" in request.path_params
        known = _OF_SHOP if of_shop else _ACTIVE
        require(set(request.query_params) <= known, f"unknown keys {set(request.query_params) - known}")
        limit, offset = int(request.query_params.get("limit", 25)), int(request.query_params.get("offset", 0))
        require(1 <= limit <= 100, "limit")
        require(0 <= offset <= 12000, "offset")
        numbers = range(offset, min(offset + 2, self.items))  # fewer than asked for, as it does now and then
        return JSONResponse({"count": self.items, "results": [self._etsy_listing(n) for n in numbers]})

    async def _listing(self, request):
        self._etsy(request)
        require(set(request.query_params) <= {"includes", "language", "legacy"}, "unknown keys")
        known = {"Shipping", "Images", "Shop", "User", "Translations", "Inventory", "Videos"}
        require(set(request.query_params["includes"].split(",")) <= known, "includes")
        number = request.path_params["listing"] - 1000000
        if number >= self.items:
            return JSONResponse({"error": "Listing not found"}, 404)
        image = {"url_fullxfull": f"https://i.etsystatic.com/1/r/il/a/{number}/il_fullxfull.{number}_k.jpg"}
        return JSONResponse(
            {**self._etsy_listing(number), "images": [image], "shop": {"shop_id": 77, "shop_name": "Moss"}}
        )

    def _etsy(self, request):
        require(request.headers.get("x-api-key") == f"{KEYSTRING}:{SHARED}", "should be 'keystring:shared_secret'")

    def _etsy_listing(self, n):
        price = {"amount": 1250 + n, "divisor": 100, "currency_code": "EUR"}
        number = 1000000 + n
        url = f"https://www.etsy.com/listing/{number}/luna-moth"
        return {"listing_id": number, "shop_id": 77, "title": f"Luna Moth print {n}", "price": price, "url": url}

    async def _shopify(self, request):
        query = request.query_params
        require(set(query) <= {"limit", "page"}, f"unknown keys {set(query)}")
        limit, page = int(query.get("limit", 30)), int(query.get("page", 1))
        require(1 <= limit <= 250, "limit")
        numbers = range((page - 1) * limit, min(page * limit, self.items))
        return JSONResponse({"products": [self._product(n) for n in numbers]})

    def _product(self, n):
        return {
            "id": 5000 + n,
            "title": f"{'Luna Moth' if n % 2 else 'Bee'} enamel pin {n}",
            "handle": f"pin-{n}",
            "vendor": "Moss",
            "variants": [{"price": "9.00"}],
            "images": [{"src": f"https://cdn.shopify.com/s/files/{n}.jpg"}],
        }

    async def _woo(self, request):
        query = request.query_params
        require(set(query) <= _WOO, f"unknown keys {set(query) - _WOO}")
        size, page = int(query.get("per_page", 10)), int(query.get("page", 1))
        require(1 <= size <= 100, "per_page")
        numbers = range((page - 1) * size, min(page * size, self.items))
        return JSONResponse([self._woo_product(n) for n in numbers])

    def _woo_product(self, n):
        return {
            "id": 30 + n,
            "name": f"Luna Moth mug {n}",
            "permalink": f"https://mugs.example/product/mug-{n}/",
            "prices": {"price": "1900", "currency_code": "EUR", "currency_minor_unit": 2},
            "images": [{"src": f"https://mugs.example/wp-content/uploads/mug-{n}.jpg"}],
        }


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self):
        yield


@contextlib.asynccontextmanager
async def serving(apis):
    """Serve them on a free port of 127.0.0.1; the address is ``apis.url``."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        apis.url = f"http://127.0.0.1:{door.getsockname()[1]}"
        quiet = {"log_config": None, "log_level": "critical", "access_log": False, "lifespan": "off", "ws": "none"}
        server = _Uvicorn(uvicorn.Config(apis.app, http="h11", timeout_graceful_shutdown=1, **quiet))
        task = asyncio.create_task(server.serve([door]))
        try:
            yield apis
        finally:
            server.should_exit = True
            await task
