"""Rights and their owners: the titles that protect a work, and what each kind must state. Pure vocabulary."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any, Self

from detectors.registers import COUNTRIES, NUMBERS, REGIONS, TERRITORIES, WITHOUT_UTILITY_MODELS


class RightKind(StrEnum):
    """The kind of title. It decides which fields a right must state and which reasons a complaint may give."""

    TRADEMARK = "trademark"
    COPYRIGHT_REGISTERED = "copyright_registered"
    COPYRIGHT_UNREGISTERED = "copyright_unregistered"
    DESIGN = "design"
    UTILITY_MODEL = "utility_model"
    PATENT = "patent"
    PUBLICITY = "publicity"
    GEOGRAPHICAL_INDICATION = "geographical_indication"
    OTHER = "other"


class PartyKind(StrEnum):
    """Whether a right belongs to a person or to a company."""

    PERSON = "person"
    COMPANY = "company"


class OwnershipBasis(StrEnum):
    """Why the holder of a copyright holds it."""

    AUTHOR = "author"
    EMPLOYER = "employer"
    ASSIGNMENT = "assignment"
    EXCLUSIVE_LICENCE = "licence_exclusive"


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One field that is missing or wrong, and what to do about it."""

    field: str
    problem: str

    def __str__(self) -> str:
        return f"{self.field}: {self.problem}"


@dataclass(frozen=True, slots=True)
class FirstPublication:
    """When and where a work was first shown to the public."""

    on: date
    place: str  # city and country, or the name of the site
    url: str | None = None


_DATES = ("filed_on", "registered_on", "expires_on")


