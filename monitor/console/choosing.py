"""The works to choose from in a form: long lists are not drawn anew for every page."""

from __future__ import annotations

from markupsafe import Markup
from sqlalchemy import select
from starlette.requests import Request

from monitor.console.access import Person, get_parts
from monitor.console.kept import Kept
from monitor.text import clip, visible
from storage.tables import Work

_MOST = 500


async def works_to_choose(request: Request, person: Person, chosen: int = 0) -> Markup:
    """The watched works that a person sees as options of a choice, by title; the first hundreds of them."""
    parts = get_parts(request)

    async def draw() -> Markup:
        works = select(Work.id, Work.title).where(Work.removed_at.is_(None)).order_by(Work.title).limit(_MOST)
        if person.owners is not None:
            works = works.where(Work.owner_id.in_(person.owners))
        async with parts.database.read(brief=True) as session:
            rows = (await session.execute(works)).all()
        option = Markup('<option value="{}">{}</option>')
        return Markup("").join(option.format(row[0], visible(clip(row[1], 60))) for row in rows)

    kept: Kept = request.app.state.kept
    options = await kept.get(("works to choose", person.owners), draw)
    return options.replace(f'value="{chosen}"', f'value="{chosen}" selected') if chosen else options
