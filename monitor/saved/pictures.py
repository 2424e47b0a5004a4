"""Which of the pictures saved with a page belong to a listing."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TypeVar
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from detectors.model import Listing
from monitor.errors import ImportRefused
from monitor.marketplaces.base import ParsedPage
from monitor.marketplaces.images import full_size
from monitor.saved.containers import Part

T = TypeVar("T")

_WHOLE = ("/", "http:", "https:")  # how an address begins; a path beside a saved page does not
_PICTURE_LIST = "pictures.csv"
_LARGEST_LIST = 50_000_000


def pictures_for(listing: Listing, parsed: ParsedPage, find: Callable[[str], T | None]) -> dict[str, T]:
    """What ``find`` knows of a listing's pictures, by the address under which each picture is kept."""
    found: dict[str, T] = {}
    sources = parsed.local_pictures.get(listing.listing_id, ())
    whole = [source.startswith(_WHOLE) for source in sources]
    # Sources of one kind stand in the order of the addresses; where both kinds occur some name one picture twice.
    in_order = not any(whole) or (all(whole) and len(sources) == len(listing.image_urls))
    for position, source in enumerate(sources):
        picture = find(source)
        if picture is not None:
            ordered = in_order and position < len(listing.image_urls)
            found[listing.image_urls[position] if ordered else _address(listing, source)] = picture
    for url in listing.image_urls:
        picture = None if url in found else find(url)
        if picture is not None:
            found[url] = picture
    return found


@dataclass(frozen=True, slots=True)
class CarriedPictures:
    """Pictures that came inside the same file as the page, by their addresses or paths."""

    page_url: str
    by_url: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def of_parts(cls, page_url: str, parts: Iterable[Part]) -> CarriedPictures:
        """Those of a container: by whole address, and by the one without its query where that names one picture."""
        whole: dict[str, bytes] = {}
        bare: dict[str, set[bytes]] = {}
        for part in parts:
            if part.is_picture and part.body and part.status < 300:
                whole[urldefrag(part.url).url] = part.body
                bare.setdefault(part.url.partition("?")[0], set()).add(part.body)
        alone = {url: next(iter(bodies)) for url, bodies in bare.items() if len(bodies) == 1}
        return cls(page_url, alone | whole)

    def find(self, source: str) -> bytes | None:
        """The picture that the page shows by this source."""
        if source in self.by_url:
            return self.by_url[source]
        try:
            url = urldefrag(urljoin(self.page_url, source)).url
        except ValueError:
            return None
        return self.by_url.get(url) or self.by_url.get(url.partition("?")[0])


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

    def told_apart_by_name(self, parsed: ParsedPage) -> SavedPictures:
        """The same, without names that end several addresses on the page: those say nothing of whose picture it is."""
        shown = {url for listing in parsed.listings for url in listing.image_urls}
        shown |= {source for sources in parsed.local_pictures.values() for source in sources if "//" in source}
        uses = Counter(_last_segment(url) for url in shown)
        return replace(self, by_name={name: path for name, path in self.by_name.items() if uses[name] < 2})

    def find(self, source: str) -> Path | None:
        """The file that the page shows by this source."""
        if source in self.by_url:
            return self.by_url[source]
        try:
            parts = urlsplit(source)
        except ValueError:
            return None
        if not parts.scheme and not parts.netloc:
            path = _inside(self.root, unquote(parts.path))
            if path:
                return path
        known = self.by_name.get(_last_segment(source))
        return known if known and known.resolve().is_relative_to(self.root) else None


def _address(listing: Listing, source: str) -> str:
    """The whole address of a source in its full size; a path beside the saved page stays as it is."""
    return full_size(urljoin(listing.url, source)) if source.startswith(_WHOLE) else source


def _last_segment(url: str) -> str:
    return PurePosixPath(unquote(url.partition("?")[0].partition("#")[0])).name


def _listed(file: Path, root: Path) -> dict[str, Path]:
    """What a pictures.csv says: rows of address and file, the file relative to the list.

    Raises:
        ImportRefused: A row has no file, or one outside of the page's folder.
    """
    if not file.is_file():
        return {}
    found = {}
    rows = csv.reader(read_file(file, _LARGEST_LIST).decode("utf-8-sig", "replace").splitlines())
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


def read_file(file: Path, largest: int) -> bytes:
    """The bytes of a file.

    Raises:
        ImportRefused: It cannot be read, or is too large.
    """
    try:
        if file.stat().st_size > largest:
            raise ImportRefused(f"{file} is larger than {largest // 1_000_000} MB")
        return file.read_bytes()
    except OSError as error:
        raise ImportRefused(f"{file}: {error.strerror or error}") from None
