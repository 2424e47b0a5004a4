"""The start page: where there is nothing yet, it leads from the first design to the first search."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from sqlalchemy import func, select
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config.errors import ConfigError
from monitor.console.access import Admin, PartsOf, Viewer, form_of
from monitor.console.fields import text_field
from monitor.console.guard import Problem
from monitor.console.view import back_to, page
from monitor.errors import FetchError
from storage.audit import record
from storage.tables import Listing, Owner, Right, Search, Work
from storage.works import set_owner

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the first evening is: what there is of each."""

    owners: int
    works: int
    rights: int
    searches: int
    listings: int

    @property
    def is_begun(self) -> bool:
        """Whether the inbox is of more use than this page."""
        return bool(self.works and self.searches and self.listings)


@router.get("/")
async def home(parts: PartsOf, person: Viewer) -> Response:
    """The inbox; before there can be anything in it, the first steps."""
    progress = await _progress(parts)
    return RedirectResponse("/inbox" if progress.is_begun or not person.sees_all else "/start", 303)


@router.get("/start")
async def start(request: Request, parts: PartsOf, person: Viewer) -> Response:
    """The first steps, done and to do."""
    contact = parts.settings.fetch.contact
    async with parts.database.read(brief=True) as session:
        owners = list(await session.scalars(select(Owner).order_by(Owner.id))) if person.sees_all else []
    file = parts.settings.data_dir / "bazaarwatch.toml"
    progress = await _progress(parts)
    return await page(request, "start.html", person, progress=progress, contact=contact, owners=owners, file=str(file))


@router.post("/start/owner")
async def add_owner(request: Request, parts: PartsOf, person: Admin) -> Response:
    """Say whose works they are."""
    form = await form_of(request)
    name = text_field(form, "name", 200)
    if not name:
        raise Problem(422, "name: in whose name are complaints made?")
    facts = {field: text_field(form, field, 500) for field in ("email", "country", "address", "phone")}
    facts["kind"] = "company" if form.get("kind") == "company" else "person"
    async with parts.database.write("owner set") as session:
        await set_owner(session, parts.clock.now(), person.name, name, facts)
    return back_to("/start")


@router.post("/start/contact")
async def set_contact(request: Request, parts: PartsOf, person: Admin) -> Response:
    """Say where marketplaces can reach who asks them; from then on searches run."""
    if parts.settings.fetch.contact:
        raise Problem(409, "fetch.contact is set already: change it in the settings file, and start again")
    try:
        parts.take_contact(text_field(await form_of(request), "contact", 200))
    except (FetchError, ConfigError) as error:
        raise Problem(422, str(error)) from None
    async with parts.database.write("contact set") as session:
        facts = {"contact": parts.settings.fetch.contact}
        await record(session, parts.clock.now(), person.name, "contact set", "setting fetch.contact", facts)
    return back_to("/start")


async def _progress(parts: PartsOf) -> Progress:
    async with parts.database.read(brief=True) as session:
        counts = [
            await session.scalar(select(func.count()).select_from(table.limit(1).subquery())) or 0
            for table in (
                select(Owner.id),
                select(Work.id).where(Work.removed_at.is_(None)),
                select(Right.id),
                select(Search.id).where(Search.removed_at.is_(None)),
                select(Listing.id),
            )
        ]
    return Progress(*counts)
