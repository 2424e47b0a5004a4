"""The inbox: open alerts as cards, a card for each cluster; leases, so that nobody is given another's card.

A cluster is the alerts of one work whose strongest finding lies on the same picture (`storage.tables.Alert.cluster`).
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Select, and_, cast, delete, func, or_, select, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from detectors.model import Answer
from storage.alerts import AlertView
from storage.errors import NotFound
from storage.search import all_found, is_among
from storage.tables import Alert, Lease, Listing, Match, SavedView, Seller, Work
from storage.upsert import take_turn, upsert

Owners = frozenset[int] | None  # whose works somebody may see; None: everybody's
Position = tuple[int, int]  # (score, alert id): where a card stands in the inbox
Cluster = tuple[int, str]  # (work id, what its alerts share)

_CHUNK = 60  # alerts looked at together at first; twice as many each time where clusters are large
_LARGEST_CHUNK = 1000
_LOCK = 7_216_030  # two who take and give back cards at once would wait for each other's rows for ever
_AT_ONCE = 30  # cards looked through for a free one
_PACK = 1 << 33  # beyond any alert id: a position as one number
_PLACE = cast(Alert.score, BigInteger) * _PACK + Alert.id


@dataclass(frozen=True, slots=True)
class Filters:
    """Which alerts: empty values restrict nothing. ``state`` is open, suppressed, all or an answer."""

    state: str = "open"
    text: str = ""
    priority: str = ""
    work_id: int = 0
    marketplace: str = ""
    seller_key: int = 0

    @property
    def is_counted(self) -> bool:
        """Whether counting what they let by reads indexes, and not every alert's listing."""
        return not self.marketplace and self.state not in ("all", "suppressed")

    @property
    def is_quick(self) -> bool:
        """Whether the first cards that they let by are the first in an index, without looking through others."""
        return not (self.marketplace or self.text or self.seller_key)


@dataclass(frozen=True, slots=True)
class Head:
    """A card of the inbox: the first alert of its cluster, and how many alerts of the cluster the filters let by."""

    alert_id: int
    score: int
    cluster: Cluster
    alerts: int

    @property
    def position(self) -> Position:
        """Where it stands."""
        return self.score, self.alert_id


def owned(owners: Owners) -> list[Any]:
    """The conditions that keep alerts to the works of these owners."""
    return [] if owners is None else [Alert.work_id.in_(select(Work.id).where(Work.owner_id.in_(owners)))]


async def list_heads(
    session: AsyncSession, filters: Filters, owners: Owners, now: datetime, after: Position | None, limit: int
) -> list[Head]:
    """Cards behind a position, the most pressing first."""
    named = await _named(session, filters)
    heads: list[Head] = []
    size = max(_CHUNK, limit + 1)
    while len(heads) < limit:
        rows = await _chunk(session, filters, owners, now, after, size, named)
        if not rows:
            break
        clusters = {(work_id, cluster) for _, _, work_id, cluster in rows}
        sizes = await _sizes(session, clusters, filters, owners, now, named)
        for alert_id, score, work_id, cluster in rows:
            first, alerts = sizes.get((work_id, cluster), (None, 0))  # none: somebody decided it just now
            if first == (score, alert_id):
                heads.append(Head(alert_id, score, (work_id, cluster), alerts))
        if len(rows) < size:
            break
        after = (rows[-1][1], rows[-1][0])
        size = min(2 * size, _LARGEST_CHUNK)
    return heads[:limit]


async def count_alerts(session: AsyncSession, filters: Filters, owners: Owners, now: datetime) -> dict[str, int]:
    """How many alerts the filters let by, by priority."""
    counts: dict[str, int] = {}
    named = await _named(session, filters)
    # Of one work not by the bare column: the index in its order would be read, with the alerts of every work.
    level = Alert.priority.concat("").label("level") if filters.work_id else Alert.priority
    for conditions in _alternatives(filters, owners, now):
        chosen = _chosen(session, select(level, func.count()), filters, conditions, named).group_by(level)
        for priority, count in await session.execute(chosen):
            counts[priority] = counts.get(priority, 0) + count
    return counts


