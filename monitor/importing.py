"""Takes in what a person saved: pages with their pictures, recorded visits, archives, and lists of addresses."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.ext.asyncio import AsyncSession

from detectors.model import Listing, Outcome
from monitor.crawl import capture_of
from monitor.daemon import Parts
from monitor.errors import ImportRefused, SandboxError
from monitor.evidence.capture import brought_by
from monitor.marketplaces import canonical
from monitor.marketplaces.base import Page, ParsedPage
from monitor.marketplaces.shops import under_its_shop
from monitor.saved.addresses import addresses_in_text, is_address
from monitor.saved.archives import is_zip, unzip
from monitor.saved.containers import LARGEST_CONTAINER, Part
from monitor.saved.inline import unfold
from monitor.saved.pictures import CarriedPictures, SavedPictures, pictures_for, read_file
from storage.audit import record
from storage.listings import Link, Recorded, add_picture_urls, find_listing, link_pictures, pictures_of, record_listings
from storage.searches import add_capture

PAGES = frozenset({".html", ".htm", ".xhtml", ".json"})
CONTAINERS = {".mhtml": "mhtml", ".mht": "mhtml", ".har": "har"}
ARCHIVES = frozenset({".zip"})
WORKBOOKS = frozenset({".xlsx", ".xlsm"})
_LARGEST_PAGE = 50_000_000
_LARGEST_PICTURE = 30_000_000
_LARGEST_WORKBOOK = 50_000_000
# What browsers and SingleFile write on top.
_SAVED_FROM = re.compile(rb"<!--\s*(?:saved from url=\(\d+\)|Page saved with SingleFile\s+url:\s*)(https?://[^\s>]+)")
_BESIDE = ("_files", "-Dateien", ".files", "_fichiers", "_archivos", "_arquivos", "_bestanden", "_pliki")
UNKNOWN_URL = "about:blank"


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one page or one line: how reading it ended, and what it brought."""

    source: str
    outcome: Outcome
    marketplace: str = ""
    listing_keys: tuple[int, ...] = ()
    new: int = 0
    pictures: int = 0  # found with the page
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Saved:
    """A page as it was saved, as it is read, and the pictures that came with it."""

    source: str
    page: Page
    readable: bytes
    find: Callable[[str], Path | bytes | None]


