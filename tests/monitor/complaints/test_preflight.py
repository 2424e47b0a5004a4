from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from detectors.rights import Right
from monitor.complaints.base import Confirmation, Draft, RightState, Target
from monitor.complaints.policy import Policy
from monitor.complaints.preflight import preflight

Confirm = Callable[[Draft], Confirmation]
MakeTarget = Callable[..., Target]


@pytest.fixture
def check(ipp: Policy, now: datetime, confirm: Confirm) -> Callable[[Draft], list[str]]:
    """The fields that block a draft which a person has confirmed as it is."""

    def blocked(draft: Draft) -> list[str]:
        return [problem.field for problem in preflight(draft, ipp, now, confirm(draft)) if problem.blocking]

    return blocked


def test_a_whole_and_confirmed_complaint_may_leave(draft: Draft, check: Callable[[Draft], list[str]]) -> None:
    assert check(draft) == []


def test_what_could_not_be_confirmed_at_the_portal_is_a_warning(
    draft: Draft, ipp: Policy, now: datetime, confirm: Confirm
) -> None:
    warnings = preflight(draft, ipp, now, confirm(draft))
    assert [(problem.field, problem.blocking) for problem in warnings] == [("reason", False), ("explanation", False)]
    assert "unconfirmed" in str(warnings[0])


@pytest.mark.parametrize(
    ("right", "field"),
    [
        ({"claim_number": None}, "right.claim_number"),
        ({"claim_number": "N/A"}, "right.claim_number"),
        ({"title": ""}, "right.title"),
        ({"first_publication": None}, "right.first_publication"),
        ({"expires_on": date(2026, 11, 20)}, "right.expires_on"),
        ({"holder": "Ada Vale GmbH"}, "right.holder"),
    ],
)
def test_a_right_that_the_platform_would_refuse_is_named(
    draft: Draft, check: Callable[[Draft], list[str]], right: dict[str, Any], field: str
) -> None:
    assert check(replace(draft, right=replace(draft.right, **right))) == [field]


def test_a_right_is_good_until_the_day_of_its_expiry(draft: Draft, check: Callable[[Draft], list[str]]) -> None:
    assert check(replace(draft, right=replace(draft.right, expires_on=date(2026, 11, 22)))) == []
    assert check(replace(draft, right=replace(draft.right, expires_on=date(2026, 11, 21)))) == ["right.expires_on"]


def test_the_holders_name_may_differ_in_case_and_punctuation(draft: Draft, check: Callable[[Draft], list[str]]) -> None:
    assert check(replace(draft, right=replace(draft.right, holder="ADA  VALE."))) == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"url": "https://www.ebay.com/itm/1"}, "targets[0].url"),
        ({"url": "javascript:alert(1)"}, "targets[0].url"),
        ({"url": "https://www.aliexpress.com/item/1.html\nhttps://evil.example/"}, "targets[0].url"),
        ({"evidence_sha256": ()}, "targets[0].evidence"),
        ({"captured_at": None}, "targets[0].captured_at"),
        ({"last_seen_live_at": None}, "targets[0].last_seen_live_at"),
        ({"work_id": 2}, "targets[0].work_id"),
    ],
)
def test_a_listing_that_would_fail_is_named(
    draft: Draft, check: Callable[[Draft], list[str]], changed: dict[str, Any], field: str
) -> None:
    assert check(replace(draft, targets=(replace(draft.targets[0], **changed), draft.targets[1]))) == [field]


def test_a_listing_was_seen_live_in_the_last_24_hours(
    draft: Draft, check: Callable[[Draft], list[str]], now: datetime
) -> None:
    def seen(at: datetime) -> Draft:
        return replace(draft, targets=(replace(draft.targets[0], last_seen_live_at=at),))

    assert check(seen(now - timedelta(hours=24))) == []
    assert check(seen(now - timedelta(hours=24, seconds=1))) == ["targets[0].last_seen_live_at"]
    assert check(seen(now + timedelta(seconds=1))) == ["targets[0].last_seen_live_at"]


def test_a_listing_is_named_once(draft: Draft, check: Callable[[Draft], list[str]]) -> None:
    twice = replace(draft, targets=(draft.targets[0], replace(draft.targets[0], alert_id=9)))
    assert check(twice) == ["targets[0].url", "targets[1].url"]


def test_no_complaint_names_none_or_more_than_the_platform_takes(
    draft: Draft, check: Callable[[Draft], list[str]], target: MakeTarget
) -> None:
    assert check(replace(draft, targets=())) == ["targets"]
    assert check(replace(draft, targets=tuple(target(number) for number in range(300)))) == []
    assert check(replace(draft, targets=tuple(target(number) for number in range(301)))) == ["targets"]


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"platform": "ebay"}, ["platform"]),
        ({"site": "etsy"}, ["site", "targets[0].url", "targets[1].url"]),
        ({"site": "taobao"}, ["targets[0].url", "targets[1].url"]),
        ({"language": "de"}, ["language"]),
        ({"reason": "import_unlawful"}, ["reason"]),
        ({"reason": "tm_in_shop"}, ["reason", "reason"]),
        ({"explanation": ""}, ["explanation"]),
        ({"explanation": "x" * 2001}, ["explanation"]),
        ({"statements": ()}, ["statements"]),
        ({"number": " "}, ["number"]),
        ({"right_state": RightState.PENDING_VERIFICATION}, ["right_state"]),
    ],
)
def test_every_other_field_is_named_too(
    draft: Draft, check: Callable[[Draft], list[str]], change: dict[str, Any], fields: list[str]
) -> None:
    assert check(replace(draft, **change)) == fields


