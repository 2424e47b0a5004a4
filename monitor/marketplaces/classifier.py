"""Whether a page is what was asked for, or a wall, a login, a shell, an ended listing: decided before any parser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

from detectors.model import Outcome
from monitor.marketplaces.base import Page
from monitor.marketplaces.document import Document, document, meta
from monitor.marketplaces.generic_jsonld import linked_products
from monitor.marketplaces.signatures import Signature, Where, api_errors, signatures, zero_words
from monitor.marketplaces.text import one_line

# The longest visible text among recorded walls is 600 characters, the shortest among recorded healthy HTML pages with
# server-rendered goods 1,900; login walls with a country list reach 1,300.
_THIN_CHARACTERS = 1500
_THIN_LINKS = 60
_HEADING_CHARACTERS = 300
_SHORT_TEXTS = 400
_SHELL_CHARACTERS = 600
_SHELL_SCRIPTS = 3
_MOUNTS = "#root, #app, #__next, #__nuxt, #main-app, app-root, [data-reactroot], [id*=root], [id*=app]"
_MESSAGES = "h1, h2, h3, [role=alert], [class*=error], [class*=message], [class*=unavailable], [class*=notfound]"
_MESSAGE_CHARACTERS = 120
_NOTICES = (
    "h1, h2, h3, h4, p, strong, [role=alert], [role=status], [class*=empty], [class*=no-result], [class*=message], span"
)
_NOISE_CHARACTERS = 4096
_UNPRINTED = re.compile("[\x01-\x08\x0e-\x1f\ufffd]")
_SCANNED_CHARACTERS = 96 * 1024  # from either end; every recorded wall shows its marker there
_STATUSES = {
    401: Outcome.LOGIN_REQUIRED,
    403: Outcome.BLOCKED,
    404: Outcome.GONE,
    407: Outcome.BLOCKED,
    410: Outcome.GONE,
    429: Outcome.RATE_LIMITED,
    451: Outcome.BLOCKED,
}
_BLOCKING_HEADERS = (
    ("cf-mitigated", "challenge", "Cloudflare"),
    ("x-amzn-waf-action", "", "AWS WAF"),
    ("x-dd-b", "", "DataDome"),
    ("server", "datadome", "DataDome"),
    ("x-kpsdk-ct", "", "Kasada"),
)  # known; DataDome also marketplaces.md 0.2
_TITLE_PARTS = re.compile(r"\s+[|\-–—·•:»]\s+|\s*[|]\s*|:\s+")
_REST_OF_PART = re.compile(r"[\s.!?…。！:]*(?:\s(?:to|or|with|into|in|on|und|oder|bei|ou|o|sur|en|em|или)\s.*|/.*)?")
_COUNTED = re.compile(
    r"(?<![\d.,])[1-9][\d.,\u00a0\u202f ]{0,12}\+?\s?(?:results?|items?|products?|listings?|ergebnisse|treffer"
    r"|résultats?|resultados?|risultati|wyników|resultaten|件|товар|объявлен|结果|件商品|个商品)",
    re.IGNORECASE,
)
_ENDED_AT_ALIBABA = "SITEM_NOT_EXIST"  # beside a "ret" that says SUCCESS: marketplaces.md 1
_LEADS_TO_WALL = re.compile(r"captcha|punish|challenge")
_ERROR_FLAGS = (
    "error",
    "errors",
    "error_code",
    "errorCode",
    "error_type",
    "message_code",
    "action_type",
    "too-many-requests",
    "rgv587_flag",
    "blockScript",
    "redirect_to_error_page",
)
_ERROR_TEXTS = (
    "errorMessage",
    "error_msg",
    "code",
    "message",
    "msg",
    "status",
    "ret",
    "reason",
    "detail",
    "title",
    "url",
)
_ERROR_KEYS = (*_ERROR_FLAGS, *_ERROR_TEXTS, "blocked_by", "appId")


@dataclass(frozen=True, slots=True)
class Finding:
    """What the classifier concludes, and the sign it goes by."""

    outcome: Outcome
    reason: str


def classify(page: Page) -> Finding | None:
    """What the page is, if it is not what was asked for; None leaves it to the parser.

    A page that offers goods is never called blocked by its words: signs in the text count only where there are none.
    """
    whole = document(page)
    finding = _by_transport(page) or (_by_error(whole) if whole.looks_like_json else _by_signature(whole, page))
    return finding or _by_status(page)


def explain(page: Page) -> Finding | None:
    """Why a parser found nothing on a page that ``classify`` let through; None means the layout changed.

    ``empty`` only if the page itself says that nothing was found, and nowhere that something was.
    """
    whole = document(page)
    if not whole.body.strip():
        return Finding(Outcome.FAILED, "the body is empty")
    if _is_noise(whole.text[:_NOISE_CHARACTERS]):
        return Finding(Outcome.FAILED, "the body is no text")
    if whole.looks_like_json:
        return _any_error(whole.data)
    if _is_shell(whole):
        return Finding(Outcome.NEEDS_RENDERING, "the page holds scripts but nothing to read")
    if _has_login_form(whole):
        return Finding(Outcome.LOGIN_REQUIRED, "the page asks for a password and offers nothing")
    ended = _says_ended(whole)
    if ended:
        return Finding(Outcome.GONE, f"the page says {ended!r}")
    zero = _says_zero(whole)
    return Finding(Outcome.EMPTY, f"the page says {zero!r}") if zero else None


def offers_goods(page: Document) -> bool:
    """Whether the page describes a product in schema.org's or Open Graph's terms."""
    if page.looks_like_json:
        return False
    if "product" in meta(page, "og:type").lower() or linked_products(page):
        return True
    return page.tree.css_first('[itemscope][itemtype*="schema.org/Product" i] [itemprop=name]') is not None


def _by_transport(page: Page) -> Finding | None:
    refused = page.status in {401, 403, 405, 429, 503}
    for header, value, wall in _BLOCKING_HEADERS:
        stated = page.headers.get(header, "").lower()
        if stated and value in stated and (refused or header == "cf-mitigated"):
            return Finding(Outcome.BLOCKED, f"{wall}: header {header}")
    return None


def _by_status(page: Page) -> Finding | None:
    if page.status < 300:
        return None
    outcome = _STATUSES.get(page.status, Outcome.FAILED)
    return Finding(outcome, f"HTTP status {page.status}")


def _by_signature(page: Document, fetched: Page) -> Finding | None:
    texts = _Texts(page, fetched.url)
    for signature in signatures():
        sign = texts.sign_of(signature)
        if sign is not None and (signature.where is Where.ADDRESS or not offers_goods(page)):
            return Finding(signature.outcome, f"{signature.wall}: {signature.where} {sign!r}")
    return None


class _Texts:
    """The parts of a page in which signs are looked for, in lower case, each made when first asked for."""

    def __init__(self, page: Document, url: str) -> None:
        self._page = page
        self._address = url.lower()[:2000]
        self._title = page.title.lower()[:300]
        self._title_parts = [self._title, *(part.strip() for part in _TITLE_PARTS.split(self._title))]

    def sign_of(self, signature: Signature) -> str | None:
        """The first of the signature's texts that is at its place; None if none is."""
        if signature.where in (Where.TITLE, Where.PART):
            begun = [part for part in self._title_parts if part.startswith(signature.texts)]
            whole = signature.where is Where.PART
            return next((text for text in signature.texts for part in begun if _begins(part, text, whole)), None)
        place = self._place(signature.where)
        if place:
            for text in signature.texts:  # some five hundred for each page: no generator, no call
                if text in place:
                    return text
        return None

    def _place(self, where: Where) -> str:
        """The text that is searched; empty where the sign would not count."""
        match where:
            case Where.ADDRESS:
                return self._address
            case Where.HEADING:
                return self._headings
            case Where.MARKER if self._is_thin:
                return self._source
            case Where.WORDS if self._is_thin:
                return self._words
        return ""

    @cached_property
    def _is_thin(self) -> bool:
        # Links are counted first: it is cheap, and settles it for most healthy pages.
        return not _has_links(self._page, _THIN_LINKS) and len(self._page.visible_text) <= _THIN_CHARACTERS

    @cached_property
    def _source(self) -> str:
        text = self._page.text
        whole = len(text) <= 2 * _SCANNED_CHARACTERS
        return (text if whole else f"{text[:_SCANNED_CHARACTERS]}\n{text[-_SCANNED_CHARACTERS:]}").lower()

    @cached_property
    def _words(self) -> str:
        return self._page.visible_text.lower().replace("\u2019", "'")

    @cached_property
    def _headings(self) -> str:
        selector = "h1, h2, h3, p" if self._is_thin else "h1"
        if "alert" in self._page.text:  # looking for an attribute takes three times as long as for a tag
            selector += ", [role=alert]"
        return "\n".join([self._title, *_short_texts(self._page, selector)])


