"""A card: everything that one decision needs, read at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from monitor.console.labels import Choice, choices
from storage import tables
from storage.alerts import AlertView, matches_of, view_alert
from storage.errors import NotFound
from storage.evidence import page_seen_at
from storage.inbox import Cluster, Owners, Position, measure, members, owned
from storage.rights import rights_of
from storage.tables import Alert, Audit, Listing, Match
from storage.works import shown_references

SHOWN = 50  # listings of a cluster on its card; the others are counted, and listed on the decision's page
_EARLIER = 6


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding, as the card shows it."""

    match: Match
    reference: tables.Reference

    @property
    def matrix(self) -> str | None:
        """Where the reference lies in the picture, as an SVG transformation of the unit square; None if not known."""
        placement = self.match.facts.get("placement")
        if placement:
            a, b, c, d, e, f = placement
            return f"matrix({a:.5f} {d:.5f} {b:.5f} {e:.5f} {c:.5f} {f:.5f})"
        return None

    @property
    def strength(self) -> str:
        """How alike, in the detector's own unit."""
        if self.match.distance_bits is not None:
            return f"{self.match.distance_bits} bits apart, at most {self.match.threshold:g}"
        return f"score {self.match.score:.2f}, at least {self.match.threshold:g}" if self.match.score else "found"


@dataclass(frozen=True, slots=True)
class Card:
    """One cluster: its first alert, the listings that share its picture, and what speaks for and against."""

    view: AlertView
    cluster: Cluster
    listings: Sequence[AlertView]
    count: int
    up_to: int  # the newest alert that the person sees here: a decision reaches no later one
    findings: Sequence[Finding]
    references: Sequence[tables.Reference]
    seller: Mapping[str, int]
    earlier: Sequence[tables.Alert]
    choices: Sequence[Choice]
    captured_at: datetime | None
    place: str  # behind which the next card comes, as an address of the inbox says it

    @property
    def best(self) -> Finding | None:
        """The finding that is shown: the strongest that says where the work lies, else the strongest."""
        placed = [finding for finding in self.findings if finding.matrix]
        return next(iter(placed or self.findings), None)

    @property
    def price_share(self) -> int | None:
        """The listing's price in percent of the genuine article's; None without two prices in one currency."""
        listing, work = self.view.listing, self.view.work
        if not listing.price or not work.reference_price or listing.currency != work.currency:
            return None
        return int((listing.price / work.reference_price * 100).to_integral_value(rounding="ROUND_HALF_UP"))


async def read_card(session: AsyncSession, alert_id: int, owners: Owners, now: datetime) -> Card:
    """The card of an alert's cluster.

    Raises:
        NotFound: There is no such alert on these owners' works.
    """
    view = await owned_view(session, alert_id, owners)
    cluster = view.work.id, view.alert.cluster
    is_open = view.alert.answer is None or bool(view.alert.ask_again_at and view.alert.ask_again_at <= now)
    listings, count, up_to = [view], 1, alert_id
    if is_open and view.alert.suppressed is None:
        count, up_to = await measure(session, cluster, now)
        if count > 1:
            listings = await members(session, cluster, now, limit=SHOWN)
    found = await matches_of(session, view.alert)
    references = {one.id: one for one in await shown_references(session, view.work.id)}
    return Card(
        view=view,
        cluster=cluster,
        listings=listings,
        count=count,
        up_to=up_to,
        findings=[Finding(one, references[one.reference_id]) for one in found if one.reference_id in references],
        references=list(references.values()),
        seller=await seller_record(session, view.listing.seller_key, owners),
        earlier=await _earlier(session, cluster, owners),
        choices=await choices_of(session, view.work.id),
        captured_at=await page_seen_at(session, alert_id),
        place=f"{view.alert.score}.{alert_id}",
    )


def as_open(card: Card, after: Position | None) -> Card:
    """A decided card as if nobody had decided it, put behind a position: what was said of it does not show."""
    unsaid = {"answer": None, "decided_at": None, "decided_by": None, "ask_again_at": None}
    facts = {column.key: getattr(card.view.alert, column.key) for column in Alert.__table__.columns}
    view = replace(card.view, alert=Alert(**facts | unsaid))
    place = f"{after[0]}.{after[1]}" if after else ""
    return replace(card, view=view, listings=[view], count=1, up_to=view.alert.id, earlier=[], place=place)


async def owned_view(session: AsyncSession, alert_id: int, owners: Owners) -> AlertView:
    """An alert on one of these owners' works, with what a person needs to see beside it.

    Raises:
        NotFound: There is none.
    """
    view = await view_alert(session, alert_id)
    if owners is not None and view.work.owner_id not in owners:
        raise NotFound(f"no alert {alert_id}")
    return view


async def choices_of(session: AsyncSession, work_id: int) -> list[Choice]:
    """What can be said of an alert on a work."""
    return choices((right.id, right.kind, right.number) for right in await rights_of(session, work_id))


async def seller_record(session: AsyncSession, seller_key: int | None, owners: Owners) -> dict[str, int]:
    """How many alerts on a seller's listings were answered how; ``open`` counts those without an answer."""
    if seller_key is None:
        return {}
    counts = (
        select(Alert.answer, func.count())
        .join(Listing, Listing.id == Alert.listing_key)
        .where(Listing.seller_key == seller_key, *owned(owners))
        .group_by(Alert.answer)
    )
    return {answer or "open": count for answer, count in await session.execute(counts)}


async def history(session: AsyncSession, subject: str, limit: int = 50) -> list[Audit]:
    """What was done to one thing, newest first."""
    return list(
        await session.scalars(select(Audit).where(Audit.subject == subject).order_by(Audit.id.desc()).limit(limit))
    )


async def _earlier(session: AsyncSession, cluster: Cluster, owners: Owners) -> list[tables.Alert]:
    """The newest decisions on the same picture, about whatever work."""
    decided = select(Alert).where(Alert.cluster == cluster[1], Alert.answer.is_not(None), *owned(owners))
    return list(await session.scalars(decided.order_by(Alert.decided_at.desc()).limit(_EARLIER)))


def parse_amount(text: str) -> Decimal | None:
    """A sum of money as typed; None if it is none."""
    try:
        amount = Decimal(text.strip().replace(",", "."))
    except ArithmeticError:
        return None
    return amount if amount.is_finite() and 0 <= amount < 10**12 else None
