"""The application: its routes, and what each asks of the parts."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from sqlalchemy import text
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from detectors.model import Outcome
from monitor.about import VERSION
from monitor.console.guard import Guard, Problem, as_problem
from monitor.console.pages import read_sent, take
from monitor.daemon import Parts
from storage.tokens import find_token

Examine = Callable[[Sequence[int]], Awaitable[None]]

_logger = logging.getLogger(__name__)
_AT_ONCE = 2  # pages read at a time: each may take `console.max_bytes` of memory
_LEAST_FREE_BYTES = 512 << 20
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["page", "html"],
                    "properties": {
                        "page": {"type": "string", "contentMediaType": "application/json"},
                        "html": {"type": "string", "format": "binary"},
                        "picture": {"type": "array", "items": {"type": "string", "format": "binary"}},
                    },
                }
            }
        },
    }
}
_bearer = HTTPBearer(auto_error=False, description="A token of `bazaarwatch token add`.")
_Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


class Read(BaseModel):
    """What was read from a page."""

    outcome: Outcome
    marketplace: str
    listings: int
    new: int
    pictures: int
    reason: str


class Known(BaseModel):
    """Under which name a token is known."""

    name: str


def make_app(parts: Parts, examine: Examine) -> FastAPI:
    """The application over running parts.

    Args:
        parts: The database, blobs and sandbox that it works with.
        examine: Told of listings (by row id) that wait to be examined; must return at once.
    """
    app = FastAPI(
        title="Bazaarwatch", version=VERSION, docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json"
    )
    app.add_exception_handler(Problem, as_problem)
    app.add_exception_handler(HTTPException, _plain_refusal)
    app.add_exception_handler(Exception, _fault)
    console = parts.settings.console
    app.add_middleware(Guard, names=(console.host, *console.names), max_bytes=console.max_bytes)
    turns = asyncio.Semaphore(_AT_ONCE)

    @app.get("/health")
    async def health() -> JSONResponse:
        """Whether the database answers and there is room for what comes in; 503 where not."""
        faults = await _faults(parts)
        content = {"status": "degraded" if faults else "ok", "version": VERSION, "faults": faults}
        return JSONResponse(content, 503 if faults else 200)

    @app.get("/api/v1/token")
    async def token(credentials: _Bearer) -> Known:
        """The name of the token that came along."""
        return Known(name=await _caller(parts, credentials))

    @app.post("/api/v1/pages", openapi_extra=_FORM)
    async def pages(request: Request, credentials: _Bearer) -> Read:
        """Take in a page as a browser shows it: part ``page`` says what the other parts are."""
        name = await _caller(parts, credentials)
        async with turns:
            sent = await read_sent(request, parts.clock.now())
            imported = await take(parts, sent, f"token {name}")
        await examine(imported.listing_keys)
        facts = {"token": name, "url": imported.source, "outcome": imported.outcome, "new": imported.new}
        _logger.info("page sent in", extra=facts)
        return Read(
            outcome=imported.outcome,
            marketplace=imported.marketplace,
            listings=len(imported.listing_keys),
            new=imported.new,
            pictures=imported.pictures,
            reason=imported.reason,
        )

    return app


async def _caller(parts: Parts, credentials: HTTPAuthorizationCredentials | None) -> str:
    """The name of the token that came along.

    Raises:
        Problem: None did, or it opens nothing.
    """
    challenge = {"www-authenticate": "Bearer"}
    if credentials is None:
        raise Problem(401, "a token is needed: `bazaarwatch token add NAME` makes one", challenge)
    async with parts.database.write("token used") as session:
        known = await find_token(session, credentials.credentials)
        if known is not None:
            known.used_at = parts.clock.now()
            return known.name
    raise Problem(401, "this token is unknown or was revoked: `bazaarwatch token add NAME` makes one", challenge)


async def _faults(parts: Parts) -> list[str]:
    faults = []
    try:
        async with asyncio.timeout(5), parts.database.read() as session:
            await session.execute(text("SELECT 1"))
    except Exception:
        _logger.exception("database does not answer")
        faults.append("the database does not answer")
    if (await asyncio.to_thread(shutil.disk_usage, parts.settings.data_dir)).free < _LEAST_FREE_BYTES:
        faults.append(f"less than {_LEAST_FREE_BYTES >> 20} MB are free in the data folder")
    return faults


async def _plain_refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
    return Problem(error.status_code, str(error.detail), error.headers).response()


async def _fault(_: Request, error: Exception) -> Response:
    _logger.error("request failed", exc_info=error)
    return Problem(500, "this is a fault of Bazaarwatch; its log says more").response()
