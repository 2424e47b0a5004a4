"""What evidence keeps of a request and its answer beside the bytes: who answered, header fields without secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from monitor.text import clip, visible

if TYPE_CHECKING:
    from monitor.marketplaces.base import Page

_SENT_AS_IT_IS = frozenset(
    {"host", "accept", "accept-language", "accept-encoding", "user-agent", "content-type", "content-length"}
)
_SECRET = re.compile(
    r"cookie|auth|token|secret|session|csrf|xsrf|api-?key|signature|password|credential", re.IGNORECASE
)
_LONGEST_VALUE = 1_000  # characters of one field
_MOST_FIELDS = 60
LEFT_OUT = "(left out)"


def sent_head(fields: Mapping[str, str]) -> dict[str, str]:
    """The header fields of a request of ours, the values of all that may be secret left out."""
    return {name: value if name in _SENT_AS_IT_IS else LEFT_OUT for name, value in fields.items()}


def answer_head(fields: Mapping[str, str]) -> dict[str, str]:
    """The header fields of an answer, cookies and other secrets left out, long values cut with a note of how much."""
    kept = list(fields.items())[:_MOST_FIELDS]
    return {
        visible(name): LEFT_OUT if _SECRET.search(name) else clip(visible(value), _LONGEST_VALUE)
        for name, value in kept
    }


def head_of(page: Page) -> dict[str, Any]:
    """Who was asked how, who answered, and what the answer's head said, as JSON values."""
    head = {
        "method": page.method,
        "sent": dict(page.sent),
        "status": page.status,
        "headers": answer_head(page.headers),
        "address": page.address,
        "certificate_sha256": page.certificate,
    }
    return {name: value for name, value in head.items() if value}
