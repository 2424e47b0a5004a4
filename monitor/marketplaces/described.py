"""Marketplaces that an operator describes in a TOML file instead of code."""

from __future__ import annotations

import difflib
import re
import string
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, get_args
from urllib.parse import quote_plus

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from selectolax.lexbor import LexborHTMLParser

from config.errors import ConfigError
from monitor.errors import LayoutChanged
from monitor.marketplaces.base import Abilities, Pace, Page, ParsedPage, Request
from monitor.marketplaces.document import Document, document
from monitor.marketplaces.reading import nothing
from monitor.marketplaces.tables import Cards, Item, Records, TableSite, find
from monitor.marketplaces.text import clean_text
from monitor.marketplaces.urls import absolute, host_of, on_host

FOLDER = "marketplaces"  # in the data folder
_LARGEST_FILE = 1_000_000
_NEXT = "a[rel~=next][href], link[rel~=next][href]"


def _selector(text: str) -> str:
    try:
        LexborHTMLParser("<p></p>").css(text)
    except Exception as error:  # the library raises several kinds
        raise ValueError(f"{text!r} is no CSS selector: {error}") from None
    return text


def _path(text: str) -> str:
    try:
        jmespath.compile(text)
    except JMESPathError as error:
        raise ValueError(f"{text!r} is no JMESPath expression: {str(error).splitlines()[0]}") from None
    return text


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from None
    return text


def _host(text: str) -> str:
    if host_of(f"https://{text}/") != text or "." not in text:
        raise ValueError(f"{text!r} is no bare lower-case host, such as pins.example")
    return text


def _with_keyword(text: str) -> str:
    if "{keyword}" not in text or not host_of(text):
        raise ValueError("write a web address with {keyword} where the keyword stands")
    return text


Selector = Annotated[str, Field(min_length=1), AfterValidator(_selector)]
Path_ = Annotated[str, Field(min_length=1), AfterValidator(_path)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Optional = Annotated[str, AfterValidator(lambda text: text and _selector(text))]
OptionalPath = Annotated[str, AfterValidator(lambda text: text and _path(text))]
Currency = Annotated[str, Field(pattern="^([A-Z]{3})?$")]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SearchDescription(_Table):
    """How the site is searched and what it says when it has nothing."""

    url: Annotated[str, AfterValidator(_with_keyword)]
    next: Selector = _NEXT
    next_path: OptionalPath = ""  # the next page's address in an answer that is JSON
    nothing: tuple[str, ...] = ()


class ListingDescription(_Table):
    """What a listing's address looks like, and what every price is in where prices do not say."""

    address: Pattern
    canonical: str
    currency: Currency = ""
    signs: Mapping[str, Annotated[str, Field(pattern="^[A-Z]{3}$")]] = {}


class CardsDescription(_Table):
    """Where a search page shows listings; all but ``card`` are looked for inside a card."""

    card: Selector
    title: Selector
    price: Optional = ""
    pictures: Selector = "img"
    link: Selector = "a[href]"
    seller: Optional = ""
    id_attribute: str = ""
    title_attribute: str = ""


class ItemDescription(_Table):
    """Where an item's own page shows its listing."""

    title: Selector
    price: Optional = ""
    pictures: tuple[Selector, ...] = ()
    seller: Optional = ""
    listing_id: Optional = ""
    id_attribute: str = "value"


class RecordsDescription(_Table):
    """Where JSON, bare or in a script, keeps listings; all but ``items`` and ``total`` are asked of one item."""

    items: Path_
    listing_id: Path_ = "id"
    title: Path_ = "title"
    price: OptionalPath = "price"
    price_raw: OptionalPath = ""
    currency: OptionalPath = ""
    pictures: Path_ = "image"
    seller_id: OptionalPath = ""
    seller_name: OptionalPath = ""
    seller_url: OptionalPath = ""
    url: OptionalPath = ""
    total: OptionalPath = ""
    minor_digits: Annotated[int, Field(ge=0, le=4)] = 0
    picture: Annotated[str, Field(pattern=r"^[^{}]*\{\}[^{}]*$")] = "{}"
    kind: Annotated[str, Field(pattern="^(search|product)$")] = "search"


class PictureRule(_Table):
    """How a thumbnail's address becomes the full picture's."""

    find: Pattern
    replace: str


class Description(_Table):
    """A whole site. ``name`` is stored with every listing: never change it."""

    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]{1,39}$")]
    hosts: Annotated[tuple[Annotated[str, AfterValidator(_host)], ...], Field(min_length=1)]
    language: Annotated[str, Field(pattern="^[a-z]{2}$")] = "en"  # in which its sellers write
    requests_per_minute: Annotated[float, Field(gt=0, le=60)] = 20.0
    linked: bool = False  # whether its JSON-LD products are listings
    scripts: tuple[str, ...] = ()  # what stands before the data in a script, or a script's selector
    listing: ListingDescription
    search: SearchDescription | None = None
    cards: tuple[CardsDescription, ...] = ()
    items: tuple[ItemDescription, ...] = ()
    records: tuple[RecordsDescription, ...] = ()
    pictures: tuple[PictureRule, ...] = ()

    @model_validator(mode="after")
    def _is_complete(self) -> Description:
        groups = set(re.compile(self.listing.address).groupindex)
        if "id" not in groups:
            raise ValueError("listing.address: the pattern needs a group (?P<id>...) that holds the listing's id")
        named = {name for _, name, _, _ in string.Formatter().parse(self.listing.canonical) if name is not None}
        if "id" not in named or named - groups - {"host"}:
            raise ValueError(f"listing.canonical: write it with {{id}}; it may name {sorted(groups | {'host'})}")
        if not (self.cards or self.items or self.records or self.linked):
            raise ValueError("cards, items, records: one of them is needed, or linked = true")
        for rule in self.pictures:
            try:
                re.sub(f"(?:{rule.find})?", rule.replace, "")  # an unknown group is found without a match
            except (re.error, IndexError) as error:
                raise ValueError(f"pictures.replace: {rule.replace!r}: {error}") from None
        return self


