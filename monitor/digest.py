"""The digest: what changed since the last one, most pressing first, as text, as a page and as mail. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from detectors.model import PriorityLevel
from monitor.text import clip, templates, utc, visible

_BLOCKED_IS_NEWS_AFTER = timedelta(hours=24)
_TITLE_CHARS = 160
_REASON_CHARS = 240
_LEVELS = list(PriorityLevel)
_MAGIC = {b"\xff\xd8\xff": "jpeg", b"\x89PNG\r\n\x1a\n": "png", b"RIFF": "webp"}


@dataclass(frozen=True, slots=True)
class DigestAlert:
    """One alert that is new, or has changed, since the last digest.

    ``picture`` (the listing's) and ``reference`` (the work's) are small pictures that we encoded ourselves (JPEG, PNG
    or WebP, at most about 320 px); nothing from a marketplace is embedded as it came.
    """

    alert_id: int
    priority: PriorityLevel
    score: int
    reasons: tuple[str, ...]
    work_title: str
    listing_title: str
    url: str
    marketplace: str
    change: str = ""  # empty: a new alert; else what changed, such as "price 12.90 to 9.90 USD"
    price: Decimal | None = None
    currency: str | None = None
    seller_name: str | None = None
    picture: bytes | None = None
    reference: bytes | None = None


@dataclass(frozen=True, slots=True)
class SearchCoverage:
    """What one search asked for and got in the period: pages asked, read and blocked; listings seen and new ones."""

    keyword: str
    marketplace: str
    asked: int
    got: int
    blocked: int
    listings: int
    new: int
    blocked_since: datetime | None = None  # set while the marketplace is blocked


@dataclass(frozen=True, slots=True)
class WaitingComplaint:
    """A complaint that a person has to do something about; ``action`` says what, ``command`` how."""

    number: str
    platform: str
    work_title: str
    listings: int
    action: str
    command: str = ""
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DigestFacts:
    """Everything that one digest tells. ``key`` names the digest: the same key, the same mail."""

    key: str
    until: datetime
    since: datetime | None = None  # None: the first digest
    alerts: tuple[DigestAlert, ...] = ()
    coverage: tuple[SearchCoverage, ...] = ()
    complaints: tuple[WaitingComplaint, ...] = ()
    suppressed: Mapping[str, int] = field(default_factory=dict)  # why no alert was shown: how often
    notes: tuple[str, ...] = ()  # one line each, such as rights that expire soon
    open_alerts: int | None = None  # undecided alerts altogether, older ones included


@dataclass(frozen=True, slots=True)
class InlinePicture:
    """A picture of the mail, under its content id."""

    cid: str
    subtype: str  # jpeg, png or webp
    data: bytes


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest ready to be read: ``html`` stands alone in a file, ``mail_html`` shows ``pictures`` by their ids."""

    key: str
    at: datetime
    subject: str
    text: str
    html: str
    mail_html: str
    pictures: tuple[InlinePicture, ...]


def compose_digest(facts: DigestFacts, limit: int = 50) -> Digest:
    """Write the digest of a period.

    Args:
        limit: Alerts shown with pictures and reasons, the most pressing first; the others follow, a line each.
    """
    alerts = sorted(facts.alerts, key=lambda one: (_LEVELS.index(one.priority), -one.score, one.alert_id))
    page = templates().get_template("digest.html")
    shown = {
        "facts": facts,
        "headline": _headline(alerts),
        "period": _period(facts),
        "blocked": _blocked(facts),
        "counts": Counter(alert.priority for alert in alerts),
        "rest": alerts[limit:],
    }
    pictures = {
        picture.cid: picture
        for alert in alerts[:limit]
        for data in (alert.reference, alert.picture)
        if (picture := _inline(data)) is not None
    }
    return Digest(
        key=facts.key,
        at=facts.until,
        subject=_subject(facts, alerts),
        text=_text(facts, alerts, limit),
        html=page.render(shown | {"in_mail": False, "groups": _groups(alerts[:limit], _data_uri)}),
        mail_html=page.render(shown | {"in_mail": True, "groups": _groups(alerts[:limit], _cid)}),
        pictures=tuple(pictures.values()),
    )


def _headline(alerts: Sequence[DigestAlert]) -> str:
    if not alerts:
        return "Nothing new to look at"
    return f"{len(alerts):,} alert{'s' if len(alerts) > 1 else ''} to look at"


def _subject(facts: DigestFacts, alerts: Sequence[DigestAlert]) -> str:
    counts = Counter(alert.priority for alert in alerts)
    pressing = [f"{counts[level]:,} {level.value}" for level in _LEVELS[:2] if counts[level]]
    blocked = sorted({marketplace for marketplace, _ in _blocked(facts)})
    parts = [f"{', '.join(blocked)} blocked"] if blocked else []
    parts.append(_headline(alerts) + (f" ({', '.join(pressing)})" if pressing else ""))
    return visible(clip(f"Bazaarwatch: {'; '.join(parts)}", _TITLE_CHARS))


def _blocked(facts: DigestFacts) -> list[tuple[str, str]]:
    """Marketplaces blocked for more than a day, with the sentence that says so."""
    since: dict[str, datetime] = {}
    for search in facts.coverage:
        if search.blocked_since is not None:
            earlier = since.get(search.marketplace, search.blocked_since)
            since[search.marketplace] = min(earlier, search.blocked_since)
    return [
        (
            marketplace,
            f"{marketplace} has been blocked since {utc(at)} ({_hours(facts.until - at)}): what is offered there now "
            "is not in this digest.",
        )
        for marketplace, at in sorted(since.items())
        if facts.until - at > _BLOCKED_IS_NEWS_AFTER
    ]


