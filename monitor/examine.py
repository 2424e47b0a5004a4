"""One listing to matches and an alert: its own page, its pictures, the detectors, the judge."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncSession

from detectors import model
from detectors.errors import DetectorError
from detectors.model import Outcome
from detectors.priority import prioritize
from monitor.clock import Clock
from monitor.crawl import Reader
from monitor.errors import SandboxError
from monitor.evidence.capture import TOOL, facts_of, proof
from monitor.heads import head_of
from monitor.marketplaces.base import Marketplace, Page, Request
from monitor.works import Findings, Works
from storage.alerts import raise_alert, record_matches, rejections
from storage.blobs import Blobs
from storage.cases import allowed_reason, seller_history
from storage.database import Database
from storage.evidence import keep_evidence
from storage.listings import (
    Link,
    add_details,
    finish_examination,
    get_seen,
    link_pictures,
    note_attempt,
    note_picture_outcome,
    pictures_of,
)
from storage.pictures import Seen, remember, seen_by_hash
from storage.searches import PASSING, add_capture
from storage.tables import Capture, Listing, ListingPicture, Seller

if TYPE_CHECKING:
    from detectors.glance import Glance

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Missed:
    """Something of the listing that could not be had this time though it may be there; and when to ask again."""

    reason: str
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Look:
    """One picture of the listing: how getting it ended, its bytes' hash, and what the detectors made of it."""

    picture: ListingPicture
    outcome: Outcome | None  # none: it may not be fetched here
    missed: _Missed | None = None
    sha256: str | None = None
    failure: str | None = None
    findings: Findings = field(default_factory=lambda: Findings(""))
    seen: Seen | None = None  # to be remembered for works registered later
    page: Page | None = None  # as it was fetched now; none if its bytes were there already

    def link(self, now: datetime) -> Link | None:
        """What to note of its bytes, fetched now or as they came then; None without any."""
        came = self.picture
        if not self.sha256:
            return None
        if self.page:
            at, head = self.page.fetched_at or now, head_of(self.page)
            return Link(came.id, self.sha256, "fetched", at, self.failure, head)
        return Link(came.id, self.sha256, came.how or "fetched", came.fetched_at or now, self.failure, came.head)


