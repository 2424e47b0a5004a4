"""How ready each right is to leave in a complaint: what comes next at each platform, and what waits behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from monitor.complaints.packs import platforms
from monitor.console.access import PartsOf, Viewer
from monitor.console.fields import text_field
from monitor.console.kept import Kept
from monitor.console.view import page
from monitor.registry.readiness import readiness
from storage.complaints import waiting_copies

router = APIRouter(include_in_schema=False)
_SHOWN = 100


@router.get("/readiness")
async def checklist(request: Request, parts: PartsOf, person: Viewer) -> Response:
    """The steps of every right at a platform, or at each one where there is an account or a complaint."""
    names = sorted(platforms(parts.settings.data_dir / "policies"))
    asked = text_field(request.query_params, "platform", 100)
    platform = asked if asked in names else None

    async def count() -> Mapping[int, Counter[str]]:
        async with parts.database.read() as session:
            return await waiting_copies(session)

    kept: Kept = request.app.state.kept
    rows = await readiness(parts, platform, person.owners, await kept.get(("waiting copies",), count))
    waiting_first = sorted(rows, key=lambda one: -(len(one.complaints) + one.alerts))
    return await page(
        request, "readiness.html", person, rows=waiting_first[:_SHOWN], count=len(rows), platform=platform or "",
        platforms=names,
    )  # fmt: skip
