"""What a complaint platform decides, as typed and versioned data. Pure; `monitor.complaints.packs` reads the files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import date
from enum import StrEnum
from typing import Any, Generic, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from detectors.rights import Right, RightKind
from monitor.complaints.base import RightState, Statement

Value = TypeVar("Value")
_STALE_AFTER_DAYS = 365

Unit = Literal["h", "cd", "wd", "mo"]
Channel = Literal["portal_form", "public_form", "portal_xlsx", "email", "api"]
TargetKind = Literal["listing", "storefront", "image", "video", "livestream", "page", "ad", "account"]
LegalBasis = Literal["platform_policy", "dmca_512c3", "dsa_16", "prc_ecommerce_42", "contract"]
WindowName = Literal[
    "identity_verification",  # our identity papers handed in -> approved; the platform's
    "right_verification",  # a right handed in -> approved; the platform's
    "acknowledge",  # submitted -> receipt; the platform's
    "review",  # submitted -> first decision; the platform's
    "information",  # the platform asked for more -> our answer; ours
    "seller_answer",  # the seller was told -> counter-notice (``round`` 1, 2, 3); the seller's
    "holder_answer",  # a counter-notice reached us -> our answer; ours, and silence loses
    "put_back",  # a valid counter-notice reached a host -> content restored, from ``earliest`` to ``length``
    "court_proof",  # the seller's declaration was forwarded -> proof of a suit or an authority's case; ours
    "seller_mail",  # a seller wrote to us -> our answer; ours
    "appeal",  # a decision against us -> our appeal; ours
    "watch",  # removed -> no longer looked after; ours
    "status_range",  # how far back the platform's list of complaints reaches unless asked for more
    "penalty_memory",  # a penalty -> its points lapse
    "penalty_merge",  # complaints this close together count as one
]
_OURS = frozenset({"information", "holder_answer", "court_proof", "seller_mail", "appeal"})


class Confidence(StrEnum):
    """How sure a value is. Everything below ``SEEN`` is shown as unconfirmed wherever it matters."""

    SEEN = "seen"  # the platform's own page, or several independent guides, say so
    REPORTED = "reported"  # one third party says so
    KNOWN = "known"  # general knowledge, not looked up
    ASSUMED = "assumed"  # seen nowhere: a cautious guess of ours, or none at all


_SURENESS = {one: -place for place, one in enumerate(Confidence)}


class PlatformState(StrEnum):
    """What a platform's word says of a listing or a complaint, in the words of complaint-platforms.md."""

    NOT_REPORTED = "not_reported"
    ACKNOWLEDGED = "acknowledged"
    UNDER_REVIEW = "under_review"
    INFO_REQUESTED = "info_requested"
    PAUSED = "paused"  # taken off sale until the seller has answered
    REMOVED_UNCONFIRMED = "removed_unconfirmed"  # only our own look tells removed from gone before
    REMOVED = "removed"
    EDITED = "edited"  # the seller changed it
    VOID_GONE = "void_gone"  # it was not there any more when the platform looked
    REJECTED = "rejected"
    COUNTERED = "countered"
    REINSTATED = "reinstated"
    WITHDRAWN = "withdrawn"
    PER_LISTING = "per_listing"  # a word for a whole complaint that only its listings' words explain


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Strict):
    """Where values were read, and when."""

    read_on: date
    url: str | None = None
    title: str = ""


class Fact(_Strict, Generic[Value]):
    """One value, with the source (a key of ``Policy.sources``) and how sure it is."""

    value: Value
    source: str
    confidence: Confidence
    note: str = ""

    @property
    def unconfirmed(self) -> bool:
        """Whether it was not seen at the platform itself."""
        return self.confidence is not Confidence.SEEN