def _has_links(page: Document, count: int) -> bool:
    """Whether the page has more links than this; what follows so many is not looked at."""
    body = page.tree.body
    links = (node for node in body.traverse() if node.tag == "a") if body else ()
    return next(islice((node for node in links if "href" in node.attributes), count, None), None) is not None


def _begins(part: str, text: str, whole: bool) -> bool:
    """Whether a part of a title begins with a sign, as words; or, where that is asked, is nothing but it."""
    if not part.startswith(text):
        return False
    rest = part[len(text) :]
    return _REST_OF_PART.fullmatch(rest) is not None if whole else not rest[:1].isalpha()


def _short_texts(page: Document, selector: str) -> list[str]:
    texts = (one_line(node.text()[:1000]).lower() for node in page.tree.css(selector)[:_SHORT_TEXTS])
    return [text.replace("\u2019", "'") for text in texts if 0 < len(text) <= _HEADING_CHARACTERS]


def _is_noise(text: str) -> bool:
    """Whether a tenth of it are signs that no page holds: a picture or a broken answer, whatever its head says."""
    return len(_UNPRINTED.findall(text)) * 10 > len(text)


def _is_shell(page: Document) -> bool:
    if len(page.visible_text) > _SHELL_CHARACTERS or offers_goods(page):
        return False
    tree = page.tree
    scripts = len(tree.css("script"))
    told = any("javascript" in node.text().lower() for node in tree.css("noscript")[:20])
    return scripts >= _SHELL_SCRIPTS or (scripts > 0 and (told or tree.css_first(_MOUNTS) is not None))