@dataclass(frozen=True)
class DescribedSite(TableSite):
    """A site read by an operator's description."""

    description: Description | None = None
    keyword_url: str = ""
    next_path: str = ""
    zero_words: tuple[str, ...] = ()
    rules: tuple[tuple[re.Pattern[str], str], ...] = ()

    def search_request(self, keyword: str) -> Request | None:
        """The first page of a keyword search; None where the description has no search."""
        if not self.keyword_url:
            return None
        return Request(self.keyword_url.replace("{keyword}", quote_plus(keyword)))

    def parse(self, page: Page) -> ParsedPage:
        """The listings of the first table that yields any, or the site's own word that there are none.

        Raises:
            LayoutChanged: Neither.
        """
        whole = document(page)
        try:
            parsed = super().parse(page)
        except LayoutChanged:
            said = self._says_nothing(whole)
            if said is None:
                raise
            return nothing(self, "search", f"the page says {said!r}")
        listings = tuple(
            one._replace(image_urls=tuple(dict.fromkeys(map(self._full_size, one.image_urls))))
            for one in parsed.listings
        )
        return replace(parsed, listings=listings, next=parsed.next or self._next_by_path(whole))

    def script_data(self, page: Document) -> Iterator[Any]:
        """The data that the page's scripts hold."""
        return self._script_data(page)

    def _says_nothing(self, page: Document) -> str | None:
        text = page.text if page.looks_like_json else page.visible_text
        return next((words for words in self.zero_words if words.casefold() in text.casefold()), None)

    def _full_size(self, url: str) -> str:
        for pattern, replacement in self.rules:
            url = pattern.sub(replacement, url)
        return url

    def _next_by_path(self, page: Document) -> str | None:
        if not self.next_path or not page.looks_like_json:
            return None
        value = find(self.next_path, page.data)
        onward = absolute(page.address or self.home(), clean_text(value).strip())
        return onward if onward and on_host(host_of(onward), self.hosts) and onward != page.address else None


