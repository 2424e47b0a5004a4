"""Takes many works in at once: a folder whose sub-folders are works, or a table (CSV, XLSX) of pictures.

Safe to run twice: a picture that the rights holder has registered already, under whatever work, is left alone.
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from detectors.rights import FirstPublication, OwnershipBasis, RightKind
from monitor.daemon import Parts
from monitor.errors import ImportRefused, RightRefused
from monitor.registry.pictures import PICTURES, picture_files, register_picture, title_of
from monitor.registry.rights import new_right, prove_publication
from storage.rights import add_right, right_of_number
from storage.tables import Owner, Work
from storage.works import edit_work, find_reference, find_title, get_work

TABLES = frozenset({".csv", ".tsv", ".xlsx", ".xlsm"})
_LARGEST_TABLE = 50_000_000
_PRICE = re.compile(r"(\d+(?:[.]\d{1,4})?)\s*([A-Za-z]{3})")
_LIST = re.compile(r"[;,]")

COLUMNS = {
    "work": "the work's title",
    "picture": "files of its pictures, beside the table; several between semicolons",
    "price": "what the genuine article costs, as 12.50 EUR",
    "published": "the day of the first publication, as 2024-05-01",
    "published_at": "where: a shop, a site, a city",
    "published_url": "the address that proves it",
    "right": "copyright_unregistered (what a row with a publication gets), trademark, design, ...",
    "number": "the registration number",
    "office": "the register, such as USPTO",
    "jurisdictions": "where it holds, such as US; several between semicolons",
    "filed": "the day of the application",
    "registered": "the day of the registration",
    "expires": "the day on which the right ends",
    "nice_classes": "classes of a trade mark, between semicolons",
    "locarno_classes": "classes of a design, between semicolons",
    "register": "principal or supplemental",
    "brand": "the brand that a mark stands for",
    "author": "who made the work",
    "basis": "why the holder holds it: author, employer, assignment, licence_exclusive",
}
_DATES = {"filed": "filed_on", "registered": "registered_on", "expires": "expires_on"}
_OF_A_RIGHT = frozenset(COLUMNS) - {"work", "picture", "price"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One row, or one file of a folder: what is to be registered, or what is wrong with it."""

    source: str  # "row 7", or the file
    title: str = ""
    pictures: tuple[Path, ...] = ()
    price: tuple[Decimal, str] | None = None
    right: tuple[RightKind, Mapping[str, Any]] | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one picture, row or right. ``what``: added, known, duplicate, refused, or would be added."""

    source: str
    what: str
    work: str = ""
    detail: str = ""


@dataclass(slots=True)
class _Run:
    """One intake under way: who for, and what it has met so far."""

    owner: Owner
    actor: str
    dry: bool
    of_work: dict[str, asyncio.Lock] = field(default_factory=dict)
    seen: dict[str, tuple[str, Path]] = field(default_factory=dict)  # by SHA-256: its work and first file in this run


def entries_of_folder(folder: Path) -> list[Entry]:
    """One entry a picture: those in a sub-folder, however deep, show the work named after it; others are their own."""
    return [
        Entry(str(file), inner.parts[0] if len(inner.parts) > 1 else title_of(file), (file,))
        for file in picture_files([folder])
        for inner in (file.relative_to(folder),)
    ]


async def entries_of_table(parts: Parts, file: Path, owner: Owner) -> list[Entry]:
    """One entry a row, each checked; rows are numbered as spreadsheets number them.

    Raises:
        ImportRefused: It is no table, lacks the column ``work`` or ``picture``, or has one that is not known.
        SandboxError: Reading a spreadsheet broke a limit.
    """
    if (await asyncio.to_thread(file.stat)).st_size > _LARGEST_TABLE:
        raise ImportRefused(f"{file} is larger than {_LARGEST_TABLE // 1_000_000} MB")
    is_book = file.suffix.lower() in {".xlsx", ".xlsm"}
    rows = await parts.sandbox.rows(file) if is_book else await asyncio.to_thread(_csv_rows, file)
    heading = [cell.strip().lower().replace(" ", "_").replace("-", "_") for cell in rows[0]] if rows else []
    unknown = sorted({name for name in heading if name} - set(COLUMNS))
    if unknown or "work" not in heading or "picture" not in heading:
        wrong = f"unknown columns {', '.join(unknown)}" if unknown else "it needs the columns work and picture"
        raise ImportRefused(f"{file}: {wrong}; known: {', '.join(COLUMNS)}")
    found, today = [], parts.clock.now().date()
    for number, row in enumerate(rows[1:], 2):
        cells = {name: cell.strip() for name, cell in zip(heading, row, strict=False) if name and cell.strip()}
        if cells:
            found.append(await asyncio.to_thread(_entry, f"row {number}", cells, file.parent, owner, today))
    return found


async def take_in(
    parts: Parts, owner: Owner, entries: Sequence[Entry], actor: str, *, dry: bool = False
) -> AsyncIterator[Taken]:
    """Register the entries, as many at a time as there are children; what became of each, as it happens.

    Args:
        dry: Register nothing; say what would be.
    """
    run = _Run(owner, actor, dry)
    pictures = [(entry, file) for entry in entries for file in entry.pictures]
    for entry in entries:
        for problem in entry.problems:
            yield Taken(entry.source, "refused", entry.title, problem)
    waiting: set[asyncio.Task[Taken]] = set()
    for entry, file in pictures:
        waiting.add(asyncio.create_task(_take_picture(parts, run, entry, file)))
        while len(waiting) >= parts.settings.sandbox.children:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield task.result()
    for coming in asyncio.as_completed(waiting):
        yield await coming
    for entry in entries:
        async for taken in _take_facts(parts, run, entry):
            yield taken


async def _take_picture(parts: Parts, run: _Run, entry: Entry, file: Path) -> Taken:
    source = entry.source if entry.source == str(file) else f"{entry.source}: {file.name}"
    try:
        sha256 = await asyncio.to_thread(_sha256, file)
    except OSError as error:
        return Taken(source, "refused", entry.title, error.strerror or str(error))
    earlier, first = run.seen.setdefault(sha256, (entry.title, file))
    async with parts.database.read() as session:
        known = await find_reference(session, run.owner.id, sha256)
        title = (await get_work(session, known.work_id)).title if known else earlier
    if known or first != file:
        what = "known" if title == entry.title else "duplicate"
        return Taken(source, what, title, "" if what == "known" else f"the same picture shows {title!r}")
    if run.dry:
        return Taken(source, "would be added", entry.title)
    async with run.of_work.setdefault(entry.title, asyncio.Lock()):  # two at once would both make the work
        intake = await register_picture(parts, file, run.owner, entry.title, run.actor)
    if intake.refused:
        run.seen.pop(sha256, None)
        return Taken(source, "refused", entry.title, intake.refused)
    return Taken(source, "added" if intake.new else "known", entry.title)


async def _take_facts(parts: Parts, run: _Run, entry: Entry) -> AsyncIterator[Taken]:
    """A row's price, right and proof of publication, once its work is there."""
    if run.dry or entry.problems or not (entry.price or entry.right):
        return
    now = parts.clock.now()
    async with parts.database.write("work's facts taken in") as session:
        work = await find_title(session, run.owner.id, entry.title)
        if work is None:
            return  # none of its pictures could be used, which was said
        if entry.price and (work.reference_price, work.currency) != entry.price:
            amount, currency = entry.price
            await edit_work(session, work.id, now, run.actor, reference_price=amount, currency=currency)
        if not entry.right:
            return
        kind, given = entry.right
        row = new_right(kind, run.owner, [work], given, now.date())
        if await right_of_number(session, run.owner.id, row.number):
            return
        await add_right(session, now, run.actor, row, [work.id])
        await prove_publication(session, now, run.actor, row, [work])
    yield Taken(entry.source, "added", entry.title, f"{kind.value} {row.number}")


