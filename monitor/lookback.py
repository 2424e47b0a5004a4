"""Looks for a newly registered work in every picture ever seen, without a single request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING, Final

from detectors import model
from detectors.errors import DetectorError
from monitor.errors import SandboxError
from storage import lookbacks
from storage.errors import NotFound
from storage.listings import record_listings
from storage.lookback import SeenHashes, Shard
from storage.pictures import listings_showing, seen_by_number
from storage.works import references

if TYPE_CHECKING:
    from monitor.daemon import Parts
    from storage.tables import LookBack, SeenPicture

RADIUS_BITS: Final = 76  # of 256: unrelated pictures begin at some 80, see docs/lookback.md
MOST_CHECKED: Final = 300  # the nearest; each costs what a picture costs the cascade
RECALL: Final = "a look back finds about half of the copies; the next scan compares all stored pictures in full"

_ASKED_EVERY_S: Final = 0.5  # whether the other machines are done

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LookedBack:
    """What a look back for one work came to.

    Attributes:
        searched: Pictures remembered.
        near: Pictures whose hashes came near.
        shown: Pictures on whose thumbnails the detectors found the work.
        listings: Row ids of the listings that were examined anew; alerts stand on those that show the work.
        asked_again: Row ids of listings that had been forgotten, and wait to be fetched again.
        unchecked: Pictures that came near but were too many to check.
    """

    work_id: int
    searched: int = 0
    near: int = 0
    shown: int = 0
    listings: tuple[int, ...] = ()
    asked_again: tuple[int, ...] = ()
    unchecked: int = 0


async def look_back(
    parts: Parts, work_ids: Sequence[int], advance: Callable[[], None] = lambda: None
) -> list[LookedBack]:
    """Search everything remembered for some works; what is found is examined at once and raises alerts like any other.

    Where machines share it, this one asks the others, and waits.

    Args:
        advance: Called when a work is done.

    Raises:
        StorageError: A reference's picture is missing.
    """
    if parts.settings.lookback.shares > 1 and not parts.database.embedded:
        return await _ask_all(parts, work_ids, advance)
    found = []
    for work_id in work_ids:
        found.append(await _search(parts, work_id, await _shards(parts)))
        advance()
    return found


async def answer_look_backs(parts: Parts) -> None:
    """Do what is asked of this machine's share, each work apart: what was done before a crash is not done again."""
    share, shares = parts.settings.lookback.share, parts.settings.lookback.shares
    async with parts.database.read() as session:
        asked = await lookbacks.asked_of(session, share, shares)
    for one in asked:
        mine = [shard for shard in await _shards(parts) if shard.month % shares == share - 1]
        found = await _search(parts, one.work_id, mine)
        async with parts.database.write("look back answered") as session:
            await lookbacks.answer(session, one.id, asdict(found), parts.clock.now())


async def _ask_all(parts: Parts, work_ids: Sequence[int], advance: Callable[[], None]) -> list[LookedBack]:
    """Have every share look back, and wait for the last; what each finds raises its alerts at once."""
    async with parts.database.write("look back asked for") as session:
        numbers = await lookbacks.ask(session, work_ids, parts.settings.lookback.shares, parts.clock.now())
    told = 0
    while True:
        async with parts.database.read() as session:
            asked = await lookbacks.answers(session, numbers)
        of_work = [[one for one in asked if one.work_id == work_id] for work_id in work_ids]
        done = [all(one.done_at for one in several) for several in of_work]
        for _ in range(sum(done) - told):
            advance()
        told = sum(done)
        if all(done):
            return [_together(several) for several in of_work]
        await parts.clock.sleep(_ASKED_EVERY_S)


def _together(shares: Sequence[LookBack]) -> LookedBack:
    """What the shares of a look back for one work came to, together."""
    each = [LookedBack(**one.found) for one in shares]
    listings, again = (
        tuple(dict.fromkeys(chain(*several)))
        for several in zip(*((one.listings, one.asked_again) for one in each), strict=True)
    )
    searched, near, shown, unchecked = (
        sum(several)
        for several in zip(*((one.searched, one.near, one.shown, one.unchecked) for one in each), strict=True)
    )
    return LookedBack(each[0].work_id, searched, near, shown, listings, again, unchecked)


async def _shards(parts: Parts) -> list[Shard]:
    return await SeenHashes(parts.settings.data_dir / "lookback").shards(parts.database)


async def _search(parts: Parts, work_id: int, shards: Sequence[Shard]) -> LookedBack:
    queries = await _queries(parts, work_id) if shards else []
    bits = await asyncio.to_thread(near_in, shards, queries) if queries else {}
    return await _check(parts, work_id, sum(shard.held for shard in shards), bits)


def near_in(shards: Sequence[Shard], queries: Sequence[bytes]) -> dict[int, int]:
    """The numbers of the pictures that come near to any of some hashes, and how many bits apart. Exact."""
    from detectors.pdq import near  # brings faiss

    found: dict[int, int] = {}
    for shard in shards:
        found |= {shard.first + row: bits for row, bits in near(shard.mapped(), queries, RADIUS_BITS).items()}
    return found


async def _queries(parts: Parts, work_id: int) -> list[bytes]:
    """The hashes of a work's references, in all orientations."""
    async with parts.database.read() as session:
        rows = await references(session, work_id)
    seen = [await parts.sandbox.glance(await parts.blobs.get(row.sha256)) for row in rows]
    return list(dict.fromkeys(hashed for one in seen for hashed in one.orientations()))


async def _check(parts: Parts, work_id: int, searched: int, bits: dict[int, int]) -> LookedBack:
    """Compare the nearest pictures' thumbnails in full, and examine the listings of those that show the work."""
    nearest = sorted(bits, key=lambda number: (bits[number], number))
    since = parts.clock.now() - timedelta(days=parts.settings.lookback.keep_d)
    async with parts.database.read() as session:
        near = await seen_by_number(session, nearest[:MOST_CHECKED], since)
    listings: dict[int, None] = {}
    asked_again: dict[int, None] = {}
    shown = 0
    for seen in near:
        if not await _shows(parts, work_id, seen.thumbnail):
            continue
        shown += 1
        async with parts.database.read() as session:
            known = await listings_showing(session, seen.bytes_hash.hex())
        for listing in known:
            listings[listing.id] = None
        if not known:
            asked_again.update(dict.fromkeys(await _record_again(parts, seen)))
    examiner = parts.examiner(None)
    for key in listings:
        try:
            await examiner.examine(key)
        except NotFound as error:
            _logger.warning("listing's picture is missing", extra={"listing_id": key, "error": str(error)})
    unchecked = max(0, len(nearest) - MOST_CHECKED)
    return LookedBack(work_id, searched, len(nearest), shown, tuple(listings), tuple(asked_again), unchecked)


async def _shows(parts: Parts, work_id: int, thumbnail: bytes) -> bool:
    from monitor.compare import find_matches

    try:
        works = parts.works
        matches = await find_matches(parts.sandbox, await works.index(), thumbnail, look_up=works.look_up)
    except (DetectorError, SandboxError):
        return False
    return any(verdict.work_id == work_id for verdict in await parts.works.judge(matches))


async def _record_again(parts: Parts, seen: SeenPicture) -> tuple[int, ...]:
    """A listing that was forgotten, to be fetched and examined as if it had just been found."""
    listing = model.Listing(seen.marketplace, seen.listing_id, seen.listing_url, "", image_urls=(seen.picture_url,))
    async with parts.database.write("forgotten listing recorded") as session:
        return (await record_listings(session, [listing], None, parts.clock.now())).new
