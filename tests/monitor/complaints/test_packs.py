"""Every installed pack against the platform reference, value by value."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from detectors.rights import RightKind
from monitor.complaints.errors import PolicyError
from monitor.complaints.packs import changes, home_of, platforms, policy, read_policy
from monitor.complaints.policy import PlatformState, Policy

REFERENCE: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("reference.yaml").read_text("utf-8"))
ROWS = [(pack, path, value) for pack, values in REFERENCE.items() for path, value in values.items()]
# Reasons by platform as the reference's table of local codes (A.5) and its reason lists give them.
MERCADO_LIBRE = {
    code: f"PPPI{number}"
    for number, codes in {
        1: ["tm_counterfeit"],
        2: ["tm_in_listing", "tm_in_shop"],
        3: ["cr_software"],
        4: ["pppi4"],
        5: ["cr_book"],
        6: ["cr_image_copied"],
        7: ["publicity"],
        8: ["design_product"],
        9: ["patent_product"],
        10: ["not_for_sale"],
        11: ["cr_course"],
        12: ["cr_videogame"],
        14: ["cr_video"],
        15: ["cr_music"],
        16: ["cr_character"],
        17: ["cr_pirated_product", "cr_text_copied"],
        18: ["related_copies"],
        19: ["related_performer"],
        20: ["related_audio"],
        21: ["related_audiovisual"],
        22: ["related_signal"],
        23: ["related_device"],
    }.items()
    for code in codes
}


def plain(value: object) -> object:
    """A pack's value as the table writes it."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_defaults=True)
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    return value


@pytest.mark.parametrize(("platform", "path", "expected"), ROWS, ids=[f"{pack}:{path}" for pack, path, _ in ROWS])
def test_a_pack_says_what_the_reference_says(platform: str, path: str, expected: Any) -> None:
    value = plain(dict(policy(platform).facts())[path].value)
    if isinstance(expected, str) and expected.startswith("~"):
        assert expected[1:] in str(value)
    else:
        assert value == expected


def test_the_table_covers_every_value_of_every_pack_that_a_source_gives() -> None:
    tabled = {(pack, path) for pack, path, _ in ROWS}
    inherited = {"demo": "alibaba_ipp", "lazada": "alibaba_ipp"}
    missing = [
        (platform, path)
        for platform in platforms()
        for path, fact in policy(platform).facts()
        if fact.source != "own" and ".fields." not in path and not _is_a_common_statement(path, fact.value)
        if not {(platform, path), (inherited.get(platform), path)} & tabled
    ]
    assert missing == []  # the fields of forms have a golden sheet each


def _is_a_common_statement(path: str, value: object) -> bool:
    """A statement of the law, which the table has once, at the pack for any host."""
    return path.startswith("statements.") and not getattr(value, "portals_own", False)


def test_mercado_libres_reasons_have_their_ids_and_those_that_need_pictures_ask_for_them() -> None:
    reasons = policy("mercadolibre").reasons
    assert {code: fact.value.code for code, fact in reasons.items()} == MERCADO_LIBRE
    needing = {fact.value.code for fact in reasons.values() if fact.value.picture_ids}
    assert needing == {"PPPI4", "PPPI6", "PPPI7", "PPPI17"}


def test_there_is_a_pack_for_every_platform_that_the_reference_profiles() -> None:
    assert set(platforms()) == {*REFERENCE, "demo"}


@pytest.mark.parametrize("platform", platforms())
def test_a_pack_tells_its_sources_and_can_be_used_for_every_right_it_takes(platform: str) -> None:
    pack = policy(platform)
    assert pack.platform == platform
    assert all(pack.sources[fact.source].read_on for _, fact in pack.facts())
    site = next(iter(pack.sites))
    for kind in RightKind:
        proposed = pack.propose_reason(kind)
        assert (proposed is not None) == (kind in pack.rights), kind
        if proposed is not None:
            assert any(route.takes(site, kind, "listing") for route in pack.routes.values()), kind
            assert pack.statements_for(kind)
            assert proposed != "tm_counterfeit"
            assert "counterfeit" not in pack.reasons[proposed].value.label.lower()


@pytest.mark.parametrize("platform", platforms())
def test_a_counterfeit_is_alleged_of_one_listing_with_every_fact_of_a_test_purchase(platform: str) -> None:
    fact = policy(platform).reasons.get("tm_counterfeit")
    if fact is not None:
        assert (fact.value.max_targets, len(fact.value.needs)) == (1, 7)


@pytest.mark.parametrize("platform", platforms())
def test_silence_is_never_taken_for_success_where_it_is_ours(platform: str) -> None:
    pack = policy(platform)
    for name in ("holder_answer", "court_proof"):
        for fact in pack.windows.get(name, ()):  # type: ignore[call-overload]
            assert fact.value.at_expiry is PlatformState.REINSTATED