@dataclass(frozen=True, slots=True)
class Right:
    """One title in one register, or an unregistered copyright.

    Attributes:
        title: The mark's text, the work's title, or the name of the design or invention.
        holder: The registered holder (of a trade mark: the registrant), spelled as in the certificate.
        number: The registration number; empty for an unregistered copyright.
        claim_number: For an unregistered copyright, from ``new_claim_number``; stands where a form wants a number.
        office: The register's short name, such as USPTO, EUIPO, CNIPA, WIPO.
        jurisdictions: ISO 3166-1 alpha-2 codes, and EU, WO or BX.
        nice_classes: Classes of goods and services of a trade mark, 1 to 45.
        locarno_classes: Classes of a design, such as 11-02.
        register: principal or supplemental, for trade marks of the USPTO.
    """

    kind: RightKind
    title: str
    holder: str
    number: str | None = None
    claim_number: str | None = None
    office: str | None = None
    jurisdictions: tuple[str, ...] = ()
    filed_on: date | None = None
    registered_on: date | None = None
    expires_on: date | None = None
    nice_classes: tuple[int, ...] = ()
    locarno_classes: tuple[str, ...] = ()
    brand: str | None = None
    register: str | None = None
    first_publication: FirstPublication | None = None
    author: str | None = None
    ownership_basis: OwnershipBasis | None = None

    @property
    def stated_number(self) -> str:
        """What goes into a form's number field: the claim number of an unregistered copyright, else the number."""
        own = self.claim_number if self.kind is RightKind.COPYRIGHT_UNREGISTERED else self.number
        return own or ""

    def to_wire(self) -> dict[str, Any]:
        """The right as JSON values, for storing and exporting."""
        wire = asdict(self)
        for name in _DATES:
            wire[name] = wire[name] and wire[name].isoformat()
        if wire["first_publication"]:
            wire["first_publication"]["on"] = wire["first_publication"]["on"].isoformat()
        return {name: list(value) if isinstance(value, tuple) else value for name, value in wire.items()}

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """The right that ``to_wire`` wrote; fields that are not there keep their defaults."""
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in wire.items()
        }
        for name in _DATES:
            fields[name] = date.fromisoformat(fields[name]) if fields.get(name) else None
        if published := fields.get("first_publication"):
            fields["first_publication"] = FirstPublication(**published | {"on": date.fromisoformat(published["on"])})
        basis = fields.get("ownership_basis")
        fields["ownership_basis"] = OwnershipBasis(basis) if basis else None
        return cls(**fields | {"kind": RightKind(fields["kind"])})


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds rights and signs complaints.

    ``email_public`` is shown to sellers by most platforms: use an address that is read daily and is not private.
    ``address`` is printed line by line; ``phone`` is E.164, such as +4930123456.
    """

    kind: PartyKind
    legal_name: str  # as in the identity document
    country: str  # ISO 3166-1 alpha-2
    email_public: str
    address: tuple[str, ...] = ()
    phone: str | None = None


_REQUIRED: dict[RightKind, tuple[str, ...]] = {  # complaint-platforms.md, A.2
    RightKind.TRADEMARK: ("title", "holder", "number", "office", "jurisdictions", "expires_on", "nice_classes"),
    RightKind.COPYRIGHT_REGISTERED: ("title", "holder", "number"),
    RightKind.COPYRIGHT_UNREGISTERED: ("title", "holder", "claim_number", "first_publication"),
    RightKind.DESIGN: ("title", "holder", "number", "office", "jurisdictions", "expires_on", "locarno_classes"),
    RightKind.UTILITY_MODEL: ("title", "holder", "number", "office", "jurisdictions", "expires_on"),
    RightKind.PATENT: ("title", "holder", "number", "office", "jurisdictions", "expires_on"),
    RightKind.PUBLICITY: ("title", "holder"),
    RightKind.GEOGRAPHICAL_INDICATION: ("title", "holder", "number", "jurisdictions"),
    RightKind.OTHER: ("title", "holder", "number"),
}
_ASK = {
    "title": "give the mark's text, the work's title or the invention's name",
    "holder": "give the registered holder (registrant), spelled as in the certificate",
    "number": "give the registration number from the certificate",
    "claim_number": "an unregistered work needs its generated claim number",
    "office": "name the register, such as USPTO, EUIPO or CNIPA",
    "jurisdictions": "give at least one country code, such as US, CN or EU",
    "expires_on": "give the expiry date from the certificate or the last renewal",
    "nice_classes": "give at least one Nice class (1 to 45)",
    "locarno_classes": "give at least one Locarno class, such as 11-02",
    "first_publication": "give date and place of the first publication",
}
_WARNINGS_DAYS = (60, 30, 7)


def required_fields(kind: RightKind) -> tuple[str, ...]:
    """The fields of ``Right`` that this kind must state."""
    return _REQUIRED[kind]


def validate(right: Right, today: date | None = None) -> list[FieldProblem]:
    """Every missing or invalid field of a right, in the order of its fields; empty when nothing is wrong.

    Args:
        today: Where given, what has happened cannot lie behind it; the day after is let pass, as time zones differ.

    Expiry is not judged here: a right that has ended is still a right to record (``expires_on`` is judged against
    the day of the complaint).
    """
    problems = [FieldProblem(name, _ASK[name]) for name in _REQUIRED[right.kind] if _is_blank(getattr(right, name))]
    problems += _number_problems(right)
    problems += _class_problems(right)
    problems += _territory_problems(right)
    problems += _date_problems(right) + (_future_problems(right, today) if today else [])
    problems += _publication_problems(right)
    problems += [
        FieldProblem(name, "must be one line without control characters")
        for name in ("title", "holder", "number", "claim_number", "office", "brand", "author")
        if (text := getattr(right, name)) and any(unicodedata.category(char) == "Cc" for char in text)
    ]
    order = list(Right.__dataclass_fields__)
    return sorted(problems, key=lambda problem: order.index(problem.field))


def validate_owner(owner: Owner) -> list[FieldProblem]:
    """Every missing or invalid field of an owner; empty when nothing is wrong."""
    problems = []
    if _is_blank(owner.legal_name) or len(owner.legal_name) > 200:
        problems.append(FieldProblem("legal_name", "give the name of the identity document, at most 200 characters"))
    if owner.country not in COUNTRIES:
        problems.append(FieldProblem("country", f"{owner.country!r} is no {_country_form(owner.country)}"))
    if not re.fullmatch(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;.]+", owner.email_public):
        problems.append(FieldProblem("email_public", "give an e-mail address; platforms show it to sellers"))
    if owner.phone and not re.fullmatch(r"\+[1-9]\d{6,14}", owner.phone):
        problems.append(FieldProblem("phone", "write it as +, country code and digits, such as +4930123456"))
    return problems


@dataclass(frozen=True, slots=True)
class Expiry:
    """How long a right still holds.

    Attributes:
        days_left: Until the day on which it ends; negative afterwards; None: it states no end.
        stage: The nearest of the warnings at 60, 30 and 7 days that is reached; 0 once it has ended; None before.
    """

    days_left: int | None = None
    stage: int | None = None

    @property
    def blocked(self) -> bool:
        """Whether no complaint may leave on it: from the day of its expiry on (requirement IP5)."""
        return self.stage == 0

    def __str__(self) -> str:
        """What to tell a person; empty while nothing presses."""
        if self.stage is None or self.days_left is None:
            return ""
        if self.days_left < 0:
            return f"ended {_days(-self.days_left)} ago: no complaint leaves on it; renew it and record the new date"
        if self.days_left == 0:
            return "ends today: no complaint leaves on it; renew it and record the new date"
        return f"ends in {_days(self.days_left)}: renew it and record the new date"


def expiry(right: Right, today: date) -> Expiry:
    """How long a right still holds on a day, and which warning is due."""
    if right.expires_on is None:
        return Expiry()
    left = (right.expires_on - today).days
    if left <= 0:
        return Expiry(left, 0)
    return Expiry(left, min((days for days in _WARNINGS_DAYS if left <= days), default=None))


def smoother(rights: Iterable[tuple[int, Right]], *, china_only: bool) -> list[int]:
    """Ids of a work's rights, the one first on which to complain of pictures that look alike.

    Args:
        rights: With their ids.
        china_only: The site serves China alone: a Chinese registration goes much smoother there (requirement IP8).
    """

    def rank(numbered: tuple[int, Right]) -> tuple[bool, int, int]:
        right_id, right = numbered
        copyrights = (RightKind.COPYRIGHT_REGISTERED, RightKind.COPYRIGHT_UNREGISTERED)  # what alike pictures infringe
        kind = copyrights.index(right.kind) if right.kind in copyrights else len(copyrights)
        return china_only and "CN" not in right.jurisdictions, kind, right_id

    return [right_id for right_id, _ in sorted(rights, key=rank)]


def slower_route(right: Right, *, china_only: bool) -> str:
    """What to say of complaining on this right at a site; empty where nothing is slower."""
    if not china_only or "CN" in right.jurisdictions:
        return ""
    held = "foreign rights are recognised" if right.jurisdictions else "a copyright holds"  # by the Berne Convention
    return f"slower route: {held} there, but a Chinese registration goes smoother"


def normalise_number(number: str) -> str:
    """A number without case, blanks and punctuation, for telling whether two are the same."""
    return "".join(char for char in unicodedata.normalize("NFKC", number).upper() if char.isalnum())


def is_placeholder(number: str) -> bool:
    """Whether a "number" is none: N/A, none, pending, "Registration not required in ...", 000.

    A number that was ever registered holds a digit other than zero. Platforms take each number once only, so the
    second rights holder who writes N/A is refused ("Don't re-submit the same number of the IPR.").
    """
    words = re.findall(r"[a-z]+", number.casefold())
    says_none = {"required", "none", "pending", "unregistered", "unknown", "applicable", "tbd"} & set(words)
    return bool(says_none) or not any(char.isdigit() and unicodedata.digit(char, 0) != 0 for char in number)


def new_claim_number(holder: str, unique: str) -> str:
    """A claim number for an unregistered work: ``UC-<holder code>-<unique>``.

    The same holder and ``unique`` always give the same number; another ``unique`` always gives another.

    Args:
        holder: The holder's legal name; its code is 6 characters of a hash, alike for every spelling of case and
            blanks.
        unique: The work's ULID or UUID, made once and stored; never reused.

    Raises:
        ValueError: ``unique`` is too short or holds anything but letters, digits and hyphens.
    """
    compact = unique.replace("-", "").upper()
    if not re.fullmatch(r"[0-9A-Z]{16,40}", compact):
        raise ValueError(f"{unique!r} is no ULID or UUID")
    code = hashlib.sha256(_plain_name(holder).encode("utf-8", "replace")).hexdigest()[:6].upper()
    return f"UC-{code}-{compact}"


def same_name(one: str, other: str) -> bool:
    """Whether two spellings name the same party, apart from case, blanks, width and punctuation."""
    return _plain_name(one) == _plain_name(other)


def _plain_name(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join("".join(char if char.isalnum() else " " for char in folded if char not in ".'’").split())


def _is_blank(value: object) -> bool:
    return not value or (isinstance(value, str) and not value.strip())


def _number_problems(right: Right) -> list[FieldProblem]:
    problems = []
    for field in ("number", "claim_number"):
        text = getattr(right, field)
        if text and text.strip() and is_placeholder(text):
            reason = f"{text!r} is no number: platforms take each number once and refuse such words as duplicates"
            remedy = "; an unregistered work is complained of under its own claim number" if field == "number" else ""
            problems.append(FieldProblem(field, reason + remedy))
    if problems or not right.number:
        return problems
    if right.kind is RightKind.COPYRIGHT_UNREGISTERED:
        return [FieldProblem("number", "an unregistered copyright has none; record it as copyright_registered instead")]
    pattern, say = NUMBERS.get(((right.office or "").upper(), right.kind), (None, ""))
    if pattern is not None and not pattern.fullmatch(normalise_number(right.number)):
        return [FieldProblem("number", say)]
    return []


def _territory_problems(right: Right) -> list[FieldProblem]:
    problems = [
        FieldProblem("jurisdictions", f"{code!r} is no {_country_form(code)}")
        for code in right.jurisdictions
        if code not in COUNTRIES | REGIONS
    ]
    office = (right.office or "").strip().upper()
    territory = TERRITORIES.get(office)
    if not problems and territory and right.jurisdictions and right.jurisdictions != (territory,):
        named = ", ".join(right.jurisdictions)
        problems.append(
            FieldProblem("jurisdictions", f"a title of {office} holds in {territory} alone, not in {named}")
        )
    if right.kind is RightKind.UTILITY_MODEL and office in WITHOUT_UTILITY_MODELS:
        problems.append(FieldProblem("office", f"{office} registers no utility models"))
    if right.register not in (None, "principal", "supplemental"):
        problems.append(FieldProblem("register", "is principal or supplemental"))
    return problems


def _country_form(code: str) -> str:
    hint = "; the United Kingdom is GB" if code.upper() == "UK" else ""
    return f"two-letter country code in capitals, such as DE{hint}"


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def _class_problems(right: Right) -> list[FieldProblem]:
    problems = [
        FieldProblem("nice_classes", f"{number} is no Nice class (1 to 45)")
        for number in right.nice_classes
        if not 1 <= number <= 45
    ]
    problems += [
        FieldProblem("locarno_classes", f"{text!r} is no Locarno class, such as 11-02")
        for text in right.locarno_classes
        if not re.fullmatch(r"\d{2}-\d{2}", text)
    ]
    return problems


def _date_problems(right: Right) -> list[FieldProblem]:
    known = [
        (name, day) for name in ("filed_on", "registered_on", "expires_on") if (day := getattr(right, name)) is not None
    ]
    return [
        FieldProblem(later, f"{later_on} is before {earlier} {earlier_on}")
        for (earlier, earlier_on), (later, later_on) in pairwise(known)
        if later_on < earlier_on
    ]


def _future_problems(right: Right, today: date) -> list[FieldProblem]:
    happened = {"filed_on": right.filed_on, "registered_on": right.registered_on}
    if right.first_publication:
        happened["first_publication"] = right.first_publication.on
    return [
        FieldProblem(name, f"{day} is in the future")
        for name, day in happened.items()
        if day and day > today + timedelta(days=1)
    ]


def _publication_problems(right: Right) -> list[FieldProblem]:
    published = right.first_publication
    if published is None:
        return []
    problems = []
    if _is_blank(published.place):
        problems.append(FieldProblem("first_publication", "say where: a city and country, or the site's name"))
    if published.url is not None and not re.fullmatch(r"https?://[^\s/@]+(/\S*)?", published.url):
        problems.append(FieldProblem("first_publication", "its address must be a whole http(s) URL"))
    return problems