class Site(_Strict):
    """One marketplace of the platform. ``hosts`` stand for themselves and their subdomains."""

    title: str
    hosts: tuple[str, ...] = ()  # none: any host that no other site has
    country: str | None = None  # ISO 3166-1 alpha-2, of the market
    platform_id: str = ""  # the platform's own id of the market
    china_only: bool = False  # foreign rights go smoother there with a Chinese registration
    calendar: str | None = None  # else the pack's
    timezone: str | None = None  # else the pack's
    url_pattern: str | None = None  # what a listing's address must match, from its beginning


class RightRule(_Strict):
    """What the platform asks of one kind of right: fields of ``Right`` and documents."""

    label: str
    required: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    number_pattern: str | None = None  # of the normalised number, whole
    number_note: str = ""  # what the pattern means, for people
    registers: tuple[str, ...] = ()  # of a trade mark, such as principal; others need further proof
    jurisdictions: tuple[str, ...] = ()  # one of these must be covered
    covers_site: bool = False  # the right must hold in the site's country
    note: str = ""

    @model_validator(mode="after")
    def _names_real_fields(self) -> Self:
        unknown = set(self.required) - set(Right.__dataclass_fields__)
        if unknown:
            raise ValueError(f"no field of a right: {', '.join(sorted(unknown))}")
        return self


class ReasonRule(_Strict):
    """One entry of the platform's drop-down, under our own code."""

    label: str
    right_kinds: tuple[RightKind, ...]
    proposed_for: tuple[RightKind, ...] = ()  # a match of pictures may propose it for these kinds of right
    code: str = ""  # the platform's
    codes: Mapping[str, str] = {}  # by route, where they differ
    needs: tuple[str, ...] = ()  # keys that ``Draft.reason_facts`` must hold
    evidence: tuple[str, ...] = ()  # kinds of documents to attach
    target_kinds: tuple[TargetKind, ...] = ("listing",)
    routes: tuple[str, ...] = ()  # empty: all
    max_targets: int | None = Field(default=None, gt=0)  # where it is less than the route's
    picture_ids: bool = False  # the platform's own ids of the pictures complained of must be given
    group: str = ""  # the platform's heading over it


class Window(_Strict):
    """A length of time: ``earliest`` to ``length`` units, and what its end brings.

    ``h`` hours, ``cd`` calendar days, ``wd`` working days of ``calendar`` (else the site's or pack's), ``mo`` months.
    """

    length: int = Field(gt=0)
    unit: Unit
    earliest: int | None = Field(default=None, alias="from")
    round: int | None = None  # of the seller's answers
    calendar: str | None = None  # a country of the holidays package, such as US, where it is not the platform's
    skip: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = ()  # days that do not count
    at_expiry: PlatformState | None = None
    sites: tuple[str, ...] = ()  # empty: all
    right_kinds: tuple[RightKind, ...] = ()  # empty: all


class Quality(_Strict):
    """The rates an account must keep, over a sliding window."""

    success_min: float = Field(ge=0, le=1)
    counter_max: float = Field(ge=0, le=1)
    window_months: int = Field(gt=0)
    per_reason: bool


class Attachments(_Strict):
    """How many files a complaint may carry, how large each and of what kind; None and empty: not known."""

    max: int | None = Field(default=None, ge=0)
    mb_each: int | None = Field(default=None, gt=0)
    types: tuple[str, ...] = ()


class StatementRule(_Strict):
    """What a person affirms, word for word; for all kinds of right and routes where none is named."""

    version: int
    text: str
    right_kinds: tuple[RightKind, ...] = ()
    routes: tuple[str, ...] = ()
    portals_own: bool = False  # the portal shows words of its own instead, to be read and ticked there


class StatusRule(_Strict):
    """What one of the platform's words means."""

    state: PlatformState
    listing: Literal["active", "paused", "removed"] | None = None  # how the listing stands at the platform
    clock: Literal["platform", "seller", "ours"] | None = None  # who has to act
    effect: Literal["missed_deadline", "stop_exports"] | None = None  # what else it tells us


class UrlRules(_Strict):
    """What the addresses of one complaint must be, besides plain and all different."""

    page_only: bool = False  # of single pages or listings, never of a shop or a start page
    same_hostname: bool = False  # all of one host


