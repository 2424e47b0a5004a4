"""What one request carries and what came back: values, and the rules for the heads of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from monitor.errors import FetchError
from monitor.gate import AnswerTooLarge
from monitor.marketplaces.base import Api

HEAD_BYTES = 64 << 10
_OURS = frozenset(
    {"host", "user-agent", "accept-encoding", "connection", "content-length", "transfer-encoding", "te", "upgrade"}
)
_PAUSE = timedelta(minutes=1)  # after 429 without Retry-After
_LONGEST_PAUSE = timedelta(days=1)  # a Retry-After beyond it, in the past or unreadable is no sane wish, and ...
_ODD_PAUSE = timedelta(hours=1)  # ... is taken as this


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: its body is unpacked, its header fields are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    address: str | None = None
    method: str = "GET"
    sent: Mapping[str, str] = field(default_factory=dict)
    certificate: str | None = None


@dataclass(frozen=True, slots=True)
class Errand:
    """What one request carries; never printed, since it may hold a key."""

    headers: Mapping[str, str]
    method: str = "GET"
    body: bytes = b""
    repeatable: bool = True
    api: Api | None = None
    per_day: int = 0
    part: bool = False

    def __repr__(self) -> str:
        return f"{self.method} with {len(self.body)} bytes"


def checked_fields(headers: Mapping[str, str]) -> dict[str, str]:
    """The fields of a request, by lower-case name.

    Raises:
        FetchError: One is the fetcher's alone to set, or holds what cannot be sent.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    if forbidden := _OURS & lower.keys():
        raise FetchError(f"the fetcher alone sets {', '.join(sorted(forbidden))}")
    for name, value in lower.items():
        if not value.isascii() or not value.isprintable():
            raise FetchError(f"the header {name} holds what cannot be sent")
    return lower


def answered_fields(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Header fields by lower-case name, repeated ones joined by commas.

    Raises:
        AnswerTooLarge: They take more than 64 KiB.
    """
    if sum(len(name) + len(value) for name, value in headers) > HEAD_BYTES:
        raise AnswerTooLarge(f"the head takes more than {HEAD_BYTES} bytes")
    fields: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


def pause_until(headers: Mapping[str, str], now: datetime) -> datetime:
    """When a host may be asked again, by its Retry-After in seconds or as a date."""
    wish = headers.get("retry-after", "").strip()
    if not wish:
        return now + _PAUSE
    try:
        pause = timedelta(seconds=int(wish)) if wish.isdecimal() else parsedate_to_datetime(wish).astimezone(UTC) - now
    except (ValueError, TypeError, OverflowError):
        return now + _ODD_PAUSE
    return now + (pause if timedelta(0) <= pause <= _LONGEST_PAUSE else _ODD_PAUSE)
