"""Which alerts of a work are decided together: those whose pictures show the same but for compression."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.tables import ClusterBand, SeenPicture
from storage.upsert import take_turn, upsert

_LOCK: Final = 7_216_031  # two twins that are examined at once would each begin a cluster
_NEAREST: Final = 16  # pictures compared: lookalikes made in thousands must not hold up the one writer


async def join_cluster(session: AsyncSession, work_id: int, sha256: str) -> str:
    """The cluster of a picture on which a work was found: named after the first picture of that work that it repeats.

    Any process at any time comes to the same: clusters are found by the hashes that the database remembers, and only
    pictures that began one are compared with, so that small steps do not add up. A picture that repeats none, or of
    which nothing is remembered, is its own cluster.
    """
    await take_turn(session, _LOCK)
    own = await session.scalar(select(SeenPicture).where(SeenPicture.bytes_hash == bytes.fromhex(sha256)))
    if own is None:
        return sha256
    from detectors import twins  # numpy, which an idle daemon does without

    bands = twins.bands(own.whole)
    sharing = (
        select(ClusterBand.picture_id, func.min(ClusterBand.id).label("began"))
        .where(ClusterBand.work_id == work_id, ClusterBand.band.in_(bands))
        .group_by(ClusterBand.picture_id)
        .subquery()
    )
    found = select(SeenPicture.id, SeenPicture.whole, sharing.c.began).join(
        sharing, sharing.c.picture_id == SeenPicture.id
    )
    near = sorted(
        (twins.apart(own.whole, whole), began, number) for number, whole, began in await session.execute(found)
    )
    for _, number in sorted((began, number) for _, began, number in near[:_NEAREST]):
        first = await session.get_one(SeenPicture, number)
        if number == own.id or twins.repeats((own.whole, own.thumbnail), (first.whole, first.thumbnail)):
            return first.bytes_hash.hex()
    rows = [{"work_id": work_id, "band": band, "picture_id": own.id} for band in bands]
    await session.execute(upsert(session, ClusterBand).on_conflict_do_nothing(), rows)
    return sha256
