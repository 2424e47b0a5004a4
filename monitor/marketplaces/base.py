"""What a marketplace must offer: how to ask it, and how to read its pages. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, Protocol

from detectors.model import Listing, Outcome


@dataclass(frozen=True, slots=True)
class Grant:
    """OAuth 2 client credentials (RFC 6749, 4.4): sent to ``token_url`` alone, the token to the API's origin alone."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str


@dataclass(frozen=True, slots=True)
class Api:
    """A documented API that is used under its own terms, which stand in place of its host's robots.txt."""

    terms: str  # why robots.txt, written for crawlers of pages, is not asked
    requests_per_day: int  # in any 24 hours, by all processes together
    grant: Grant | None = None
    signing_key: str = field(default="", repr=False)  # with one, `apis.signed` is what leaves the house


@dataclass(frozen=True, slots=True)
class Request:
    """A page to ask for. ``params`` are appended to the query by the fetcher."""

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # may hold a key
    method: Literal["GET", "POST"] = "GET"
    body: bytes = field(default=b"", repr=False)
    repeatable: bool = True  # whether asking twice does no harm
    api: Api | None = None
    part: bool = False  # something on a page, such as a picture: one refusal of it says nothing of its host
    referrer: str | None = None  # the page that named the URL ("" if saved by hand); None: the operator's own wish


@dataclass(frozen=True, slots=True)
class Query:
    """What a search looks for: a keyword, what a seller offers, or what looks like a picture."""

    keyword: str = ""
    seller: str = ""  # the site's own id of the account
    picture: bytes = field(default=b"", repr=False)  # a JPEG of at most `LARGEST_PICTURE` bytes
    shop: str = ""  # the shop's address, where the marketplace lives on any host

    @property
    def is_plain(self) -> bool:
        """Whether it is a keyword and nothing else."""
        return bool(self.keyword) and not (self.seller or self.picture or self.shop)


LARGEST_PICTURE = 100_000  # bytes; the smallest limit of the image searches in marketplaces' documentation


@dataclass(frozen=True, slots=True)
class Page:
    """Bytes as fetched or saved.

    ``outcome`` is set by the fetcher where the transport alone decides (failed, rate_limited, gone by 404 or 410,
    blocked by robots.txt or 401/403/451); ``None`` leaves it to the classifier and then the parser.
    """

    url: str  # after redirects
    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)  # lower-case names
    fetched_at: datetime | None = None
    outcome: Outcome | None = None
    reason: str = ""
    address: str | None = None  # the IP address that answered
    retry_at: datetime | None = None  # set with rate_limited and blocked
    method: str = "GET"
    sent: Mapping[str, str] = field(default_factory=dict)  # the request's head, secrets left out
    certificate: str | None = None  # SHA-256 of the TLS certificate that the server showed
    screenshot: bytes | None = field(default=None, repr=False)  # PNG or JPEG of the page as a browser showed it
    paused: bool = False  # it was not asked for: its host is left alone until ``retry_at``


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """What a page says. Listings are there only with outcome ``ok``."""

    outcome: Outcome
    marketplace: str
    listings: tuple[Listing, ...] = ()
    next: str | None = None  # absolute URL of the following page
    layout: str = ""  # which of the known layouts matched
    reason: str = ""  # for every outcome but ok: what was seen
    kind: str = ""  # "search" or "product" where the parser knows
    # By listing id: the pictures' sources as the page writes them. A browser that saved the page rewrote them to paths
    # beside it (./x_files/s-l500.webp); elsewhere their last segment is the name it would have given the file.
    local_pictures: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    published: Mapping[str, date] = field(default_factory=dict)  # by listing id: since when, as the page itself states


@dataclass(frozen=True, slots=True)
class Pace:
    """How often one host may be asked."""

    requests_per_minute: float = 20.0
    requests_per_day: int = 0  # in any 24 hours; 0: as the settings say


WAYS = ("api", "http", "rendered", "saved")


@dataclass(frozen=True, slots=True)
class Abilities:
    """By which of ``WAYS`` each thing can be done at a marketplace, as words between spaces; empty: by none.

    api: its documented API, with a key of yours; http: plain requests; rendered: pages as a browser shows them, sent by
    the extension or by the extra ``browser``; saved: files for ``bazaarwatch import``.
    """

    keyword: str = ""  # a keyword's search
    picture: str = ""  # what looks like a registered picture
    detail: str = ""  # an item's own page
    seller: str = ""  # all that one seller offers
    language: str = "en"  # in which its sellers write, ISO 639-1; that of most, where they write in several
    note: str = ""  # what to expect, for people


class Marketplace(Protocol):
    """One marketplace. Stateless; every method is pure."""

    @property
    def name(self) -> str:
        """Stored with every listing: never changes."""

    @property
    def hosts(self) -> frozenset[str]:
        """The registrable hosts it answers on; empty for shops that live on any host."""

    @property
    def pace(self) -> Pace:
        """How often each of its hosts may be asked."""

    @property
    def abilities(self) -> Abilities:
        """What can be done here, and by which ways."""

    def search_request(self, keyword: str) -> Request | None:
        """The first page of a keyword search; None where plain HTTP cannot search this site."""

    @property
    def hint(self) -> str:
        """What a search needs first, for people: an API's key, a shop's address."""

    def query_request(self, query: Query) -> Request | None:
        """The first page of any search; None where the site cannot be searched so. Later pages are asked alike."""

    def keeps(self, query: Query, listing: Listing) -> bool:
        """Whether a listing that the search's page shows is one that was looked for."""

    def listing_request(self, listing: Listing) -> Request | None:
        """The item's own page, where it shows more than the search page (seller, more pictures)."""

    def recognises(self, page: Page) -> bool:
        """Whether the page is this marketplace's, by its URL or, failing that, its content."""

    def canonical(self, url: str) -> tuple[str, str] | None:
        """(listing id, canonical URL) of any form of a listing's URL; None if it is no listing's."""

    def parse(self, page: Page) -> ParsedPage:
        """Read one page that the classifier let through.

        Raises:
            LayoutChanged: The page lacks what the parser relies on (the caller makes it ``drift``).
        """
