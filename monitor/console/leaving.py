"""Complaints that leave from the console: the command's own work in the background, and folders as streamed ZIPs."""

from __future__ import annotations

import asyncio
import io
import logging
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from monitor.daemon import Parts
from monitor.desk.leaving import leave
from monitor.errors import MonitorError
from storage.errors import StorageError

_logger = logging.getLogger(__name__)

_BLOCK: Final = 1 << 18
_PACKED: Final = frozenset({".zip", ".pdf", ".xlsx"})  # packing these once more costs and saves nothing


class Leaving:
    """One complaint on its way out, and how far it is."""

    def __init__(self, parts: Parts, complaint_id: int, actor: str) -> None:
        self.step, self.done, self.total, self.problem = "", 0, 0, ""
        self._task = asyncio.create_task(self._leave(parts, complaint_id, actor))
        self._task.add_done_callback(_heard)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self._task.done()

    async def whole(self) -> Path:
        """The folder, once everything is in it. Whoever waits may go away; the work goes on.

        Raises:
            MonitorError, StorageError: What stopped it.
        """
        return await asyncio.shield(self._task)

    async def within(self, seconds: float) -> None:
        """The same for who waits only a moment.

        Raises:
            MonitorError, StorageError: What stopped it within that.
        """
        await asyncio.wait({self._task}, timeout=seconds)
        if self.is_over:
            await self.whole()

    async def _leave(self, parts: Parts, complaint_id: int, actor: str) -> Path:
        try:
            return await leave(parts, complaint_id, actor, self._tell)
        except (MonitorError, StorageError) as error:
            self.problem = str(error)
            raise
        except Exception:
            _logger.exception("complaint not exported", extra={"complaint_id": complaint_id})
            self.problem = "this is a fault of Bazaarwatch; its log says more"
            raise

    def _tell(self, step: str, done: int, total: int) -> None:
        self.step, self.done, self.total = step, done, total


def _heard(task: asyncio.Task[Path]) -> None:
    """What stopped it stands on the page, also where nobody waited for it."""
    if not task.cancelled():
        task.exception()


class Leavings:
    """The complaints that leave, each once at a time."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._known: dict[int, Leaving] = {}

    def of(self, complaint_id: int) -> Leaving | None:
        """The newest of a complaint, while this process runs."""
        return self._known.get(complaint_id)

    def begin(self, complaint_id: int, actor: str) -> Leaving:
        """The one under way, or a new one: where everything is there already that is over at once."""
        if not self.is_under_way(complaint_id):
            self._known[complaint_id] = Leaving(self._parts, complaint_id, actor)
        return self._known[complaint_id]

    def is_under_way(self, complaint_id: int) -> bool:
        """Whether one is."""
        known = self.of(complaint_id)
        return known is not None and not known.is_over


def zipped(folder: Path, name: str) -> Response:
    """A folder as a ZIP of a name, sent while it is read: no file is in memory whole."""
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_zip(folder), headers=headers, media_type="application/zip")


def _zip(folder: Path) -> Iterator[bytes]:
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:
        for file in sorted(one for one in folder.rglob("*") if one.is_file()):
            entry = zipfile.ZipInfo.from_file(file, file.relative_to(folder.parent))
            entry.compress_type = zipfile.ZIP_STORED if file.suffix in _PACKED else zipfile.ZIP_DEFLATED
            with file.open("rb") as source, archive.open(entry, "w") as target:
                while block := source.read(_BLOCK):
                    target.write(block)
                    yield pipe.taken()
    yield pipe.taken()


class _Pipe(io.RawIOBase):
    """What zipfile writes, until it is taken. It cannot go back, so that what was sent stays as it is."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []

    def write(self, data: Any) -> int:
        """Keep some bytes."""
        self._blocks.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """What was written since."""
        blocks, self._blocks = b"".join(self._blocks), []
        return blocks