def test_of_our_own_clocks_the_shortest_counts_and_of_others_the_best_confirmed() -> None:
    pack, kind = policy("mercadolibre"), RightKind.TRADEMARK
    ours, sellers = pack.window("holder_answer", "mla", kind), pack.window("seller_answer", "mla", kind)
    assert ours is not None
    assert sellers is not None
    assert (ours.value.length, sellers.value.length, sellers.value.skip) == (3, 3, ("sun",))
    ipp = policy("alibaba_ipp")
    second = ipp.window("seller_answer", "aliexpress", kind, 2)
    review = ipp.window("review", "aliexpress", kind)
    assert second is not None
    assert review is not None
    assert (second.value.length, review.value.length, review.value.unit) == (7, 7, "wd")
    assert ipp.window("put_back", "aliexpress", kind) is None


def test_an_unknown_word_of_a_platform_means_nothing_and_case_and_blanks_do_not_matter() -> None:
    ipp, ebay = policy("alibaba_ipp"), policy("ebay_vero")
    assert ipp.status("Listing suspended") is None
    known = ipp.status("  listing   Removed ")
    assert known is not None
    assert known.value.state is PlatformState.REMOVED
    of_report, of_item = ebay.status("PROCESSED", of_complaint=True), ebay.status("PROCESSED")
    assert of_report is not None
    assert of_report.value.state is PlatformState.PER_LISTING
    assert of_item is None


def test_working_days_are_those_of_the_sites_own_country() -> None:
    assert policy("lazada").calendar_of("lazada_th") == ("TH", "Asia/Bangkok")
    assert policy("alibaba_ipp").calendar_of("aliexpress") == ("CN", "Asia/Shanghai")


def test_lazada_uses_the_account_and_the_approved_rights_of_alibaba() -> None:
    assert policy("lazada").account_platform == "alibaba_ipp"
    assert policy("etsy").account_platform == "etsy"


@pytest.mark.parametrize(
    ("url", "home"),
    [
        ("https://www.aliexpress.com/item/1.html", "alibaba_ipp"),
        ("https://www.lazada.sg/products/i1.html", "lazada"),
        ("https://www.ebay.de/itm/1", "ebay_vero"),
        ("https://fox.myshopify.com/products/x", "shopify"),
        ("https://shop.example/products/x", None),
        ("https://[", None),
    ],
)
def test_an_address_has_a_home_where_some_pack_names_its_host(url: str, home: str | None) -> None:
    assert home_of(url) == home


# An operator's own packs


OWN = """
extends: etsy
platform: etsy
version: 2
sources: {seen_by_me: {title: the portal on 1 December 2026, read_on: 2026-12-01}}
routes:
  portal:
    max_targets: {value: 40, source: seen_by_me, confidence: seen}
statuses:
  Removed: null
  Taken down: {value: {state: removed}, source: seen_by_me, confidence: seen}
"""


def test_an_operators_own_pack_goes_first_and_says_only_what_differs(tmp_path: Path) -> None:
    (tmp_path / "etsy.yaml").write_text(OWN, "utf-8")
    own, installed = policy("etsy", tmp_path), policy("etsy")
    assert (own.routes["portal"].max_targets.value, installed.routes["portal"].max_targets.value) == (40, None)
    assert own.routes["portal"].fields == installed.routes["portal"].fields
    assert own.status("Removed") is None
    assert own.sha256 != installed.sha256
    assert {change.path for change in changes(installed, own)} == {
        "version",
        "sources.seen_by_me.read_on",
        "sources.seen_by_me.title",
        "routes.portal.max_targets",
        "statuses.Removed",
        "statuses.Taken down",
    }
    assert list(changes(own, own)) == []
    assert policy("temu", tmp_path) == policy("temu")


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "etsy.yaml"
    file.write_text(OWN, "utf-8")
    assert policy("etsy", tmp_path).version == 2
    file.write_text(OWN.replace("version: 2", "version: 13"), "utf-8")
    assert policy("etsy", tmp_path).version == 13


def test_an_exported_complaints_policy_reads_back_as_the_same_pack(tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    pack: Policy = policy("mercadolibre")
    file.write_text(pack.model_dump_json(by_alias=True), "utf-8")
    assert read_policy(file) == pack


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("extends: etsy\nplatform: other\nversion: 2", "name the file other.yaml"),
        ("extends: etsi", "no policy pack for 'etsi'"),
        ("extends: ../../config/defaults", "no policy pack"),
        ("- 1", "is a mapping"),
        ("a: [", "is no YAML"),
        ("!!python/object/apply:os.system [id]", "is no YAML"),
        ("extends: etsy\nlive_within_h: 3", "live_within_h"),
        ("extends: etsy\nroutes: {portal: {max_targts: {value: 3, source: own, confidence: seen}}}", "max_targts"),
    ],
)
def test_an_own_pack_that_does_not_hold_is_refused_naming_the_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "etsy.yaml").write_text(text, "utf-8")
    with pytest.raises(PolicyError, match=said.replace("(", r"\(")):
        policy("etsy", tmp_path)
