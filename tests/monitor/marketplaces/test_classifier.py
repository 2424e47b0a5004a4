"""Walls, logins, shells and ended listings of sites nobody listed. All synthetic, after public descriptions."""

from __future__ import annotations

from random import Random

import pytest

from detectors.model import Outcome
from monitor.marketplaces import parse
from monitor.marketplaces.base import Page
from monitor.marketplaces.classifier import classify
from monitor.marketplaces.signatures import signatures

_NAV = "".join(f'<a href="/c/{number}">Category {number} with a name</a> ' for number in range(80))


def _html(title: str, body: str = "", head: str = "") -> bytes:
    return f"<!doctype html><html><head><title>{title}</title>{head}</head><body>{body}</body></html>".encode()


_WALLS = {
    "cloudflare": _html("Just a moment...", '<div class="main-wrapper"></div>', "<script>_cf_chl_opt={}</script>"),
    "cloudflare-1020": _html(
        "Access denied | shop.example used Cloudflare to restrict access",
        '<div id="cf-error-details"><h1>Error 1020</h1><p>Ray ID: 8a</p></div>',
    ),
    "cloudflare-blocked": _html("Attention Required! | Cloudflare", "<h1>Sorry, you have been blocked</h1>"),
    "datadome": _html("shop.example", head="<script>var dd={'rt':'c','host':'geo.captcha-delivery.com'}</script>"),
    "perimeterx": _html("Access to this page has been denied", '<div id="px-captcha"></div>'),
    "akamai": _html(
        "Access Denied",
        "<h1>Access Denied</h1>You don't have permission to access this server.<p>Reference #18.2d",
    ),
    "akamai-challenge": _html("", '<div id="sec-if-cpt-container"></div><script src="/_sec/cp_challenge/a"></script>'),
    "imperva": _html(
        "", "<iframe>Request unsuccessful. Incapsula incident ID: 877-1</iframe>",
        '<script src="/_Incapsula_Resource?SWJIYLWA=719"></script>',
    ),
    "aws": _html("Human Verification", "<script>AwsWafIntegration.checkForceRefresh()</script>"),
    "kasada": b'<html><head></head><body><script src="/149e9513-01fa-4fb0-aad4-566afd725d1b/ips.js?KPSDK"></script>',
    "hcaptcha": _html("shop.example", '<form><div class="h-captcha" data-sitekey="x"></div></form>'),
    "recaptcha": _html("Security", '<p>Please confirm.</p><div class="g-recaptcha" data-sitekey="x"></div>'),
    "amazon": _html("Amazon.com", "<h4>Enter the characters you see below</h4><p>make sure you're not a robot."),
    "google": _html("https://shop.example", "<p>Our systems have detected unusual traffic from your computer network."),
    "avito": _html("Доступ ограничен: проблема с IP", '<h2 class="firewall-title">Доступ ограничен</h2>'),
    "yandex": _html("Ой!", "<p>Подтвердите, что запросы отправляли вы, а не робот</p>"),
    "alibaba": _html("验证码拦截", "<p>请按住滑块，拖动到最右边</p>"),
    "mtop": b'{"api":"mtop.x","ret":["FAIL_SYS_USER_VALIDATE::\xe5\x93\x8e"],"data":{"url":"https://x/punish"}}',
    "mtop-rgv": b'{"rgv587_flag":"sm","url":"https://x.example/_____tmd_____/punish?x5secdata=a"}',
    "shopee": b'{"error":90309999,"is_login":false,"action_type":2,"tracking_id":"a"}',
    "datadome-json": b'{"url":"https://geo.captcha-delivery.com/captcha/?initialCid=a"}',
    "avito-json": b'{"too-many-requests":{"link":"ru.avito://1/firewall/captcha/show"}}',
    "meli": b'{"blocked_by":"PolicyAgent","code":"PA_UNAUTHORIZED","message":"forbidden","status":403}',
}  # fmt: skip
_LOGINS = {
    "title": _html("Log in to Facebook", '<form><input type="email"><input type="password"></form>'),
    "amazon": _html("Amazon Sign-In", '<form><input type="password"></form>'),
    "chinese": _html("淘宝网 - 登录", '<input type="password">'),
    "form": _html("Bazaar", '<h1>Welcome back</h1><form><input name="user"><input type="password"></form>'),
    "vinted": b'{"code":100,"message_code":"invalid_authentication_token","message":"Invalid authentication token"}',
    "ebay-api": b'{"errors":[{"errorId":1001,"domain":"OAuth","message":"Invalid access token"}]}',
}
_SHELLS = {
    "react": _html("Bazaar", '<div id="root"></div><script src="/a.js"></script>'),
    "noscript": _html(
        "Bazaar", "<noscript>You need to enable JavaScript to run this app.</noscript><script src=a></script>"
    ),
    "scripts": _html("Pins | Bazaar", "<p>Hello!</p>" + "<script>var a = 1</script>" * 5),
}
_GONE = {
    "etsy": _html("Bazaar", "<h1>Sorry, this item is unavailable.</h1>" + _NAV),
    "missing": _html("Page Not Found | Bazaar", "<h1>Oops</h1>" + _NAV),
    "german": _html("Bazaar", "<h1>Dieses Angebot wurde beendet</h1>"),
    "russian": _html("Товар не найден", _NAV),
    "chinese": _html("淘宝", "<p>很抱歉，您查看的宝贝不存在，可能已下架</p>"),
    "ebay": _html("Error Page", '<h2 class="error-header-v2__title">We looked everywhere.</h2>' + _NAV * 3),
    "message": _html("Bazaar", '<div class="ui-message"><p>Publicación finalizada</p></div>' + _NAV * 3),
    "mtop": b'{"data":{"code":"SITEM_NOT_EXIST"},"ret":["SUCCESS::ok"]}',
    "meli": b'{"message":"Item with id MLA1 not found","error":"not_found","status":404,"cause":[]}',
}
_LIMITED = {
    "title": _html("429 Too Many Requests", "<h1>Too Many Requests</h1>"),
    "json": b'{"error":"rate limit exceeded"}',
    "cloudflare": b'{"message":"Too many requests"}',
}
_CASES = [
    *((Outcome.BLOCKED, body, name) for name, body in _WALLS.items()),
    *((Outcome.LOGIN_REQUIRED, body, name) for name, body in _LOGINS.items()),
    *((Outcome.NEEDS_RENDERING, body, name) for name, body in _SHELLS.items()),
    *((Outcome.GONE, body, name) for name, body in _GONE.items()),
    *((Outcome.RATE_LIMITED, body, name) for name, body in _LIMITED.items()),
    (Outcome.FAILED, _html("502 Bad Gateway", "<center><h1>502 Bad Gateway</h1></center>"), "gateway"),
    (Outcome.FAILED, b"", "nothing"),
    (Outcome.FAILED, b'{"a":', "half"),
    (Outcome.FAILED, b'{"error":"something odd"}', "unknown error"),
]


