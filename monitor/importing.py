"""Takes in what a person saved: result pages with their pictures, and lists of listing addresses."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from sqlalchemy.ext.asyncio import AsyncSession

from detectors.model import Listing, Outcome
from monitor.crawl import capture_of
from monitor.daemon import Parts
from monitor.errors import ImportRefused
from monitor.marketplaces import canonical
from monitor.marketplaces.base import Page, ParsedPage
from storage.audit import record
from storage.listings import add_picture_urls, find_listing, link_picture, pictures_of, record_listings
from storage.searches import add_capture

PAGES = frozenset({".html", ".htm", ".xhtml", ".json"})
_LARGEST_PAGE = 50_000_000
_LARGEST_PICTURE = 30_000_000
_SAVED_FROM = re.compile(rb"<!--\s*saved from url=\(\d+\)(\S+)\s*-->")  # what browsers write on top
UNKNOWN_URL = "about:blank"
_PICTURE_LIST = "pictures.csv"


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one page or one line: how reading it ended, and what it brought."""

    source: str
    outcome: Outcome
    marketplace: str = ""
    listing_keys: tuple[int, ...] = ()
    new: int = 0
    pictures: int = 0  # found beside the page
    reason: str = ""


def page_files(paths: Iterable[Path]) -> Iterator[Path]:
    """The saved pages named, and those in the folders named, but not what a browser saved along with a page."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for file in sorted(path.rglob("*")):
            beside_a_page = any(_is_beside_a_page(folder) for folder in file.relative_to(path).parents)
            if file.suffix.lower() in PAGES and file.is_file() and not beside_a_page:
                yield file


def _is_beside_a_page(folder: Path) -> bool:
    return folder.name.endswith(("_files", "-Dateien", ".files", "_fichiers", "_archivos"))


async def import_page(parts: Parts, file: Path, marketplace: str | None, url: str | None, actor: str) -> Imported:
    """Read a saved page as if it had been fetched now, with the pictures that lie beside it.

    Raises:
        ImportRefused: The file cannot be read or is too large.
    """
    body = _read(file, _LARGEST_PAGE)
    saved_from = _SAVED_FROM.search(body[:4096])
    address = url or (saved_from[1].decode("ascii", "replace") if saved_from else UNKNOWN_URL)
    page = Page(address, body, fetched_at=parts.clock.now())
    parsed = await parts.sandbox.parse(page, marketplace)
    pictures = SavedPictures.beside(file)
    found = {}
    for listing in parsed.listings:
        for source, path in pictures.of(listing, parsed).items():
            found[listing.listing_id, source] = await parts.blobs.put(_read(path, _LARGEST_PICTURE))
    capture = await capture_of(parts.blobs, page, parsed, "imported", parts.clock.now())
    async with parts.database.write("page imported") as session:
        now = parts.clock.now()
        kept = await add_capture(session, capture)
        recorded = await record_listings(session, parsed.listings, kept.id, now)
        for (listing_id, source), sha256 in found.items():
            await _link(parts, session, parsed.marketplace, listing_id, source, sha256)
        facts = {"file": file.name, "listings": len(recorded.seen), "sha256": kept.sha256}
        await record(session, now, actor, "page imported", f"capture {kept.id}", facts)
    return Imported(
        str(file),
        parsed.outcome,
        parsed.marketplace,
        recorded.seen,
        len(recorded.new),
        len(found),
        parsed.reason,
    )


async def _link(
    parts: Parts, session: AsyncSession, marketplace: str, listing_id: str, source: str, sha256: str
) -> None:
    row = await find_listing(session, marketplace, listing_id)
    if row is None:
        return
    await add_picture_urls(session, row.id, [source])
    (picture,) = [one for one in await pictures_of(session, row.id) if one.url == source]
    await link_picture(session, picture.id, sha256, None, "imported", parts.clock.now())
    if picture.sha256 != sha256:
        row.examine_at = parts.clock.now()


async def import_urls(parts: Parts, lines: Iterable[str], actor: str) -> list[Imported]:
    """One candidate for each listing address, in order; each line that is none is reported."""
    results = []
    async with parts.database.write("addresses imported") as session:
        now = parts.clock.now()
        for line in filter(None, map(str.strip, lines)):
            known = canonical(line)
            if known is None:
                reason = "no listing's address of a marketplace that we know"
                results.append(Imported(line, Outcome.FAILED, reason=reason))
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


def url_lines(file: Path) -> list[str] | None:
    """The lines of a list of addresses; None if the file is none."""
    if file.suffix.lower() in PAGES:
        return None
    text = _read(file, _LARGEST_PAGE).decode("utf-8-sig", "replace")
    lines = [line for line in text.splitlines() if line.strip()]
    return lines if lines and any(line.strip().startswith(("http://", "https://")) for line in lines) else None


@dataclass(frozen=True, slots=True)
class SavedPictures:
    """The pictures that lie beside a saved page, findable by path, by file name and by address."""

    root: Path  # the page's own folder; nothing outside of it is ever read
    by_name: Mapping[str, Path] = field(default_factory=dict)  # names that occur once
    by_url: Mapping[str, Path] = field(default_factory=dict)  # from pictures.csv

    @classmethod
    def beside(cls, page: Path) -> SavedPictures:
        """Those of a page: in folders whose name begins with the page's, or listed in a pictures.csv."""
        root = page.parent.resolve()
        folders = [one for one in root.iterdir() if one.is_dir() and one.name.startswith(page.stem)]
        files = [file for folder in folders for file in sorted(folder.rglob("*")) if file.is_file()]
        names: dict[str, list[Path]] = {}
        for file in files:
            names.setdefault(file.name, []).append(file)
        by_url: dict[str, Path] = {}
        for folder in (root, *folders):
            by_url |= _listed(folder / _PICTURE_LIST, root)
        return cls(root, {name: found[0] for name, found in names.items() if len(found) == 1}, by_url)

    def of(self, listing: Listing, parsed: ParsedPage) -> dict[str, Path]:
        """The files of a listing's pictures, by the address under which each picture is kept."""
        found: dict[str, Path] = {}
        sources = parsed.local_pictures.get(listing.listing_id, ())
        for position, source in enumerate(sources):
            path = self._find(source)
            if path:
                found[listing.image_urls[position] if position < len(listing.image_urls) else source] = path
        for url in listing.image_urls:
            path = None if url in found else self._find(url)
            if path:
                found[url] = path
        return found

    def _find(self, source: str) -> Path | None:
        if source in self.by_url:
            return self.by_url[source]
        parts = urlsplit(source)
        if not parts.scheme and not parts.netloc:
            path = _inside(self.root, unquote(parts.path))
            if path:
                return path
        return self.by_name.get(PurePosixPath(unquote(parts.path)).name)


