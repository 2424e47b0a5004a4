"""What a complaint platform decides, as versioned data: limits, reasons, windows, words, each with its source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, Generic, Literal, Self, TypeVar
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from detectors.rights import Right, RightKind
from monitor.complaints.base import RightState, Statement, TargetState
from monitor.complaints.errors import PolicyError

Value = TypeVar("Value")
_STALE_AFTER_DAYS = 180  # complaint-platforms.md, A.3


class Confidence(StrEnum):
    """How sure a value is. Everything below ``SEEN`` is shown as unconfirmed wherever it matters."""

    SEEN = "seen"
    REPORTED = "reported"
    KNOWN = "known"
    ASSUMED = "assumed"


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


class Site(_Strict):
    """One marketplace of the platform. ``hosts`` stand for themselves and their subdomains."""

    title: str
    hosts: tuple[str, ...] = Field(min_length=1)
    china_only: bool = False  # foreign rights go smoother there with a Chinese registration
    storefront_by: Literal["portal_form", "email"] = "portal_form"


class RightRule(_Strict):
    """What the platform asks of one kind of right: fields of ``Right`` and documents."""

    label: str
    required: tuple[str, ...]
    documents: tuple[str, ...]
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
    needs: tuple[str, ...] = ()  # keys that ``Draft.reason_facts`` must hold
    target_kind: Literal["listing", "storefront"] = "listing"


class Window(_Strict):
    """A length of time: ``earliest`` to ``length`` in hours, calendar days or working days, and what its end brings."""

    length: int = Field(gt=0)
    unit: Literal["h", "cd", "wd"]
    earliest: int | None = Field(default=None, alias="from")
    at_expiry: TargetState | None = None
    sites: tuple[str, ...] = ()  # empty: all


class Quality(_Strict):
    """The rates an account must keep, over a sliding window."""

    success_min: float
    counter_max: float
    window_months: int
    per_reason: bool


class Attachments(_Strict):
    """How many files a complaint may carry, and how large each."""

    max: int
    mb_each: int


class StatementRule(_Strict):
    """What a person affirms, word for word; for all kinds of right where none is named."""

    version: int
    text: str
    right_kinds: tuple[RightKind, ...] = ()


FieldKey = Literal[
    "site",
    "right_label",
    "right_title",
    "right_number",
    "right_holder",
    "target_kind",
    "reason_label",
    "url_file",
    "explanation",
    "owner_name",
    "owner_email",
]


class PortalField(_Strict):
    """One field of the platform's form: its label there, and which fact of a complaint goes into it."""

    key: FieldKey
    label: str


class Policy(_Strict):
    """A policy pack: everything one platform decides."""

    schema_name: Literal["complaint-policy/1"] = Field(alias="schema")
    platform: str
    version: int
    title: str
    portal: str
    sources: Mapping[str, Source]
    sites: Mapping[str, Fact[Site]]
    channel: Fact[Literal["portal_form", "public_form", "email"]]
    target_kinds: Fact[Mapping[Literal["listing", "storefront"], str]]  # and the portal's words for them
    max_targets: Fact[int]
    rights_per_complaint: Fact[int]
    reasons_per_complaint: Fact[int]
    designs_per_complaint: Fact[int]
    right_must_be_verified: Fact[bool]
    number_rule: Fact[Literal["required_unique", "required", "optional"]]
    explanation_max_chars: Fact[int]
    live_within_h: Fact[int]
    attachments: Fact[Attachments]
    languages: Fact[tuple[str, ...]]
    calendar: Fact[str]
    timezone: Fact[str]
    status_default_range: Fact[Window]
    quality: Fact[Quality]
    contacts: Mapping[str, Fact[str]]
    account: Mapping[str, Fact[str]]
    rights: Mapping[RightKind, Fact[RightRule]]
    reasons: Mapping[str, Fact[ReasonRule]]
    statuses: Mapping[str, Fact[TargetState]]
    right_statuses: Mapping[str, Fact[RightState]]
    windows: Mapping[str, tuple[Fact[Window], ...]]
    penalties: Mapping[str, Fact[int]]
    statements: Mapping[str, Fact[StatementRule]]
    fields: tuple[Fact[PortalField], ...]

    @model_validator(mode="after")
    def _names_its_sources(self) -> Self:
        unknown = sorted({fact.source for _, fact in self.facts()} - set(self.sources))
        if unknown:
            raise ValueError(f"sources not listed: {', '.join(unknown)}")
        return self

    def facts(self) -> Iterator[tuple[str, Fact[Any]]]:
        """Every value with its path, such as ``windows.review.2``."""
        for name in type(self).model_fields:
            yield from _facts(name, getattr(self, name))

    def unconfirmed(self) -> dict[str, Fact[Any]]:
        """The values that were not seen at the platform itself, by path."""
        return {path: fact for path, fact in self.facts() if fact.confidence is not Confidence.SEEN}

    def is_stale(self, today: date) -> bool:
        """Whether some source was read more than 180 days ago."""
        return any((today - source.read_on).days > _STALE_AFTER_DAYS for source in self.sources.values())

    def site_of(self, url: str) -> str | None:
        """The site a listing's URL belongs to, by its host; None for other platforms' addresses."""
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").rstrip(".")
        except ValueError:
            return None
        if parts.scheme not in {"http", "https"} or not host:
            return None
        return next(
            (
                name
                for name, fact in self.sites.items()
                for own in fact.value.hosts
                if host == own or host.endswith(f".{own}")
            ),
            None,
        )

    def propose_reason(self, kind: RightKind) -> str | None:
        """The reason that a match of pictures may propose for a kind of right; never a counterfeit allegation."""
        return next((code for code, fact in self.reasons.items() if kind in fact.value.proposed_for), None)

    def statements_for(self, kind: RightKind) -> tuple[Statement, ...]:
        """What a person must affirm before a complaint over such a right leaves."""
        return tuple(
            Statement(name, fact.value.version, fact.value.text)
            for name, fact in self.statements.items()
            if not fact.value.right_kinds or kind in fact.value.right_kinds
        )


@cache
def policy(platform: str) -> Policy:
    """The policy pack of a platform, checked.

    Raises:
        PolicyError: There is no such pack, or it does not hold.
    """
    try:
        return Policy.model_validate(_read(platform))
    except ValidationError as error:
        raise PolicyError(f"policies/{platform}.yaml: {error}") from error


def platforms() -> tuple[str, ...]:
    """The names of all policy packs that are installed."""
    folder = resources.files("monitor.complaints") / "policies"
    return tuple(sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml")))


def _read(platform: str) -> dict[str, Any]:
    if platform not in platforms():
        raise PolicyError(f"no policy pack for {platform!r}; there are {', '.join(platforms())}")
    file = resources.files("monitor.complaints") / "policies" / f"{platform}.yaml"
    own: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    base = own.pop("extends", None)
    if base is None:
        return own
    inherited = _read(base)
    own["sources"] = inherited["sources"] | own.get("sources", {})
    return inherited | own


def _facts(path: str, value: object) -> Iterator[tuple[str, Fact[Any]]]:
    if isinstance(value, Fact):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _facts(f"{path}.{key}", inner)
    elif isinstance(value, tuple):
        for position, inner in enumerate(value):
            yield from _facts(f"{path}.{position}", inner)
