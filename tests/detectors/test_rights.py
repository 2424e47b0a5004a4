import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.rights import (
    Expiry,
    FirstPublication,
    Owner,
    OwnershipBasis,
    PartyKind,
    Right,
    RightKind,
    expiry,
    is_placeholder,
    new_claim_number,
    required_fields,
    same_name,
    slower_route,
    smoother,
    validate,
    validate_owner,
)

ULID = "01J9ZQ4X7M3V8T2K5N6P0R1S4W"
TRADEMARK = Right(
    kind=RightKind.TRADEMARK,
    title="MOONFOX",
    holder="Moonfox Ltd.",
    number="5,123,456",
    office="USPTO",
    jurisdictions=("US",),
    expires_on=date(2030, 1, 1),
    nice_classes=(14, 25),
)
ARTWORK = Right(
    kind=RightKind.COPYRIGHT_UNREGISTERED,
    title="Fox under the moon",
    holder="Ada Vale",
    claim_number=new_claim_number("Ada Vale", ULID),
    first_publication=FirstPublication(date(2024, 5, 1), "Berlin, DE", "https://adavale.example/fox"),
)
DESIGN = Right(
    kind=RightKind.DESIGN,
    title="Fox brooch",
    holder="Moonfox Ltd.",
    number="008123456-0001",
    office="EUIPO",
    jurisdictions=("EU",),
    expires_on=date(2031, 1, 1),
    locarno_classes=("11-01",),
)
OWNER = Owner(PartyKind.PERSON, "Ada Vale", "DE", "rights@adavale.example", ("Gasse 1", "10115 Berlin"), "+4930123456")


def fields(right: Right) -> list[str]:
    return [problem.field for problem in validate(right)]


@pytest.mark.parametrize("right", [TRADEMARK, ARTWORK, DESIGN])
def test_a_complete_right_has_no_problem(right: Right) -> None:
    assert validate(right) == []


@pytest.mark.parametrize(
    ("field", "blank"),
    [("nice_classes", ()), ("holder", " "), ("number", None), ("number", ""), ("expires_on", None), ("title", "")],
)
def test_a_trademark_without_a_field_is_refused_naming_it(field: str, blank: object) -> None:
    assert fields(replace(TRADEMARK, **{field: blank})) == [field]  # type: ignore[arg-type]


def test_a_bare_right_of_each_kind_is_refused_for_every_field_its_kind_requires() -> None:
    for kind in RightKind:
        assert set(fields(Right(kind, title="", holder=""))) == set(required_fields(kind))


@pytest.mark.parametrize(
    "number",
    [
        "N/A",
        "n.a.",
        "none",
        "-",
        "0000",
        "Registration not required in Germany",
        "unregistered",
        "pending 2024",
        "Ｎ／Ａ",
    ],
)
def test_a_placeholder_is_refused_as_a_number_with_the_platforms_reason(number: str) -> None:
    problems = validate(replace(TRADEMARK, office="EUIPO", jurisdictions=("EU",), number=number))
    assert [problem.field for problem in problems] == ["number"]
    assert "duplicates" in problems[0].problem


@pytest.mark.parametrize("number", ["5123456", "VA 2-123-456", "CN30123456S", "ZL 2019 3 0123456.7", "UC-0A-1", "４５"])
def test_a_real_number_is_no_placeholder(number: str) -> None:
    assert not is_placeholder(number)


def test_an_application_serial_number_is_refused_at_the_uspto() -> None:
    assert fields(replace(TRADEMARK, number="88123456")) == ["number"]
    assert fields(replace(TRADEMARK, number="018812345", office="EUIPO", jurisdictions=("EU",))) == []


def test_an_unregistered_work_with_a_registration_number_is_refused() -> None:
    assert fields(replace(ARTWORK, number="VA 2-123-456")) == ["number"]


def test_each_wrong_value_names_its_field() -> None:
    assert fields(replace(TRADEMARK, nice_classes=(0, 46))) == ["nice_classes", "nice_classes"]
    assert fields(replace(DESIGN, locarno_classes=("11",))) == ["locarno_classes"]
    assert fields(replace(TRADEMARK, jurisdictions=("usa",))) == ["jurisdictions"]
    assert fields(replace(TRADEMARK, registered_on=date(2031, 1, 1))) == ["expires_on"]
    assert fields(replace(TRADEMARK, title="A\nB")) == ["title"]
    published = FirstPublication(date(2024, 5, 1), "", "javascript:alert(1)")
    assert fields(replace(ARTWORK, first_publication=published)) == ["first_publication", "first_publication"]


def test_the_number_for_a_form_is_the_claim_number_only_of_an_unregistered_work() -> None:
    assert ARTWORK.stated_number == ARTWORK.claim_number
    assert TRADEMARK.stated_number == "5,123,456"


def test_a_claim_number_is_stable_and_carries_the_whole_id() -> None:
    assert new_claim_number("Ada Vale", ULID) == new_claim_number(" ada  VALE ", ULID) == f"UC-5F5E00-{ULID}"
    uuid = "0f8fad5b-d9cb-469f-a165-70867728950e"
    assert new_claim_number("Ada Vale", uuid).endswith("-0F8FAD5BD9CB469FA16570867728950E")
    assert validate(replace(ARTWORK, claim_number=new_claim_number("Ada Vale", uuid))) == []


@given(st.uuids(), st.uuids(), st.text())
def test_two_works_never_share_a_claim_number(one: object, other: object, holder: str) -> None:
    numbers = {new_claim_number(holder, str(one)), new_claim_number(holder, str(other))}
    assert len(numbers) == len({one, other})


