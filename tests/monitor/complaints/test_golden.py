"""A complaint to every platform, from listings to pack, held to golden.yaml field by field."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from detectors.rights import Owner, Right
from monitor.complaints.base import Confirmation, Draft, Target, Work
from monitor.complaints.export import export_pack
from monitor.complaints.form import advice
from monitor.complaints.notice import batch, draft_notice
from monitor.complaints.packs import platforms, policy
from monitor.complaints.policy import Policy
from monitor.complaints.preflight import preflight
from monitor.errors import NoticeRefused

GOLDEN: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("golden.yaml").read_text("utf-8"))
Confirm = Callable[[Draft], Confirmation]
Sample = Callable[[str], tuple[Draft, Policy]]


@pytest.fixture
def sample(owner: Owner, work: Work, artwork: Right, trademark: Right, target: Callable[..., Target]) -> Sample:
    """The complaint that golden.yaml describes for a platform."""

    def make(platform: str) -> tuple[Draft, Policy]:
        golden, rules = GOLDEN[platform], policy(platform)
        right = trademark if golden.get("right") == "trademark" else artwork
        targets = [
            target(number, url=golden["page"].format(number), listing_id=f"L{number}", picture_ids=(f"{number}-MLA",))
            for number in range(1, 1 + golden.get("listings", 2))
        ]
        (listings,) = batch(targets, rules, right).batches
        sender = replace(owner, phone="+4930123456", country=golden.get("country", owner.country))
        draft = draft_notice("C-17", listings, rules, work=work, right=right, owner=sender)
        return replace(draft, reason_facts={"host_contact": "abuse@host.example"}), rules

    return make


def test_every_platform_has_a_golden_pack() -> None:
    assert set(GOLDEN) == set(platforms())


@pytest.mark.parametrize("platform", GOLDEN)
def test_every_field_of_the_form_is_filled_as_the_reference_asks(
    sample: Sample, confirm: Confirm, now: datetime, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    monkeypatch.setattr("monitor.complaints.export.to_pdf", lambda _: b"%PDF")
    draft, rules = sample(platform)
    pack = export_pack(draft, confirm(draft), rules, now)
    words = {"EXPLANATION": draft.explanation, "STATEMENTS": "\n".join(one.text for one in draft.statements)}
    expected = {label: words.get(value, value) for label, value in GOLDEN[platform]["fields"].items()}
    facts = json.loads(pack.files["fields.json"])
    assert list(facts["fields"].items()) == list(expected.items())
    assert pack.files["urls-1.txt"].decode().splitlines() == [target.url for target in draft.targets]
    assert ("notice.eml" in pack.files) == ("mail" in GOLDEN[platform])
    if "mail" in GOLDEN[platform]:
        assert f"To: {GOLDEN[platform]['mail']}\r\n".encode() in pack.files["notice.eml"]
    assert json.loads(pack.files["policy.json"])["platform"] == platform


@pytest.mark.parametrize(
    ("platform", "told"),
    [
        ("alibaba_ipp", "Attach: comparison (at most 4 files, 5 MB each, unconfirmed)."),
        ("temu", "Attach: marked picture, picture with the infringing place marked."),
        ("meta", "The seller is shown: name, email, report."),
        ("walmart", "The portal's own oath covers the whole notice: read its words before you affirm them."),
        ("mercadolibre", "Attach: comparison (5 MB each, pdf/jpg/png)."),
    ],
)
def test_the_page_says_what_to_have_at_hand_and_what_the_seller_is_shown(
    sample: Sample, platform: str, told: str
) -> None:
    assert told in list(advice(*sample(platform)))


@pytest.mark.parametrize("platform", GOLDEN)
def test_a_clean_preflight_is_what_the_profile_requires(
    sample: Sample, confirm: Confirm, now: datetime, platform: str
) -> None:
    """Each field that the form requires, emptied, is named; so is every other fault, all at once."""
    draft, rules = sample(platform)
    assert [str(one) for one in preflight(draft, rules, now, confirm(draft)) if one.blocking] == []
    bare = replace(
        draft,
        owner=replace(draft.owner, legal_name="", email_public="", address=(), phone=None, country=""),
        explanation="",
        right=replace(draft.right, title="", holder="", number=None, claim_number=None),
        statements=(),
    )
    named = {one.field for one in preflight(bare, rules, now) if one.blocking}
    for needed in ("owner.legal_name", "owner.email_public", "explanation", "right.title", "right.holder"):
        assert needed in named
    assert {"statements", "confirmation"} <= named
    required = {fact.value.key for fact in rules.routes[draft.route].fields if fact.value.required}
    for key in required & {"owner_address", "owner_phone"}:
        assert f"fields.{key}" in named


@pytest.mark.parametrize("platform", ["alibaba_ipp", "cloudflare", "demo", "lazada"])
def test_a_field_beyond_the_platforms_own_length_is_refused_not_cut(
    sample: Sample, confirm: Confirm, now: datetime, platform: str
) -> None:
    draft, rules = sample(platform)
    limits = {fact.value.key: fact.value.max_chars for fact in rules.routes[draft.route].fields if fact.value.max_chars}
    longest = rules.routes[draft.route].explanation_max_chars.value
    long = replace(draft, explanation="x" * ((longest or 0) + 1))
    with pytest.raises(NoticeRefused, match=r"explanation: .*nothing is cut"):
        export_pack(long, confirm(long), rules, now)
    if "right_title" in limits:
        titled = replace(draft, right=replace(draft.right, title="x" * (limits["right_title"] + 1)))
        with pytest.raises(NoticeRefused, match=r"fields\.right_title: .*nothing is cut"):
            export_pack(titled, confirm(titled), rules, now)


@pytest.mark.parametrize(
    ("platform", "change", "field"),
    [
        ("etsy", {"url": "https://www.etsy.com/shop/foxes"}, "targets[0].url"),
        ("walmart", {"seller_name": None}, "targets[0].seller_name"),
        ("mercadolibre", {"picture_ids": ()}, "targets[0].picture_ids"),
        ("shopify", {"url": "https://fox.myshopify.com/"}, "targets[0].url"),
        ("cloudflare", {"url": "https://other.example/p/1"}, "targets"),
    ],
)
def test_a_platforms_own_rule_about_a_listing_is_kept(
    sample: Sample, now: datetime, confirm: Confirm, platform: str, change: dict[str, Any], field: str
) -> None:
    draft, rules = sample(platform)
    wrong = replace(draft, targets=(replace(draft.targets[0], **change), *draft.targets[1:]))
    assert [one.field for one in preflight(wrong, rules, now, confirm(wrong)) if one.blocking] == [field]


@pytest.mark.parametrize(
    ("platform", "change", "field"),
    [
        ("walmart", {"number": "97123456"}, "right.number"),
        ("walmart", {"jurisdictions": ("DE",), "office": "DPMA", "number": "1234567"}, "right.jurisdictions"),
    ],
)
def test_a_platforms_own_rule_about_a_right_is_kept(
    sample: Sample, now: datetime, confirm: Confirm, platform: str, change: dict[str, Any], field: str
) -> None:
    draft, rules = sample(platform)
    wrong = replace(draft, right=replace(draft.right, **change))
    assert field in [one.field for one in preflight(wrong, rules, now, confirm(wrong)) if one.blocking]


def test_a_mark_complained_of_where_it_does_not_hold_is_named(
    sample: Sample, now: datetime, confirm: Confirm, trademark: Right
) -> None:
    draft, rules = sample("amazon")
    abroad = replace(draft, site="amazon_de", right=trademark, reason="tm_in_listing")
    german = replace(
        abroad, targets=tuple(replace(one, url="https://www.amazon.de/dp/B1") for one in draft.targets[:1])
    )
    named = [one.field for one in preflight(german, rules, now, confirm(german)) if one.blocking]
    assert named == ["right.jurisdictions"]
    european = replace(german, right=replace(trademark, jurisdictions=("EU",), office="EUIPO", number="018123456"))
    assert not [one for one in preflight(european, rules, now, confirm(european)) if one.blocking]
