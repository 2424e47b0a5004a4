"""One alert as evidence shows it to people: what was copied, where, what was found, and how each item came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from detectors.rights import Right
from monitor.text import utc
from storage import tables
from storage.alerts import AlertView, matches_of, view_alert
from storage.evidence import custody_of, evidence_of
from storage.works import references

Rows = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Exhibit:
    """What an evidence ZIP says of one alert."""

    view: AlertView
    owner: tables.Owner
    rights: tuple[Right, ...]
    references: tuple[tables.Reference, ...]  # of the work
    matches: tuple[tables.Match, ...]  # the strongest first
    items: tuple[tables.Evidence, ...]
    custody: tuple[tables.Custody, ...]
    complaints: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Where its files are: ours, never named by a stranger."""
        return f"alert-{self.view.alert.id}"

    @property
    def drawn(self) -> tables.Match | None:
        """The finding that is shown: the strongest that says where the work lies, else the strongest."""
        placed = (match for match in self.matches if match.facts.get("placement"))
        return next(placed, next(iter(self.matches), None))

    @property
    def comparison(self) -> tables.Evidence | None:
        """The newest picture that shows both side by side."""
        return next((item for item in reversed(self.items) if item.kind == "comparison"), None)

    def reference_of(self, match: tables.Match) -> tables.Reference | None:
        """The work's picture that a finding is about; None if it was taken out since."""
        return next((one for one in self.references if one.id == match.reference_id), None)

    def listing_rows(self) -> Rows:
        """The listing, as last seen."""
        listing, seller = self.view.listing, self.view.seller
        price = f"{listing.price:f} {listing.currency or ''}".strip() if listing.price is not None else ""
        shown = f" (“{listing.price_raw}”)" if listing.price_raw else ""
        return (
            ("Title", listing.title),
            ("Listing", f"{listing.listing_id} at {listing.marketplace}"),
            ("Address", listing.url),
            ("Seller", f"{seller.name} ({seller.seller_id})" if seller else "the page named none"),
            ("Price", f"{price}{shown}" if price else ""),
            ("Seen", f"first {utc(listing.first_seen_at)}, last {utc(listing.last_seen_at)}"),
        )

    def work_rows(self) -> Rows:
        """The work, its owner and what protects it."""
        named = (f"{one.kind.value.replace('_', ' ')} {one.stated_number}: {one.title}" for one in self.rights)
        return (
            ("Work", f"{self.view.work.title}, of {self.owner.name}"),
            ("Registered", f"in this installation, {utc(self.view.work.created_at)}"),
            ("Rights", "; ".join(named) or "none registered in this installation"),
        )

    def finding_rows(self) -> tuple[tuple[str, str, str, str], ...]:
        """Each finding: by what, its number, its bound, how many points agree."""
        return tuple(
            (
                f"{one.detector} {one.version}",
                f"{one.distance_bits} bits apart" if one.distance_bits is not None else f"score {one.score:.3g}",
                f"{'at most' if one.distance_bits is not None else 'at least'} {one.threshold:g}",
                str(one.facts.get("inliers") or ""),
            )
            for one in self.matches
        )

    def item_rows(self) -> tuple[tuple[str, str, str], ...]:
        """Each item: what it is, how and when it came, its hash."""
        return tuple((item.kind, how_it_came(item), item.sha256) for item in self.items)

    def decision(self) -> str:
        """What a person said of it."""
        alert = self.view.alert
        if not alert.answer or not alert.decided_at:
            return "nobody has decided on it yet"
        return f"{alert.answer}, by {alert.decided_by}, {utc(alert.decided_at)}"


async def exhibit(session: AsyncSession, alert_id: int) -> Exhibit:
    """One alert with everything kept of it.

    Raises:
        NotFound: There is none.
    """
    view = await view_alert(session, alert_id)
    protecting = select(tables.Right).join(tables.RightWork).where(tables.RightWork.work_id == view.work.id)
    complaints = await session.execute(
        select(tables.Complaint.id, tables.Complaint.platform, tables.Complaint.state)
        .join(tables.ComplaintTarget)
        .where(tables.ComplaintTarget.alert_id == alert_id)
        .order_by(tables.Complaint.id)
    )
    return Exhibit(
        view=view,
        owner=await session.get_one(tables.Owner, view.work.owner_id),
        rights=tuple(Right.from_wire(row.facts) for row in await session.scalars(protecting.order_by(tables.Right.id))),
        references=tuple(await references(session, view.work.id)),
        matches=tuple(await matches_of(session, view.alert)),
        items=tuple(await evidence_of(session, alert_id)),
        custody=tuple(await custody_of(session, alert_id)),
        complaints=tuple(f"complaint C-{number} at {platform}: {state}" for number, platform, state in complaints),
    )


def how_it_came(item: tables.Evidence) -> str:
    """In words: who got an item how and when. What a person brought in never reads as a capture of ours."""
    about: Mapping[str, Any] = item.about or {}
    at = utc(item.seen_at)
    if item.how == "imported":
        source = about.get("file") or about.get("url") or "no source named"
        by, when = about.get("brought_by", "a person"), about.get("brought_at", "")
        return f"handed in by {by} ({source}), {when or at}; this program did not fetch it; seen {at}"
    if item.how == "derived":
        return f"made by this program from what it kept, {at}"
    address, status = about.get("address"), about.get("status")
    answered = f", answered by {address}" if address else ""
    asked = f"fetched by this program{answered}{f', status {status}' if status else ''}, {at}"
    return f"{asked}; then filled by the page's own scripts" if item.how == "rendered" else asked


def statement(exhibits: Sequence[Exhibit]) -> str:
    """One line on what a ZIP is about."""
    works = sorted({one.view.work.title for one in exhibits})
    return f"{len(exhibits)} listing{'s' if len(exhibits) != 1 else ''} that resemble {', '.join(works[:5])}" + (
        f" and {len(works) - 5} other works" if len(works) > 5 else ""
    )
