"""What each search has brought: runs, listings, alerts, confirmed infringements; and the titles that were confirmed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from detectors.model import Outcome
from storage.searches import list_searches
from storage.tables import Alert, Capture, Crawl, Listing, Search

_INFRINGING = "infringing"


@dataclass(frozen=True, slots=True)
class KeywordYield:
    """One search: how often it was answered, and what came of the listings that it was the first to show.

    ``alerted`` counts listings with an alert that is shown or was decided, ``confirmed`` those found to infringe.
    """

    search: Search
    runs: int
    listings_new: int
    alerted: int
    confirmed: int


async def keyword_yields(session: AsyncSession) -> list[KeywordYield]:
    """The yield of each search that is not removed."""
    answered = (Crawl.outcome.in_((Outcome.OK.value, Outcome.EMPTY.value)), Crawl.finished_at.is_not(None))
    totals = select(Crawl.search_id, func.count(), func.sum(Crawl.listings_new)).where(*answered)
    runs = {row[0]: (row[1], row[2]) for row in await session.execute(totals.group_by(Crawl.search_id))}
    alerted, confirmed = await _alerted(session)
    return [
        KeywordYield(search, *runs.get(search.id, (0, 0)), alerted[search.id], confirmed[search.id])
        for search, _ in await list_searches(session)
    ]


async def _alerted(session: AsyncSession) -> tuple[Counter[int], Counter[int]]:
    """By search: its listings with an alert, and with a confirmed one.

    A listing belongs to the search whose page showed it first; to none if that was an import or the item's own page.
    """
    chosen = (
        select(Listing.id, Crawl.search_id, Alert.answer)
        .join(Alert, Alert.listing_key == Listing.id)
        .join(Capture, Capture.id == Listing.first_capture_id)
        .join(Crawl, Crawl.id == Capture.crawl_id)
        .where(Alert.suppressed.is_(None))
    )
    alerted: dict[int, set[int]] = {}
    confirmed: dict[int, set[int]] = {}
    for listing_key, search_id, answer in await session.execute(chosen):
        if search_id is not None:
            alerted.setdefault(search_id, set()).add(listing_key)
            if answer == _INFRINGING:
                confirmed.setdefault(search_id, set()).add(listing_key)
    return _sizes(alerted), _sizes(confirmed)


def _sizes(sets: dict[int, set[int]]) -> Counter[int]:
    return Counter({key: len(members) for key, members in sets.items()})


async def confirmed_titles(session: AsyncSession) -> list[tuple[str, str]]:
    """(marketplace, title) of every listing that a person found to infringe."""
    chosen = (
        select(Listing.marketplace, Listing.title)
        .join(Alert, Alert.listing_key == Listing.id)
        .where(Alert.answer == _INFRINGING, Listing.title != "")
        .group_by(Listing.id)
        .order_by(Listing.id)
    )
    return [(row[0], row[1]) for row in await session.execute(chosen)]