@pytest.mark.parametrize("unique", ["", "7", "N/A", "01J9ZQ4X7M3V8T2K5N6P0R1S4W\n"])
def test_a_claim_number_needs_a_real_id(unique: str) -> None:
    with pytest.raises(ValueError, match="ULID"):
        new_claim_number("Ada Vale", unique)


def test_names_are_compared_without_case_blanks_and_punctuation() -> None:
    assert same_name("Moonfox  Ltd.", "MOONFOX LTD")
    assert same_name("Ｍoonfox", "moonfox")
    assert not same_name("Moonfox Ltd", "Moonfox GmbH")
    assert not same_name("张伟", "李伟")


def test_an_owner_is_refused_naming_each_field() -> None:
    assert validate_owner(OWNER) == []
    broken = replace(OWNER, legal_name=" ", country="Germany", email_public="me@home", phone="030 123")
    assert [problem.field for problem in validate_owner(broken)] == ["legal_name", "country", "email_public", "phone"]


@pytest.mark.parametrize("kind", list(RightKind))
def test_every_kind_survives_being_stored_as_json(kind: RightKind) -> None:
    right = replace(
        TRADEMARK,
        kind=kind,
        first_publication=ARTWORK.first_publication,
        filed_on=date(2019, 2, 3),
        locarno_classes=("11-01",),
        ownership_basis=OwnershipBasis.AUTHOR,
        author="Ada Vale",
    )
    assert Right.from_wire(json.loads(json.dumps(right.to_wire()))) == right
    bare = Right(kind, title="Fox", holder="Ada Vale")
    assert Right.from_wire(json.loads(json.dumps(bare.to_wire()))) == bare


@pytest.mark.parametrize(
    ("days_left", "stage", "says"),
    [
        (61, None, ""),
        (60, 60, "ends in 60 days"),
        (31, 60, "ends in 31 days"),
        (30, 30, "ends in 30 days"),
        (8, 30, "ends in 8 days"),
        (7, 7, "ends in 7 days"),
        (1, 7, "ends in 1 day:"),
        (0, 0, "ends today: no complaint leaves"),
        (-1, 0, "ended 1 day ago: no complaint leaves"),
        (-400, 0, "ended 400 days ago"),
    ],
)
def test_an_ending_right_warns_at_60_30_and_7_days_and_is_blocked_from_its_last_day_on(days_left, stage, says):
    today = date(2026, 3, 1)
    found = expiry(replace(TRADEMARK, expires_on=today + timedelta(days=days_left)), today)
    assert (found.days_left, found.stage, found.blocked) == (days_left, stage, days_left <= 0)
    assert str(found).startswith(says)
    assert bool(str(found)) == bool(says)


def test_a_right_without_an_end_never_ends() -> None:
    assert expiry(ARTWORK, date(2999, 1, 1)) == Expiry()
    assert not Expiry().blocked


@pytest.mark.parametrize(
    ("office", "territory", "kind", "right_numbers", "wrong_numbers"),
    [
        ("USPTO", "US", "design", ["D912,345", "USD0912345S1"], ["912345", "29/123456"]),
        ("USPTO", "US", "patent", ["10,123,456", "US9123456B2"], ["US 2020/0123456", "123456"]),
        ("EUIPO", "EU", "trademark", ["018123456", "W01234567"], ["1234567"]),
        ("EUIPO", "EU", "design", ["008123456-0001"], ["008123456"]),
        ("CNIPA", "CN", "patent", ["ZL 2020 1 0123456.7", "ZL202080012345.X"], ["ZL 2020 2 0123456.7"]),
        ("CNIPA", "CN", "utility_model", ["ZL 2020 2 0123456.7"], ["ZL 2020 1 0123456.7", "ZL 2020 3 0123456.7"]),
        ("CNIPA", "CN", "design", ["ZL 2020 3 0123456.7"], ["ZL 2020 1 0123456.7"]),
    ],
)
def test_a_number_is_written_as_its_register_writes_it(office, territory, kind, right_numbers, wrong_numbers):
    right = replace(DESIGN, kind=RightKind(kind), office=office, jurisdictions=(territory,), nice_classes=(14,))
    assert [fields(replace(right, number=number)) for number in right_numbers] == [[]] * len(right_numbers)
    assert [fields(replace(right, number=number)) for number in wrong_numbers] == [["number"]] * len(wrong_numbers)


def test_a_title_holds_only_where_its_register_rules() -> None:
    assert fields(replace(TRADEMARK, jurisdictions=("US", "DE"))) == ["jurisdictions"]
    assert fields(replace(TRADEMARK, office="WIPO", number="1234567", jurisdictions=("US", "CN", "EU"))) == []
    (problem,) = validate(replace(TRADEMARK, office="UKIPO", jurisdictions=("UK",)))
    assert "the United Kingdom is GB" in problem.problem
    assert fields(replace(DESIGN, kind=RightKind.UTILITY_MODEL, office="UKIPO", jurisdictions=("GB",))) == ["office"]
    assert fields(replace(TRADEMARK, register="secondary")) == ["register"]


def test_a_chinese_registration_goes_first_on_chinese_sites_and_another_is_called_slower() -> None:
    chinese = replace(TRADEMARK, office="CNIPA", number="12345678", jurisdictions=("CN",))
    rights = [(1, ARTWORK), (2, TRADEMARK), (3, chinese)]
    assert smoother(rights, china_only=True) == [3, 1, 2]
    assert smoother(rights, china_only=False) == [1, 2, 3]
    assert slower_route(chinese, china_only=True) == slower_route(ARTWORK, china_only=False) == ""
    assert slower_route(ARTWORK, china_only=True).startswith("slower route: a copyright holds there")
    assert slower_route(TRADEMARK, china_only=True).startswith("slower route")
