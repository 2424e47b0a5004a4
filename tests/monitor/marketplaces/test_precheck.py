"""Pages made to cost minutes or gigabytes end as an outcome; pages that people make pass.

Without the check: 50,000 attributes in a tag 65 s (measured here), 16,000 options 3 s (selectolax issue 221), 3,000
formats open at once 3 s and 737 MB (lexbor issue 340). With it each is refused in milliseconds; what hides its
attributes from it meets the child's limit.
"""

import pytest

from config.settings import SandboxSettings
from detectors.model import Outcome
from monitor.marketplaces.base import Page
from monitor.marketplaces.precheck import unreadable
from monitor.sandbox import Sandbox


def attributes(count, form="a{}"):
    return b"<div " + b" ".join(form.format(number).encode() for number in range(count)) + b">"


REFUSED = {
    "tags": (b"<!--" * 500_000, "tags"),
    "attributes": (attributes(50_000), "attributes"),
    "quoted attributes": (attributes(50_000, 'a{}=">"'), "attributes"),
    "attributes without blanks": (b"<a " + b"".join(b"a%d='/'" % number for number in range(50_000)), "attributes"),
    "options": (b"<select>" + b"<OPTION>" * 16_000, "options"),
    "formats": (b"".join(b"<b n%d><I n%d>" % (number, number) for number in range(1500)), "formatting"),
}
ENDED = {
    "depth": b"<div>" * 200_000,
    "tables": b"<table>" * 30_000,
    "paragraphs": b"<p>" * 190_000,
    "entities": b"&#x1F600;" * 300_000,
    "open brackets": b"<" * 399_000,
    "open quotes": b'<a "' * 90_000,
    "deep JSON": b"[" * 1_000_000,
    "deep JSON that ends": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "long number": b"[" + b"9" * 6000 + b"]",
    "numbers that are none": b'{"a": NaN, "b": Infinity, "c": 1e400, "d": "\\ud800\\u0000"}',
    "deep JSON-LD": b'<script type="application/ld+json">' + b"[" * 100_000 + b"</script>",
}
HIDDEN = attributes(60_000, 'a{}="><"')


@pytest.fixture(scope="module")
def limits():
    return {"memory_mb": 2048, "rss_mb": 400, "picture_timeout_s": 20, "idle_s": 60, "tasks_per_child": 200}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_cost_minutes_is_refused_before_it_is_parsed(name):
    body, said = REFUSED[name]
    assert said in unreadable(body)


@pytest.mark.parametrize("name", ENDED)
def test_what_the_parsers_bear_is_left_to_them(name):
    assert unreadable(ENDED[name]) is None


@pytest.mark.slow
async def test_each_ends_as_an_outcome_within_the_childs_limits(limits):
    sandbox = Sandbox(SandboxSettings(children=1, page_timeout_s=30, **limits))
    try:
        for name, body in ENDED.items() | {name: body for name, (body, _) in REFUSED.items()}.items():
            parsed = await sandbox.parse(Page("https://www.ebay.com/sch/i.html?_nkw=x", body), None)
            assert parsed.outcome in (Outcome.DRIFT, Outcome.FAILED), name
            assert "parse limit" not in parsed.reason, name
            assert not parsed.listings
    finally:
        await sandbox.close()


async def test_what_slips_through_ends_at_the_childs_limit(limits):
    assert unreadable(HIDDEN) is None
    sandbox = Sandbox(SandboxSettings(children=1, page_timeout_s=2, **limits))
    try:
        parsed = await sandbox.parse(Page("https://www.ebay.com/sch/i.html?_nkw=x", HIDDEN), None)
    finally:
        await sandbox.close()
    assert parsed.outcome is Outcome.FAILED
    assert "parse limit" in parsed.reason


@pytest.mark.parametrize(
    "body",
    [
        b"<ul>" + b'<li class="a b"><b class=x>title</b> <i style="color: red">1</i></li>' * 2000 + b"</ul>",
        b"<p data-state='" + b'{"a": 1, "b": "x y z"}, ' * 5000 + b"'>text",
        b"<script>" + b"if (a <b && c) { d = 'e f g h'; }\n" * 5000 + b"</script>",
        b"<select>" + b"<option value=1>one" * 1000 + b"</select>",
        b"<font size=2>" * 3000,
        b"",
        b"plain text " * 1000,
    ],
)
def test_what_people_make_passes(body):
    assert unreadable(body) is None


def test_every_recorded_page_passes(shared):
    files = [file for file in (shared / "fixtures" / "marketplaces").rglob("*.*") if file.suffix in (".html", ".json")]
    assert files
    assert [file.name for file in files if unreadable(file.read_bytes())] == []
