"""Searches that must find something: whether each marketplace still shows us what it did."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from detectors.model import Outcome
from monitor.daemon import Parts
from monitor.errors import FetchError
from monitor.marketplaces.base import Query
from monitor.marketplaces.fields import FIELDS, fields_of
from storage.canaries import CanaryRun, add_canary_run, canary_runs, newest_canary_runs, site_name
from storage.searches import add_capture, list_searches

_logger = logging.getLogger(__name__)

EVERY = timedelta(days=1)
_COMPARED = 5  # runs before that are compared with
_ALWAYS = ("title", "url", "pictures")  # on every search page that can be read at all
_USUAL = 0.5  # a field that at least this share of listings had is expected,
_DROP = 0.5  # and lost when its share falls below this part of what it was


@dataclass(frozen=True, slots=True)
class Finding:
    """One run and whether it tells of a changed layout."""

    run: CanaryRun
    reason: str

    @property
    def drifted(self) -> bool:
        """Whether fields were lost."""
        return bool(self.run.lost)

    def to_json(self) -> dict[str, object]:
        """As `marketplaces canary` prints it."""
        return {
            "marketplace": self.run.marketplace,
            "shop": self.run.shop,
            "keyword": self.run.keyword,
            "outcome": self.run.outcome,
            "listings": self.run.listings,
            "lost": self.run.lost,
            "reason": self.reason,
            "fields": dict(self.run.fields),
        }


def lost_fields(outcome: Outcome, listings: int, fields: Mapping[str, int], before: Sequence[CanaryRun]) -> str:
    """What a run no longer shows, in words; empty if nothing is missing. A refusal tells nothing new.

    Args:
        listings: How many listings the run showed.
        fields: In how many of them each field was there.
        before: Earlier runs at the site, newest first.
    """
    if outcome is Outcome.DRIFT:
        return "the page's layout is not known any more"
    good = [run for run in before if run.outcome == Outcome.OK and run.listings]
    if outcome is Outcome.EMPTY:
        return f"no listing, where {good[0].listings} were" if good else ""
    if outcome is not Outcome.OK:
        return before[0].lost if before else ""
    lost = []
    for name in FIELDS:
        usual = max((run.fields.get(name, 0) / run.listings for run in good), default=1.0 if name in _ALWAYS else 0.0)
        share = fields.get(name, 0) / listings
        if usual >= _USUAL and share < usual * _DROP:
            lost.append(f"{name} in {fields.get(name, 0)} of {listings} listings (it was {usual:.0%})")
    return ", ".join(lost)


async def searched(parts: Parts) -> dict[tuple[str, str], str]:
    """The (marketplace, shop) that are searched by keyword, and what to ask each: its canary's, else the newest."""
    async with parts.database.read() as session:
        searches = [search for search, _ in await list_searches(session) if not search.paused_at]
    plain = [one for one in searches if one.keyword and not (one.picture or one.seller)]
    return {(one.marketplace, one.shop): one.keyword for one in sorted(plain, key=lambda one: one.canary)}


async def run_canary(parts: Parts, marketplace: str, keyword: str, actor: str, shop: str = "") -> Finding:
    """Read a site's first page for a keyword, compare it with the runs before, and remember it.

    Raises:
        TryLater: Nothing can be fetched now.
        FetchError: No contact is set.
    """
    request = parts.marketplaces[marketplace].query_request(Query(keyword, shop=shop))
    if request is None:
        now = parts.clock.now()
        run = CanaryRun(marketplace, keyword, now, Outcome.NEEDS_RENDERING, 0, {}, shop=shop)
        return Finding(run, "it cannot be searched from here; save its pages and use `import`")
    reading = await parts.reader.read(request, marketplace)
    parsed = reading.parsed
    fields = fields_of(parsed.listings)
    async with parts.database.write("canary run recorded") as session:
        before = await canary_runs(session, site_name(marketplace, shop), _COMPARED)
        lost = lost_fields(parsed.outcome, len(parsed.listings), fields, before)
        run = CanaryRun(
            marketplace, keyword, parts.clock.now(), parsed.outcome.value, len(parsed.listings), fields, lost, shop
        )
        kept = await add_capture(session, reading.capture)
        await add_canary_run(session, actor, run, kept.sha256)
    if lost:
        _logger.warning("marketplace drifted", extra={"marketplace": marketplace, "lost": lost})
    return Finding(run, parsed.reason)


async def run_due_canaries(parts: Parts) -> None:
    """A run for each site that is searched and had none for a day. What cannot be fetched now waits."""
    async with parts.database.read() as session:
        newest = {(run.marketplace, run.shop): run.at for run in await newest_canary_runs(session)}
    now = parts.clock.now()
    for (marketplace, shop), keyword in (await searched(parts)).items():
        last = newest.get((marketplace, shop))
        if marketplace not in parts.marketplaces or (last and now - last < EVERY):
            continue
        try:
            await run_canary(parts, marketplace, keyword, "bazaarwatch", shop)
        except FetchError as error:
            _logger.info("canary put off", extra={"marketplace": marketplace, "reason": str(error)})


async def drift_notes(session: AsyncSession) -> list[str]:
    """A line for each site whose newest run had lost something."""
    return [
        f"{run.site} shows less than before: {run.lost} (asked for {run.keyword!r}, {run.at:%Y-%m-%d %H:%M} UTC)"
        for run in await newest_canary_runs(session)
        if run.lost
    ]
