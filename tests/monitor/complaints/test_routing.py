import pytest

from detectors.rights import RightKind
from monitor.complaints.packs import platforms, policy
from monitor.complaints.policy import Policy
from monitor.complaints.routing import Infringement, options


def test_a_lookalike_without_the_mark_offers_copyright_design_and_patent_but_no_trademark(ipp: Policy) -> None:
    kinds = {one.right_kind for one in options(Infringement.LOOKALIKE, ipp, "aliexpress")}
    assert RightKind.TRADEMARK not in kinds
    assert {RightKind.COPYRIGHT_UNREGISTERED, RightKind.DESIGN, RightKind.PATENT} <= kinds


@pytest.mark.parametrize("platform", platforms())
def test_no_infringement_but_a_counterfeit_leads_to_the_reason_counterfeit(platform: str) -> None:
    pack = policy(platform)
    site = next(iter(pack.sites))
    for infringement in Infringement:
        for one in options(infringement, pack, site):
            assert (one.reason == "tm_counterfeit") == (infringement is Infringement.COUNTERFEIT)
            assert one.right_kind in pack.rights
            assert pack.routes[one.route].takes(site, one.right_kind, "listing")


def test_a_counterfeit_tells_every_fact_of_the_test_purchase_that_it_needs(ipp: Policy) -> None:
    (one,) = options(Infringement.COUNTERFEIT, ipp, "aliexpress")
    assert one.needs == ("member_names", "order_numbers", "listings", "photos", "methods", "results", "signed_by")


def test_a_storefront_on_aliexpress_goes_by_mail_and_one_on_taobao_by_the_portal(ipp: Policy) -> None:
    routes = {
        site: [one.route for one in options(Infringement.MARK_IN_SHOP, ipp, site, target_kind="storefront")]
        for site in ("aliexpress", "alibaba", "taobao", "1688")
    }
    assert routes == {
        "aliexpress": ["storefront_mail"],
        "alibaba": ["storefront_mail"],
        "taobao": ["portal"],
        "1688": ["portal"],
    }


def test_only_the_rights_one_has_are_offered_and_the_fittest_comes_first(ipp: Policy) -> None:
    own = {RightKind.COPYRIGHT_UNREGISTERED, RightKind.DESIGN}
    found = options(Infringement.LOOKALIKE, ipp, "aliexpress", kinds=own)
    assert [(one.right_kind, one.reason) for one in found] == [
        (RightKind.DESIGN, "design_product"),
        (RightKind.COPYRIGHT_UNREGISTERED, "cr_pirated_product"),
    ]
    assert options(Infringement.USED_INVENTION, ipp, "aliexpress", kinds=own) == ()


def test_a_reason_that_one_route_alone_takes_goes_that_way() -> None:
    (first, *_) = options(Infringement.UNLAWFUL_IMPORT, policy("ebay_vero"), "ebay_us", kinds=[RightKind.TRADEMARK])
    assert (first.route, first.needs) == ("api", ("countries",))