@pytest.mark.parametrize(
    ("outcome", "body"), [case[:2] for case in _CASES], ids=[f"{case[0]}-{case[2]}" for case in _CASES]
)
@pytest.mark.parametrize("name", [None, "ebay", "etsy", "generic-jsonld"])
def test_a_page_that_is_no_listing_ends_in_what_it_is(outcome: Outcome, body: bytes, name: str | None) -> None:
    answer = parse(Page("https://bazaar.example/search?q=pin", body), name)
    assert (answer.outcome, answer.listings) == (outcome, ()), answer.reason


_PRODUCT = (
    '<script type="application/ld+json">{"@type":"Product","name":"%s","sku":"1","offers":{"price":"5"}}</script>'
)


@pytest.mark.parametrize(
    "title",
    ["Are you a robot?", "Access Denied", "Login", "Page not found", "429 Too Many Requests", "Captcha", "Sign in"],
)
def test_goods_named_like_a_wall_are_goods(title: str) -> None:
    page = Page("https://shop.example/p/1", _html(title, f"<h1>{title}</h1><p>not a robot</p>", _PRODUCT % title))
    answer = parse(page)
    assert (answer.outcome, [listing.title for listing in answer.listings]) == (Outcome.OK, [title])


def test_a_healthy_page_that_loads_captcha_scripts_is_not_blocked() -> None:
    scripts = '<script src="https://www.google.com/recaptcha/api.js"></script><div class="h-captcha"></div>' * 3
    body = _html("Pins", f"{scripts}{_NAV}<p>captcha captcha captcha</p>", _PRODUCT % "Pin")
    assert parse(Page("https://shop.example/", body)).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("url", "outcome"),
    [
        ("https://www.lazada.sg//catalog/_____tmd_____/punish?x5secdata=a", Outcome.BLOCKED),
        ("https://www.amazon.com/errors/validateCaptcha", Outcome.BLOCKED),
        ("https://login.taobao.com/member/login.jhtml?redirectURL=x", Outcome.LOGIN_REQUIRED),
        ("https://signin.ebay.com/ws/x", Outcome.LOGIN_REQUIRED),
    ],
)
def test_the_address_a_redirect_ended_at_tells_a_wall(url: str, outcome: Outcome) -> None:
    finding = classify(Page(url, _html("x", _NAV * 3)))
    assert finding is not None
    assert finding.outcome is outcome


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (404, "gone"),
        (410, "gone"),
        (429, "rate_limited"),
        (403, "blocked"),
        (451, "blocked"),
        (500, "failed"),
        (401, "login_required"),
    ],
)
def test_a_status_decides_where_the_body_says_nothing(status: int, outcome: str) -> None:
    finding = classify(Page("https://x.example/", _html("Pins", _NAV * 3), status=status))
    assert finding is not None
    assert finding.outcome == outcome


