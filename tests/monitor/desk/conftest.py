"""A desk in this process: a work, its right and decided alerts, on a clock that need not be waited for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from config.settings import load
from detectors.model import Listing
from monitor.complaints.mails import MailText, read_mail
from monitor.daemon import Parts, build
from monitor.desk import filing, following
from monitor.desk.dossier import load as load_complaint
from storage.complaints import get_complaint
from tests.conftest import FakeClock
from tests.stories.complaining import add_infringing, add_right_to, add_works, listing_of

CLAIM = "UC-MIRAMOSS-01J9ZQ4X7M3V8T2K5N6P0R1S4W"
Opening = Callable[..., Awaitable[Parts]]


async def read_here(data: bytes, trusted_server: str) -> MailText:
    """A mail read without walls: one test has them."""
    return read_mail(data, trusted_server)


@pytest.fixture
async def open_parts(
    tmp_path: Path, sqlite_url: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Opening]:
    """Opens the running parts, with so many listings of a work "Moth" on AliExpress (or these) decided infringing."""
    contexts = []

    async def opening(
        *,
        listings: int = 2,
        pages: Sequence[Listing] = (),
        right: str = "pending_verification",
        walls: bool = False,
        **environ: str,
    ) -> Parts:
        given = {"BAZAARWATCH_DATABASE__URL": sqlite_url, **environ}
        contexts.append(build(load(tmp_path / "data", given), clock=clock))
        parts = await contexts[-1].__aenter__()
        if not walls:
            monkeypatch.setattr(parts.sandbox, "mail", read_here)
        now = clock.now()
        async with parts.database.write("test") as session:
            works = await add_works(session, ["Moth"], now)
            await add_right_to(session, works["Moth"][0], "Moth", now, right, CLAIM)
            found = [("Moth", one) for one in pages or [listing_of("aliexpress", one) for one in range(listings)]]
            await add_infringing(session, parts.blobs, works, found, now)
        return parts

    yield opening
    for context in contexts:
        await context.__aexit__(None, None, None)


async def handed_in(parts: Parts, leave_out: int = 0) -> list[int]:
    """A complaint at the platform, known there as CMP-7, as if its pack had been written; its listings.

    Args:
        leave_out: How many of the listings, from the end, are kept out of it.
    """
    (complaint_id,) = (await filing.draft_complaints(parts, 1, "alibaba_ipp", "mira")).complaint_ids
    named = [target.alert_id for target in (await load_complaint(parts, complaint_id)).draft.targets]
    kept = named[: len(named) - leave_out]
    if leave_out:
        await filing.leave_out(parts, complaint_id, named[-leave_out:], "mira", "for the next")
    await filing.consider(parts, complaint_id, "Mira Moss", kept)
    await filing.confirm(parts, complaint_id, "Mira Moss")
    async with parts.database.write("test") as session:
        row = await get_complaint(session, complaint_id, lock=True)
        row.state, row.exported_at, row.pack_sha256 = "exported", parts.clock.now(), "0" * 64
    await following.hand_in(parts, complaint_id, "mira", "CMP-7")
    return kept