class Penalty(_Strict):
    """One rule about what upheld complaints cost a seller; an estimate, the platform's own count is not seen."""

    kind: Literal["per_complaint", "ladder", "day_cap", "strikes", "no_counter", "measure"]
    points: int | None = None  # points, or complaints for ``strikes``
    measure: str = ""
    days: int | None = None
    sites: tuple[str, ...] = ()
    right_kinds: tuple[RightKind, ...] = ()


class SetupStep(_Strict):
    """One step before the first complaint, in order."""

    text: str
    wait: WindowName | None = None  # the window it usually takes
    documents: tuple[str, ...] = ()


FieldKey = Literal[
    "site",
    "right_label",
    "right_title",
    "right_number",
    "right_holder",
    "right_office",
    "right_jurisdictions",
    "right_classes",
    "right_brand",
    "work_url",
    "first_publication",
    "target_kind",
    "infringing_element",
    "reason_label",
    "reason_code",
    "urls",
    "listing_ids",
    "seller_names",
    "explanation",
    "message_to_seller",
    "owner_name",
    "owner_email",
    "owner_address",
    "owner_phone",
    "owner_country",
    "role",
    "test_buy_order",
    "patent_number",
    "countries",
    "regions",
    "statements",
    "signature",
]


class PortalField(_Strict):
    """One field of the platform's form: its label there, and which fact of a complaint goes into it."""

    key: FieldKey
    label: str
    required: bool = True
    max_chars: int | None = Field(default=None, gt=0)
    right_kinds: tuple[RightKind, ...] = ()  # empty: all
    reasons: tuple[str, ...] = ()  # our codes; empty: all


# complaint-platforms.md, B.4; where a platform publishes no bounds of its own, these are our caution.
_OUR_QUALITY = Quality(success_min=0.90, counter_max=0.05, window_months=3, per_reason=True)


def _ours(value: Any) -> Any:
    """What stands where a pack says nothing: our own habit, and not confirmed by anybody."""
    return Fact[Any](value=value, source="own", confidence=Confidence.ASSUMED)


class Route(_Strict):
    """One way to hand a complaint in. None where the platform's limit was not seen."""

    title: str
    channel: Fact[Channel]
    to: Fact[str]  # the form's address, the mail address, or the path of the API
    account: Fact[bool]  # whether one must be signed in
    right_must_be_verified: Fact[bool] = _ours(False)
    max_targets: Fact[int | None]
    rights_per_complaint: Fact[int | None] = _ours(1)
    reasons_per_complaint: Fact[int | None] = _ours(1)
    designs_per_complaint: Fact[int | None] = _ours(1)
    target_kinds: Fact[Mapping[TargetKind, str]]  # and the platform's words for them
    sites: tuple[str, ...] = ()  # empty: all
    storefront_sites: tuple[str, ...] = ()  # sites whose storefronts go this way; empty: all
    right_kinds: tuple[RightKind, ...] = ()  # empty: all
    legal_basis: Fact[LegalBasis]
    explanation_max_chars: Fact[int | None] = _ours(None)
    attachments: Fact[Attachments] | None = None
    fields: tuple[Fact[PortalField], ...] = ()
    mail: Literal["letter", "form"] = (
        "letter"  # what a mail holds: a notice, or the fields as text and nothing attached
    )
    xarf: bool = False  # whether a report for programs goes with it

    def takes(self, site: str, kind: RightKind, target_kind: str) -> bool:
        """Whether a complaint about such targets over such a right may go this way."""
        if target_kind == "storefront" and self.storefront_sites and site not in self.storefront_sites:
            return False
        return (
            (not self.sites or site in self.sites)
            and (not self.right_kinds or kind in self.right_kinds)
            and target_kind in self.target_kinds.value
        )