def _listed(file: Path, root: Path) -> dict[str, Path]:
    """What a pictures.csv says: rows of address and file, the file relative to the list.

    Raises:
        ImportRefused: A row has no file, or one outside of the page's folder.
    """
    if not file.is_file():
        return {}
    found = {}
    rows = csv.reader(_read(file, _LARGEST_PAGE).decode("utf-8-sig", "replace").splitlines())
    for number, row in enumerate(rows, start=1):
        if len(row) < 2 or (number == 1 and row[0].strip().lower() == "url"):
            continue
        name = (file.parent / row[1].strip()).resolve()
        path = _inside(root, str(name.relative_to(root))) if name.is_relative_to(root) else None
        if path is None:
            raise ImportRefused(f"{file}, line {number}: no file {row[1]!r} in the page's folder")
        found[row[0].strip()] = path
    return found


def _inside(root: Path, relative: str) -> Path | None:
    try:
        path = (root / relative).resolve()
        return path if path.is_relative_to(root) and path.is_file() else None
    except (OSError, ValueError):  # too long a name, or a NUL in it
        return None


def _read(file: Path, largest: int) -> bytes:
    try:
        if file.stat().st_size > largest:
            raise ImportRefused(f"{file} is larger than {largest // 1_000_000} MB")
        return file.read_bytes()
    except OSError as error:
        raise ImportRefused(f"{file}: {error.strerror or error}") from None