async def cluster_of(session: AsyncSession, alert_id: int, owners: Owners) -> Cluster:
    """The cluster that an alert belongs to.

    Raises:
        NotFound: There is no such alert among these owners' works.
    """
    chosen = select(Alert.work_id, Alert.cluster).where(Alert.id == alert_id, *owned(owners))
    row = (await session.execute(chosen)).one_or_none()
    if row is None:
        raise NotFound(f"no alert {alert_id}")
    return row[0], row[1]


async def members(session: AsyncSession, cluster: Cluster, now: datetime, limit: int | None = None) -> list[AlertView]:
    """The open alerts of a cluster, the most pressing first."""
    views = _views().where(*_members(cluster, now)).limit(limit)
    return [AlertView(*row) for row in await session.execute(views)]


async def member_ids(session: AsyncSession, cluster: Cluster, now: datetime, up_to: int) -> list[int]:
    """The ids of the open alerts of a cluster up to one, in order."""
    ids = select(Alert.id).where(*_members(cluster, now), Alert.id <= up_to).order_by(Alert.id)
    return list(await session.scalars(ids))


async def measure(session: AsyncSession, cluster: Cluster, now: datetime) -> tuple[int, int]:
    """How many alerts of a cluster are open, and the newest one's id."""
    found = select(func.count(), func.max(Alert.id)).where(*_members(cluster, now))
    count, newest = (await session.execute(found)).one()
    return count, newest or 0


async def views_of(session: AsyncSession, alert_ids: Sequence[int]) -> dict[int, AlertView]:
    """Alerts by their ids, each with what a person needs to see beside it."""
    rows = await session.execute(_views().where(Alert.id.in_(alert_ids)))
    return {row[0].id: AlertView(*row) for row in rows}


async def pictures_of_alerts(session: AsyncSession, alert_ids: Sequence[int]) -> dict[int, str]:
    """The SHA-256 of the picture on which the strongest finding behind each alert lies."""
    findings = select(Match.sha256).where(Match.listing_key == Alert.listing_key, Match.work_id == Alert.work_id)
    ordered = findings.order_by(Match.score.desc().nulls_last(), Match.distance_bits, Match.id).limit(1)
    rows = select(Alert.id, ordered.correlate(Alert).scalar_subquery()).where(Alert.id.in_(alert_ids))
    return {row[0]: row[1] for row in await session.execute(rows) if row[1]}


def _views() -> Select[Alert, Work, Listing, Seller]:
    return (
        select(Alert, Work, Listing, Seller)
        .join(Work, Work.id == Alert.work_id)
        .join(Listing, Listing.id == Alert.listing_key)
        .outerjoin(Seller, Seller.id == Listing.seller_key)
        .order_by(Alert.score.desc(), Alert.id.desc())
    )


def _members(cluster: Cluster, now: datetime) -> tuple[Any, Any]:
    alternatives = _alternatives(Filters(), None, now)
    same = (Alert.cluster == cluster[1]) & (Alert.work_id == cluster[0])
    return same, or_(*(and_(*conditions) for conditions in alternatives))


async def free_cards(
    session: AsyncSession,
    filters: Filters,
    owners: Owners,
    holder: str,
    now: datetime,
    after: Position | None = None,
    keep: Sequence[Cluster] = (),
) -> list[Head]:
    """The next cards that a person may be given, some of them; what they ``keep`` is none."""
    taken = select(Lease.work_id, Lease.picture).where(Lease.until_at > now, Lease.holder != holder)
    others = {(row[0], row[1]) for row in await session.execute(taken)} | set(keep)
    while True:
        heads = await list_heads(session, filters, owners, now, after, _AT_ONCE)
        free = [head for head in heads if head.cluster not in others]
        if free or len(heads) < _AT_ONCE:
            return free
        after = heads[-1].position


