"""A stored complaint in the complaints' vocabulary: its draft with today's facts, and everything wrong with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from detectors import rights
from monitor.complaints.base import Confirmation, Draft, MatchFacts, Problem, RightState, Target, Work, picture_ids
from monitor.complaints.base import TargetState as T
from monitor.complaints.lifecycle import BEFORE_LEAVING, ComplaintState
from monitor.complaints.packs import policy
from monitor.complaints.policy import Policy
from monitor.complaints.preflight import preflight
from monitor.daemon import Parts
from monitor.desk.meter import gate
from monitor.registry.readiness import blockers
from storage import tables
from storage.alerts import AlertView
from storage.complaints import TargetFacts, TargetView, get_complaint, target_facts, targets_of
from storage.rights import get_right, rights_of, states_by_account
from storage.searches import captures_of
from storage.works import references

LEFT_OUT = frozenset({T.EXCLUDED, T.VOID_GONE})  # of a complaint that has not left
_LATER = ("confirmation", "right_state", "approval")  # what may still be missing when a person confirms


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored complaint as its platform would see it now.

    Attributes:
        targets: Every listing, those left out among them; ``draft`` names the others alone.
        problems: What is wrong with it; those that block keep it from leaving.
    """

    row: tables.Complaint
    rules: Policy
    draft: Draft
    targets: tuple[TargetView, ...]
    problems: tuple[Problem, ...]

    @property
    def state(self) -> ComplaintState:
        """How far it is."""
        return ComplaintState(self.row.state)

    @property
    def in_the_way(self) -> tuple[Problem, ...]:
        """What keeps a person from confirming it: whatever blocks but what only comes later."""
        return tuple(one for one in self.problems if one.blocking and not one.field.startswith(_LATER))

    def unconsidered(self, person: str | None = None) -> tuple[Target, ...]:
        """The listings that nobody (or not this person) has considered as they stand now."""
        ticks = {view.alert.id: view.target for view in self.targets}
        return tuple(
            target
            for target in self.draft.targets
            if (tick := ticks[target.alert_id]).considered is None
            or tick.considered_sha256 != considered_sha256(target)
            or (person is not None and not same_person(tick.considered["person"], person))
        )


def rules_of(parts: Parts, platform: str) -> Policy:
    """The policy pack of a platform: the operator's own first.

    Raises:
        PolicyError: There is none, or it does not hold.
    """
    return policy(platform, parts.settings.data_dir / "policies")


async def load(parts: Parts, complaint_id: int) -> Stored:
    """A complaint with today's facts, checked against the platform's rules.

    Raises:
        NotFound: There is none.
    """
    async with parts.database.read() as session:
        return await read(parts, session, await get_complaint(session, complaint_id))


async def read(parts: Parts, session: AsyncSession, row: tables.Complaint) -> Stored:
    """The same inside of a transaction."""
    rules = rules_of(parts, row.platform)
    views = tuple(await targets_of(session, row.id))
    draft = await _draft(session, row, rules, views)
    found = [
        Problem(f"alert {view.alert.id}", f"set aside: {view.alert.suppressed}; `complaints exclude` leaves it out")
        for view in views
        if view.alert.suppressed and T(view.target.state) not in LEFT_OUT
    ]
    if row.right_id not in {right.id for right in await rights_of(session, row.work_id)}:
        found.append(Problem("right", f"right {row.right_id} no longer protects this work: cancel it and draft anew"))
    found += await blockers(session, rules, row.right_id, row.account, row.route, parts.clock.now().date())
    if parts.settings.complaints.second_person and row.state == ComplaintState.APPROVED and not row.four_eyes:
        message = "a second person has to approve it: `complaints return` puts it back into the draft"
        found.append(Problem("approval", message))
    found += preflight(draft, rules, parts.clock.now(), confirmation_of(row))
    if row.state in BEFORE_LEAVING:
        named = [view.alert for view in views if T(view.target.state) not in LEFT_OUT]
        found += await gate(session, rules, row, named, parts.clock.now(), parts.settings.data_dir / "policies")
    return Stored(row, rules, draft, views, tuple(found))


def confirmation_of(row: tables.Complaint) -> Confirmation | None:
    """A person's stored yes to it."""
    if not row.confirmation:
        return None
    yes = Confirmation.from_wire(row.confirmation)
    return replace(yes, approved_by=row.approved_by or "", approved_at=row.approved_at) if row.four_eyes else yes


def considered_sha256(target: Target) -> str:
    """The hash of what a person sees of a listing before saying that it was considered."""
    seen = [
        *(target.alert_id, target.marketplace, target.listing_id, target.url, target.title, target.kind),
        *(target.seller_id, target.picture_sha256, target.infringing_element, list(target.picture_ids)),
    ]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def same_person(one: str, other: str) -> bool:
    """Whether two names name the same person, apart from case and blanks."""
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


