"""The application: what every request passes, and the routers that answer it."""

from __future__ import annotations

import asyncio
import getpass
import logging
from collections.abc import Awaitable, Callable, Sequence

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy import select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from monitor.about import VERSION
from monitor.complaints.packs import platforms, policy
from monitor.console import (
    audit,
    complaints,
    dashboard,
    decisions,
    health,
    inbox,
    jobs,
    mails,
    marketplaces,
    ownshop,
    pictures,
    readiness,
    reviewers,
    rules,
    searches,
    sellers,
    sessions,
    settings,
    sso,
    start,
    works,
)
from monitor.console.access import SignInNeeded, person_of
from monitor.console.api import routers as api_routers
from monitor.console.guard import Guard, Problem
from monitor.console.kept import Kept
from monitor.console.leaving import Leavings
from monitor.console.pages import Examine
from monitor.console.passwords import Attempts
from monitor.console.view import address, environment, page
from monitor.daemon import Parts
from monitor.errors import MonitorError
from storage.errors import NotFound, Refused, StaleState, StorageError
from storage.tables import Complaint

_logger = logging.getLogger(__name__)
Search = Callable[[Sequence[int]], Awaitable[None]]
_MACHINES = ("/api/", "/health", "/metrics")
_NOUNS = (
    *(
        start,
        sessions,
        sso,
        inbox,
        decisions,
        complaints,
        mails,
        ownshop,
        works,
        readiness,
        sellers,
        searches,
        marketplaces,
        jobs,
    ),
    *(rules, reviewers, audit, settings, dashboard, pictures, health),
)


def make_app(parts: Parts, examine: Examine, search: Search | None = None) -> FastAPI:
    """The application over running parts.

    Args:
        parts: The database, blobs and sandbox that it works with.
        examine: Told of listings (by row id) that wait to be examined; must return at once.
        search: Told of searches (by row id) that a person wants to run now, likewise; none: others see what is due.
    """
    app = FastAPI(
        title="Bazaarwatch", version=VERSION, docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json"
    )
    app.state.parts, app.state.examine, app.state.search = parts, examine, search
    app.state.attempts, app.state.local_name = Attempts(), getpass.getuser()
    app.state.leavings = Leavings(parts)
    app.state.kept, app.state.shop = Kept(parts.clock), None
    app.state.sso = sso.SingleSignOn(parts) if parts.settings.sso.issuer else None
    for kind, handler in (
        (Problem, _refused),
        (StorageError, _refused),
        (MonitorError, _refused),
        (HTTPException, _refused),
        (RequestValidationError, _refused),
        (SignInNeeded, _sign_in),
        (Exception, _fault),
    ):
        app.add_exception_handler(kind, handler)
    console = parts.settings.console
    app.add_middleware(Guard, names=(console.host, *console.names), max_bytes=console.max_bytes)
    app.mount("/static", _Static(packages=[("monitor.console", "static")]))
    for noun in _NOUNS:
        app.include_router(noun.router)
    for router in api_routers:
        app.include_router(router)
    return app


async def warm(app: FastAPI) -> None:
    """Count what takes long to count, and make what pages are made with, so that not even the first reader waits."""
    kept, parts = app.state.kept, app.state.parts
    await dashboard.counted(kept, parts, None)
    await sellers.counted(kept, parts, None)
    async with parts.database.read(brief=True) as session:
        used = set(await session.scalars(select(Complaint.platform).distinct()))
    packs = parts.settings.data_dir / "policies"
    for name in used & set(platforms(packs)):
        await asyncio.to_thread(policy, name, packs)
    for name in environment().list_templates():
        await asyncio.to_thread(environment().get_template, name)


class _Static(StaticFiles):
    """Our own files; their addresses change with their content."""

    def file_response(self, *arguments: object, **named: object) -> Response:
        response = super().file_response(*arguments, **named)  # type: ignore[arg-type]
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


def problem_of(error: Exception) -> Problem:
    """What an exception tells whoever asked."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        return Problem(error.status_code, str(error.detail), error.headers)
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        return Problem(422, f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}")
    if isinstance(error, NotFound):
        return Problem(404, str(error))
    if isinstance(error, StaleState | Refused | MonitorError):
        return Problem(409, str(error))
    return Problem(500, "this is a fault of Bazaarwatch; its log says more")


async def _refused(request: Request, error: Exception) -> Response:
    problem = problem_of(error)
    if request.url.path.startswith(_MACHINES) or "application/json" in request.headers.get("accept", ""):
        return problem.response()
    person = None if problem.status in (401, 421) else await person_of(request)
    return await page(request, "refused.html", person, problem.status, problem=problem)


async def _sign_in(request: Request, _: Exception) -> Response:
    if request.method != "GET":
        return await page(request, "refused.html", None, 401, problem=Problem(401, "sign in first, then send it again"))
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(address("/login", next=asked), 303)


async def _fault(request: Request, error: Exception) -> Response:
    _logger.error("request failed", exc_info=error)
    problem = problem_of(RuntimeError())
    if request.url.path.startswith(_MACHINES):
        return problem.response()
    return await page(request, "refused.html", None, 500, problem=problem)