def _csv_rows(file: Path) -> list[list[str]]:
    text = file.read_bytes().decode("utf-8-sig", "replace")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    return [list(row) for row in csv.reader(text.splitlines(), delimiter=delimiter)]


def _entry(source: str, cells: Mapping[str, str], folder: Path, owner: Owner, today: date) -> Entry:
    """One row, with everything that is wrong with it."""
    problems: list[str] = []
    title = cells.get("work", "")
    if not title:
        problems.append("work: say which work the picture shows")
    pictures = tuple(folder / name.strip() for name in cells.get("picture", "").split(";") if name.strip())
    for picture in pictures:
        if picture.suffix.lower() not in PICTURES:
            problems.append(f"picture: {picture.name} is none; JPEG, PNG, WebP, GIF and AVIF are read")
        elif not picture.is_file():
            problems.append(f"picture: no file {picture}")
    price = _tried(problems, "price", _price, cells.get("price"))
    right = None
    if _OF_A_RIGHT & cells.keys():
        right = _right(problems, cells, owner, title, today)
    return Entry(source, title, () if problems else pictures, price, right, tuple(problems))


def _right(
    problems: list[str], cells: Mapping[str, str], owner: Owner, title: str, today: date
) -> tuple[RightKind, Mapping[str, Any]] | None:
    """The row's right; whatever is wrong with it goes to ``problems``."""
    before = len(problems)
    kind = _tried(problems, "right", RightKind, cells.get("right", RightKind.COPYRIGHT_UNREGISTERED.value))
    given: dict[str, Any] = {
        name: cells[name] for name in ("number", "office", "register", "brand", "author") if name in cells
    }
    given |= {
        name: _tried(problems, cell, date.fromisoformat, cells.get(cell))
        for cell, name in _DATES.items()
        if cell in cells
    }
    given |= {name: _tried(problems, name, read, cells[name]) for name, read in _LISTS.items() if name in cells}
    if "basis" in cells:
        given["ownership_basis"] = _tried(problems, "basis", OwnershipBasis, cells["basis"])
    day = _tried(problems, "published", date.fromisoformat, cells.get("published"))
    if day:
        given["first_publication"] = FirstPublication(day, cells.get("published_at", ""), cells.get("published_url"))
    elif {"published_at", "published_url"} & cells.keys() and "published" not in cells:
        problems.append("published: say the day too")
    if kind is None or len(problems) > before:
        return None
    try:
        new_right(kind, owner, [Work(id=0, title=title)], given, today)
    except RightRefused as error:
        problems.append(str(error))
    return kind, given


def _tried(problems: list[str], name: str, read: Callable[[str], Any], text: str | None) -> Any:
    """What a cell says; None where it is empty or, which goes to ``problems``, says nothing that fits."""
    if text is None:
        return None
    try:
        return read(text)
    except (ValueError, InvalidOperation):
        problems.append(f"{name}: {text!r} does not fit: {COLUMNS[name]}")
        return None


def _price(text: str) -> tuple[Decimal, str]:
    match = _PRICE.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    return Decimal(match[1]), match[2].upper()


def _split(text: str) -> Iterator[str]:
    return (part.strip() for part in _LIST.split(text) if part.strip())


_LISTS: dict[str, Callable[[str], Any]] = {
    "jurisdictions": lambda text: tuple(_split(text.upper())),
    "nice_classes": lambda text: tuple(map(int, _split(text))),
    "locarno_classes": lambda text: tuple(_split(text)),
}


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
