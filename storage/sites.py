"""Which marketplace a search or a listing belongs to."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.tables import Listing, Search

_AT_ONCE = 1000  # ids in one statement


async def by_site(session: AsyncSession, table: type[Search | Listing], ids: Sequence[int]) -> dict[str, list[int]]:
    """The ids by marketplace, each marketplace's in the order given."""
    site_of: dict[int, str] = {}
    for at in range(0, len(ids), _AT_ONCE):
        wanted = select(table.id, table.marketplace).where(table.id.in_(ids[at : at + _AT_ONCE]))
        site_of.update((number, site) for number, site in await session.execute(wanted))
    sites: dict[str, list[int]] = {}
    for number in filter(site_of.__contains__, ids):  # one may have been removed meanwhile
        sites.setdefault(site_of[number], []).append(number)
    return sites
