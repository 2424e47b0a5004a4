"""What every part of the API shares: problems in one form, pages of lists, requests that count once."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Header, Query
from pydantic import BaseModel, StringConstraints
from sqlalchemy import delete
from starlette.requests import Request
from starlette.responses import Response

from monitor.console.access import Person
from monitor.console.fields import LARGEST
from monitor.console.guard import Problem
from monitor.daemon import Parts
from storage.tables import KeptAnswer
from storage.upsert import upsert

_KEPT_FOR = timedelta(days=1)
_turns: defaultdict[tuple[int | None, str], asyncio.Lock] = defaultdict(asyncio.Lock)

Words = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")]
Limit = Annotated[int, Query(ge=1, le=200)]
After = Annotated[int, Query(ge=0, le=LARGEST)]
Key = Annotated[str | None, Header(alias="idempotency-key", min_length=1, max_length=200)]


class Refusal(BaseModel):
    """A problem (RFC 9457), as application/problem+json."""

    status: int
    title: str
    detail: str


PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"description": text, "content": {"application/problem+json": {"schema": Refusal.model_json_schema()}}}
    for code, text in (
        (400, "The request is no whole one."),
        (401, "No token came along, or it opens nothing."),
        (403, "The token does not open this."),
        (404, "There is no such thing among what the token sees."),
        (409, "It is in a state that does not allow this."),
        (422, "A value does not fit."),
    )
}


async def once(
    request: Request, parts: Parts, person: Person, key: str | None, work: Callable[[], Awaitable[BaseModel]]
) -> Response:
    """Do something and answer with what came of it; asked again with the same key, answer the same and do nothing.

    Raises:
        Problem: The key came before with another request.
    """
    if key is None or person.token_id is None:
        return _answer((await work()).model_dump_json())
    content = f"{request.method} {request.url.path}\n".encode() + await request.body()
    asked = hashlib.sha256(content).hexdigest()
    about = (person.token_id, key)
    async with _turns[about]:
        try:
            async with parts.database.read() as session:
                kept = await session.get(KeptAnswer, about)
            if kept is not None:
                if kept.request != asked:
                    raise Problem(422, "this idempotency key came before with another request")
                return _answer(kept.body, kept.status)
            body = (await work()).model_dump_json()
            now = parts.clock.now()
            values = {"token_id": about[0], "key": key, "request": asked, "status": 200, "body": body, "at": now}
            async with parts.database.write("answer kept") as session:
                await session.execute(delete(KeptAnswer).where(KeptAnswer.at < now - _KEPT_FOR))
                await session.execute(upsert(session, KeptAnswer).values(**values).on_conflict_do_nothing())
        finally:
            _turns.pop(about, None)
    return _answer(body)


def _answer(body: str, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")
