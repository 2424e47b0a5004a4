"""Which alerts a case, a complaint or a seller is about."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.errors import NotFound, Refused
from storage.tables import Alert, Case, Complaint, ComplaintTarget, Listing, Seller


async def alerts_of_case(session: AsyncSession, case_id: int) -> list[int]:
    """The alerts of a case.

    Raises:
        NotFound: There is no such case.
    """
    if await session.get(Case, case_id) is None:
        raise NotFound(f"no case {case_id}; `bazaarwatch cases list` shows them")
    return list(await session.scalars(select(Alert.id).where(Alert.case_id == case_id).order_by(Alert.id)))


async def alerts_of_complaint(session: AsyncSession, complaint_id: int) -> list[int]:
    """The alerts that a complaint names, in its order, but for those that were left out.

    Raises:
        NotFound: There is no such complaint.
    """
    if await session.get(Complaint, complaint_id) is None:
        raise NotFound(f"no complaint {complaint_id}; `bazaarwatch complaints list` shows them")
    named = select(ComplaintTarget.alert_id).where(
        ComplaintTarget.complaint_id == complaint_id, ComplaintTarget.state != "excluded"
    )
    return list(await session.scalars(named.order_by(ComplaintTarget.position)))


async def find_seller(session: AsyncSession, name: str) -> Seller:
    """A seller by "marketplace:id", or by an id or name that only one has.

    Raises:
        NotFound: There is none.
        Refused: More than one has that name.
    """
    marketplace, _, seller_id = name.partition(":")
    exact = select(Seller).where(Seller.marketplace == marketplace, Seller.seller_id == seller_id)
    known = (await session.scalars(exact)).first()
    if known:
        return known
    alike = select(Seller).where((Seller.seller_id == name) | (Seller.name == name)).order_by(Seller.id)
    found: Sequence[Seller] = (await session.scalars(alike)).all()
    if len(found) > 1:
        listed = ", ".join(f"{one.marketplace}:{one.seller_id}" for one in found[:5])
        raise Refused(f"{len(found)} sellers are called {name!r}: name one as {listed}")
    if not found:
        raise NotFound(f"no seller {name!r}; write it as marketplace:id, which `bazaarwatch alerts list --json` shows")
    return found[0]


async def alerts_of_seller(session: AsyncSession, seller_key: int) -> list[int]:
    """Every alert on a seller's listings."""
    found = select(Alert.id).join(Listing).where(Listing.seller_key == seller_key)
    return list(await session.scalars(found.order_by(Alert.id)))


async def case_seller(session: AsyncSession, case_id: int) -> Seller:
    """The seller that a case follows.

    Raises:
        NotFound: There is no such case.
    """
    case = await session.get(Case, case_id)
    if case is None:
        raise NotFound(f"no case {case_id}; `bazaarwatch cases list` shows them")
    return await session.get_one(Seller, case.seller_key)
