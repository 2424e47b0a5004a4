"""Works, their pictures and the rights that protect them."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from detectors.rights import FirstPublication, RightKind
from monitor.complaints.base import RightState
from monitor.complaints.packs import platforms
from monitor.console.access import Analyst, Approver, PartsOf, Person, Viewer, form_of
from monitor.console.cards import history, parse_amount
from monitor.console.fields import Id, text_field, whole_number
from monitor.console.guard import Problem
from monitor.console.view import back_to, page
from monitor.daemon import Parts
from monitor.registry.pictures import PICTURES, register_picture
from monitor.registry.rights import new_right, prove_publication
from storage import tables
from storage.errors import NotFound
from storage.inbox import Owners
from storage.rights import add_right, right_states, rights_of, set_right_state, shown_rights
from storage.search import found_by
from storage.works import edit_work, get_work, remove_work, shown_references

router = APIRouter(include_in_schema=False)
_ON_A_PAGE = 60
_MOST_RIGHTS, _WORKS_OF_A_RIGHT = 200, 5  # shown below the works


@router.get("/works")
async def works(request: Request, parts: PartsOf, person: Viewer) -> Response:
    """The catalogue."""
    at = whole_number(request.query_params, "page") or 1
    wanted = text_field(request.query_params, "text", 100)
    async with parts.database.read(brief=True) as session:
        rows = await _catalogue(session, person.owners, wanted, at)
        owners = await owners_of(session, person)
        rights = await shown_rights(session, person.owners, _MOST_RIGHTS, _WORKS_OF_A_RIGHT)
    more = len(rows) > _ON_A_PAGE
    return await page(
        request, "works.html", person, rows=rows[:_ON_A_PAGE], owners=owners, rights=rights, at=at, more=more,
        wanted=wanted,
    )  # fmt: skip


@router.post("/works")
async def upload(request: Request, parts: PartsOf, person: Analyst) -> Response:
    """Take pictures in: each a work named after its file, or all one work of the given title."""
    form = await form_of(request)
    title = text_field(form, "title", 200) or None
    async with parts.database.read(brief=True) as session:
        owner = await owner_of(session, person, whole_number(form, "owner"))
    return await _take_in(request, parts, person, owner, title, "/works")


@router.get("/works/{work_id}")
async def work(request: Request, parts: PartsOf, person: Viewer, work_id: Id) -> Response:
    """One work: its pictures, rights, and what happened to it."""
    async with parts.database.read(brief=True) as session:
        found = await seen_work(session, work_id, person.owners)
        pictures = await shown_references(session, work_id)
        rights = [(right, await right_states(session, right.id)) for right in await rights_of(session, work_id)]
        answers = select(tables.Alert.answer, func.count()).where(tables.Alert.work_id == work_id)
        counts = dict((await session.execute(answers.group_by(tables.Alert.answer))).all())
        entries = await history(session, f"work {work_id}", 20)
    return await page(
        request, "work.html", person, work=found, pictures=pictures, rights=rights, counts=counts, entries=entries,
        platforms=platforms(), states_known=list(RightState), checklist=_checklist(found, pictures, rights),
    )  # fmt: skip


@router.post("/works/{work_id}/pictures")
async def add_pictures(request: Request, parts: PartsOf, person: Analyst, work_id: Id) -> Response:
    """Further pictures of one work."""
    async with parts.database.read(brief=True) as session:
        found = await seen_work(session, work_id, person.owners)
        owner = await session.get_one(tables.Owner, found.owner_id)
    return await _take_in(request, parts, person, owner, found.title, f"/works/{work_id}")


@router.post("/works/{work_id}/edit")
async def edit(request: Request, parts: PartsOf, person: Analyst, work_id: Id) -> Response:
    """Another title, or what the genuine article costs."""
    form = await form_of(request)
    price, currency = text_field(form, "price", 20), text_field(form, "currency", 3).upper()
    amount = parse_amount(price) if price else None
    if price and (amount is None or len(currency) != 3 or not currency.isascii() or not currency.isalpha()):
        raise Problem(422, "price: write an amount, and its currency as EUR")
    async with parts.database.write("work edited") as session:
        await seen_work(session, work_id, person.owners)
        await edit_work(
            session, work_id, parts.clock.now(), person.name, title=text_field(form, "title", 200) or None,
            reference_price=amount, currency=currency if amount is not None else None,
        )  # fmt: skip
    return back_to(f"/works/{work_id}")


@router.post("/works/{work_id}/remove")
async def remove(parts: PartsOf, person: Analyst, work_id: Id) -> Response:
    """Stop looking for a work."""
    async with parts.database.write("work removed") as session:
        await seen_work(session, work_id, person.owners)
        await remove_work(session, work_id, parts.clock.now(), person.name)
    return back_to("/works")


@router.post("/works/{work_id}/rights")
async def register_copyright(request: Request, parts: PartsOf, person: Analyst, work_id: Id) -> Response:
    """Register the copyright of a work that no register knows, with its first publication."""
    form = await form_of(request)
    try:
        published = date.fromisoformat(text_field(form, "published", 10))
    except ValueError:
        raise Problem(422, "published: write the day as 2026-12-31") from None
    async with parts.database.write("right added") as session:
        found = await seen_work(session, work_id, person.owners)
        owner = await session.get_one(tables.Owner, found.owner_id)
        first = FirstPublication(published, text_field(form, "place", 200), text_field(form, "url", 2000) or None)
        now = parts.clock.now()
        given = {"first_publication": first}
        row = new_right(RightKind.COPYRIGHT_UNREGISTERED, owner, [found], given, now.date())
        stored = await add_right(session, now, person.name, row, [work_id])
        await prove_publication(session, now, person.name, stored, [found])
    return back_to(f"/works/{work_id}")


@router.post("/rights/{right_id}/state")
async def right_state(request: Request, parts: PartsOf, person: Approver, right_id: Id) -> Response:
    """Record how far a platform has approved a right."""
    form = await form_of(request)
    platform, state = text_field(form, "platform", 100), text_field(form, "state", 40)
    if platform not in platforms() or state not in list(RightState):
        raise Problem(422, "choose a platform and a state")
    async with parts.database.write("right state set") as session:
        right = await session.get(tables.Right, right_id)
        if right is None or (person.owners is not None and right.owner_id not in person.owners):
            raise NotFound(f"no right {right_id}")
        note, now = text_field(form, "note", 500), parts.clock.now()
        await set_right_state(session, right_id, platform, state, note, now, person.name)
    work_id = whole_number(form, "work")
    return back_to(f"/works/{work_id}" if work_id else "/works")


async def seen_work(session: AsyncSession, work_id: int, owners: Owners) -> tables.Work:
    """A work of one of these owners.

    Raises:
        NotFound: There is none.
    """
    found = await get_work(session, work_id)
    if owners is not None and found.owner_id not in owners:
        raise NotFound(f"no work {work_id}")
    return found


async def owners_of(session: AsyncSession, person: Person) -> list[tables.Owner]:
    """The rights holders whose data a person sees."""
    owners = select(tables.Owner).order_by(tables.Owner.id)
    if person.owners is not None:
        owners = owners.where(tables.Owner.id.in_(person.owners))
    return list(await session.scalars(owners))


async def owner_of(session: AsyncSession, person: Person, owner_id: int) -> tables.Owner:
    """The rights holder of that id, or the first that a person sees where none is named.

    Raises:
        Problem: There is none yet.
        NotFound: They do not see that one.
    """
    known = {owner.id: owner for owner in await owners_of(session, person)}
    if not known:
        raise Problem(409, "say first whose works they are: the start page asks for the rights holder")
    if owner_id and owner_id not in known:
        raise NotFound(f"no rights holder {owner_id}")
    return known[owner_id] if owner_id else next(iter(known.values()))


async def _catalogue(session: AsyncSession, owners: Owners, wanted: str, at: int) -> list[Any]:
    """(work, its first picture's id, pictures, weak ones, rights, open alerts), one more than a page holds."""
    of_work = tables.Work.id
    first = select(func.min(tables.Reference.id)).where(tables.Reference.work_id == of_work).scalar_subquery()
    pictures = select(func.count()).where(tables.Reference.work_id == of_work).scalar_subquery()
    weak = select(func.count()).where(tables.Reference.work_id == of_work, tables.Reference.weak.is_not(None))
    rights = select(func.count()).where(tables.RightWork.work_id == of_work).scalar_subquery()
    alerts = (
        select(func.count())
        .where(tables.Alert.work_id == of_work, tables.Alert.answer.is_(None), tables.Alert.suppressed.is_(None))
        .scalar_subquery()
    )
    rows = select(tables.Work, first, pictures, weak.scalar_subquery(), rights, alerts).where(
        tables.Work.removed_at.is_(None)
    )
    if owners is not None:
        rows = rows.where(tables.Work.owner_id.in_(owners))
    if wanted:
        rows = rows.where(found_by(session, tables.Work, wanted))
    rows = rows.order_by(tables.Work.id.desc()).offset((at - 1) * _ON_A_PAGE).limit(_ON_A_PAGE + 1)
    return list((await session.execute(rows)).all())


def _checklist(work: tables.Work, pictures: Sequence[Any], rights: Sequence[Any]) -> list[tuple[str, bool]]:
    """What a complaint about this work will need, and whether it is there."""
    verified = any(state.state == RightState.VERIFIED for _, states in rights for state in states.values())
    return [
        ("a picture that shows the whole work", bool(pictures)),
        ("a second picture, such as the goods themselves", len(pictures) > 1),
        ("a picture by which copies can be told", any(one.weak is None for one in pictures)),
        ("a right that protects it", bool(rights)),
        ("the right approved at a platform", verified),
        ("what the genuine article costs", work.reference_price is not None),
    ]


async def _take_in(
    request: Request, parts: Parts, person: Person, owner: tables.Owner, title: str | None, following: str
) -> Response:
    files = [part for part in (await form_of(request)).getlist("pictures") if isinstance(part, UploadFile)]
    refused, new = [], 0
    with tempfile.TemporaryDirectory(prefix="bazaarwatch-upload-") as folder:
        for part in files:
            name = _plain_name(part.filename or "")
            if name is None:
                refused.append(f"{part.filename or 'a file'}: no picture; JPEG, PNG, WebP, GIF and AVIF are read")
                continue
            file = Path(folder) / name
            await asyncio.to_thread(file.write_bytes, await part.read())
            intake = await register_picture(parts, file, owner, title, person.name)
            new += intake.new
            if intake.refused:
                refused.append(f"{name}: {intake.refused}")
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"new": new, "refused": refused})
    if refused:
        raise Problem(422, f"{new} added; refused: {'; '.join(refused)}")
    if not files:
        raise Problem(422, "choose pictures first")
    return back_to(following)


def _plain_name(name: str) -> str | None:
    """A file name of our own making: its last part without what file systems or people could stumble over."""
    stem = "".join(sign for sign in Path(name.replace("\\", "/")).name if sign.isprintable() and sign not in '<>:"|?*')
    suffix = Path(stem).suffix.lower()
    return f"{Path(stem).stem[:80] or 'picture'}{suffix}" if suffix in PICTURES else None
