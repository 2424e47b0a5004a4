"""Compares a picture with every work: the one function behind the daemon, `import` and `match`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from detectors.model import Match
from monitor.sandbox import Sandbox

if TYPE_CHECKING:
    from detectors.works import WorksIndex


async def find_matches(sandbox: Sandbox, index: WorksIndex, picture: bytes) -> list[Match]:
    """Each detector's findings on one picture: described in a limited child, looked up and verified here.

    Raises:
        DetectorError: The picture cannot be examined.
        SandboxError: Examining it broke a limit.
    """
    description = await sandbox.describe(picture)
    return await asyncio.to_thread(index.matches, description)
