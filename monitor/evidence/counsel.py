"""A pack for counsel: one seller's whole story, in order, with the evidence behind it. The seller is not told."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from monitor.daemon import Parts
from monitor.evidence.bundle import Tell, Written, write_bundle
from monitor.evidence.certificate import certificate_pdf
from monitor.evidence.exhibit import Exhibit
from monitor.pdf import Document
from monitor.text import clip, csv_cell, utc, visible
from storage import tables
from storage.subjects import alerts_of_seller

_LONGEST = 1_000  # characters of one cell in the PDF; the CSV file holds all


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened, for the chronology."""

    at: datetime
    what: str
    subject: str
    who: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class _Story:
    """What is known of a seller and of every complaint about its listings."""

    seller: tables.Seller
    complaints: tuple[tables.Complaint, ...]
    targets: tuple[tables.ComplaintTarget, ...]
    events: tuple[tables.ComplaintEvent, ...]
    counters: tuple[tables.CounterNotice, ...]


async def write_counsel_pack(
    parts: Parts, seller: tables.Seller, out: Path, actor: str, tell: Tell = lambda _: None
) -> Written:
    """Write one seller's chronology, listings, decisions, complaints and evidence as one ZIP.

    Raises:
        EvidenceRefused: There is no alert on the seller's listings, or too much for one ZIP.
    """
    async with parts.database.read() as session:
        alert_ids = await alerts_of_seller(session, seller.id)
        story = await _story(session, seller, alert_ids)
    now = parts.clock.now()
    title = f"seller {seller.marketplace}:{visible(seller.seller_id)}"

    def more(exhibits: Sequence[Exhibit]) -> dict[str, bytes]:
        moments = chronology(story.seller, exhibits, story.complaints, story.targets, story.events, story.counters)
        return {
            "counsel.pdf": _document(story, exhibits, moments, now),
            "certificate-draft.pdf": certificate_pdf(title, exhibits, now),
            "chronology.csv": _csv(("at", "what", "subject", "who", "detail"), map(_row, moments)),
            "listings.csv": _csv(_LISTINGS, (_listing_row(one) for one in exhibits)),
            "complaints.csv": _csv(_COMPLAINTS, _complaint_rows(story, _time)),
        }

    return await write_bundle(parts, title, alert_ids, out, actor, tell, more)


async def _story(session: AsyncSession, seller: tables.Seller, alert_ids: Sequence[int]) -> _Story:
    named = select(tables.ComplaintTarget).where(tables.ComplaintTarget.alert_id.in_(alert_ids))
    targets = tuple(await session.scalars(named.order_by(tables.ComplaintTarget.id)))
    ids = {one.complaint_id for one in targets}
    complaints = select(tables.Complaint).where(tables.Complaint.id.in_(ids)).order_by(tables.Complaint.id)
    events = select(tables.ComplaintEvent).where(tables.ComplaintEvent.complaint_id.in_(ids))
    counters = select(tables.CounterNotice).where(tables.CounterNotice.complaint_id.in_(ids))
    ours = {one.id for one in targets}
    # Of a complaint about many sellers only what concerns all of them or this one.
    told = [
        one
        for one in await session.scalars(events.order_by(tables.ComplaintEvent.id))
        if one.target_id is None or one.target_id in ours
    ]
    objected = {one.complaint_id for one in told if one.target_id and one.event == "counter"}
    return _Story(
        seller,
        tuple(await session.scalars(complaints)),
        targets,
        tuple(told),
        tuple(
            one
            for one in await session.scalars(counters.order_by(tables.CounterNotice.id))
            if one.complaint_id in objected
        ),
    )


def chronology(
    seller: tables.Seller,
    exhibits: Sequence[Exhibit],
    complaints: Sequence[tables.Complaint],
    targets: Sequence[tables.ComplaintTarget],
    events: Sequence[tables.ComplaintEvent],
    counters: Sequence[tables.CounterNotice],
) -> list[Moment]:
    """Everything that happened, oldest first. Pure."""
    moments = [Moment(seller.first_seen_at, "seller first seen", seller.name)]
    for one in exhibits:
        alert, listing, name = one.view.alert, one.view.listing, f"alert {one.view.alert.id}"
        moments.append(Moment(listing.first_seen_at, "listing first seen", name, "", listing.title))
        moments.append(Moment(alert.raised_at, "alert raised", name, "", "; ".join(alert.reasons)))
        if alert.answer and alert.decided_at:
            moments.append(Moment(alert.decided_at, f"decided {alert.answer}", name, alert.decided_by or ""))
        for entry in one.custody:
            if entry.action != "kept":
                moments.append(Moment(entry.at, f"evidence {entry.action}", name, entry.actor))
        pages = [item for item in one.items if item.kind == "page"]
        moments += [Moment(item.seen_at, f"page {item.how}", name, "", f"SHA-256 {item.sha256}") for item in pages]
    numbers = {one.id: f"complaint C-{one.id}" for one in complaints}
    of_target = {one.id: f"alert {one.alert_id}" for one in targets}
    moments += [Moment(one.drafted_at, "complaint drafted", numbers[one.id], "", one.platform) for one in complaints]
    for event in events:
        about = f", {of_target[event.target_id]}" if event.target_id in of_target else ""
        said = f"{event.before} → {event.after}" + (f": “{event.raw}”" if event.raw else "")
        subject = f"{numbers[event.complaint_id]}{about}"
        moments.append(Moment(event.at, event.event, subject, event.actor, f"{said} {event.note}".strip()))
    for counter in counters:
        subject = numbers[counter.complaint_id]
        moments.append(Moment(counter.received_at, "counter-notice", subject, "", f"{counter.claim} {counter.words}"))
        if counter.answered_at:
            answer = Moment(counter.answered_at, f"counter-notice {counter.state}", subject, counter.answered_by or "")
            moments.append(answer)
    return sorted(moments, key=lambda one: one.at)