def test_a_counterfeit_allegation_is_about_one_listing_and_needs_every_fact_of_an_authentication_report(
    draft: Draft, ipp: Policy, check: Callable[[Draft], list[str]], trademark: Right
) -> None:
    allegation = replace(draft, right=trademark, reason="tm_counterfeit", targets=draft.targets[:1])
    needs = ipp.reasons["tm_counterfeit"].value.needs
    assert check(allegation) == [f"reason_facts.{need}" for need in needs]
    stated = dict.fromkeys(needs, "stated") | {"listings": draft.targets[0].listing_id}
    assert check(replace(allegation, reason_facts=stated)) == []
    assert check(replace(allegation, reason_facts=stated | {"listings": "another"})) == ["targets[0].listing_id"]
    both = replace(allegation, targets=draft.targets, reason_facts=stated)
    assert check(both) == ["targets[1].listing_id", "targets"]


def test_an_owner_without_a_public_address_is_named(draft: Draft, check: Callable[[Draft], list[str]]) -> None:
    assert check(replace(draft, owner=replace(draft.owner, email_public=""))) == ["owner.email_public"]


def test_a_right_nobody_recorded_at_the_platform_is_a_warning(
    draft: Draft, ipp: Policy, now: datetime, confirm: Confirm
) -> None:
    unrecorded = replace(draft, right_state=None)
    problems = preflight(unrecorded, ipp, now, confirm(unrecorded))
    assert ("right_state", False) in [(problem.field, problem.blocking) for problem in problems]


def test_a_pack_read_long_ago_and_a_foreign_right_in_china_are_warnings(
    draft: Draft, ipp: Policy, now: datetime, confirm: Confirm, trademark: Right, target: MakeTarget
) -> None:
    chinese = target(1, url="https://detail.1688.com/offer/1.html", last_seen_live_at=now + timedelta(days=399))
    abroad = replace(draft, site="1688", targets=(chinese,), right=trademark, reason="tm_in_listing")
    problems = preflight(abroad, ipp, now + timedelta(days=400), confirm(abroad))
    assert not [problem for problem in problems if problem.blocking]
    assert {"policy", "right.jurisdictions"} < {problem.field for problem in problems}


# The person


def test_nothing_leaves_that_no_person_confirmed(draft: Draft, ipp: Policy, now: datetime) -> None:
    blocking = [problem.field for problem in preflight(draft, ipp, now) if problem.blocking]
    assert blocking == ["confirmation"]


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        ({"person": " "}, "confirmation.person"),
        ({"content_sha256": "0" * 64}, "confirmation"),
        ({"statements": ()}, "confirmation.statements"),
        ({"considerations": ()}, "confirmation.considerations[0]"),
    ],
)
def test_a_confirmation_that_lacks_something_is_none(
    draft: Draft, ipp: Policy, now: datetime, confirm: Confirm, broken: dict[str, Any], field: str
) -> None:
    problems = preflight(draft, ipp, now, replace(confirm(draft), **broken))
    assert field in [problem.field for problem in problems if problem.blocking]


@pytest.mark.parametrize("question", ["fair_use", "exhaustion", "authorised_seller"])
def test_every_question_is_considered_for_every_listing(
    draft: Draft, ipp: Policy, now: datetime, confirm: Confirm, question: str
) -> None:
    whole = confirm(draft)
    first, second = whole.considerations
    partly = replace(whole, considerations=(first, replace(second, **{question: False})))  # type: ignore[arg-type]
    blocking = [problem.field for problem in preflight(draft, ipp, now, partly) if problem.blocking]
    assert blocking == [f"confirmation.considerations[1].{question}"]


def test_an_older_text_of_a_statement_does_not_count(
    draft: Draft, ipp: Policy, now: datetime, confirm: Confirm
) -> None:
    whole = confirm(draft)
    older = (replace(whole.statements[0], text="I think so."), *whole.statements[1:])
    problems = preflight(draft, ipp, now, replace(whole, statements=older))
    assert [problem.field for problem in problems if problem.blocking] == ["confirmation.statements"]


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Another title"},
        {"picture_sha256": "f" * 64},
        {"seller_id": "1"},
        {"url": "https://www.aliexpress.com/item/7.html"},
    ],
)
def test_a_listing_that_changed_since_goes_back_to_the_person(
    draft: Draft, ipp: Policy, now: datetime, confirm: Confirm, change: dict[str, Any]
) -> None:
    changed = replace(draft, targets=(replace(draft.targets[0], **change), draft.targets[1]))
    blocking = [problem.field for problem in preflight(changed, ipp, now, confirm(draft)) if problem.blocking]
    assert blocking == ["confirmation"]


def test_seeing_a_listing_again_leaves_the_confirmation_in_force(
    draft: Draft, ipp: Policy, now: datetime, confirm: Confirm
) -> None:
    seen_again = replace(draft, targets=tuple(replace(one, last_seen_live_at=now) for one in draft.targets))
    assert not [problem for problem in preflight(seen_again, ipp, now, confirm(draft)) if problem.blocking]


def test_a_confirmation_survives_being_stored(draft: Draft, confirm: Confirm) -> None:
    whole = confirm(draft)
    assert Confirmation.from_wire(whole.to_wire()) == whole
