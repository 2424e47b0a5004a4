"""A desk in this process: a work, its right and decided alerts, on a clock that need not be waited for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from config.settings import load
from detectors.model import Listing
from monitor.daemon import Parts, build
from tests.conftest import FakeClock
from tests.stories.complaining import add_infringing, add_right_to, add_works, listing_of

CLAIM = "UC-MIRAMOSS-01J9ZQ4X7M3V8T2K5N6P0R1S4W"
Opening = Callable[..., Awaitable[Parts]]


@pytest.fixture
async def open_parts(tmp_path: Path, sqlite_url: str, clock: FakeClock) -> AsyncIterator[Opening]:
    """Opens the running parts, with so many listings of a work "Moth" on AliExpress (or these) decided infringing."""
    contexts = []

    async def opening(
        *, listings: int = 2, pages: Sequence[Listing] = (), right: str = "pending_verification", **environ: str
    ) -> Parts:
        given = {"BAZAARWATCH_DATABASE__URL": sqlite_url, **environ}
        contexts.append(build(load(tmp_path / "data", given), clock=clock))
        parts = await contexts[-1].__aenter__()
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