def page_files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files named, and the pages and archives in the folders named, but not what a browser saved with a page."""
    known = PAGES | CONTAINERS.keys() | ARCHIVES
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for file in sorted(path.rglob("*")):
            beside_a_page = any(_is_beside_a_page(folder) for folder in file.relative_to(path).parents)
            if file.suffix.lower() in known and file.is_file() and not beside_a_page:
                yield file


def _is_beside_a_page(folder: Path) -> bool:
    return folder.name.endswith(_BESIDE)


async def import_file(
    parts: Parts, file: Path, marketplace: str | None, url: str | None, actor: str
) -> AsyncIterator[Imported]:
    """Take in one file of any kind: what became of each page or address in it, as it happens.

    A file that cannot be read is one result with outcome ``failed``; it stops no other.
    """
    try:
        lines = await address_lines(parts, file)
        if lines is not None:
            for done in await import_urls(parts, lines, actor):
                yield done
        elif file.suffix.lower() in ARCHIVES or is_zip(file):
            async for done in _import_archive(parts, file, marketplace, actor):
                yield done
        elif (form := _form_of(file)) is not None:
            async for done in _import_container(parts, file, form, marketplace, url, actor):
                yield done
        else:
            yield await import_page(parts, file, marketplace, url, actor)
    except (ImportRefused, SandboxError) as error:
        yield Imported(str(file), Outcome.FAILED, marketplace or "", reason=str(error))
    except OSError as error:
        yield Imported(str(file), Outcome.FAILED, marketplace or "", reason=error.strerror or str(error))


def _form_of(file: Path) -> str | None:
    """The kind of container that a file is, by its name or its first words."""
    named = CONTAINERS.get(file.suffix.lower())
    if named or file.suffix.lower() in PAGES - {".json"}:
        return named
    with file.open("rb") as opened:
        head = opened.read(2048).lstrip().lower()
    if head.startswith((b"from: <saved by", b"mime-version:")) or b"multipart/related" in head:
        return "mhtml"
    return "har" if head.startswith(b"{") and b'"log"' in head[:200] else None


def _check_size(file: Path, largest: int) -> None:
    if file.stat().st_size > largest:
        raise ImportRefused(f"{file} is larger than {largest // 1_000_000} MB")


async def import_page(parts: Parts, file: Path, marketplace: str | None, url: str | None, actor: str) -> Imported:
    """Read a saved page as if it had been fetched now, with the pictures that lie beside it or inside of it.

    Raises:
        ImportRefused: The file cannot be read or is too large.
    """
    body = read_file(file, _LARGEST_PAGE)
    saved_from = _SAVED_FROM.search(body[:4096])
    address = url or (saved_from[1].decode("ascii", "replace") if saved_from else UNKNOWN_URL)
    unfolded = await asyncio.to_thread(unfold, body)
    beside = SavedPictures.beside(file)

    def find(source: str) -> Path | bytes | None:
        return unfolded.pictures.get(source) or beside.find(source)

    page = Page(address, body, fetched_at=parts.clock.now())
    saved = _Saved(str(file), page, unfolded.body, find)
    parsed = await _parse(parts, saved, marketplace)
    beside = beside.told_apart_by_name(parsed)
    return await _take_in(parts, saved, parsed, actor)


async def _import_archive(parts: Parts, archive: Path, marketplace: str | None, actor: str) -> AsyncIterator[Imported]:
    """Unpack an archive into a folder of ours that goes away again, and take in what it holds."""
    with tempfile.TemporaryDirectory(prefix="bazaarwatch-") as name:
        folder = Path(name)
        await asyncio.to_thread(unzip, archive, folder)
        nothing = True
        for file in page_files([folder]):
            nothing = False
            source = f"{archive}: {file.relative_to(folder)}"
            if file.suffix.lower() in ARCHIVES:
                yield Imported(source, Outcome.FAILED, reason="an archive inside an archive is not opened")
                continue
            async for done in import_file(parts, file, marketplace, None, actor):
                inner = done.source.removeprefix(str(file))
                reason = done.reason.replace(f"{folder}/", "")
                yield Imported(
                    f"{source}{inner}",
                    done.outcome,
                    done.marketplace,
                    done.listing_keys,
                    done.new,
                    done.pictures,
                    reason,
                )
        if nothing:
            yield Imported(str(archive), Outcome.FAILED, reason="it holds no saved pages")


async def _import_container(
    parts: Parts, file: Path, form: str, marketplace: str | None, url: str | None, actor: str
) -> AsyncIterator[Imported]:
    """Take in each page of an MHTML or HAR file that shows listings, and each wall that it met.

    Of a recorded visit's other answers (advertisements, statistics) none is kept.
    """
    _check_size(file, LARGEST_CONTAINER[form])
    held = await _all_parts(parts, file, form)
    pages = [part for part in held if not part.is_picture]
    pictures = CarriedPictures.of_parts("", held)
    kept = 0
    for part in pages:
        address = (url if form == "mhtml" else None) or part.url or UNKNOWN_URL
        headers = {"content-type": part.content_type}
        page = Page(address, part.body, part.status, headers, fetched_at=parts.clock.now())
        source = str(file) if form == "mhtml" else f"{file}: {part.url[:200]}"
        saved = _Saved(source, page, part.body, CarriedPictures(address, pictures.by_url).find)
        parsed = await _parse(parts, saved, marketplace)
        if form == "mhtml" or _is_worth_keeping(parts, part, parsed):
            kept += 1
            yield await _take_in(parts, saved, parsed, actor)
    if not kept:
        reason = f"{len(pages)} answers in it, none of them a page of listings that we can read"
        yield Imported(str(file), Outcome.FAILED, marketplace or "", reason=reason)


async def _all_parts(parts: Parts, file: Path, form: str) -> list[Part]:
    held: list[Part] = []
    following: int | None = 0
    while following is not None:
        more, following = await parts.sandbox.unpack(file, form, following)
        held += more
    return held


def _is_worth_keeping(parts: Parts, part: Part, parsed: ParsedPage) -> bool:
    if parsed.outcome is Outcome.OK:
        return True
    known = parts.marketplaces.get(parsed.marketplace)
    return part.is_document and known is not None and bool(known.hosts)


async def _parse(parts: Parts, saved: _Saved, marketplace: str | None) -> ParsedPage:
    page = saved.page
    readable = Page(page.url, saved.readable, page.status, page.headers, page.fetched_at)
    return under_its_shop(await parts.sandbox.parse(readable, marketplace), page.url, parts.marketplaces)


async def _take_in(parts: Parts, saved: _Saved, parsed: ParsedPage, actor: str) -> Imported:
    """Store a page, its listings and their pictures: all of it or nothing."""
    found: dict[tuple[str, str], str] = {}
    for listing in parsed.listings:
        pictures: dict[str, Path | bytes] = pictures_for(listing, parsed, saved.find)
        for source, picture in pictures.items():
            data = picture if isinstance(picture, bytes) else read_file(picture, _LARGEST_PICTURE)
            found[listing.listing_id, source] = await parts.blobs.put(data)
    facts = {"file": Path(saved.source).name}
    recorded = await keep_page(parts, saved.page, parsed, found, actor, facts)
    return Imported(
        saved.source,
        parsed.outcome,
        parsed.marketplace,
        recorded.seen,
        len(recorded.new),
        len(found),
        parsed.reason,
    )


async def keep_page(
    parts: Parts,
    page: Page,
    parsed: ParsedPage,
    pictures: Mapping[tuple[str, str], str],
    actor: str,
    facts: Mapping[str, Any],
) -> Recorded:
    """Make a page that a person handed in durable with its listings, all of it or nothing.

    Args:
        pictures: The SHA-256 of stored pictures by listing id and the address each is kept under.
        facts: What the audit log says of where the page came from.
    """
    now = parts.clock.now()
    capture = await capture_of(parts.blobs, page, parsed, "imported", now)
    capture.head = brought_by(actor, now, facts)  # nothing that reads as if we had fetched it
    async with parts.database.write("page imported") as session:
        kept = await add_capture(session, capture)
        recorded = await record_listings(session, parsed.listings, kept.id, now)
        for (listing_id, address), sha256 in pictures.items():
            await _link(session, parsed.marketplace, listing_id, address, sha256, now, capture.head)
        told = {**facts, "listings": len(recorded.seen), "pictures": len(pictures), "sha256": kept.sha256}
        await record(session, now, actor, "page imported", f"capture {kept.id}", told)
    return recorded


async def _link(
    session: AsyncSession,
    marketplace: str,
    listing_id: str,
    address: str,
    sha256: str,
    now: datetime,
    head: Mapping[str, Any],
) -> None:
    row = await find_listing(session, marketplace, listing_id)
    if row is None:
        return
    await add_picture_urls(session, row.id, [address])
    (picture,) = [one for one in await pictures_of(session, row.id) if one.url == address]
    if picture.sha256 != sha256:
        await link_pictures(session, [Link(picture.id, sha256, "imported", now, head=head)], now)
        row.examine_at = now


async def import_urls(parts: Parts, lines: Iterable[str], actor: str) -> list[Imported]:
    """One candidate for each listing address, in order; each line that is none is reported."""
    results = []
    async with parts.database.write("addresses imported") as session:
        now = parts.clock.now()
        for line in filter(None, map(str.strip, lines)):
            known = canonical(_with_scheme(line), parts.marketplaces)
            if known is None:
                results.append(Imported(line, Outcome.FAILED, reason=_why_unknown(line)))
                continue
            marketplace, listing_id, url = known
            present = await find_listing(session, marketplace, listing_id)
            if present:
                results.append(Imported(line, Outcome.OK, marketplace, (present.id,)))
                continue
            recorded = await record_listings(session, [Listing(marketplace, listing_id, url, "")], None, now)
            results.append(Imported(line, Outcome.OK, marketplace, recorded.seen, new=1))
        added = sum(one.new for one in results)
        await record(session, now, actor, "addresses imported", "listings", {"lines": len(results), "new": added})
    return results


def _with_scheme(line: str) -> str:
    return line if "://" in line else f"https://{line}"


def _why_unknown(line: str) -> str:
    return (
        "no listing's address of a marketplace that we know"
        if is_address(line) and urlsplit(_with_scheme(line)).netloc
        else "no web address"
    )


def url_lines(file: Path) -> list[str] | None:
    """The addresses in a text or CSV file, with the lines that are none; None if the file is no such list."""
    if file.suffix.lower() in PAGES | CONTAINERS.keys() | ARCHIVES | WORKBOOKS:
        return None
    body = read_file(file, _LARGEST_PAGE)
    if body[:2048].lstrip()[:1] == b"<" or b"\0" in body[:2048]:
        return None
    return addresses_in_text(body.decode("utf-8-sig", "replace")) or None


async def address_lines(parts: Parts, file: Path) -> list[str] | None:
    """The same, of a spreadsheet too.

    Raises:
        ImportRefused: The spreadsheet cannot be read, or holds no address.
    """
    if file.suffix.lower() not in WORKBOOKS:
        return url_lines(file)
    _check_size(file, _LARGEST_WORKBOOK)
    lines = await parts.sandbox.workbook(file)
    if not lines:
        raise ImportRefused(f"{file}: no column holds web addresses")
    return lines
