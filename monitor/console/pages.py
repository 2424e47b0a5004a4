"""Pages that a person's browser sends in: rendered HTML and the pictures it shows, read like saved ones."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from monitor.console.guard import Problem
from monitor.daemon import Parts
from monitor.errors import FetchError
from monitor.evidence.capture import media_type
from monitor.gate import read_url
from monitor.importing import Imported, keep_page
from monitor.marketplaces.base import Page
from monitor.marketplaces.images import full_size
from monitor.marketplaces.shops import under_its_shop
from monitor.saved.pictures import CarriedPictures, pictures_for

Examine = Callable[[Sequence[int]], Awaitable[None]]
MOST_PICTURES = 400
_LARGEST_PAGE = 20_000_000
_LARGEST_PICTURE = 10_000_000
_PATIENCE_S = 120.0  # for the whole request to arrive
_CLOCKS_DIFFER = timedelta(minutes=5)
_OLDEST = timedelta(days=1)
_UTF_8 = {"content-type": "text/html; charset=utf-8"}


class Facts(BaseModel):
    """What the browser says of a page: part ``page`` of the request, as JSON.

    ``pictures`` are the absolute addresses of the parts named ``picture``, in their order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(max_length=8192)
    captured_at: AwareDatetime
    user_agent: str = Field("", max_length=1000)
    pictures: tuple[str, ...] = Field((), max_length=MOST_PICTURES)


@dataclass(frozen=True, slots=True)
class Sent:
    """A page as sent, and the bytes of its pictures by address."""

    page: Page
    pictures: Mapping[str, bytes]
    facts: Facts


async def read_sent(request: Request, now: datetime) -> Sent:
    """The page in a multipart request.

    Raises:
        Problem: It is none, it is not whole, or a part is too large.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Problem(415, "send multipart/form-data with the parts page, html and picture")
    try:
        async with asyncio.timeout(_PATIENCE_S):
            async with request.form(max_files=MOST_PICTURES + 2, max_fields=1) as form:
                return await _sent(form, now)
    except TimeoutError:
        raise Problem(408, f"the request did not arrive within {_PATIENCE_S:g} s") from None
    except HTTPException as error:  # Starlette's word for a malformed form
        raise Problem(error.status_code, str(error.detail)) from None


async def _sent(form: FormData, now: datetime) -> Sent:
    facts = _facts(form.get("page"))
    html, pictures = form.getlist("html"), form.getlist("picture")
    if len(html) != 1:
        raise Problem(422, "html: there must be exactly one")
    if len(pictures) != len(facts.pictures):
        raise Problem(422, f"picture: {len(pictures)} parts came, but page.pictures names {len(facts.pictures)}")
    try:
        url = read_url(facts.url).url
    except FetchError as error:
        raise Problem(422, f"page.url: {error}") from None
    body = await _bytes("html", html[0], _LARGEST_PAGE)
    found = {
        address: await _bytes("picture", part, _LARGEST_PICTURE)
        for address, part in zip(facts.pictures, pictures, strict=True)
    }
    screenshot = [await _bytes("screenshot", part, _LARGEST_PICTURE) for part in form.getlist("screenshot")[:1]]
    if screenshot and not media_type(screenshot[0]).startswith("image/"):
        raise Problem(422, "screenshot: it is no picture")
    # The browser's clock says when the page was seen, unless it is plainly wrong.
    sane = now - _OLDEST <= facts.captured_at <= now + _CLOCKS_DIFFER
    seen_at = min(facts.captured_at, now) if sane else now
    page = Page(url, body, headers=_UTF_8, fetched_at=seen_at, screenshot=screenshot[0] if screenshot else None)
    return Sent(page, found, facts)


def _facts(part: UploadFile | str | None) -> Facts:
    if not isinstance(part, str):
        raise Problem(422, "page: a JSON object is missing")
    try:
        return Facts.model_validate_json(part)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Problem(422, f"page.{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


async def _bytes(name: str, part: UploadFile | str, largest: int) -> bytes:
    if isinstance(part, str):
        raise Problem(422, f"{name}: must be sent as a file")
    if part.size is None or part.size > largest:
        raise Problem(413, f"{name}: more than {largest} bytes are not taken")
    return await part.read()


async def take(parts: Parts, sent: Sent, actor: str) -> Imported:
    """Keep a page and the pictures of its listings, record what it says; what is new waits to be examined.

    Sent twice it is one capture, and its listings are one each.
    """
    page = sent.page
    parsed = under_its_shop(await parts.sandbox.parse(page, None), page.url, parts.marketplaces)
    carried = CarriedPictures(page.url, _in_every_size(sent.pictures))
    found = {
        (listing.listing_id, address): await parts.blobs.put(data)
        for listing in parsed.listings
        for address, data in pictures_for(listing, parsed, carried.find).items()
    }
    facts = {
        "url": page.url,
        "captured_at": sent.facts.captured_at.isoformat(),
        "user_agent": sent.facts.user_agent,
    }
    recorded = await keep_page(parts, page, parsed, found, actor, facts)
    return Imported(
        page.url, parsed.outcome, parsed.marketplace, recorded.seen, len(recorded.new), len(found), parsed.reason
    )


def _in_every_size(pictures: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same, findable also by the address of their full size, which a page's data often names instead."""
    largest: dict[str, bytes] = {}
    for url, data in pictures.items():
        full = full_size(url)
        if len(data) > len(largest.get(full, b"")):
            largest[full] = data
    return largest | dict(pictures)
