import base64
import io
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from detectors.model import PriorityLevel
from monitor.digest import DigestAlert, DigestFacts, SearchCoverage, WaitingComplaint, compose_digest

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=https://evil.example/pixel.png onerror=alert(1)>',
    "' onmouseover=alert(1) x='",
    "</style><style>@import 'https://evil.example/';",
    "{{ 7 * 7 }}{% for x in y %}",
    "gnp\u202egpj.exe\u200b",
    "a\r\n! everything is fine\nSubject: hello",
    "\x1b[2J",
    "دبوس الثعلب 狐狸徽章",
    "\ud800",
    "x" * 40_000,
]


def jpeg(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(file, "JPEG")
    return file.getvalue()


def alert(number: int, **facts: object) -> DigestAlert:
    known: dict[str, object] = {
        "alert_id": number,
        "priority": PriorityLevel.NORMAL,
        "score": 40,
        "reasons": ("pHash differs in 2 of 64 bits (at most 10)",),
        "work_title": "Fox under the moon",
        "listing_title": f"Fox enamel pin no. {number}",
        "url": f"https://www.aliexpress.com/item/{number}.html",
        "marketplace": "aliexpress",
        "price": Decimal("12.90"),
        "currency": "USD",
        "seller_name": "Pin Paradise Store",
        "picture": jpeg("red"),
        "reference": jpeg("blue"),
    }
    return DigestAlert(**known | facts)  # type: ignore[arg-type]


def facts(*alerts: DigestAlert, **others: object) -> DigestFacts:
    known: dict[str, object] = {"key": "digest-3", "until": NOON, "since": NOON - timedelta(days=1), "alerts": alerts}
    return DigestFacts(**known | others)  # type: ignore[arg-type]


class Page(HTMLParser):
    """What a browser makes of a page: its tags, attributes, addresses and words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.addresses: list[str] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [str(value) for name, value in attrs if name in ("src", "href", "background", "action")]

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_text_tells_everything_in_order_of_urgency() -> None:
    digest = compose_digest(
        facts(
            alert(1, priority=PriorityLevel.LOW, score=10),
            alert(2, priority=PriorityLevel.URGENT, score=90, change="price 12.90 to 9.90 USD"),
            alert(3, priority=PriorityLevel.URGENT, score=95, price=None, seller_name=None),
            coverage=(SearchCoverage("fox pin", "aliexpress", asked=5, got=4, blocked=1, listings=60, new=7),),
            complaints=(
                WaitingComplaint("C-17", "Alibaba IPP", "Fox", 1, "Confirm it", "bazaarwatch complaints confirm C-17"),
            ),
            suppressed={"seller is on your allow list": 14},
            notes=("The trade mark MOONFOX expires in 30 days.",),
            open_alerts=212,
        )
    )
    assert digest.subject == "Bazaarwatch: 3 alerts to look at (2 urgent)"
    assert digest.text == (
        "Bazaarwatch digest, 2026-11-20 12:00 UTC to 2026-11-21 12:00 UTC\n"
        "3 alerts to look at: 2 urgent, 1 low\n"
        "212 alerts wait for a decision altogether\n"
        "- The trade mark MOONFOX expires in 30 days.\n"
        "\n"
        "COMPLAINTS THAT WAIT FOR YOU\n"
        "  C-17 Fox, 1 listing, Alibaba IPP: Confirm it\n"
        "     bazaarwatch complaints confirm C-17\n"
        "\n"
        "URGENT (2)\n"
        "\n"
        "  #3 Fox under the moon (new, 95 of 100)\n"
        "     listing: Fox enamel pin no. 3\n"
        "     price not shown from a seller not shown on aliexpress\n"
        "     https://www.aliexpress.com/item/3.html\n"
        "     - pHash differs in 2 of 64 bits (at most 10)\n"
        "\n"
        "  #2 Fox under the moon (changed: price 12.90 to 9.90 USD, 90 of 100)\n"
        "     listing: Fox enamel pin no. 2\n"
        "     12.90 USD from Pin Paradise Store on aliexpress\n"
        "     https://www.aliexpress.com/item/2.html\n"
        "     - pHash differs in 2 of 64 bits (at most 10)\n"
        "\n"
        "LOW (1)\n"
        "\n"
        "  #1 Fox under the moon (new, 10 of 100)\n"
        "     listing: Fox enamel pin no. 1\n"
        "     12.90 USD from Pin Paradise Store on aliexpress\n"
        "     https://www.aliexpress.com/item/1.html\n"
        "     - pHash differs in 2 of 64 bits (at most 10)\n"
        "\n"
        "WHAT WAS SEARCHED\n"
        "  aliexpress, fox pin: 5 pages asked, 4 read, 1 blocked; 60 listings, 7 new\n"
        "\n"
        "NOT SHOWN\n"
        "  14 x seller is on your allow list\n"
    )


def test_a_site_blocked_for_more_than_a_day_is_the_first_line() -> None:
    def coverage(since: datetime | None) -> tuple[SearchCoverage, ...]:
        return (SearchCoverage("fox", "ebay", 1, 1, 0, 9, 0), SearchCoverage("fox", "temu", 5, 0, 5, 0, 0, since))

    since = NOON - timedelta(hours=52)
    digest = compose_digest(facts(alert(1), coverage=coverage(since)))
    assert digest.text.splitlines()[0] == (
        "! temu has been blocked since 2026-11-19 08:00 UTC (2 days): what is offered there now is not in this digest."
    )
    assert digest.subject == "Bazaarwatch: temu blocked; 1 alert to look at"
    words = Page(digest.html.partition("<body>")[2]).words
    assert words.strip().startswith("temu has been blocked")
    for recent in (NOON - timedelta(hours=24), None):
        calm = compose_digest(facts(alert(1), coverage=coverage(recent)))
        assert "has been blocked" not in calm.text + calm.html + calm.subject


def test_a_digest_of_nothing_says_so() -> None:
    digest = compose_digest(facts(since=None))
    assert digest.text == "Bazaarwatch digest, up to 2026-11-21 12:00 UTC\nNothing new to look at\n"
    assert digest.subject == "Bazaarwatch: Nothing new to look at"
    assert "Nothing new to look at" in Page(digest.html).words


def test_every_alert_is_told_once_those_beyond_the_limit_in_a_line() -> None:
    digest = compose_digest(facts(*(alert(number) for number in range(1, 8))), limit=3)
    words = Page(digest.html).words
    for number in range(1, 8):
        assert digest.text.count(f"item/{number}.html") == 1
        assert digest.html.count(f"item/{number}.html") == 1
        assert f"alert {number}\n" in words
    assert "AND 4 MORE" in digest.text
    assert Page(digest.html).tags.count("img") == 6


def test_both_pictures_stand_side_by_side_inside_the_page() -> None:
    digest = compose_digest(facts(alert(1)))
    page = Page(digest.html)
    embedded = [address for address in page.addresses if address.startswith("data:")]
    pictures = [jpeg("blue"), jpeg("red")]
    assert embedded == [f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}" for picture in pictures]
    assert 'alt="Your work: Fox under the moon"' in digest.html
    assert 'alt="Listing: Fox enamel pin no. 1"' in digest.html


def test_the_mail_shows_its_own_parts_and_a_picture_that_occurs_twice_is_in_it_once() -> None:
    digest = compose_digest(facts(alert(1), alert(2)))
    shown = {address for address in Page(digest.mail_html).addresses if not address.startswith("https:")}
    assert shown == {f"cid:{picture.cid}" for picture in digest.pictures}
    assert len(digest.pictures) == 2
    assert "data:" not in digest.mail_html


@pytest.mark.parametrize("picture", [None, b"", b"<svg onload='alert(1)'/>", b"GIF89a"])
def test_what_is_no_picture_of_ours_is_not_embedded(picture: bytes | None) -> None:
    digest = compose_digest(facts(alert(1, picture=picture, reference=picture)))
    assert "img" not in Page(digest.html).tags
    assert Page(digest.html).words.count("no picture") == 2
    assert digest.pictures == ()


def with_text_everywhere(text: str) -> DigestFacts:
    return facts(
        alert(1, work_title=text, listing_title=text, seller_name=text, reasons=(text,), change=text, currency=text),
        alert(2, work_title=text, listing_title=text, marketplace=text, url=text),
        alert(3, work_title=text, listing_title=text),
        coverage=(SearchCoverage(text, text, 1, 0, 1, 0, 0, NOON - timedelta(days=3)),),
        complaints=(WaitingComplaint(text, text, text, 2, text, text, NOON),),
        suppressed={text: 1},
        notes=(text,),
    )


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_becomes_code_a_line_or_a_header(text: str) -> None:
    plain, hostile = (compose_digest(with_text_everywhere(words), limit=2) for words in ("x", text))
    for one, other in ((plain.html, hostile.html), (plain.mail_html, hostile.mail_html)):
        before, after = Page(one), Page(other)
        assert (after.tags, after.attributes) == (before.tags, before.attributes)
        assert not [
            address for address in after.addresses if not address.startswith(("data:", "cid:", "https://www.ali"))
        ]
    assert len(hostile.text.splitlines()) == len(plain.text.splitlines())
    assert len(hostile.subject.splitlines()) == 1
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e\u200b\ud800]", hostile.text + hostile.subject + hostile.html)


@settings(max_examples=25, deadline=None)
@given(text=st.text(st.characters()))
def test_any_text_at_all_can_be_told(text: str) -> None:
    digest = compose_digest(with_text_everywhere(text), limit=2)
    assert (digest.text + digest.html + digest.subject).encode()


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://ebay.com@evil.example/", "//evil.example/"])
def test_an_unsafe_address_is_shown_but_never_a_link(url: str) -> None:
    digest = compose_digest(facts(alert(1, url=url), alert(2, url=url)), limit=1)
    assert not [address for address in Page(digest.html).addresses if not address.startswith("data:")]
    assert url in Page(digest.html).words


def test_the_page_allows_itself_nothing_from_outside() -> None:
    digest = compose_digest(with_text_everywhere("x"))
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in digest.html
    assert "script" not in Page(digest.html).tags
    assert "url(" not in digest.html


def test_the_same_facts_give_the_same_digest() -> None:
    one = facts(alert(1), alert(2), suppressed={"b": 1, "a": 2})
    assert compose_digest(one) == compose_digest(replace(one, suppressed={"a": 2, "b": 1}))
