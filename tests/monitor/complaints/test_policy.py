from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from detectors.rights import RightKind
from monitor.complaints.errors import PolicyError
from monitor.complaints.policy import Policy, platforms, policy

# Sections 1 and 14 of the platform reference, value by value: path in the pack, value, how sure.
VALUES: list[tuple[str, Any, str]] = [
    ("channel", "portal_form", "seen"),
    ("target_kinds", {"listing": "Product listing", "storefront": "Storefront"}, "seen"),
    ("max_targets", 300, "seen"),
    ("rights_per_complaint", 1, "seen"),
    ("reasons_per_complaint", 1, "seen"),
    ("designs_per_complaint", 1, "reported"),
    ("right_must_be_verified", True, "seen"),
    ("number_rule", "required_unique", "reported"),
    ("explanation_max_chars", 2000, "assumed"),
    ("live_within_h", 24, "seen"),
    ("attachments", {"max": 4, "mb_each": 5}, "reported"),
    ("languages", ("en", "zh"), "seen"),
    ("calendar", "CN", "known"),
    ("timezone", "Asia/Shanghai", "known"),
    ("status_default_range", {"length": 15, "unit": "cd"}, "seen"),
    ("quality", {"success_min": 0.9, "counter_max": 0.05, "window_months": 3, "per_reason": True}, "seen"),
    ("contacts.legal_route", "ipr@alibaba-inc.com", "seen"),
    ("contacts.lazada", "ProtectIP@care.lazada.com", "reported"),
    ("windows.identity_verification.0", {"length": 3, "unit": "cd"}, "reported"),
    ("windows.identity_verification.1", {"length": 3, "unit": "wd"}, "reported"),
    ("windows.right_verification.0", {"earliest": 2, "length": 3, "unit": "wd"}, "reported"),
    ("windows.right_verification.1", {"earliest": 3, "length": 5, "unit": "wd"}, "seen"),
    ("windows.review.0", {"earliest": 24, "length": 72, "unit": "h"}, "reported"),
    ("windows.review.1", {"length": 3, "unit": "cd"}, "reported"),
    ("windows.review.2", {"length": 7, "unit": "wd"}, "reported"),
    (
        "windows.review.3",
        {
            "length": 2,
            "unit": "wd",
            "sites": ("lazada_id", "lazada_my", "lazada_ph", "lazada_sg", "lazada_th", "lazada_vn"),
        },
        "seen",
    ),
    ("windows.seller_first_counter.0", {"length": 3, "unit": "wd", "at_expiry": "removed"}, "seen"),
    ("windows.seller_second_counter.0", {"length": 7, "unit": "wd", "at_expiry": "removed"}, "reported"),
    ("windows.seller_third_counter.0", {"length": 7, "unit": "wd", "at_expiry": "removed"}, "reported"),
    ("windows.holder_answer.0", {"length": 3, "unit": "wd", "at_expiry": "reinstated"}, "reported"),
    ("windows.ecommerce_law.0", {"length": 15, "unit": "cd", "at_expiry": "reinstated"}, "seen"),
    ("windows.penalty_memory.0", {"length": 365, "unit": "cd"}, "reported"),
    ("statuses.In progress", "under_review", "reported"),
    ("statuses.Listing removed", "removed", "reported"),
    ("statuses.Unable to process", "void_gone", "reported"),
    ("statuses.counter-notice received", "countered", "seen"),
    ("statuses.accepted counter-notice", "reinstated", "seen"),
    ("statuses.withdrawn", "withdrawn", "seen"),
    ("right_statuses.Pending verification", "pending_verification", "seen"),
    ("right_statuses.Verified", "verified", "seen"),
    ("right_statuses.Denied", "rejected", "reported"),
    ("penalties.alibaba_points_warning", 6, "reported"),
    ("penalties.alibaba_points_restricted_7_days", 12, "reported"),
    ("penalties.alibaba_points_restricted_14_days", 24, "reported"),
    ("penalties.alibaba_points_restricted_21_days", 36, "reported"),
    ("penalties.alibaba_points_terminated", 48, "reported"),
    ("penalties.alibaba_serious_terminated", 4, "seen"),
    ("penalties.alibaba_serious_one_right_terminated", 3, "seen"),
    ("penalties.copyright_points_per_complaint", 6, "reported"),
    ("penalties.points_per_day_at_most", 6, "reported"),
    ("penalties.aliexpress_serious_terminated", 3, "reported"),
    ("penalties.aliexpress_serious_count_once_days", 3, "reported"),
    ("penalties.1688_points_no_counter", 60, "reported"),
]
REQUIRED = {
    "trademark": ("title", "number", "holder", "expires_on", "nice_classes"),
    "copyright_registered": ("title", "number", "holder"),
    "copyright_unregistered": ("title", "claim_number", "holder", "first_publication"),
    "design": ("title", "number", "holder", "expires_on"),
    "utility_model": ("title", "number", "holder", "expires_on"),
    "patent": ("title", "number", "holder", "expires_on"),
    "publicity": ("title", "number", "holder", "expires_on"),
    "geographical_indication": ("title", "number", "holder", "expires_on"),
    "other": ("title", "number", "holder", "expires_on"),
}
LABELS = {
    "cr_pirated_product": "Pirated copy",
    "cr_image_copied": "Copyright: image use",
    "cr_text_copied": "Copyright",
    "tm_counterfeit": "Test buy",
    "tm_in_listing": "Trademark: improper use",
    "tm_in_shop": "Storefront",
    "design_product": "Patent for design",
    "patent_product": "Patent",
    "publicity": "Other",
    "other": "Other",
}
FORM = [
    "Platform (site)",
    "IPR type",
    "IPR name",
    "IPR number",
    "IPR owner",
    "Complaint type",
    "Complaint reason",
    "Listings, one per line: paste this file",
    "Supplement infringement reason(s)",
    "Complainant",
    "Contact e-mail (shown to the seller)",
]