def _has_login_form(page: Document) -> bool:
    return page.tree.css_first("input[type=password i]") is not None and len(page.visible_text) <= _THIN_CHARACTERS


def _says_ended(page: Document) -> str | None:
    texts = [text for text in _short_texts(page, _MESSAGES) if len(text) <= _MESSAGE_CHARACTERS]
    rows = (signature.texts for signature in signatures() if signature.where is Where.HEADING)
    return next((sign for signs in rows for sign in signs for text in texts if sign in text), None)


def _says_zero(page: Document) -> str | None:
    texts = _short_texts(page, _NOTICES)
    texts.append(page.title.lower())
    zero = next((word for word in zero_words() for text in texts if _as_word(word, text)), None)
    if zero is None or any(_COUNTED.search(text) for text in texts):
        return None
    return zero


def _as_word(word: str, text: str) -> bool:
    at = text.find(word)
    return at >= 0 and not (word[0] == "0" and at > 0 and (text[at - 1].isdigit() or text[at - 1] in ".,"))


def _by_error(page: Document) -> Finding | None:
    """The outcome that a typed error in a JSON body states; errors without known words are left to ``explain``."""
    if _ENDED_AT_ALIBABA in page.text[:20_000]:
        return Finding(Outcome.GONE, f"the API answered {_ENDED_AT_ALIBABA!r}")
    words = _error_words(page.data)
    for outcome, signs in api_errors() if words else ():
        sign = next((sign for sign in signs if sign in words), None)
        if sign is not None:
            return Finding(outcome, f"the API answered {sign!r}")
    return None


def _any_error(data: Any) -> Finding | None:
    if data is None:
        return Finding(Outcome.FAILED, "the body begins like JSON but is not")
    words = _error_words(data)
    return Finding(Outcome.FAILED, f"the API answered {words[:200]!r}") if words else None


def _error_words(data: Any) -> str:
    """The codes and messages of a JSON error in lower case; empty where the body states none."""
    if not isinstance(data, dict) or not _states_error(data):
        return ""
    return " ".join(_strings({key: data[key] for key in _ERROR_KEYS if key in data}, 0))[:4000].lower()


def _states_error(data: dict[str, Any]) -> bool:
    returned = data.get("ret")
    codes = returned if isinstance(returned, list) else []
    number = data.get("status", data.get("code"))
    return (
        any(bool(data.get(key)) for key in _ERROR_FLAGS)
        or data.get("result") == "error"
        or any(isinstance(code, str) and code and not code.startswith("SUCCESS") for code in codes)
        or (isinstance(number, int) and 400 <= number < 600)
        or (data.get("success") is False and bool(data.get("message") or data.get("msg")))
        or (len(data) <= 3 and isinstance(data.get("url"), str) and _LEADS_TO_WALL.search(data["url"]) is not None)
        or (set(data) <= {"message", "detail", "statusCode", "documentation_url"} and bool(data))
    )


def _strings(value: Any, depth: int) -> Iterator[str]:
    if depth > 5:
        return
    if isinstance(value, dict):
        for key, entry in list(value.items())[:40]:
            yield f"{key}"[:200]
            yield from _strings(entry, depth + 1)
    elif isinstance(value, list):
        for entry in value[:20]:
            yield from _strings(entry, depth + 1)
    elif isinstance(value, str | int) and not isinstance(value, bool):
        yield f"{value}"[:500] if not isinstance(value, int) or abs(value) < 10**18 else ""
