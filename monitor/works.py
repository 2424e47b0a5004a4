"""The works index of this process, kept equal to the registry, and what was found with it lately."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from config.errors import ConfigError
from detectors.errors import DetectorError, UnreadableDescription
from detectors.model import Match, Verdict
from monitor import posix
from monitor.compare import find_matches
from monitor.models import Models
from monitor.sandbox import Sandbox
from storage.arrays import KeptArrays
from storage.blobs import Blobs
from storage.database import Database
from storage.negatives import negatives
from storage.rights import word_marks
from storage.tables import Negative, Reference
from storage.thresholds import thresholds
from storage.turns import turn
from storage.works import get_references, reference_ids, works_version

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from config.settings import DetectionSettings
    from detectors.describe import Description
    from detectors.embedding import Embedder
    from detectors.glance import Glance
    from detectors.lettering import Lettering
    from detectors.logos import Logos
    from detectors.twins import Twins
    from detectors.works import WorksIndex

_JUDGED = 20_000  # pictures whose findings are kept in memory; most have none
_AT_ONCE = 200  # references read at a time: some 70 KB each
_WORTH_A_FILE = 200  # references by which a file may differ from the registry: each costs a process 100 KB and 10 ms
_SHARE_WORTH_A_FILE = 20  # or a twentieth of all
_UNFILED = 2_000  # references, or a third as many as are mapped, that come into memory before they are: 75 KB each
_MOST_WASTED = 0.3  # of the points in a file, those of removed works
_LISTED, _HASHES = "held.references", "held.sha256"  # beside the index's own parts
_MOST_LOGOS = 1_000  # references: 5 ms each at every change of the works
_TWINS = 5_000  # of them known again after another compression: 9 KB each
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Findings:
    """What the detectors make of one picture.

    Attributes:
        judged: SHA-256 of the bytes that were judged: the picture's own, or those of a picture that it repeats.
        explained: By work: why its findings count for nothing, where a negative reference is nearer.
        seen: The picture at first sight, if it was looked at now.
    """

    judged: str
    matches: Sequence[Match] = ()
    explained: Mapping[int, str] = field(default_factory=dict)
    seen: Glance | None = None

    def shows(self, work_id: int) -> bool:
        """Whether a detector found the work."""
        return any(match.work_id == work_id for match in self.matches)


Held: TypeAlias = Mapping[int, tuple[int, str]]  # references by id, each with its work's id and its picture's SHA-256


@dataclass(slots=True)
class _Holding:
    """An index, what it holds, and what of that is mapped from a file."""

    index: WorksIndex
    held: Held = field(default_factory=dict)
    filed: Held = field(default_factory=dict)

    def become(self, other: _Holding) -> None:
        """Be the other; what was held is let go, for whoever holds this one too."""
        self.index, self.held, self.filed = other.index, other.held, other.filed


@dataclass(frozen=True, slots=True)
class _Known:
    """The registry as of one version, laid out for searching."""

    version: int
    index: WorksIndex
    held: Held
    filed: Held  # of what the index holds, what it holds mapped from a file
    thresholds: Mapping[int, float]
    unlike: WorksIndex
    negatives: Mapping[int, Negative]
    models: Models


class Works:
    """Builds the index when it is first asked for, and changes it where works were added or removed, by any process.

    Where there are many works, what was built lies in a file which all processes of a machine map: one builds, the
    others wait for it. What changed since is added in memory, until it is worth another file.

    Args:
        folder: Where the file lies; none: nothing is shared.

    Attributes:
        version: The version of the registry that this process compares with; none: it was asked for nothing yet.
    """

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        sandbox: Sandbox,
        settings: DetectionSettings | None = None,
        folder: Path | None = None,
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._most_whole = settings.references_whole if settings else sys.maxsize
        self._database = database
        self._blobs = blobs
        self._sandbox = sandbox
        self._building = asyncio.Lock()
        self._known: _Known | None = None
        self.version: int | None = None
        self._judged: dict[str, Findings] = {}
        self._twins: Twins[str] | None = None

    async def index(self) -> WorksIndex:
        """The index of every watched reference, as of now."""
        return (await self._current()).index

    async def judge(self, matches: Sequence[Match]) -> list[Verdict]:
        """What a listing's findings come to, by each work's own threshold."""
        from detectors.judge import judge

        return judge(matches, thresholds=(await self._current()).thresholds)

    async def findings(self, sha256: str, picture: bytes) -> Findings:
        """What the detectors find on a picture.

        Bytes that were judged before by the same works are not judged again, and neither is a picture that repeats a
        judged one: `detectors.twins` has the rule.

        Raises:
            DetectorError: The picture cannot be examined.
            SandboxError: Examining it broke a limit.
        """
        known = await self._current()
        if sha256 in self._judged:
            return self._judged[sha256]
        seen = await self._sandbox.glance(picture)
        twin = await asyncio.to_thread(self._twins.find, seen) if self._twins else None
        judged = self._judged.get(twin) if twin else None
        if judged is None:
            judged = await self._find(known, sha256, picture, seen)
        if known is self._known:  # else the works changed meanwhile: what was found holds for those of before
            self._remember(sha256, judged, seen)
        return replace(judged, seen=seen)

    async def matches(self, picture: bytes) -> list[Match]:
        """What every detector finds on a picture, whatever was judged before and whatever explains it.

        Raises:
            DetectorError: The picture cannot be examined.
            SandboxError: Examining it broke a limit.
        """
        return [match for found in await self._compared(await self._current(), picture) for match in found]

    async def _compared(
        self, known: _Known, picture: bytes, seen: Glance | None = None
    ) -> tuple[list[Match], list[Match]]:
        """What the detectors of every work find, and what those find that settings switch on."""
        told = await known.models.matches(self._sandbox, picture, seen)
        return await find_matches(self._sandbox, known.index, picture, told, self.look_up), told

    async def look_up(self, wanted: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Description]:
        """The descriptions of references, given as work and reference, that the index holds by their hashes alone."""
        async with self._database.read() as session:
            rows = await get_references(session, [reference for _, reference in wanted])
        return {(row.work_id, row.id): await self.description(row) for row in rows}

    async def glance(self, picture: bytes) -> Glance:
        """A picture at first sight.

        Raises:
            DetectorError: It cannot be decoded.
            SandboxError: Decoding it broke a limit.
        """
        return await self._sandbox.glance(picture)

    async def _find(self, known: _Known, sha256: str, picture: bytes, seen: Glance) -> Findings:
        matches, told = await self._compared(known, picture, seen)
        if not known.negatives or not matches:
            return Findings(sha256, [*matches, *told])
        from detectors import lettering
        from detectors.negatives import explained

        description = await self._sandbox.describe(picture)
        of_work = {number: row.work_id for number, row in known.negatives.items()}
        nearer = await asyncio.to_thread(explained, description, matches, known.index, known.unlike, of_work)
        written = {match.work_id for match in told if match.detector == lettering.NAME}  # on whatever ground
        reasons = {
            work_id: f"nearer to the negative reference {number}: {known.negatives[number].reason}"
            for work_id, number in nearer.items()
            if work_id not in written
        }
        return Findings(sha256, [*matches, *told], reasons)

    def _remember(self, sha256: str, judged: Findings, seen: Glance) -> None:
        from detectors.twins import Twins

        self._judged[sha256] = judged
        if self._twins is None:
            self._twins = Twins(_TWINS)
        if judged.judged == sha256:
            self._twins.add(seen, sha256)
        while len(self._judged) > _JUDGED:
            self._judged.pop(next(iter(self._judged)))

    async def refresh(self) -> None:
        """Bring the index up to date now, if one was asked for, so that the next picture does not wait for it."""
        if self.version is not None:
            await self._current()

    async def _current(self) -> _Known:
        async with self._database.read() as session:
            version = await works_version(session)
        async with self._building:
            if self._known is None or version != self._known.version:
                before = self._known
                holding = _Holding(before.index, before.held, before.filed) if before else _nothing()
                before = self._known = None  # half changed, it would have to be built anew
                self._known = await self._build(version, holding)
                self.version = version
                self._judged, self._twins = {}, None
            return self._known

    async def _build(self, version: int, holding: _Holding) -> _Known:
        """What is known as of a version; what is held is changed where the references changed."""
        from detectors.works import WorksIndex  # brings faiss, which an idle daemon does without

        unlike = WorksIndex()
        async with self._database.read() as session:
            wanted, against = await reference_ids(session), await negatives(session)
            limits = await thresholds(session)
        if self._folder and _worth_a_file(holding.filed, wanted):
            await self._share(self._folder, version, wanted, holding)
        await self._follow(holding, wanted)
        await asyncio.to_thread(holding.index.lay_out)
        posix.return_memory()
        for negative in against:
            await asyncio.to_thread(unlike.add, negative.id, negative.id, await self.description(negative))
        _logger.info("works index built", extra={"references": len(wanted), "negatives": len(against)})
        by_number = {negative.id: negative for negative in against}
        models = await self._models(wanted)
        return _Known(version, holding.index, wanted, holding.filed, limits, unlike, by_number, models)

    async def _share(self, folder: Path, version: int, wanted: Held, holding: _Holding) -> None:
        """Hold an index mapped from a file that has nearly all that is wanted, written by whoever comes first.

        Where many are missing, they are written so many at a time and mapped before the next come: a process never
        holds more by itself, and one that ends on the way leaves what it did. If no file can be written, the rest is
        the caller's to add.
        """
        from detectors.works import WorksIndex

        files = KeptArrays(folder, WorksIndex.made_by())
        async with turn(folder):
            holding.become(await asyncio.to_thread(_nearer, holding, files, wanted))
            if holding.index.wasted > _MOST_WASTED and _worth_a_file(holding.filed, wanted):
                holding.become(_nothing())
            while _worth_a_file(holding.filed, wanted):
                await self._follow(holding, _some_more(holding.held, wanted))
                try:
                    await asyncio.to_thread(_keep, files, version, holding)
                except OSError as error:
                    _logger.warning("works index not shared", extra={"reason": str(error)})
                    return
                _logger.info("works index written", extra={"references": len(holding.held), "version": version})
                holding.become(_nothing())
                posix.return_memory()
                holding.become(await asyncio.to_thread(_newest, files))
                if not holding.filed:  # damaged on the way
                    return

    async def _follow(self, holding: _Holding, wanted: Held) -> None:
        """Hold the wanted references in place of those that are held."""
        index, held = holding.index, holding.held
        gone = {number for number in held if held[number] != wanted.get(number)}
        changed = {held[number][0] for number in gone}
        for work_id in changed:
            await asyncio.to_thread(index.remove, work_id)
        missing = [
            number for number, (work, _) in wanted.items() if number not in held or work in changed or number in gone
        ]
        for at in range(0, len(missing), _AT_ONCE):
            async with self._database.read() as session:
                rows = await get_references(session, missing[at : at + _AT_ONCE])
            for row in rows:
                described, full = await self.description(row), index.held_whole >= self._most_whole
                await asyncio.to_thread(index.add, row.work_id, row.id, described, by_hashes=full)
        holding.held = wanted

    async def _models(self, wanted: Held) -> Models:
        if not self._settings:
            return Models()
        every = bool(self._settings.embedding_model)
        async with self._database.read() as session:
            marked = await self._marked(session)
            sought = [number for number, (work, _) in wanted.items() if every or work in marked]
            rows = await get_references(session, sought)
        return await self.models(rows)

    async def _marked(self, session: AsyncSession) -> set[int]:
        """Works under a trade mark, if any detector asks for that."""
        if not self._settings or not (self._settings.read_text or self._settings.find_logos):
            return set()
        return {work_id for work_id, _ in await word_marks(session)}

    async def models(self, rows: Sequence[Reference]) -> Models:
        """The learned detectors that the settings name, holding every reference; none by default.

        Raises:
            ConfigError: One cannot be loaded.
        """
        try:
            return Models(await self._embedder(rows), await self._lettering(rows), await self._logos(rows))
        except DetectorError as error:
            raise ConfigError(str(error)) from error

    async def _embedder(self, rows: Sequence[Reference]) -> Embedder | None:
        if not self._settings or not self._settings.embedding_model:
            return None
        from detectors.embedding import Embedder

        embedder = Embedder(Path(self._settings.embedding_model), self._settings.embedding_threshold)
        for reference in rows:
            seen = await self._sandbox.glance(await self._blobs.get(reference.sha256))
            await asyncio.to_thread(embedder.add, reference.work_id, reference.id, seen.pixels)
        return embedder

    async def _lettering(self, rows: Sequence[Reference]) -> Lettering | None:
        """The works' word marks, each beside its work's first reference."""
        first = {row.work_id: row.id for row in reversed(rows)}
        if not self._settings or not self._settings.read_text:
            return None
        async with self._database.read() as session:
            marks = [(work_id, mark) for work_id, mark in await word_marks(session) if work_id in first]
        from detectors.lettering import Lettering

        lettering = await asyncio.to_thread(Lettering)
        for work_id, mark in marks:
            lettering.add(work_id, first[work_id], mark)
        return lettering

    async def _logos(self, rows: Sequence[Reference]) -> Logos | None:
        """The references of works under a trade mark."""
        if not self._settings or not self._settings.find_logos:
            return None
        async with self._database.read() as session:
            marked = await self._marked(session)
        mine = [row for row in rows if row.work_id in marked]
        if len(mine) > _MOST_LOGOS:
            _logger.warning("logos left out", extra={"sought": _MOST_LOGOS, "references": len(mine)})
        if not mine:
            return None
        from detectors.logos import Logos

        logos = Logos()
        for row in mine[:_MOST_LOGOS]:
            await asyncio.to_thread(logos.add, row.work_id, row.id, await self.description(row))
        return logos

    async def description(self, row: Reference | Negative) -> Description:
        """The stored description; made anew from the stored picture after an upgrade of the detectors."""
        from detectors.describe import Description

        try:
            return Description.from_bytes(row.description)
        except UnreadableDescription:
            picture = await self._blobs.get(row.sha256)
            description = await self._sandbox.describe(picture, reference=True)
            async with self._database.write("reference described anew") as session:
                (await session.merge(row)).description = description.to_bytes()
            return description


def _worth_a_file(filed: Held, wanted: Held) -> bool:
    """Whether the wanted references differ so much from a file's that another file is worth its writing."""
    return len(filed.items() ^ wanted.items()) > max(_WORTH_A_FILE, len(wanted) // _SHARE_WORTH_A_FILE)


def _some_more(held: Held, wanted: Held) -> Held:
    """What is wanted, but of what is not held only a part."""
    missing = [number for number in wanted if wanted[number] != held.get(number)]
    later = set(missing[max(_UNFILED, len(held) // 3) :])
    return {number: one for number, one in wanted.items() if number not in later}


def _nearer(holding: _Holding, files: KeptArrays, wanted: Held) -> _Holding:
    """What is held or what the newest file has, whichever is nearer to what is wanted."""

    def nearness(one: _Holding) -> tuple[bool, int]:
        return not _worth_a_file(one.filed, wanted), len(one.held.items() & wanted.items())

    return max(holding, _newest(files), key=nearness)


def _keep(files: KeptArrays, version: int, holding: _Holding) -> None:
    import numpy as np

    listed = np.array([(number, work) for number, (work, _) in holding.held.items()], np.int64).reshape(-1, 2)
    hashes = np.array([sha256 for _, sha256 in holding.held.values()], "S64")
    holding.index.lay_out()
    files.release()  # laying out may have read all that is mapped
    files.keep(version, {_LISTED: [listed], _HASHES: [hashes], **holding.index.parts()})


def _newest(files: KeptArrays) -> _Holding:
    """What the newest file has; nothing without one."""
    from detectors.works import WorksIndex

    if (kept := files.newest()) is None:
        return _nothing()
    listed, hashes = kept[_LISTED].tolist(), kept[_HASHES].tolist()
    held = {number: (work, sha256.decode()) for (number, work), sha256 in zip(listed, hashes, strict=True)}
    mapped = _Holding(WorksIndex.of(kept), held, held)
    files.release()
    return mapped


def _nothing() -> _Holding:
    from detectors.works import WorksIndex

    return _Holding(WorksIndex())