@pytest.mark.parametrize(("path", "value", "confidence"), VALUES, ids=[path for path, _, _ in VALUES])
def test_alibaba_ipp_says_what_was_read(ipp: Policy, path: str, value: Any, confidence: str) -> None:
    fact = dict(ipp.facts())[path]
    said = fact.value.model_dump(exclude_defaults=True) if hasattr(fact.value, "model_dump") else fact.value
    assert (said, fact.confidence.value) == (value, confidence)


def test_the_table_above_names_every_number_and_word_of_the_pack(ipp: Policy) -> None:
    tabled = {path for path, _, _ in VALUES}
    described = ("sites.", "account.", "rights.", "reasons.", "statements.", "fields.")
    assert {path for path, _ in ipp.facts() if not path.startswith(described)} == tabled


def test_every_kind_of_right_asks_for_its_fields(ipp: Policy) -> None:
    assert {kind.value: fact.value.required for kind, fact in ipp.rights.items()} == REQUIRED


def test_every_reason_has_its_words_in_the_portal(ipp: Policy) -> None:
    assert {code: fact.value.label for code, fact in ipp.reasons.items()} == LABELS
    assert len(ipp.reasons["tm_counterfeit"].value.needs) == 7


def test_the_form_has_the_portals_fields_in_order(ipp: Policy) -> None:
    assert [fact.value.label for fact in ipp.fields] == FORM


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://www.aliexpress.com/item/1005001.html", "aliexpress"),
        ("https://de.aliexpress.com/item/1005001.html", "aliexpress"),
        ("https://www.aliexpress.us/item/3256.html", "aliexpress"),
        ("https://aliexpress.ru/item/1005001.html", "aliexpress"),
        ("https://www.alibaba.com/product-detail/x_1.html", "alibaba"),
        ("https://detail.1688.com/offer/1.html", "1688"),
        ("https://item.taobao.com/item.htm?id=1", "taobao"),
        ("https://detail.tmall.com/item.htm?id=1", "tmall"),
        ("https://detail.tmall.hk/hk/item.htm?id=1", "tmall_hk"),
        ("https://www.lazada.sg/products/i1.html", "lazada_sg"),
        ("https://www.lazada.com.my/products/i1.html", "lazada_my"),
        ("https://www.lazada.co.th/products/i1.html", "lazada_th"),
        ("https://www.lazada.com.ph/products/i1.html", "lazada_ph"),
        ("https://www.lazada.vn/products/i1.html", "lazada_vn"),
        ("https://www.lazada.co.id/products/i1.html", "lazada_id"),
        ("https://WWW.AliExpress.com./item/1.html", "aliexpress"),
        ("https://www.ebay.com/itm/1", None),
        ("https://aliexpress.com.evil.example/item/1.html", None),
        ("https://notaliexpress.com/item/1.html", None),
        ("https://evil.example/aliexpress.com/", None),
        ("https://aliexpress.com@evil.example/", None),
        ("ftp://aliexpress.com/", None),
        ("https://[", None),
        ("", None),
    ],
)
def test_a_listing_belongs_to_the_site_of_its_host(ipp: Policy, url: str, site: str | None) -> None:
    assert ipp.site_of(url) == site