def test_a_wall_with_status_404_is_a_wall() -> None:
    finding = classify(Page("https://x.example/", _WALLS["cloudflare"], status=404))
    assert finding is not None
    assert finding.outcome is Outcome.BLOCKED


@pytest.mark.parametrize(
    "words",
    ["<h1>0 results for pin</h1>", "<h2>No results found</h2>", "<p>Keine Treffer</p>", "<h3>没有找到相关商品</h3>"],
)
def test_a_page_that_says_zero_is_empty_for_any_site(words: str) -> None:
    page = Page("https://x.example/", _html("Search", words + _NAV * 3))
    assert parse(page, "etsy").outcome is Outcome.EMPTY


def test_an_empty_cart_is_no_empty_search() -> None:
    body = _html(
        "Pins", "<h1>Pins</h1><span>0 items</span><p>Your cart is empty</p><strong>0 items</strong>" + _NAV * 3
    )
    assert parse(Page("https://x.example/", body), "etsy").outcome is Outcome.DRIFT


@pytest.mark.parametrize(
    "words", ["<h1>1,200 results for pin</h1><p>No results found near you</p>", "<h1>Pins</h1>", "<h1>10 results</h1>"]
)
def test_a_page_that_counts_results_but_yields_none_has_drifted(words: str) -> None:
    answer = parse(Page("https://x.example/", _html("Search", words + _NAV * 3)), "etsy")
    assert answer.outcome is Outcome.DRIFT
    assert "etsy" in answer.reason


def test_every_signature_names_its_source_and_is_in_lower_case() -> None:
    for signature in signatures():
        assert signature.source
        assert all(text == text.lower() and text != "captcha" for text in signature.texts)


@pytest.mark.parametrize("site", ["ebay", "demo-bazaar", "generic-jsonld"])
def test_bytes_that_are_no_text_are_no_layout_change(site):
    noise = Random(site).randbytes(4000)
    parsed = parse(Page("https://shop.example/search", noise, headers={"content-type": "text/html"}), site)
    assert (parsed.outcome, parsed.reason) == (Outcome.FAILED, "the body is no text")
