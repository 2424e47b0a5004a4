"""Pictures for people's eyes: encoded anew in a limited child and kept on disk; never a stranger's bytes."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from detectors.errors import DetectorError
from monitor.console.access import PartsOf, Viewer
from monitor.daemon import Parts
from monitor.errors import SandboxError
from monitor.evidence.comparing import as_found
from storage import tables
from storage.alerts import matches_of
from storage.errors import NotFound
from storage.inbox import Owners, owned
from storage.works import get_reference

router = APIRouter(include_in_schema=False)
SIZES = (96, 320, 720)
_FOLDER = "cache"
_KEEP = {"cache-control": "private, max-age=604800, immutable"}
Size = Annotated[int, Query(ge=SIZES[0], le=SIZES[-1])]


@router.get("/works/{work_id}/references/{reference_id}/picture")
async def reference_picture(
    request: Request, parts: PartsOf, person: Viewer, work_id: int, reference_id: int, size: Size = 320
) -> Response:
    """A picture of a work."""
    async with parts.database.read(brief=True) as session:
        sha256 = await _reference(session, work_id, reference_id, person.owners)
    return await _answer(request, parts, sha256, size)


@router.get("/alerts/{alert_id}/pictures/{sha256}")
async def listing_picture(
    request: Request, parts: PartsOf, person: Viewer, alert_id: int, sha256: str, size: Size = 320
) -> Response:
    """A picture of a listing that an alert is about."""
    async with parts.database.read(brief=True) as session:
        alert = await seen_alert(session, alert_id, person.owners)
        of_listing = tables.ListingPicture.listing_key == alert.listing_key
        found = select(tables.ListingPicture.id).where(of_listing, tables.ListingPicture.sha256 == sha256).limit(1)
        matched = select(tables.Match.id).where(
            tables.Match.listing_key == alert.listing_key, tables.Match.sha256 == sha256
        )
        if await session.scalar(found) is None and await session.scalar(matched.limit(1)) is None:
            raise NotFound(f"alert {alert_id} has no such picture")
    return await _answer(request, parts, sha256, size)


@router.get("/alerts/{alert_id}/comparison")
async def comparison(request: Request, parts: PartsOf, person: Viewer, alert_id: int) -> Response:
    """Reference and picture with the points that match, and both laid over each other."""
    async with parts.database.read(brief=True) as session:
        alert = await seen_alert(session, alert_id, person.owners)
        match = next((one for one in await matches_of(session, alert) if one.facts.get("placement")), None)
        if match is None:
            raise NotFound(f"no finding of alert {alert_id} says where the work lies in the picture")
        reference = await get_reference(session, match.reference_id)

    async def draw() -> bytes:
        pictures = await parts.blobs.get(reference.sha256), await parts.blobs.get(match.sha256)
        return await parts.sandbox.comparison(*pictures, as_found(match))

    name = hashlib.sha256(f"{reference.sha256}:{match.sha256}:{match.facts}".encode()).hexdigest()
    return await _cached(request, parts, f"{name}-points", "image/png", draw)


async def seen_alert(session: AsyncSession, alert_id: int, owners: Owners) -> tables.Alert:
    """An alert on one of these owners' works.

    Raises:
        NotFound: There is none.
    """
    alert = await session.scalar(select(tables.Alert).where(tables.Alert.id == alert_id, *owned(owners)))
    if alert is None:
        raise NotFound(f"no alert {alert_id}")
    return alert


async def _reference(session: AsyncSession, work_id: int, reference_id: int, owners: Owners) -> str:
    found = (
        select(tables.Reference.sha256)
        .join(tables.Work)
        .where(tables.Reference.id == reference_id, tables.Work.id == work_id)
    )
    if owners is not None:
        found = found.where(tables.Work.owner_id.in_(owners))
    sha256 = await session.scalar(found)
    if sha256 is None:
        raise NotFound(f"work {work_id} has no picture {reference_id}")
    return sha256


async def _answer(request: Request, parts: Parts, sha256: str, size: int) -> Response:
    side_px = next(known for known in SIZES if known >= size)

    async def encode() -> bytes:
        return await parts.sandbox.thumbnail(await parts.blobs.get(sha256), side_px)

    return await _cached(request, parts, f"{sha256}-{side_px}", "image/jpeg", encode)


async def _cached(
    request: Request, parts: Parts, name: str, kind: str, make: Callable[[], Awaitable[bytes]]
) -> Response:
    """A picture made once; an empty answer of status 404 where its bytes are gone or cannot be decoded."""
    tag = f'"{name}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=_KEEP | {"etag": tag})
    path = parts.settings.data_dir / _FOLDER / name[:2] / name
    try:
        data = await asyncio.to_thread(path.read_bytes)
    except FileNotFoundError:
        try:
            data = await make()
        except (DetectorError, SandboxError) as error:
            raise NotFound(f"the picture cannot be shown: {error}") from None
        await asyncio.to_thread(_keep, path, data)
    return Response(data, headers=_KEEP | {"etag": tag}, media_type=kind)


def _keep(path: Path, data: bytes) -> None:
    """Write a file that appears whole; it can be made again, so nothing waits for the disk."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix="new-")
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    Path(temporary).replace(path)