def test_a_match_of_pictures_proposes_a_reason_for_every_right_but_never_a_counterfeit(ipp: Policy) -> None:
    proposed = {kind: ipp.propose_reason(kind) for kind in RightKind}
    assert (
        proposed[RightKind.COPYRIGHT_UNREGISTERED] == proposed[RightKind.COPYRIGHT_REGISTERED] == "cr_pirated_product"
    )
    assert None not in proposed.values()
    assert "tm_counterfeit" not in proposed.values()


def test_every_kind_of_right_has_statements_to_affirm(ipp: Policy) -> None:
    for kind in RightKind:
        assert {"bona_fide", "authorised"} < {statement.name for statement in ipp.statements_for(kind)}
        assert any(statement.name.startswith("good_faith") for statement in ipp.statements_for(kind))


@pytest.mark.parametrize("platform", platforms())
def test_every_pack_holds_and_tells_sources_for_each_value(platform: str) -> None:
    pack = policy(platform)
    assert pack.platform == platform
    assert all(pack.sources[fact.source].read_on for _, fact in pack.facts())
    for kind in RightKind:
        assert pack.reasons[str(pack.propose_reason(kind))].value.right_kinds


def test_what_was_not_seen_is_told(ipp: Policy) -> None:
    unconfirmed = ipp.unconfirmed()
    assert "explanation_max_chars" in unconfirmed
    assert "max_targets" not in unconfirmed


def test_a_pack_grows_stale_half_a_year_after_it_was_read(ipp: Policy) -> None:
    read_on = min(source.read_on for source in ipp.sources.values())
    assert read_on > date(2026, 1, 1)
    assert not ipp.is_stale(read_on + timedelta(days=180))
    assert ipp.is_stale(read_on + timedelta(days=181))


def test_the_demo_follows_the_same_rules_on_its_own_site(ipp: Policy) -> None:
    demo = policy("demo")
    assert demo.max_targets == ipp.max_targets
    assert demo.site_of("http://127.0.0.1:8123/item/3") == "demo"
    assert demo.site_of("https://www.aliexpress.com/item/1.html") is None


def test_an_unknown_platform_is_refused_naming_those_there_are() -> None:
    with pytest.raises(PolicyError, match="alibaba_ipp"):
        policy("../base")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"max_targts": 1}, "max_targts"),
        ({"max_targets": {"value": "many", "source": "own", "confidence": "seen"}}, "max_targets"),
        ({"max_targets": {"value": 3, "source": "hearsay", "confidence": "seen"}}, "hearsay"),
        ({"max_targets": {"value": 3, "source": "own", "confidence": "sure"}}, "confidence"),
        ({"max_targets": 300}, "max_targets"),
        ({"statuses": {"Done": {"value": "won", "source": "own", "confidence": "seen"}}}, "statuses"),
    ],
)
def test_a_pack_that_does_not_hold_is_refused_naming_the_place(
    ipp: Policy, change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Policy.model_validate(ipp.model_dump(by_alias=True) | change)