async def take_card(
    session: AsyncSession,
    heads: Sequence[Head],
    filters: Filters,
    holder: str,
    now: datetime,
    lease: timedelta,
    keep: Sequence[Cluster] = (),
) -> Head | None:
    """The first of some cards that is still to be had, leased to a person; whatever else they held is given back.

    Two who want the same get different cards; a card whose holder went away comes back when the lease ends. None where
    all of them were taken or decided since they were looked up.
    """
    await take_turn(session, _LOCK)
    as_sought = or_(*(and_(*conditions) for conditions in _alternatives(filters, None, now)))
    for head in heads:
        still = await session.scalar(select(Alert.id).where(Alert.id == head.alert_id, as_sought))
        if still and await _lease(session, head.cluster, holder, now, lease):
            await _give_back(session, holder, [head.cluster, *keep])
            return head
    await _give_back(session, holder, keep)
    return None


async def give_back(session: AsyncSession, cluster: Cluster) -> None:
    """End the lease of a card that was decided."""
    await session.execute(delete(Lease).where(Lease.work_id == cluster[0], Lease.picture == cluster[1]))


async def held_by_others(session: AsyncSession, cluster: Cluster, holder: str, now: datetime) -> str | None:
    """Who else looks at a card now; None if nobody does."""
    of_card = (Lease.work_id == cluster[0], Lease.picture == cluster[1])
    return await session.scalar(select(Lease.holder).where(*of_card, Lease.until_at > now, Lease.holder != holder))


async def save_view(session: AsyncSession, person: str, name: str, query: str) -> None:
    """Keep a person's filters under a name; an earlier view of that name is replaced."""
    insert = upsert(session, SavedView).values(person=person, name=name, query=query)
    await session.execute(insert.on_conflict_do_update(index_elements=["person", "name"], set_={"query": query}))


async def saved_views(session: AsyncSession, person: str) -> list[SavedView]:
    """A person's views, by name."""
    return list(await session.scalars(select(SavedView).where(SavedView.person == person).order_by(SavedView.name)))


async def drop_view(session: AsyncSession, person: str, view_id: int) -> None:
    """Forget a view of a person's.

    Raises:
        NotFound: They have none of that id.
    """
    dropped = delete(SavedView).where(SavedView.id == view_id, SavedView.person == person).returning(SavedView.id)
    if await session.scalar(dropped) is None:
        raise NotFound(f"no saved view {view_id}")


async def _chunk(
    session: AsyncSession,
    filters: Filters,
    owners: Owners,
    now: datetime,
    after: Position | None,
    size: int,
    named: Set[int] | None,
) -> list[tuple[int, int, int, str]]:
    """(alert id, score, work id, what the cluster shares) of the next alerts behind a position."""
    parts = []
    for conditions in _alternatives(filters, owners, now):
        if after is not None:
            conditions = [*conditions, tuple_(Alert.score, Alert.id) < after]
        parts.append(_chosen(session, select(Alert.id, Alert.score), filters, conditions, named))
    found = _first(parts, size).subquery()
    rows = select(Alert.id, Alert.score, Alert.work_id, Alert.cluster).join(found, found.c.id == Alert.id)
    ordered = rows.order_by(Alert.score.desc(), Alert.id.desc())
    return [(row[0], row[1], row[2], row[3]) for row in await session.execute(ordered)]


def _first(parts: Sequence[Select[int, int]], size: int) -> Select[int, int]:
    """The first of several selections together: of each the first ones, which its index has in order."""
    best = [part.order_by(Alert.score.desc(), Alert.id.desc()).limit(size).subquery() for part in parts]
    together = union_all(*(select(one.c.id, one.c.score) for one in best)).subquery()
    return select(together.c.id, together.c.score).order_by(together.c.score.desc(), together.c.id.desc()).limit(size)