def _document(story: _Story, exhibits: Sequence[Exhibit], moments: Sequence[Moment], now: datetime) -> bytes:
    seller = story.seller
    document = Document(f"Seller {seller.name}", now)
    document.heading(f"Seller {clip(seller.name, 200)}")
    document.paragraph(
        "What this installation recorded. A finding is a detector's, a decision a person's; neither is a court's. "
        "README.txt says how to check that nothing was changed.",
        soft=True,
    )
    document.facts(
        [
            ("Marketplace", seller.marketplace),
            ("Account", seller.seller_id),
            ("Address", clip(seller.url or "", _LONGEST)),
            ("First seen", utc(seller.first_seen_at)),
            ("Listings", str(len({one.view.listing.id for one in exhibits}))),
            ("Alerts", str(len(exhibits))),
            ("Decided infringing", str(sum(one.view.alert.answer == "infringing" for one in exhibits))),
            ("Complaints", str(len(story.complaints))),
        ]
    )
    document.heading("Index", 2)
    shown = [[clip(cell, _LONGEST) for cell in _index_row(one)] for one in exhibits]
    document.table(("Alert", "Listing", "Work", "Price", "Decision", "Files"), shown, (0.7, 3, 1.6, 1.2, 1.6, 1.1))
    document.heading("Complaints and what became of them", 2)
    rows = [[clip(cell, _LONGEST) for cell in row] for row in _complaint_rows(story, utc)]
    if rows:
        headings = ("Complaint", "Platform", "Alert", "Its state", "The listing's", "Platform's words", "Decided")
        document.table(headings, rows, (1.1, 1.3, 0.7, 1.4, 1.4, 2, 1.6))
    else:
        document.paragraph("None.")
    document.heading("Chronology", 2)
    told = [
        [utc(one.at), one.what.replace("_", " "), one.subject, one.who, clip(one.detail, _LONGEST)] for one in moments
    ]
    document.table(("When", "What", "Subject", "Who", "Detail"), told, (1.5, 1.6, 1.5, 1.2, 3))
    return document.to_bytes()


_LISTINGS = (
    *("alert", "folder", "marketplace", "listing_id", "url", "title", "seller_id", "seller", "price", "currency"),
    *("work", "owner", "first_seen_at", "last_seen_at", "decision", "decided_by", "decided_at"),
)
_COMPLAINTS = ("complaint", "platform", "alert", "state", "listing_state", "platform_status", "decided_at")


def _index_row(one: Exhibit) -> list[str]:
    listing = one.view.listing
    price = f"{listing.price:f} {listing.currency or ''}".strip() if listing.price is not None else ""
    return [str(one.view.alert.id), listing.title, one.view.work.title, price, one.decision(), one.folder]


def _listing_row(one: Exhibit) -> list[str]:
    alert, listing, seller = one.view.alert, one.view.listing, one.view.seller
    return [
        *(str(alert.id), one.folder, listing.marketplace, listing.listing_id, listing.url, listing.title),
        *((seller.seller_id, seller.name) if seller else ("", "")),
        *(f"{listing.price:f}" if listing.price is not None else "", listing.currency or ""),
        *(one.view.work.title, one.owner.name, _time(listing.first_seen_at), _time(listing.last_seen_at)),
        *(alert.answer or "", alert.decided_by or "", _time(alert.decided_at)),
    ]


def _complaint_rows(story: _Story, as_text: Callable[[datetime], str]) -> list[list[str]]:
    by_id = {one.id: one for one in story.complaints}
    rows = []
    for target in story.targets:
        complaint = by_id[target.complaint_id]
        status = target.platform_status or complaint.platform_status
        ended = as_text(target.decided_at) if target.decided_at else ""
        rows.append(
            [
                f"C-{complaint.id}",
                complaint.platform,
                str(target.alert_id),
                complaint.state,
                target.state,
                status,
                ended,
            ]
        )
    return rows


def _row(one: Moment) -> list[str]:
    return [_time(one.at), one.what, one.subject, one.who, one.detail]


def _time(at: datetime | None) -> str:
    return at.astimezone(UTC).isoformat() if at else ""


def _csv(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """UTF-8 with a byte order mark, every cell quoted and none a formula."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(headings)
    for row in rows:
        writer.writerow([csv_cell(cell) for cell in row])
    return text.getvalue().encode("utf-8-sig", "replace")
