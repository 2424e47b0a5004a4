from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from detectors.rights import RightKind
from monitor.complaints.errors import PolicyError
from monitor.complaints.packs import policy
from monitor.complaints.policy import Policy


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


def test_what_was_not_seen_is_told(ipp: Policy) -> None:
    unconfirmed = ipp.unconfirmed()
    assert "routes.portal.explanation_max_chars" in unconfirmed
    assert "routes.portal.max_targets" not in unconfirmed


def test_a_pack_grows_stale_a_year_after_it_was_read(ipp: Policy) -> None:
    read_on = min(source.read_on for source in ipp.sources.values())
    assert read_on > date(2026, 1, 1)
    assert not ipp.is_stale(read_on + timedelta(days=365))
    assert ipp.is_stale(read_on + timedelta(days=366))


def test_the_demo_follows_the_same_rules_on_its_own_site(ipp: Policy) -> None:
    demo = policy("demo")
    assert demo.routes["portal"].max_targets == ipp.routes["portal"].max_targets
    assert demo.site_of("http://127.0.0.1:8123/item/3") == "demo"
    assert demo.site_of("https://www.aliexpress.com/item/1.html") is None


def test_an_unknown_platform_is_refused_naming_those_there_are() -> None:
    with pytest.raises(PolicyError, match="alibaba_ipp"):
        policy("../base")


_THREE = {"value": 3, "source": "own", "confidence": "seen"}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"live_withn_h": 1}, "live_withn_h"),
        ({"live_within_h": _THREE | {"value": "many"}}, "live_within_h"),
        ({"live_within_h": _THREE | {"source": "hearsay"}}, "hearsay"),
        ({"live_within_h": _THREE | {"confidence": "sure"}}, "confidence"),
        ({"live_within_h": 300}, "live_within_h"),
        ({"statuses": {"Done": _THREE | {"value": {"state": "won"}}}}, "statuses"),
        ({"windows": {"review": [_THREE | {"value": {"length": 2, "unit": "wd", "sites": ["ebay"]}}]}}, "ebay"),
        ({"platform": "../x"}, "platform"),
    ],
)
def test_a_pack_that_does_not_hold_is_refused_naming_the_place(
    ipp: Policy, change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Policy.model_validate(ipp.model_dump(by_alias=True) | change)
