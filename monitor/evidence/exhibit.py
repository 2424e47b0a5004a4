"""One alert as evidence shows it to people: what was copied, where, what was found, and how each item came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from detectors.rights import Right
from monitor.text import utc
from storage import tables
from storage.alerts import AlertView, matches_by_alert, view_alerts
from storage.complaints import complaints_by_alert
from storage.evidence import custody_by_alert, evidence_by_alert
from storage.rights import rights_of
from storage.works import references

_AT_ONCE: Final = 500  # alerts in one question: databases bound how many values it may name
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

    @property
    def seen_at(self) -> datetime:
        """When the newest page among the items was; else when the listing was last seen."""
        return max((item.seen_at for item in self.items if item.kind == "page"), default=self.view.listing.last_seen_at)

    def custody_line(self) -> str:
        """How long the chain of custody is and where it ends."""
        if not self.custody:
            return "none was kept"
        return f"{len(self.custody)} entries, the last with hash {self.custody[-1].hash}"

    def reference_of(self, match: tables.Match) -> tables.Reference | None:
        """The work's picture that a finding is about; None if it was taken out since."""
        return next((one for one in self.references if one.id == match.reference_id), None)

    def listing_rows(self) -> Rows:
        """The listing, and when it was seen."""
        listing, seller = self.view.listing, self.view.seller
        price = f"{listing.price:f} {listing.currency or ''}".strip() if listing.price is not None else ""
        shown = f" (“{listing.price_raw}”)" if listing.price_raw else ""
        return (
            ("Title", listing.title),
            ("Listing", f"{listing.listing_id} at {listing.marketplace}"),
            ("Address", listing.url),
            ("Seller", f"{seller.name} ({seller.seller_id})" if seller else "the page named none"),
            ("Price", f"{price}{shown}" if price else ""),
            ("Seen", f"first {utc(listing.first_seen_at)}, as kept here {utc(self.seen_at)}"),
        )

    def work_rows(self) -> Rows:
        """The work, its owner and what protects it."""
        named = (f"{one.kind.value.replace('_', ' ')} {one.stated_number}: {one.title}" for one in self.rights)
        stated = [one.first_publication for one in self.rights if one.first_publication]
        first = min(stated, key=lambda one: one.on) if stated else None
        return (
            ("Work", f"{self.view.work.title}, of {self.owner.name}"),
            ("Registered", f"in this installation, {utc(self.view.work.created_at)}"),
            ("First published", ", ".join(filter(None, (str(first.on), first.place, first.url))) if first else ""),
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


async def exhibits(session: AsyncSession, alert_ids: Sequence[int]) -> list[Exhibit]:
    """Alerts with everything kept of them, in the order asked for; a few questions however many there are.

    Raises:
        NotFound: One of them is not there.
    """
    found = list[Exhibit]()
    for start in range(0, len(alert_ids), _AT_ONCE):
        found += await _some_exhibits(session, alert_ids[start : start + _AT_ONCE])
    return found


async def _some_exhibits(session: AsyncSession, alert_ids: Sequence[int]) -> list[Exhibit]:
    views = await view_alerts(session, alert_ids)
    works = {view.work.id: view.work for view in views}
    owners = {work.owner_id: await session.get_one(tables.Owner, work.owner_id) for work in works.values()}
    pictures = {work_id: tuple(await references(session, work_id)) for work_id in works}
    protecting = {work_id: await rights_of(session, work_id) for work_id in works}
    matches = await matches_by_alert(session, alert_ids)
    items, chains = await evidence_by_alert(session, alert_ids), await custody_by_alert(session, alert_ids)
    complaints = await complaints_by_alert(session, alert_ids)
    return [
        Exhibit(
            view=view,
            owner=owners[view.work.owner_id],
            rights=tuple(Right.from_wire(row.facts) for row in protecting[view.work.id]),
            references=pictures[view.work.id],
            matches=tuple(matches.get(view.alert.id, ())),
            items=tuple(items.get(view.alert.id, ())),
            custody=tuple(chains.get(view.alert.id, ())),
            complaints=tuple(
                f"complaint C-{one.complaint_id} at {one.platform}: {one.state}"
                for one in complaints.get(view.alert.id, ())
            ),
        )
        for view in views
    ]


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