async def _sizes(
    session: AsyncSession,
    clusters: Set[Cluster],
    filters: Filters,
    owners: Owners,
    now: datetime,
    named: Set[int] | None,
) -> dict[Cluster, tuple[Position, int]]:
    """The first position and the number of alerts of each cluster, within the filters."""
    wanted = or_(*(and_(*conditions) for conditions in _alternatives(filters, owners, now)))
    shown = and_(wanted, *_beyond(session, filters, named))
    # Only what the clusters share may choose an index here; what shows another work beside is counted and ignored.
    counted = select(Alert.work_id, Alert.cluster, func.max(_PLACE).filter(shown), func.count().filter(shown))
    if filters.marketplace:
        counted = counted.join(Listing, Listing.id == Alert.listing_key)
    sharing = counted.where(Alert.cluster.in_({cluster for _, cluster in clusters}))
    rows = await session.execute(sharing.group_by(Alert.cluster, Alert.work_id))
    return {(row[0], row[1]): (divmod(row[2], _PACK), row[3]) for row in rows if row[3]}


def _alternatives(filters: Filters, owners: Owners, now: datetime) -> list[list[Any]]:
    """The conditions, once for each way to be in the state: each way has an index of its own."""
    common = owned(owners)
    if filters.priority:
        common.append(Alert.priority == filters.priority)
    if filters.work_id:
        common.append(Alert.work_id == filters.work_id)
    if filters.state == "open":
        shown = [Alert.suppressed.is_(None), *common]
        due = [Alert.answer == Answer.UNSURE.value, Alert.ask_again_at <= now]
        return [[Alert.answer.is_(None), *shown], [*due, *shown]]
    if filters.state == "suppressed":
        return [[Alert.suppressed.is_not(None), *common]]
    if filters.state == "all":
        answers = [Alert.answer.is_(None), *(Alert.answer == answer.value for answer in Answer)]
        return [[answered, *common] for answered in answers]
    return [[Alert.answer == filters.state, *common]]


def _chosen(
    session: AsyncSession, query: Any, filters: Filters, conditions: Sequence[Any], named: Set[int] | None
) -> Any:
    query = query.select_from(Alert)
    if filters.marketplace:
        query = query.join(Listing, Listing.id == Alert.listing_key)
    return query.where(*conditions, *_beyond(session, filters, named))


async def _named(session: AsyncSession, filters: Filters) -> Set[int] | None:
    """The ids of what the text finds, looked up once for several questions; None without a text."""
    return await all_found(session, Alert, filters.text) if filters.text else None


def _beyond(session: AsyncSession, filters: Filters, named: Set[int] | None) -> list[Any]:
    """The conditions that look beyond the alerts themselves; one on the marketplace needs `Listing` beside them."""
    conditions = []
    if filters.marketplace:
        conditions.append(Listing.marketplace == filters.marketplace)
    if filters.seller_key:
        # As ids, which the indexes hold beside the score: else every alert's listing would be read.
        of_seller = select(Alert.id).join(Listing, Listing.id == Alert.listing_key)
        conditions.append(Alert.id.in_(of_seller.where(Listing.seller_key == filters.seller_key)))
    if named is not None:
        conditions.append(is_among(session, Alert.id, named))
    return conditions


async def _lease(session: AsyncSession, cluster: Cluster, holder: str, now: datetime, lease: timedelta) -> bool:
    values = {"holder": holder, "until_at": now + lease}
    insert = upsert(session, Lease).values(work_id=cluster[0], picture=cluster[1], **values)
    mine = insert.on_conflict_do_update(
        index_elements=["work_id", "picture"],
        set_=values,
        where=(Lease.until_at <= now) | (Lease.holder == holder),
    )
    got: str | None = await session.scalar(mine.returning(Lease.holder))
    return got == holder


async def _give_back(session: AsyncSession, holder: str, keep: Sequence[Cluster]) -> None:
    mine = delete(Lease).where(Lease.holder == holder)
    await session.execute(mine.where(tuple_(Lease.work_id, Lease.picture).not_in(keep)) if keep else mine)
