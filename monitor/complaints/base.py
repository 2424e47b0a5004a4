"""The values a complaint is made of, from the draft to the pack that leaves the house."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, Self

from detectors.rights import Owner, Right


class TargetState(StrEnum):
    """The state of one listing in a complaint. What a platform says is kept beside it, word for word."""

    SELECTED = "selected"
    EXCLUDED = "excluded"
    REPORTED = "reported"
    UNDER_REVIEW = "under_review"
    PAUSED = "paused"
    REMOVED_UNCONFIRMED = "removed_unconfirmed"
    REMOVED = "removed"
    EDITED = "edited"
    VOID_GONE = "void_gone"
    REJECTED = "rejected"
    COUNTERED = "countered"
    REINSTATED = "reinstated"
    STILL_UP = "still_up"
    REAPPEARED = "reappeared"
    WITHDRAWN = "withdrawn"


class RightState(StrEnum):
    """How far a right is recorded in an account at a platform."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    PENDING_VERIFICATION = "pending_verification"
    VERIFIED = "verified"
    REJECTED = "rejected"
    EXPIRED = "expired"


_PICTURE_ID = re.compile(r"^https?://[^/]*mlstatic\.com/(?:[^/]*/)*D_(?:[A-Z0-9]+_)*?(\d+-M[A-Z]{2}\d+_\d+)-")
_CONFIRMED_OF_A_TARGET = (
    *("alert_id", "marketplace", "listing_id", "url", "title", "seller_id"),
    *("picture_sha256", "infringing_element", "kind", "picture_ids"),
)


@dataclass(frozen=True, slots=True)
class MatchFacts:
    """Why a listing is in a complaint: the strongest finding on one of its pictures."""

    detector: str
    version: int
    threshold: float
    distance_bits: int | None = None
    score: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """The work that was copied, and the SHA-256 of its pictures."""

    work_id: int
    title: str
    reference_sha256: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """One listing that a complaint names, as it was last seen.

    Attributes:
        url: Canonical; ``url_original`` is how it was found.
        picture_sha256: Of the listing's picture that shows the work.
        last_seen_live_at: When a fetch, an imported page or a named person last saw it on sale.
        seen_live_by: How: fetched, imported, or the person's name.
        evidence_sha256: Of the captures of its page and pictures.
        infringing_element: product, packaging, listing_image, listing_text, shop_name, shop_logo, title_keyword, video.
        kind: listing, storefront, video, ...; a storefront's ``url`` is the shop's.
        picture_ids: The platform's own ids of the pictures that show the work.
    """

    alert_id: int
    marketplace: str
    listing_id: str
    url: str
    url_original: str
    title: str
    work_id: int
    match: MatchFacts
    reference_id: int | None = None
    price: Decimal | None = None
    currency: str | None = None
    seller_id: str | None = None
    seller_name: str | None = None
    image_urls: tuple[str, ...] = ()
    picture_sha256: str | None = None
    first_seen_at: datetime | None = None
    captured_at: datetime | None = None
    last_seen_live_at: datetime | None = None
    seen_live_by: str = ""
    evidence_sha256: tuple[str, ...] = ()
    infringing_element: str = "product"
    kind: str = "listing"
    picture_ids: tuple[str, ...] = ()


def picture_ids(urls: Iterable[str]) -> tuple[str, ...]:
    """The platforms' own ids of pictures, as they stand in their addresses, such as 666591-MLA26622267232_012016.

    Only Mercado Libre asks for them; addresses of others hold none.
    """
    found = (_PICTURE_ID.search(url) for url in urls)
    return tuple(dict.fromkeys(match.group(1) for match in found if match))


@dataclass(frozen=True, slots=True)
class Statement:
    """Words that a person affirms; ``version`` changes with every change of the text."""

    name: str
    version: int
    text: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A complaint before it leaves: one platform account, site, right, reason, level and work; many listings."""

    number: str  # ours, unique, such as C-17
    platform: str
    site: str
    work: Work
    right: Right
    owner: Owner
    reason: str  # our code, a key of the policy's reasons
    explanation: str
    targets: tuple[Target, ...]
    statements: tuple[Statement, ...]  # what a person has to affirm
    route: str = ""  # a key of the policy's routes
    account: str = ""
    language: str = "en"
    role: Literal["owner", "agent"] = "owner"  # of who files it
    right_state: RightState | None = None  # of the right in that account; None: nobody recorded it
    reason_facts: Mapping[str, str] = field(default_factory=dict)  # such as an authentication report's
    submission: int = 1  # how often it has left with this time: again after a form would not take it
    batch: int = 1  # of the complaints that one draft was split into at the platform's limit, which one

    @property
    def submission_id(self) -> str:
        """Ours, of this one handing in, such as C-17-1."""
        return f"{self.number}-{self.submission}"

    @property
    def target_kind(self) -> str:
        """The level of the complaint: listing, storefront, video, ...; all its targets are of one kind."""
        return self.targets[0].kind if self.targets else "listing"

    @property
    def content_sha256(self) -> str:
        """The hash of what a person confirms: it stays while only prices and times of seeing change."""
        content = {
            "complaint": [self.number, self.platform, self.site, self.route, self.account, self.reason],
            "explanation": self.explanation,
            "language": self.language,
            "role": self.role,
            "reason_facts": dict(self.reason_facts),
            "work": asdict(self.work),
            "right": asdict(self.right),
            "owner": asdict(self.owner),
            "statements": [asdict(statement) for statement in self.statements],
            "targets": [[getattr(target, name) for name in _CONFIRMED_OF_A_TARGET] for target in self.targets],
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Consideration:
    """What a person thought of before reporting one listing; each is a yes that nobody ticked beforehand."""

    alert_id: int
    fair_use: bool  # quotation, parody, description and the like were considered and do not apply
    exhaustion: bool  # that it may be resale of genuine or parallel-imported goods was considered
    authorised_seller: bool  # that the seller may be licensed was considered
    note: str = ""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A named person's yes to exactly one content of a draft, and the second person's where two have to look."""

    person: str
    at: datetime
    content_sha256: str  # of the draft as that person saw it
    statements: tuple[Statement, ...]
    considerations: tuple[Consideration, ...]
    approved_by: str = ""  # empty: one person was enough
    approved_at: datetime | None = None

    def to_wire(self) -> dict[str, Any]:
        """The confirmation as JSON values, for storing."""
        approved_at = self.approved_at.isoformat() if self.approved_at else None
        return asdict(self) | {"at": self.at.isoformat(), "approved_at": approved_at}

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """The confirmation that ``to_wire`` wrote."""
        return cls(
            person=wire["person"],
            at=datetime.fromisoformat(wire["at"]),
            content_sha256=wire["content_sha256"],
            statements=tuple(Statement(**one) for one in wire["statements"]),
            considerations=tuple(Consideration(**one) for one in wire["considerations"]),
            approved_by=wire.get("approved_by", ""),
            approved_at=datetime.fromisoformat(wire["approved_at"]) if wire.get("approved_at") else None,
        )


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a draft. A warning does not keep it from leaving."""

    field: str  # such as right.expires_on or targets[3].url
    message: str
    blocking: bool = True

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


@dataclass(frozen=True, slots=True)
class Pack:
    """What leaves the house for one complaint: file names and their bytes, ``manifest.json`` among them."""

    name: str  # a folder name, from the complaint's number
    files: Mapping[str, bytes]

    @property
    def sha256(self) -> str:
        """The hash of the manifest, which holds the hash of every other file."""
        return hashlib.sha256(self.files["manifest.json"]).hexdigest()
