"""The works index of this process, kept equal to the registry."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from detectors.errors import UnreadableDescription
from detectors.model import Match
from monitor.compare import find_matches
from monitor.sandbox import Sandbox
from storage.blobs import Blobs
from storage.database import Database
from storage.tables import Reference
from storage.works import get_reference, references, works_version

if TYPE_CHECKING:
    from detectors.describe import Description
    from detectors.works import WorksIndex

_JUDGED = 20_000  # pictures whose findings are kept in memory; most have none
_logger = logging.getLogger(__name__)


class Works:
    """Builds the index when it is first asked for and again when works were added or removed, by any process."""

    def __init__(self, database: Database, blobs: Blobs, sandbox: Sandbox) -> None:
        self._database = database
        self._blobs = blobs
        self._sandbox = sandbox
        self._building = asyncio.Lock()
        self._version = -1
        self._index: WorksIndex | None = None
        self._judged: dict[tuple[int, str], Sequence[Match]] = {}

    async def index(self) -> WorksIndex:
        """The index of every watched reference, as of now."""
        async with self._database.read() as session:
            version = await works_version(session)
        async with self._building:
            if self._index is None or version != self._version:
                self._index, self._version = await self._build(), version
            return self._index

    async def matches(self, sha256: str, picture: bytes) -> Sequence[Match]:
        """What the detectors find on a picture; bytes that were judged before by the same works are not judged again.

        Raises:
            DetectorError: The picture cannot be examined.
            SandboxError: Examining it broke a limit.
        """
        index = await self.index()
        key = (self._version, sha256)
        if key not in self._judged:
            self._judged[key] = await find_matches(self._sandbox, index, picture)
            while len(self._judged) > _JUDGED:
                self._judged.pop(next(iter(self._judged)))
        return self._judged[key]

    async def _build(self) -> WorksIndex:
        from detectors.works import WorksIndex  # brings faiss, which an idle daemon does without

        index = WorksIndex()
        async with self._database.read() as session:
            rows = await references(session)
        for reference in rows:
            index.add(reference.work_id, reference.id, await self._description(reference))
        _logger.info("works index built", extra={"references": len(rows)})
        return index

    async def _description(self, reference: Reference) -> Description:
        """The stored description; made anew from the stored picture after an upgrade of the detectors."""
        from detectors.describe import Description

        try:
            return Description.from_bytes(reference.description)
        except UnreadableDescription:
            picture = await self._blobs.get(reference.sha256)
            description = await self._sandbox.describe(picture, reference=True)
            async with self._database.write("reference described anew") as session:
                (await get_reference(session, reference.id)).description = description.to_bytes()
            return description
