"""What must hold in the tables whatever crashed: questions whose right answer is nothing."""

from __future__ import annotations

from sqlalchemy import func, select, text, union
from sqlalchemy.ext.asyncio import AsyncSession

from storage.complaints import FREED, RELEASED
from storage.evidence import PURGED
from storage.tables import (
    Alert,
    Capture,
    Complaint,
    ComplaintTarget,
    CounterNotice,
    Crawl,
    Custody,
    Evidence,
    Listing,
    ListingPicture,
    Mail,
    Match,
    Negative,
    Publication,
    Reference,
    TimeStamp,
)


async def damage(session: AsyncSession) -> list[str]:
    """What the database engine itself finds broken (SQLite); PostgreSQL checks its pages and keys by itself."""
    if session.get_bind().dialect.name != "sqlite":
        return []
    pages = [row for row in await session.scalars(text("PRAGMA integrity_check")) if row != "ok"]
    orphans = [
        f"{row[0]} row {row[1]} points to no {row[2]}"
        for row in await session.execute(text("PRAGMA foreign_key_check"))
    ]
    return pages + orphans


async def referenced_hashes(session: AsyncSession) -> set[str]:
    """Every stored file that some row relies on."""
    columns = (
        *(ListingPicture.sha256, Evidence.sha256, Reference.sha256, Mail.sha256, Publication.sha256),
        *(Capture.screenshot, Negative.sha256, TimeStamp.sha256, TimeStamp.token),
    )
    pages = select(Capture.sha256).where(Capture.purged_at.is_(None))
    found = await session.scalars(union(pages, *(select(column) for column in columns)))
    return {sha256 for sha256 in found if sha256}


async def contradictions(session: AsyncSession) -> list[str]:
    """Rows that could not be there had every unit of work been all or nothing."""
    found = []
    for name, query in _QUERIES.items():
        found += [f"{name}: {number}" for number in (await session.scalars(query.limit(20)))]
    return found


_open_crawls = (
    select(Crawl.search_id).where(Crawl.finished_at.is_(None), Crawl.search_id.is_not(None)).group_by(Crawl.search_id)
)
_matched = select(Match.id).where(Match.listing_key == Alert.listing_key, Match.work_id == Alert.work_id)
_proved = select(Evidence.id).where(Evidence.alert_id == Alert.id)
_purged = select(Custody.id).where(Custody.alert_id == Alert.id, Custody.action == PURGED)
_alerted = select(Alert.id).where(Alert.listing_key == Match.listing_key, Alert.work_id == Match.work_id)
_superseded = select(Complaint.supersedes_id).where(Complaint.supersedes_id.is_not(None))
_twice = (
    select(ComplaintTarget.alert_id)
    .join(Complaint)
    .where(Complaint.state.not_in(RELEASED), ComplaintTarget.state.not_in(FREED), Complaint.id.not_in(_superseded))
    .group_by(ComplaintTarget.alert_id, Complaint.right_id)
    .having(func.count() > 1)
)
_objected = Complaint.state.in_(("countered", "counter_review"))
_marked = select(ComplaintTarget.id).where(
    ComplaintTarget.complaint_id == Complaint.id, ComplaintTarget.state == "countered"
)
_open_counter = select(CounterNotice.id).where(
    CounterNotice.complaint_id == Complaint.id, CounterNotice.state == "open"
)
_pages = {
    f"listing whose {which} page is not there": select(Listing.id).where(
        column.is_not(None), ~select(Capture.id).where(Capture.id == column).exists()
    )
    for which, column in (("first", Listing.first_capture_id), ("last", Listing.capture_id))
}
_QUERIES = {
    **_pages,
    "search with two crawls under way": _open_crawls.having(func.count() > 1),
    "alert without a match": select(Alert.id).where(~_matched.exists()),
    "alert without evidence": select(Alert.id).where(~_proved.exists(), ~_purged.exists()),
    "match without an alert": select(Match.id).where(~_alerted.exists()),
    "listing examined and yet to be examined": select(Listing.id).where(
        Listing.failure.is_not(None), Listing.examine_at.is_(None)
    ),
    "crawl finished without an outcome": select(Crawl.id).where(
        Crawl.finished_at.is_not(None), Crawl.outcome.is_(None)
    ),
    "alert in two complaints of one right": _twice,
    "complaint that left though nobody confirmed it": select(Complaint.id).where(
        Complaint.exported_at.is_not(None), Complaint.confirmed_by.is_(None)
    ),
    "countered complaint without a countered listing": select(Complaint.id).where(_objected, ~_marked.exists()),
    "countered complaint without an open counter-notice": select(Complaint.id).where(
        _objected, ~_open_counter.exists()
    ),
}
