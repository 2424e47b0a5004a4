"""Makes and changes rights: from what is given to a whole right and its row, refused naming every field that lacks."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from detectors.rights import (
    FirstPublication,
    OwnershipBasis,
    PartyKind,
    Right,
    RightKind,
    expiry,
    new_claim_number,
    validate,
)
from monitor.errors import RightRefused
from storage import tables
from storage.rights import add_publication, list_rights

_CLAIMS = uuid.UUID("6f1d6c0e-53d5-4f6c-9a0b-0a7f3f0d8c11")  # of ours alone
_LAST_WEEK = 7


def new_right(
    kind: RightKind,
    owner: tables.Owner,
    works: Sequence[tables.Work],
    given: Mapping[str, Any],
    today: date | None = None,
) -> tables.Right:
    """The row of a new right over an owner's works; an unregistered copyright gets a claim number of its own.

    Args:
        given: Fields of `detectors.rights.Right` that are known; what is absent follows from owner and works.
        today: Where given, a publication or registration of a later day is refused.

    Raises:
        RightRefused: Fields are missing or wrong; the message names each.
    """
    unregistered = kind is RightKind.COPYRIGHT_UNREGISTERED
    facts = {"title": works[0].title if works else "", "holder": owner.name}
    if unregistered and not works:
        raise RightRefused("works: an unregistered copyright is one in a work; say in which")
    if unregistered:
        facts["claim_number"] = _claim_number(owner, works)
    right = Right(**{"kind": kind, **facts, **given})
    copyright_kind = kind in (RightKind.COPYRIGHT_UNREGISTERED, RightKind.COPYRIGHT_REGISTERED)
    if copyright_kind and owner.kind == PartyKind.PERSON and right.author is None and right.ownership_basis is None:
        right = replace(right, author=right.holder, ownership_basis=OwnershipBasis.AUTHOR)
    row = tables.Right(owner_id=owner.id, kind=kind.value)
    row.title, row.number, row.facts = _whole(right, today)
    return row


def changed_right(row: tables.Right, given: Mapping[str, Any], today: date | None = None) -> tuple[dict[str, Any], str]:
    """A right's facts and stated number with other values in place of those given; ``today`` as for a new one.

    Raises:
        RightRefused: Fields are missing or wrong; the message names each.
    """
    _, number, facts = _whole(replace(Right.from_wire(row.facts), **given), today)
    return facts, number


def publication(right: Right | None, given: Mapping[str, Any]) -> FirstPublication | None:
    """A first publication with what is given (``on``, ``place``, ``url``) laid over what is known.

    Raises:
        RightRefused: A place or an address is given without the day.
    """
    known = right.first_publication if right else None
    if not given:
        return known
    if known:
        return replace(known, **given)
    if "on" not in given:
        raise RightRefused("first_publication: say the day too, with --published")
    return FirstPublication(given["on"], given.get("place", ""), given.get("url"))


def _whole(right: Right, today: date | None) -> tuple[str, str, dict[str, Any]]:
    problems = validate(right, today)
    if problems:
        raise RightRefused("the right is incomplete: " + "; ".join(map(str, problems)))
    return right.title, right.stated_number, right.to_wire()


def _claim_number(owner: tables.Owner, works: Sequence[tables.Work]) -> str:
    """One for the works, however often they are registered: a second right over them is refused as a duplicate."""
    named = f"{owner.id}:{owner.created_at.isoformat()}:{sorted(work.id for work in works)}"
    return new_claim_number(owner.name, str(uuid.uuid5(_CLAIMS, named)))


async def prove_publication(
    session: AsyncSession, now: datetime, actor: str, row: tables.Right, works: Sequence[tables.Work]
) -> None:
    """Keep the address of a right's first publication, if it states one, as a proof for each of its works."""
    first = Right.from_wire(row.facts).first_publication
    if first is None or not first.url:
        return
    for work in works:
        proof = tables.Publication(
            work_id=work.id, url=first.url, place=first.place, stated_on=first.on, stated_by=actor, seen_at=now
        )
        await add_publication(session, now, actor, proof)


async def ending_rights(session: AsyncSession, today: date, since: date | None = None) -> list[str]:
    """Which rights end within 60 days or have ended, a sentence each.

    Args:
        since: Only those that have reached another stage (60, 30, 7 days, the end) after that day, and those in their
            last week; None for all.
    """
    told = []
    for row, _ in await list_rights(session):
        right = Right.from_wire(row.facts)
        end = expiry(right, today)
        is_news = since is None or end.stage == _LAST_WEEK or expiry(right, since).stage != end.stage
        if end.stage is not None and is_news:
            told.append(f"right {row.id} ({row.title}) {end}")
    return told
