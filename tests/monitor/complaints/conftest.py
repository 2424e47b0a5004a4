"""Values of a complaint that could leave at once; a test changes what it is about."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from detectors.rights import FirstPublication, Owner, PartyKind, Right, RightKind, new_claim_number
from monitor.complaints.base import Confirmation, Consideration, Draft, MatchFacts, RightState, Target, Work
from monitor.complaints.notice import batch, draft_notice
from monitor.complaints.packs import policy
from monitor.complaints.policy import Policy


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def ipp() -> Policy:
    return policy("alibaba_ipp")


@pytest.fixture
def owner() -> Owner:
    return Owner(PartyKind.PERSON, "Ada Vale", "DE", "rights@adavale.example", ("Gasse 1", "10115 Berlin"))


@pytest.fixture
def artwork() -> Right:
    return Right(
        kind=RightKind.COPYRIGHT_UNREGISTERED,
        title="Fox under the moon",
        holder="Ada Vale",
        claim_number=new_claim_number("Ada Vale", "01J9ZQ4X7M3V8T2K5N6P0R1S4W"),
        first_publication=FirstPublication(date(2024, 5, 1), "adavale.example", "https://adavale.example/fox"),
    )


@pytest.fixture
def trademark() -> Right:
    return Right(
        kind=RightKind.TRADEMARK,
        title="MOONFOX",
        holder="Ada Vale",
        number="5123456",
        office="USPTO",
        jurisdictions=("US",),
        expires_on=date(2030, 1, 1),
        nice_classes=(14,),
    )


@pytest.fixture
def work() -> Work:
    return Work(1, "Fox under the moon", ("a" * 64,))


@pytest.fixture
def target(now: datetime) -> Callable[..., Target]:
    """A listing with a number; keywords replace its facts."""

    def make(number: int, **facts: object) -> Target:
        url = f"https://www.aliexpress.com/item/{1005000000000 + number}.html"
        known: dict[str, object] = {
            "alert_id": number,
            "marketplace": "aliexpress",
            "listing_id": str(1005000000000 + number),
            "url": url,
            "url_original": f"{url}?spm=a2g0o&pdp_npi=4",
            "title": f"Fox enamel pin no. {number}",
            "work_id": 1,
            "match": MatchFacts("phash", 1, 10, distance_bits=2, reason="2 of 64 bits differ"),
            "seller_id": "9001",
            "seller_name": "Pin Paradise Store",
            "picture_sha256": f"{number:064x}",
            "captured_at": now - timedelta(hours=3),
            "last_seen_live_at": now - timedelta(hours=2),
            "evidence_sha256": (f"{number + 1:064x}", f"{number:064x}"),
        }
        return Target(**known | facts)  # type: ignore[arg-type]

    return make


@pytest.fixture
def draft(ipp: Policy, work: Work, artwork: Right, owner: Owner, target: Callable[..., Target]) -> Draft:
    listings = batch([target(1), target(2)], ipp, artwork).batches[0]
    return draft_notice("C-17", listings, ipp, work=work, right=artwork, owner=owner, right_state=RightState.VERIFIED)


@pytest.fixture
def confirm(now: datetime) -> Callable[[Draft], Confirmation]:
    """A person's whole and honest yes to a draft."""

    def make(draft: Draft) -> Confirmation:
        considered = tuple(Consideration(target.alert_id, True, True, True) for target in draft.targets)
        return Confirmation("Ada Vale", now - timedelta(minutes=5), draft.content_sha256, draft.statements, considered)

    return make
