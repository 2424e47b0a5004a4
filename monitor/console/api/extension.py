"""The endpoint of the browser extension: a page as a browser shows it."""

from __future__ import annotations

import asyncio
import logging

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request

from detectors.model import Outcome
from monitor.console.access import Bearer, PartsOf, Scope, token_of
from monitor.console.guard import Problem
from monitor.console.pages import read_sent, take

router = APIRouter(prefix="/api/v1")
_logger = logging.getLogger(__name__)
_turns = asyncio.Semaphore(2)  # pages read at a time: each may take `console.max_bytes` of memory
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


@router.get("/token")
async def token(parts: PartsOf, credentials: Bearer) -> Known:
    """The name of the token that came along."""
    return Known(name=(await token_of(parts, credentials)).name)


@router.post("/pages", openapi_extra=_FORM)
async def pages(request: Request, parts: PartsOf, credentials: Bearer) -> Read:
    """Take in a page as a browser shows it: part ``page`` says what the other parts are."""
    known = await token_of(parts, credentials)
    if Scope.PAGES not in known.scopes:
        raise Problem(403, f"this takes the scope pages; the token {known.name!r} has {', '.join(known.scopes)}")
    async with _turns:
        sent = await read_sent(request, parts.clock.now())
        imported = await take(parts, sent, f"token {known.name}")
    await request.app.state.examine(imported.listing_keys)
    facts = {"token": known.name, "url": imported.source, "outcome": imported.outcome, "new": imported.new}
    _logger.info("page sent in", extra=facts)
    return Read(
        outcome=imported.outcome,
        marketplace=imported.marketplace,
        listings=len(imported.listing_keys),
        new=imported.new,
        pictures=imported.pictures,
        reason=imported.reason,
    )
