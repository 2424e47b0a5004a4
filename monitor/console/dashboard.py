"""The dashboard: charts with their numbers beneath, each with its query, the rows behind it, and a CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from monitor.console import charts
from monitor.console.access import PartsOf, Person, Viewer
from monitor.console.fields import text_field, whole_number
from monitor.console.kept import Kept
from monitor.console.view import address, environment, page
from monitor.daemon import Parts
from monitor.text import csv_cell
from storage import tables
from storage.errors import NotFound
from storage.inbox import Owners, views_of
from storage.statistics import Answered, Question, answer, questions, rows_behind

router = APIRouter(include_in_schema=False)
PERIODS = (7, 30, 90, 365)
_DAYS = 90  # where nothing else is asked for
_ROWS = 100  # on a page


@router.get("/dashboard")
async def dashboard(request: Request, parts: PartsOf, person: Viewer) -> Response:
    """Numbers of a period, as charts and tables."""
    days = _days(request)
    found = await counted(request.app.state.kept, parts, person.owners, days)
    return await page(request, "dashboard.html", person, days=days, periods=PERIODS, at=found.at, numbers=found.drawn)


@router.get("/dashboard/{name}/rows")
async def rows(request: Request, parts: PartsOf, person: Viewer, name: str) -> Response:
    """What one number of the dashboard counts, by the query of the number itself."""
    given, question = request.query_params, _question(person, name)
    try:
        until = datetime.fromisoformat(given.get("until", ""))
    except ValueError:
        until = parts.clock.now()
    until = until if until.tzinfo else parts.clock.now()
    keys = [text_field(given, f"key{place}", 300) for place in range(len(question.keys))]
    since = until - timedelta(days=_days(request))
    async with parts.database.read() as session:
        below = whole_number(given, "below")
        ids = await rows_behind(session, question, keys, person.owners, since, until, _ROWS + 1, below)
        subjects = await _subjects(session, question.subject, ids[:_ROWS])
    named = list(zip((key.name for key in question.keys), keys, strict=True))
    return await page(
        request, "rows.html", person, question=question, keys=named, ids=ids[:_ROWS], subjects=subjects,
        following=address(request.url.path, **dict(given) | {"below": ids[_ROWS - 1]}) if len(ids) > _ROWS else "",
    )  # fmt: skip


async def _subjects(session: AsyncSession, kind: str, ids: Sequence[int]) -> dict[int, Any]:
    """Alerts, complaints, captures or works by their ids."""
    if kind == "alert":
        return dict(await views_of(session, ids))
    table: Any = {"complaint": tables.Complaint, "capture": tables.Capture, "work": tables.Work}[kind]
    return {row.id: row for row in await session.scalars(select(table).where(table.id.in_(ids)))}


def _question(person: Person, name: str) -> Question:
    known = questions(person.owners)
    if name not in known:
        raise NotFound(f"no such table; there are {', '.join(known)}")
    return known[name]


@router.get("/dashboard/{name}.csv")
async def as_csv(request: Request, parts: PartsOf, person: Viewer, name: str) -> Response:
    """One table of the dashboard for a spreadsheet."""
    question = _question(person, name)
    known = await counted(request.app.state.kept, parts, person.owners, _days(request))
    found = next(one for one in known.answered if one.question.name == question.name)
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(question.columns)
    writer.writerows([csv_cell(cell) if isinstance(cell, str) else cell for cell in row] for row in found.rows)
    named = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return Response(file.getvalue().encode("utf-8-sig"), headers=named, media_type="text/csv; charset=utf-8")


def _days(request: Request) -> int:
    asked = whole_number(request.query_params, "days")
    return asked if asked in PERIODS else _DAYS


@dataclass(frozen=True, slots=True)
class Counted:
    """What is shown of a period: counted at a time, and drawn once for all readers."""

    at: datetime
    answered: Sequence[Answered]
    drawn: Markup


async def counted(kept: Kept, parts: Parts, owners: Owners, days: int = _DAYS) -> Counted:
    """The numbers of the days before now; many readers cost as much as one."""

    async def count() -> Counted:
        until = parts.clock.now()
        since = until - timedelta(days=days)
        async with parts.database.read() as session:
            asked = questions(owners).values()
            answered = [await answer(session, question, owners, since, until) for question in asked]
        return Counted(until, answered, _drawn(answered, days, until))

    return await kept.get(("dashboard", owners, days), count)


def _drawn(answered: Sequence[Answered], days: int, at: datetime) -> Markup:
    """Figures, charts and tables as a part of a page."""
    shown = [
        (one, chart(one), charts.key(charts.kinds_of(one.rows)) if one.question.chart == "stacked" else "")
        for one in answered
        if one.question.keys
    ]

    def behind(question: Question, row: Sequence[Any]) -> str:
        keys = {f"key{place}": str(value) for place, value in enumerate(row[: len(question.keys)])}
        return f"/dashboard/{question.name}/rows?{urlencode({'days': days, 'until': at.isoformat(), **keys})}"

    figures = [one for one in answered if not one.question.keys]
    template = environment().get_template("numbers.html")
    return Markup(template.render(shown=shown, figures=figures, behind=behind, days=days))  # noqa: S704 - a template's


def chart(one: Answered) -> Markup:
    """A question's rows as a drawing."""
    if one.question.chart == "stacked":
        return charts.stacked(one.rows)
    if one.question.chart == "survival":
        return charts.survival(still_down(one.rows))
    columns = one.question.columns
    name, count = (1, -1) if columns[1] in ("name", "title") else (0, 1)
    return charts.bars([(str(row[name]), row[count]) for row in one.rows])


def still_down(rows: Sequence[tuple[int, int, int]]) -> list[tuple[float, float]]:
    """The share of removed listings still down after so many days (Kaplan and Meier, 1958).

    Args:
        rows: (days under observation, 1 if it came back then, how many), by days.
    """
    left, share = sum(count for _, _, count in rows), 1.0
    points = [(0.0, 1.0)]
    for days in sorted({row[0] for row in rows}):
        back = sum(count for at, came_back, count in rows if at == days and came_back)
        share *= 1 - back / left
        points.append((float(days), share))
        left -= sum(count for at, _, count in rows if at == days)
    return points