def seen_live(view: TargetView) -> tuple[datetime | None, str, str]:
    """When a listing was last seen on sale, how (fetched, imported, rendered, person), and by whom.

    Of a complaint that has left, what was known then.
    """
    target, listing = view.target, view.listing
    by_page = listing.last_seen_at if view.capture else None
    frozen = target.state not in (T.SELECTED, *LEFT_OUT)
    if frozen or by_page is None or (target.live_at is not None and target.live_at >= by_page):
        return target.live_at, target.live_how, target.live_by
    return by_page, view.capture.how if view.capture else "", ""


async def owner_of(session: AsyncSession, owner_id: int) -> rights.Owner:
    """A rights holder in the rights' vocabulary."""
    row = await session.get_one(tables.Owner, owner_id)
    return rights.Owner(
        kind=rights.PartyKind(row.kind),
        legal_name=row.name,
        country=row.country,
        email_public=row.email,
        address=tuple(row.address.splitlines()),
        phone=row.phone or None,
    )


async def work_of(session: AsyncSession, work: tables.Work) -> Work:
    """A work in the complaints' vocabulary."""
    pictures = [reference.sha256 for reference in await references(session, work.id)]
    return Work(work.id, work.title, tuple(pictures))


async def targets_from(session: AsyncSession, views: Sequence[AlertView], kind: str = "listing") -> list[Target]:
    """Alerts as a complaint names them, each with its strongest finding and what was captured.

    Args:
        kind: ``storefront`` names the sellers' shops instead, each once, by the seller's first alert.
    """
    if kind == "storefront":
        views = list({view.seller.id: view for view in reversed(views) if view.seller and view.seller.url}.values())[
            ::-1
        ]
    known = await target_facts(session, [view.alert.id for view in views])
    captures = await captures_of(session, [view.listing for view in views])
    return [
        _target(view, known[view.alert.id], captures.get(view.listing.capture_id or 0), kind=kind) for view in views
    ]


async def _draft(session: AsyncSession, row: tables.Complaint, rules: Policy, views: Sequence[TargetView]) -> Draft:
    work = await session.get_one(tables.Work, row.work_id)
    right = await get_right(session, row.right_id)
    states = await states_by_account(session, right.id)
    here = [
        (account, state)
        for account, state in states
        if account.platform == rules.account_platform and row.account in ("", account.label)
    ]
    state = next((one for _, one in here if one.state == RightState.VERIFIED), here[0][1] if here else None)
    named = [view for view in views if T(view.target.state) not in LEFT_OUT]
    known = await target_facts(session, [view.alert.id for view in named])
    return Draft(
        number=f"C-{row.id}",
        platform=row.platform,
        site=row.site,
        work=await work_of(session, work),
        right=rights.Right.from_wire(right.facts),
        owner=await owner_of(session, work.owner_id),
        reason=row.reason,
        explanation=row.explanation,
        targets=tuple(_stored_target(view, known[view.alert.id], row.target_kind) for view in named),
        statements=rules.statements_for(rights.RightKind(right.kind), row.route),
        route=row.route,
        account=row.account,
        right_state=RightState(state.state) if state else None,
        reason_facts=dict(row.reason_facts),
        submission=max(row.submission, 1),
        batch=row.batch,
    )


def _stored_target(view: TargetView, facts: TargetFacts, kind: str) -> Target:
    at, how, by = seen_live(view)
    alert = AlertView(view.alert, view.work, view.listing, view.seller)
    return _target(alert, facts, view.capture, kind=kind, live=(at, by or how))


def _target(
    view: AlertView,
    facts: TargetFacts,
    capture: tables.Capture | None,
    *,
    kind: str = "listing",
    live: tuple[datetime | None, str] | None = None,
) -> Target:
    alert, listing, seller, best = view.alert, view.listing, view.seller, facts.matches[0]
    pages = [item for item in facts.evidence if item.kind == "page"]
    live_at, live_by = live or (listing.last_seen_at if capture else None, capture.how if capture else "")
    shop = seller.url if kind == "storefront" and seller and seller.url else None
    return Target(
        alert_id=alert.id,
        marketplace=listing.marketplace,
        listing_id=listing.listing_id,
        url=shop or listing.url,
        url_original=capture.url if capture else listing.url,
        title=listing.title,
        work_id=alert.work_id,
        match=MatchFacts(
            best.detector,
            best.version,
            best.threshold,
            best.distance_bits,
            best.score,
            alert.reasons[0] if alert.reasons else "",
        ),
        reference_id=best.reference_id,
        price=listing.price,
        currency=listing.currency,
        seller_id=seller.seller_id if seller else None,
        seller_name=seller.name if seller else None,
        image_urls=tuple(picture.url for picture in facts.pictures),
        picture_sha256=best.sha256,
        picture_ids=picture_ids(picture.url for picture in facts.pictures if picture.sha256 == best.sha256),
        first_seen_at=listing.first_seen_at,
        captured_at=pages[-1].seen_at if pages else None,
        last_seen_live_at=live_at,
        seen_live_by=live_by,
        evidence_sha256=tuple(item.sha256 for item in sorted(facts.evidence, key=lambda item: item.kind == "facts")),
        kind=kind,
    )
