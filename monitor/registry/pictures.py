"""Takes pictures of works in: decoded in the sandbox, described for the detectors, stored with their bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from detectors.errors import DetectorError, ImageTooLarge
from monitor.daemon import Parts
from monitor.errors import SandboxError
from storage.listings import examine_again
from storage.tables import Owner
from storage.works import add_reference, add_work

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif"})
_LARGEST_BYTES = 100_000_000  # of a picture file of the owner's own


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of one file.

    Attributes:
        work_id: The work that it now belongs to, if it was not ``refused`` for a reason.
        new: Not known before.
        weak: Why little can be told by it, if so.
    """

    file: Path
    work_id: int | None = None
    new: bool = False
    refused: str | None = None
    weak: str | None = None


def picture_files(paths: Iterable[Path]) -> Iterator[Path]:
    """The pictures named, and those in the folders named, each once, in order."""
    seen = set()
    for path in paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            wanted = file == path or (file.suffix.lower() in PICTURES and not file.name.startswith("."))
            if wanted and file not in seen and not file.is_dir():
                seen.add(file)
                yield file


async def register_picture(parts: Parts, file: Path, owner: Owner, title: str | None, actor: str) -> Intake:
    """Register one picture as a reference of the work called ``title``, or after the file.

    A picture that the detectors cannot use (unreadable, too small, without detail) is refused with the reason.
    """
    try:
        data = _read(file)
    except (OSError, DetectorError) as error:
        return Intake(file, refused=str(error))
    return await register_image(parts, file, data, owner, title, actor)


async def register_image(parts: Parts, file: Path, data: bytes, owner: Owner, title: str | None, actor: str) -> Intake:
    """Register a picture's bytes in the same way; ``file`` only names it."""
    try:
        description = await parts.sandbox.describe(data, reference=True)
    except (DetectorError, SandboxError) as error:
        return Intake(file, refused=str(error))
    from detectors.calibration import weak_at_sight  # brings numpy

    sha256 = await parts.blobs.put(data)
    now = parts.clock.now()
    async with parts.database.write("reference registered") as session:
        work = await add_work(session, now, actor, owner.id, title or title_of(file))
        weak, stored = weak_at_sight(description), description.to_bytes()
        reference = await add_reference(session, work.id, sha256, file.name, stored, now, actor, weak)
        if reference:
            await examine_again(session, now)
    return Intake(file, work.id, new=reference is not None, weak=weak)


def _read(file: Path) -> bytes:
    if file.stat().st_size > _LARGEST_BYTES:
        raise ImageTooLarge(f"larger than {_LARGEST_BYTES // 1_000_000} MB; save it smaller")
    return file.read_bytes()


def title_of(file: Path) -> str:
    """What a work is called that nobody named: after its file."""
    return " ".join(file.stem.replace("_", " ").replace("-", " ").split()) or file.name