@dataclass(frozen=True, slots=True)
class Examiner:
    """Examines listings. Without a ``reader`` nothing is fetched and only stored pictures are looked at."""

    database: Database
    reader: Reader | None
    blobs: Blobs
    works: Works
    marketplaces: Mapping[str, Marketplace]
    clock: Clock
    attempts: int
    remembered: timedelta  # how long a picture is remembered after it was last seen

    async def examine(self, listing_key: int) -> None:
        """Look at one listing; whatever is found is durable at the end, all of it or nothing.

        Raises:
            TryLater: This machine has no network; the listing waits, no attempt is spent.
        """
        missed = await self._read_own_page(self.reader, listing_key) if self.reader else None
        async with self.database.read(brief=True) as session:
            listing, seller, source = await get_seen(session, listing_key)
            pictures = await pictures_of(session, listing_key)
        looks = [await self._look(picture, listing, source) for picture in pictures]
        verdicts = await self.works.judge([match for look in looks for match in look.findings.matches])
        facts_sha256 = await self.blobs.put(facts_of(listing, seller)) if verdicts else ""
        async with self.database.write("examination recorded", brief=not verdicts) as session:
            shown = {verdict.work_id for verdict in verdicts}  # what the judge calls an accident is no finding
            now = self.clock.now()
            await remember(session, [look.seen for look in looks if look.seen], now, now - self.remembered)
            await link_pictures(session, [link for look in looks if (link := look.link(now))], now)
            for look in looks:
                await self._record_look(session, listing_key, look, shown)
            for verdict in verdicts:
                await self._raise(session, listing, seller, verdict, looks, facts_sha256)
            await self._close(session, listing_key, looks, missed)
        facts = {"listing_id": listing_key, "pictures": len(looks), "works": len(verdicts)}
        _logger.info("listing examined", extra=facts)

    async def _read_own_page(self, reader: Reader, listing_key: int) -> _Missed | None:
        """Read the item's own page once, where it shows more than the search page did.

        One that a wall hides is asked for again, but a wall that stays does not keep its listing waiting for ever.
        """
        async with self.database.read(brief=True) as session:
            row, seller, source = await get_seen(session, listing_key)
        marketplace = self.marketplaces.get(row.marketplace)
        if row.detailed_at or marketplace is None:
            return None
        request = marketplace.listing_request(as_value(row, seller))
        if request is None:
            return None
        reading = await reader.read(replace(request, referrer=source), row.marketplace)
        own = [item for item in reading.parsed.listings if row.listing_id in (item.listing_id, *item.aliases)]
        async with self.database.write("item page recorded", brief=True) as session:
            kept = await add_capture(session, reading.capture)
            if own:
                await add_details(session, row, own[0], kept.id, self.clock.now())
        may_open = reading.is_walled and row.attempts + 1 < self.attempts
        if reading.parsed.outcome in PASSING or may_open:
            return _Missed(f"its page: {reading.capture.reason}", reading.page.retry_at)
        return None

    async def _look(self, picture: ListingPicture, listing: Listing, source: str | None) -> _Look:
        """Get the bytes of one picture and compare them with every work."""
        fetched = None
        if picture.sha256:
            sha256, data = picture.sha256, await self.blobs.get(picture.sha256)
        elif self.reader is None:
            return _Look(picture, None)
        else:
            page = await self.reader.get(Request(picture.url, part=True, referrer=source), listing.marketplace)
            if page.outcome not in (None, Outcome.OK) or not _may_be_picture(page):
                outcome = page.outcome or Outcome.FAILED
                passing = outcome in PASSING or page.retry_at  # a host that refuses us for now says nothing of it
                reason = f"a picture: {page.reason or 'something else came in its place'}"
                return _Look(picture, outcome, _Missed(reason, page.retry_at) if passing else None)
            fetched, sha256, data = page, await self.blobs.put(page.body), page.body
        try:
            findings = await self.works.findings(sha256, data)
            seen = findings.seen or await self._seen_first(sha256, data)
        except (DetectorError, SandboxError) as error:
            failure = f"{type(error).__name__}: {error}"
            return _Look(picture, Outcome.OK, None, sha256, failure=failure, page=fetched)
        known = await asyncio.to_thread(_as_seen, sha256, seen, picture, listing) if seen else None
        return _Look(picture, Outcome.OK, None, sha256, findings=findings, seen=known, page=fetched)

    async def _seen_first(self, sha256: str, data: bytes) -> Glance | None:
        """Bytes that this process judged before, but that no finished examination has remembered."""
        async with self.database.read() as session:
            remembered = await seen_by_hash(session, [sha256])
        return None if remembered else await self.works.glance(data)

    async def _record_look(self, session: AsyncSession, listing_key: int, look: _Look, shown: Container[int]) -> None:
        now = self.clock.now()
        if look.sha256:
            matches = [match for match in look.findings.matches if match.work_id in shown]
            await record_matches(session, listing_key, look.sha256, matches, now, look.findings.judged)
        elif look.outcome:
            await note_picture_outcome(session, look.picture.id, look.outcome, now)

    async def _raise(
        self,
        session: AsyncSession,
        listing: Listing,
        seller: Seller | None,
        verdict: model.Verdict,
        looks: Sequence[_Look],
        facts_sha256: str,
    ) -> None:
        """Raise or refresh the alert on one work, and keep what proves it."""
        now = self.clock.now()
        priority = prioritize(verdict, as_value(listing, seller), await seller_history(session, listing))
        reason = await allowed_reason(session, listing.marketplace, seller.seller_id if seller else None)
        suppressed = f"allowed seller: {reason}" if reason else _explained(verdict.work_id, looks)
        if not suppressed and await _rejected(session, listing.id, verdict.work_id):
            suppressed = "a person said of the same picture that it is not a match"
        alert, changed = await raise_alert(session, listing.id, verdict, priority, suppressed, now)
        if changed:
            matched = {look.sha256 for look in looks if look.findings.shows(verdict.work_id)}
            pictures = [row for row in await pictures_of(session, listing.id) if row.sha256 in matched]
            # Locked, so that no purge takes the page's bytes away meanwhile.
            seen_on = listing.capture_id
            capture = await session.get(Capture, seen_on, with_for_update=True) if seen_on else None
            items = proof(alert.id, listing, facts_sha256, capture, pictures, now)
            await keep_evidence(session, items, TOOL, now)

    async def _close(
        self, session: AsyncSession, listing_key: int, looks: Sequence[_Look], page: _Missed | None
    ) -> None:
        """Done, to be tried again, or waiting for someone who may fetch."""
        missed = [one for one in (page, *(look.missed for look in looks)) if one]
        if missed:
            not_before = max((one.retry_at for one in missed if one.retry_at), default=None)
            now = self.clock.now()
            await note_attempt(session, listing_key, missed[0].reason, self.attempts, now, not_before)
        elif self.reader or (looks and all(look.outcome for look in looks)):
            await finish_examination(session, listing_key, self.clock.now())


def _as_seen(sha256: str, seen: Glance, picture: ListingPicture, listing: Listing) -> Seen:
    whole, trimmed = seen.hashes()
    known = listing.marketplace, listing.listing_id, listing.url, picture.url
    return Seen(sha256, whole, trimmed, seen.thumbnail(), *known)


def _explained(work_id: int, looks: Sequence[_Look]) -> str | None:
    """Why nothing is left of a work, if negative references are nearer on every picture that it was found on."""
    reasons = [look.findings.explained.get(work_id) for look in looks if look.findings.shows(work_id)]
    return reasons[0] if reasons and all(reasons) else None


async def _rejected(session: AsyncSession, listing_key: int, work_id: int) -> bool:
    """Whether every picture that shows the work here, or one that it repeats, was rejected by a person before."""
    said = await rejections(session, listing_key, work_id)
    if not said.matched or not said.rejected:
        return False
    left = said.matched - said.rejected
    if not left:
        return True
    from detectors.twins import repeats

    known = {
        row.bytes_hash.hex(): (row.whole, row.thumbnail) for row in await seen_by_hash(session, left | said.rejected)
    }
    against = [known[sha256] for sha256 in sorted(said.rejected) if sha256 in known]
    return all(sha256 in known and any(repeats(known[sha256], other) for other in against) for sha256 in left)


def _may_be_picture(page: Page) -> bool:
    """Whether an answer is worth keeping as a picture's bytes: bot walls put a page in its place, with status 200."""
    return bool(page.body) and not page.headers.get("content-type", "").startswith("text/")


def as_value(row: Listing, seller: Seller | None) -> model.Listing:
    """The stored listing in the product's vocabulary, without its pictures."""
    return model.Listing(
        marketplace=row.marketplace,
        listing_id=row.listing_id,
        url=row.url,
        title=row.title,
        price=row.price,
        currency=row.currency,
        price_raw=row.price_raw,
        seller=model.Seller(seller.seller_id, seller.name, seller.url) if seller else None,
    )