def site_of(description: Description) -> DescribedSite:
    """The marketplace that a description describes."""
    search = description.search
    return DescribedSite(
        description.name,
        hosts=frozenset(description.hosts),
        main_host=description.hosts[0],
        pace=Pace(description.requests_per_minute),
        abilities=Abilities(
            "http rendered saved" if search else "rendered saved",
            detail="http rendered saved" if description.items or description.linked else "",
            language=description.language,
            note="described in the data folder",
        ),
        signs=description.listing.signs,
        address=re.compile(description.listing.address),
        template=description.listing.canonical,
        currency=description.listing.currency,
        linked=description.linked,
        scripts=description.scripts,
        cards=tuple(Cards(f"cards[{at}]", **one.model_dump()) for at, one in enumerate(description.cards)),
        items=tuple(Item(f"items[{at}]", **one.model_dump()) for at, one in enumerate(description.items)),
        records=tuple(Records(f"records[{at}]", **one.model_dump()) for at, one in enumerate(description.records)),
        following=search.next if search else _NEXT,
        description=description,
        keyword_url=search.url if search else "",
        next_path=search.next_path if search else "",
        zero_words=search.nothing if search else (),
        rules=tuple((re.compile(rule.find), rule.replace) for rule in description.pictures),
    )


@lru_cache(maxsize=64)
def site_from_json(text: str) -> DescribedSite:
    """The marketplace that crossed to a child as JSON."""
    return site_of(Description.model_validate_json(text))


def read_description(file: Path) -> Description:
    """The description in a TOML file.

    Raises:
        ConfigError: It cannot be read; names the file, each key and, for an unknown one, the nearest known key.
    """
    try:
        if file.stat().st_size > _LARGEST_FILE:
            raise ConfigError(f"{file} is larger than {_LARGEST_FILE // 1_000_000} MB")
        return Description.model_validate(tomllib.loads(file.read_text("utf-8")))
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: {error}") from None
    except ValidationError as error:
        faults = "; ".join(_fault(one["loc"], one["type"], one["msg"]) for one in error.errors())
        raise ConfigError(f"{file}: {faults}") from None


def _fault(location: tuple[str | int, ...], kind: str, message: str) -> str:
    key = ".".join(map(str, location)) or "the file"
    if kind != "extra_forbidden":
        return f"{key}: {message.removeprefix('Value error, ')}"
    near = difflib.get_close_matches(str(location[-1]), _keys_beside(location), n=1)
    return f"{key}: no such key" + (f"; did you mean {near[0]}?" if near else "")


def _keys_beside(location: tuple[str | int, ...]) -> list[str]:
    model: type[BaseModel] = Description
    for step in location[:-1]:
        field = model.model_fields.get(step) if isinstance(step, str) else None
        if field is not None:
            inner = [field.annotation, *get_args(field.annotation)]
            model = next((one for one in inner if isinstance(one, type) and issubclass(one, BaseModel)), model)
    return list(model.model_fields)


def described_sites(data_dir: Path, taken: Iterable[str]) -> dict[str, DescribedSite]:
    """The marketplaces described in a data folder, by name.

    Raises:
        ConfigError: A file cannot be read, or two sites have one name.
    """
    found: dict[str, DescribedSite] = {}
    for file in sorted((data_dir / FOLDER).glob("*.toml")):
        description = read_description(file)
        if description.name in found or description.name in set(taken):
            raise ConfigError(f"{file}: name: another marketplace is called {description.name!r} already")
        found[description.name] = site_of(description)
    return found


def descriptions(sites: Iterable[object]) -> Iterator[str]:
    """The descriptions among some marketplaces, as JSON for `site_from_json`."""
    for site in sites:
        if isinstance(site, DescribedSite) and site.description:
            yield site.description.model_dump_json()
