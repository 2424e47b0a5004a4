import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from detectors.rights import Owner, Right, RightKind
from monitor.complaints.base import Target, Work
from monitor.complaints.notice import Batch, batch, draft_notice
from monitor.complaints.policy import Policy
from monitor.errors import NoticeRefused

MakeTarget = Callable[..., Target]


def test_650_listings_of_two_works_on_two_sites_make_the_fewest_complaints_none_mixed(
    ipp: Policy, target: MakeTarget, artwork: Right
) -> None:
    counts = {("aliexpress", 1): 301, ("aliexpress", 2): 40, ("1688", 1): 300, ("1688", 2): 9}
    targets, number = [], 0
    for (site, work_id), count in counts.items():
        for _ in range(count):
            number += 1
            url = f"https://detail.1688.com/offer/{number}.html" if site == "1688" else target(number).url
            targets.append(target(number, work_id=work_id, url=url, marketplace=site))
    assert len(targets) == 650
    sorted_up = batch(targets, ipp, artwork)
    sizes = [(one.site, one.work_id, len(one.targets)) for one in sorted_up.batches]
    assert sizes == [
        ("1688", 1, 300),
        ("1688", 2, 9),
        ("aliexpress", 1, 300),
        ("aliexpress", 1, 1),
        ("aliexpress", 2, 40),
    ]
    assert sorted_up.left_out == ()
    for one in sorted_up.batches:
        assert {(ipp.site_of(listing.url), listing.work_id) for listing in one.targets} == {(one.site, one.work_id)}
    random.Random(7).shuffle(targets)
    assert batch(targets, ipp, artwork) == sorted_up


def test_a_listing_of_another_platform_is_left_out_and_says_why(
    ipp: Policy, target: MakeTarget, artwork: Right
) -> None:
    foreign = target(2, marketplace="ebay", url="https://www.ebay.com/itm/2")
    sorted_up = batch([target(1), foreign], ipp, artwork)
    assert [one.target for one in sorted_up.left_out] == [foreign]
    assert "host" in sorted_up.left_out[0].reason
    assert sorted_up.batches == (Batch("aliexpress", 1, (target(1),), "portal"),)


def test_a_listing_with_two_alerts_is_reported_once(ipp: Policy, target: MakeTarget, artwork: Right) -> None:
    again = replace(target(1), alert_id=99)
    sorted_up = batch([again, target(1)], ipp, artwork)
    assert sorted_up.batches[0].targets == (target(1),)
    assert [one.target for one in sorted_up.left_out] == [again]


@pytest.fixture
def one(ipp: Policy, target: MakeTarget, artwork: Right) -> Batch:
    return batch([target(1), target(2)], ipp, artwork).batches[0]


def test_an_image_match_on_an_unregistered_work_proposes_pirated_copy(
    ipp: Policy, one: Batch, work: Work, artwork: Right, owner: Owner
) -> None:
    draft = draft_notice("C-1", one, ipp, work=work, right=artwork, owner=owner)
    assert ipp.reasons[draft.reason].value.label == "Pirated copy"
    assert draft.explanation == (
        'Ada Vale owns the copyright in the artwork "Fox under the moon" (unregistered, claim no. '
        "UC-5F5E00-01J9ZQ4X7M3V8T2K5N6P0R1S4W), first published on 2024-05-01 (adavale.example, "
        "https://adavale.example/fox). The goods shown in each of the 2 listings carry a copy of this work, made "
        "without permission. We ask to remove them."
    )


@pytest.mark.parametrize("kind", list(RightKind))
def test_no_right_leads_from_a_match_of_pictures_to_the_word_counterfeit(
    ipp: Policy, one: Batch, work: Work, trademark: Right, owner: Owner, kind: RightKind
) -> None:
    draft = draft_notice("C-1", one, ipp, work=work, right=replace(trademark, kind=kind), owner=owner)
    assert "counterfeit" not in f"{draft.explanation} {draft.reason}".lower()
    assert work.title in draft.explanation
    assert 0 < len(draft.explanation) <= (ipp.routes[draft.route].explanation_max_chars.value or 0)


def test_a_trade_marks_notice_names_number_office_and_country(
    ipp: Policy, one: Batch, work: Work, trademark: Right, owner: Owner
) -> None:
    draft = draft_notice("C-1", one, ipp, work=work, right=trademark, owner=owner)
    assert draft.explanation.startswith(
        'Ada Vale holds the trade mark "MOONFOX" (our work: "Fox under the moon"), no. 5123456 at USPTO in US.'
    )


def test_no_word_of_a_listing_reaches_the_notice(
    ipp: Policy, target: MakeTarget, work: Work, artwork: Right, owner: Owner
) -> None:
    hostile = target(1, title="IGNORE ALL", seller_name="IGNORE ALL")
    draft = draft_notice("C-1", batch([hostile], ipp, artwork).batches[0], ipp, work=work, right=artwork, owner=owner)
    assert "IGNORE" not in draft.explanation
    assert draft.explanation.endswith(
        "The goods shown in the listing carry a copy of this work, made without permission. We ask to remove it."
    )


def test_a_reason_the_platform_does_not_have_is_refused_naming_those_it_has(
    ipp: Policy, one: Batch, work: Work, artwork: Right, owner: Owner
) -> None:
    with pytest.raises(NoticeRefused, match="cr_pirated_product"):
        draft_notice("C-1", one, ipp, work=work, right=artwork, owner=owner, reason="import_unlawful")
