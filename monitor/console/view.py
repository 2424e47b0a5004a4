"""What every page is made with: templates that escape and show what hides, words, numbers, addresses."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from monitor.console.access import Person, Role, get_parts
from monitor.console.kept import Kept
from monitor.console.words import words
from monitor.text import clip, link, utc, visible
from storage.inbox import Filters, count_alerts

_COUNTS = "alerts by priority"


@cache
def environment() -> Environment:
    """The pages under ``templates``: escaped everywhere, and every text shown by ``visible``."""
    made = Environment(
        loader=PackageLoader("monitor.console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_show,
    )
    made.globals.update(_=words, link=link, static=static, address=address, Role=Role)
    made.filters.update(
        code=code, clip=clip, utc=utc, exact=escape, n=number, ago=ago, day=day, money=money, short=short, words=_spaced
    )
    return made


async def page(request: Request, template: str, person: Person | None, /, status: int = 200, **values: Any) -> Response:
    """A page as HTML."""
    if person is not None:
        values["open_alerts"] = sum((await counts(request, person, Filters())).values())
    return part(request, template, person, status, **values)


def part(request: Request, template: str, person: Person | None, /, status: int = 200, **values: Any) -> Response:
    """A part of a page as HTML, which the script puts into one."""
    values |= {"person": person, "path": request.url.path, "now": get_parts(request).clock.now()}
    return HTMLResponse(environment().get_template(template).render(values), status)


async def counts(request: Request, person: Person, filters: Filters) -> Mapping[str, int]:
    """How many alerts the filters let by, by priority; of a large database some seconds old."""
    parts = get_parts(request)

    async def count() -> Mapping[str, int]:
        async with parts.database.read() as session:
            return await count_alerts(session, filters, person.owners, parts.clock.now())

    kept: Kept = request.app.state.kept
    return await kept.get((_COUNTS, person.owners, filters), count)


def forget_counts(request: Request) -> None:
    """Count the open alerts anew for the next page: something was decided."""
    request.app.state.kept.forget(_COUNTS)


def back_to(path: str, **query: object) -> Response:
    """Send the browser on after a form was taken."""
    return RedirectResponse(address(path, **query), 303)


def address(path: str, **query: object) -> str:
    """An address of ours with the values that are not empty."""
    given = {name: value for name, value in query.items() if value not in (None, "", 0)}
    place, hash_, part = path.partition("#")
    return quote(place) + (f"?{urlencode(given)}" if given else "") + hash_ + part


def own_path(text: str) -> str:
    """A path of ours to go on to, as a request named it; the start page where it leads elsewhere."""
    plain = text.isascii() and text.isprintable() and "\\" not in text
    return text if plain and text.startswith("/") and not text.startswith("//") else "/"


@cache
def static(name: str) -> str:
    """The address of a file under ``static``, which changes with its content, so that browsers may keep it."""
    data = (resources.files("monitor.console") / "static" / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(data).hexdigest()[:12]}"


def code(text: str) -> Markup:
    """A text in which what stands between backticks is what one types."""
    shown = [escape(visible(part)) for part in text.split("`")]
    shown[1::2] = [Markup("<code>{}</code>").format(part) for part in shown[1::2]]
    return Markup("").join(shown)


def number(value: float | Decimal) -> str:
    """A number as people read it."""
    return f"{value:,}"


def money(amount: Decimal | None, currency: str | None) -> str:
    """An amount with its currency."""
    return words("no price") if amount is None else f"{amount:,f} {currency or ''}".strip()


def day(at: datetime | None) -> str:
    """A time's day, UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d}" if at else "–"


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago, or until when, in one unit."""
    if at is None:
        return words("never")
    seconds = (now - at).total_seconds()
    units = ((86400 * 2, 86400, "days"), (3600 * 2, 3600, "hours"), (120, 60, "minutes"))
    size, name = next(((size, name) for least, size, name in units if abs(seconds) >= least), (0, ""))
    if not size:
        return words("just now") if seconds >= 0 else words("in a moment")
    count = int(abs(seconds) // size)
    return words(f"{{count}} {name} ago" if seconds > 0 else f"in {{count}} {name}", count=count)


def short(text: str) -> str:
    """A text for one line of a table."""
    return clip(text, 120)


def _spaced(text: str) -> str:
    return text.replace("_", " ").replace("-", " ")


def _show(value: object) -> object:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