class Policy(_Strict):
    """A policy pack: everything one platform decides."""

    schema_name: Literal["complaint-policy/2"] = Field(alias="schema")
    platform: str = Field(pattern=r"^[a-z0-9_]+$")
    version: int = Field(gt=0)
    title: str
    portal: str
    account_at: str = ""  # the platform whose account and approved rights it uses, if not its own
    sources: Mapping[str, Source]
    sites: Mapping[str, Fact[Site]] = Field(min_length=1)
    routes: Mapping[str, Route] = Field(min_length=1)  # the first that takes a complaint is proposed
    number_rule: Fact[Literal["required_unique", "required", "optional"]]
    live_within_h: Fact[int]
    languages: Fact[tuple[str, ...]]  # empty: not seen, any is taken
    calendar: Fact[str]  # a country of the holidays package
    timezone: Fact[str]
    disclosed: Fact[tuple[str, ...]]  # what of the complainant the seller is shown
    due_date: Fact[Literal["windows", "platform"]]  # which wins where the platform tells one
    seller_name_required: Fact[bool]  # for every listing
    urls: Fact[UrlRules]
    marked_picture: Fact[bool]  # the place that infringes must be marked on the picture
    ids: Fact[Literal["item_id", "asin", "work_id", "listing_url"]]
    holder_countries: Fact[tuple[str, ...]] | None = None
    quality: Fact[Quality] = _ours(_OUR_QUALITY)
    contacts: Mapping[str, Fact[str]] = {}
    account: Mapping[str, Fact[str]] = {}
    endpoints: Mapping[str, Fact[str]] = {}  # of its API
    setup: tuple[Fact[SetupStep], ...] = ()
    rights: Mapping[RightKind, Fact[RightRule]]
    reasons: Mapping[str, Fact[ReasonRule]]
    statuses: Mapping[str, Fact[StatusRule]] = {}  # the platform's words for one listing
    complaint_statuses: Mapping[str, Fact[StatusRule]] = {}  # its words for a whole complaint, where they are others
    right_statuses: Mapping[str, Fact[RightState]] = {}
    windows: Mapping[WindowName, tuple[Fact[Window], ...]] = {}
    penalties: Mapping[str, Fact[Penalty]] = {}
    statements: Mapping[str, Fact[StatementRule]]
    rejections: Mapping[str, Fact[str]] = {}  # why complaints fail there
    remarks: Mapping[str, Fact[str]] = {}  # whatever else was read and decides something for a person

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        unknown = sorted({fact.source for _, fact in self.facts()} - set(self.sources))
        if unknown:
            raise ValueError(f"sources not listed: {', '.join(unknown)}")
        named = {site for route in self.routes.values() for site in (*route.sites, *route.storefront_sites)}
        named |= {site for _, fact in self.facts() for site in getattr(fact.value, "sites", ())}
        if strangers := sorted(named - set(self.sites)):
            raise ValueError(f"sites not listed: {', '.join(strangers)}")
        routes = {name for _, fact in self.facts() for name in getattr(fact.value, "routes", ())}
        routes |= {name for fact in self.reasons.values() for name in fact.value.codes}
        if strangers := sorted(routes - set(self.routes)):
            raise ValueError(f"routes not listed: {', '.join(strangers)}")
        return self

    @field_validator("sites")
    @classmethod
    def _patterns_compile(cls, sites: Mapping[str, Fact[Site]]) -> Mapping[str, Fact[Site]]:
        for fact in sites.values():
            re.compile(fact.value.url_pattern or "")
        return sites

    @property
    def label(self) -> str:
        """The pack and its version, such as ``alibaba_ipp 2``; what decided is told by it."""
        return f"{self.platform} {self.version}"

    @property
    def sha256(self) -> str:
        """The hash of everything in the pack, for telling whether two are one."""
        return hashlib.sha256(self.model_dump_json(by_alias=True).encode()).hexdigest()

    @property
    def account_platform(self) -> str:
        """Where its account is and where rights must be approved: itself, or the platform it shares one with."""
        return self.account_at or self.platform

    def facts(self) -> Iterator[tuple[str, Fact[Any]]]:
        """Every value with its path, such as ``windows.review.2`` or ``routes.portal.max_targets``."""
        for name in type(self).model_fields:
            yield from _facts(name, getattr(self, name))

    def unconfirmed(self) -> dict[str, Fact[Any]]:
        """The values that were not seen at the platform itself, by path."""
        return {path: fact for path, fact in self.facts() if fact.unconfirmed}

    def read_on(self) -> date:
        """The day on which the oldest of its sources was read."""
        return min(source.read_on for source in self.sources.values())

    def is_stale(self, today: date) -> bool:
        """Whether some source was read more than a year ago."""
        return (today - self.read_on()).days > _STALE_AFTER_DAYS

    def site_of(self, url: str) -> str | None:
        """The site a listing's URL belongs to, by its host; None for other platforms' addresses."""
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").rstrip(".")
        except ValueError:
            return None
        if parts.scheme not in {"http", "https"} or not host:
            return None
        for name, fact in self.sites.items():
            if any(host == own or host.endswith(f".{own}") for own in fact.value.hosts):
                return name
        return next((name for name, fact in self.sites.items() if not fact.value.hosts), None)

    def calendar_of(self, site: str) -> tuple[str, str]:
        """The country whose working days count at a site, and its time zone."""
        own = self.sites[site].value
        return own.calendar or self.calendar.value, own.timezone or self.timezone.value

    def window(self, name: WindowName, site: str, kind: RightKind, round_: int | None = None) -> Fact[Window] | None:
        """The window to reckon with, where sources may disagree.

        Of our own clocks the shortest; of others' the best confirmed, and among equals the longest.

        Windows in different units are compared by their usual length (a working day as 24 h and two fifths).

        Args:
            round_: Which of the seller's answers; windows of other rounds are left out.
        """
        fitting = [
            fact
            for fact in self.windows.get(name, ())
            if (not fact.value.sites or site in fact.value.sites)
            and (not fact.value.right_kinds or kind in fact.value.right_kinds)
            and (round_ is None or fact.value.round in (None, round_))
        ]
        told = [fact for fact in fitting if fact.value.sites or fact.value.right_kinds] or fitting
        if not told:
            return None
        if name in _OURS:
            return min(told, key=lambda fact: _usual_hours(fact.value))
        return max(told, key=lambda fact: (_SURENESS[fact.confidence], _usual_hours(fact.value)))

    def status(self, words: str, *, of_complaint: bool = False) -> Fact[StatusRule] | None:
        """What the platform's words mean, apart from case and blanks; None: unknown, to be shown, never success."""
        known = (self.complaint_statuses or self.statuses) if of_complaint else self.statuses
        plain = " ".join(words.split()).casefold()
        return next((fact for said, fact in known.items() if said.casefold() == plain), None)

    def propose_reason(self, kind: RightKind) -> str | None:
        """The reason that a match of pictures may propose for a kind of right; never a counterfeit allegation."""
        return next((code for code, fact in self.reasons.items() if kind in fact.value.proposed_for), None)

    def statements_for(self, kind: RightKind, route: str | None = None) -> tuple[Statement, ...]:
        """What a person must affirm before a complaint over such a right leaves (by such a route)."""
        return tuple(
            Statement(name, fact.value.version, fact.value.text)
            for name, fact in self.statements.items()
            if (not fact.value.right_kinds or kind in fact.value.right_kinds)
            and (not fact.value.routes or route is None or route in fact.value.routes)
        )


def _usual_hours(window: Window) -> float:
    return window.length * {"h": 1.0, "cd": 24.0, "wd": 24.0 * 7 / 5, "mo": 24.0 * 30}[window.unit]


def _facts(path: str, value: object) -> Iterator[tuple[str, Fact[Any]]]:
    if isinstance(value, Fact):
        yield path, value
    elif isinstance(value, Route):
        for name in type(value).model_fields:
            yield from _facts(f"{path}.{name}", getattr(value, name))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _facts(f"{path}.{key}", inner)
    elif isinstance(value, tuple):
        for position, inner in enumerate(value):
            yield from _facts(f"{path}.{position}", inner)