def _hours(length: timedelta) -> str:
    hours = int(length.total_seconds() // 3600)
    return f"{hours} hours" if hours < 48 else f"{hours // 24} days"


def _period(facts: DigestFacts) -> str:
    return f"{utc(facts.since)} to {utc(facts.until)}" if facts.since else f"up to {utc(facts.until)}"


def _price(alert: DigestAlert) -> str:
    return "price not shown" if alert.price is None else f"{alert.price:,f} {alert.currency or ''}".strip()


def _seller(alert: DigestAlert) -> str:
    return clip(alert.seller_name, _TITLE_CHARS) if alert.seller_name else "a seller not shown"


# Text


def _text(facts: DigestFacts, alerts: Sequence[DigestAlert], limit: int) -> str:
    """The whole digest in lines; no text of a marketplace can begin one or break it."""
    counts = Counter(alert.priority for alert in alerts)
    levels = ", ".join(f"{counts[level]:,} {level.value}" for level in _LEVELS if counts[level])
    lines = [f"! {sentence}" for _, sentence in _blocked(facts)]
    lines += [""] if lines else []
    lines += [f"Bazaarwatch digest, {_period(facts)}", _headline(alerts) + (f": {levels}" if levels else "")]
    if facts.open_alerts is not None:
        lines.append(f"{facts.open_alerts:,} alerts wait for a decision altogether")
    lines += [f"- {note}" for note in facts.notes]
    lines += _complaint_lines(facts)
    for level in _LEVELS:
        group = [alert for alert in alerts[:limit] if alert.priority is level]
        lines += ["", f"{level.value.upper()} ({len(group):,})"] if group else []
        lines += [line for alert in group for line in _alert_lines(alert)]
    if alerts[limit:]:
        lines += ["", f"AND {len(alerts) - limit:,} MORE"]
        lines += [f"  #{alert.alert_id} {alert.priority.value}: {_short_title(alert)}" for alert in alerts[limit:]]
    lines += _coverage_lines(facts)
    if facts.suppressed:
        lines += ["", "NOT SHOWN"] + [f"  {count:,} x {reason}" for reason, count in sorted(facts.suppressed.items())]
    return "".join(f"{visible(line)}\n" for line in lines)


def _short_title(alert: DigestAlert) -> str:
    return f"{clip(alert.work_title, _TITLE_CHARS)} / {clip(alert.listing_title, _TITLE_CHARS)} {alert.url}"


def _alert_lines(alert: DigestAlert) -> Iterator[str]:
    news = f"changed: {alert.change}" if alert.change else "new"
    yield ""
    yield f"  #{alert.alert_id} {clip(alert.work_title, _TITLE_CHARS)} ({news}, {alert.score} of 100)"
    yield f"     listing: {clip(alert.listing_title, _TITLE_CHARS)}"
    yield f"     {_price(alert)} from {_seller(alert)} on {alert.marketplace}"
    yield f"     {alert.url}"
    yield from (f"     - {clip(reason, _REASON_CHARS)}" for reason in alert.reasons)


def _complaint_lines(facts: DigestFacts) -> Iterator[str]:
    if facts.complaints:
        yield ""
        yield "COMPLAINTS THAT WAIT FOR YOU"
    for one in facts.complaints:
        due = f", due {utc(one.due_at)}" if one.due_at else ""
        yield f"  {one.number} {one.work_title}, {_listings(one.listings)}, {one.platform}: {one.action}{due}"
        if one.command:
            yield f"     {one.command}"


def _listings(count: int) -> str:
    return f"{count:,} listing{'' if count == 1 else 's'}"


def _coverage_lines(facts: DigestFacts) -> Iterator[str]:
    if facts.coverage:
        yield ""
        yield "WHAT WAS SEARCHED"
    for one in facts.coverage:
        pages = f"{one.asked:,} pages asked, {one.got:,} read, {one.blocked:,} blocked"
        yield f"  {one.marketplace}, {one.keyword}: {pages}; {_listings(one.listings)}, {one.new:,} new"


# Page and mail


def _groups(alerts: Sequence[DigestAlert], source: Callable[[InlinePicture], str]) -> list[dict[str, Any]]:
    """Alerts by priority as the page shows them; ``source`` says where a picture is found."""
    return [
        {"level": level.value, "alerts": [_card(alert, source) for alert in group]}
        for level in _LEVELS
        if (group := [alert for alert in alerts if alert.priority is level])
    ]


def _card(alert: DigestAlert, source: Callable[[InlinePicture], str]) -> dict[str, Any]:
    sides = (("Your work", alert.reference, alert.work_title), ("Listing", alert.picture, alert.listing_title))
    pictures = [
        (caption, source(inline) if (inline := _inline(data)) else "", clip(title, _TITLE_CHARS))
        for caption, data, title in sides
    ]
    return {"alert": alert, "price": _price(alert), "seller": _seller(alert), "pictures": pictures}


def _inline(data: bytes | None) -> InlinePicture | None:
    subtype = next((name for magic, name in _MAGIC.items() if data and data.startswith(magic)), None)
    if data is None or subtype is None:
        return None
    return InlinePicture(f"{hashlib.sha256(data).hexdigest()[:32]}@bazaarwatch", subtype, data)


def _data_uri(picture: InlinePicture) -> str:
    return f"data:image/{picture.subtype};base64,{base64.b64encode(picture.data).decode()}"


def _cid(picture: InlinePicture) -> str:
    return f"cid:{picture.cid}"
