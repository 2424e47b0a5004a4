"""Compares a picture with every work: the one function behind the daemon, `import` and `match`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from detectors.model import Match
from monitor.sandbox import Sandbox

if TYPE_CHECKING:
    from detectors.describe import Description
    from detectors.featureindex import Reference
    from detectors.works import WorksIndex

LookUp: TypeAlias = "Callable[[Sequence[Reference]], Awaitable[Mapping[Reference, Description]]]"


async def find_matches(
    sandbox: Sandbox, index: WorksIndex, picture: bytes, told: Sequence[Match] = (), look_up: LookUp | None = None
) -> list[Match]:
    """Each detector's findings on one picture: described in a limited child, looked up and verified here.

    Args:
        told: What other detectors found on it.
        look_up: References that the index holds by their hashes alone: what these or ``told`` find is verified by all.

    Raises:
        DetectorError: The picture cannot be examined.
        SandboxError: Examining it broke a limit.
    """
    description = await sandbox.describe(picture)
    matches = await asyncio.to_thread(index.matches, description)
    shortlist = index.shortlist([*matches, *told]) if look_up else []
    if not look_up or not shortlist:
        return matches
    known = await look_up(shortlist)
    return [match for match in matches if (match.work_id, match.reference_id) not in known] + await asyncio.to_thread(
        _verified, description, known
    )


def _verified(description: Description, known: Mapping[Reference, Description]) -> list[Match]:
    from detectors.works import WorksIndex

    closer = WorksIndex()
    for (work_id, reference_id), one in known.items():
        closer.add(work_id, reference_id, one)
    return closer.matches(description)
