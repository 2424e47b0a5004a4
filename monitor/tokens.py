"""Access tokens of marketplaces' APIs, by OAuth 2 client credentials (RFC 6749, 4.4). Kept in memory only."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote_plus, urlencode

from detectors.model import Outcome
from monitor.clock import Clock
from monitor.marketplaces.base import Api, Grant, Page, Request

_EARLY_S = 60.0  # a token is renewed this long before it ends
_SHORTEST_S = 60.0  # a server that gives tokens for less is not asked more often
_LONGEST_TOKEN = 8192  # characters


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    until_s: float  # by the clock's monotonic seconds


class Tokens:
    """Gets a token once and keeps it until shortly before it ends, or until it is refused.

    Args:
        ask: Fetches a page; what it is handed holds the client's secret.
        clock: Tells how long a token has been kept.
    """

    def __init__(self, ask: Callable[[Request], Awaitable[Page]], clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._tokens: dict[Grant, _Token] = {}
        self._busy: defaultdict[Grant, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def token(self, api: Api, grant: Grant) -> str | Page:
        """The token, or the page that says why there is none."""
        async with self._busy[grant]:
            known = self._tokens.get(grant)
            if known is not None and self._clock.monotonic() < known.until_s:
                return known.value
            page = await self._ask(_request(api, grant))
            if page.outcome is not None:
                return _without(page, f"no access token: {page.reason}")
            token = self._read(page)
            if token is None:
                status = page.status
                refused = _without(page, f"no access token: answer {status} to client_id and client_secret holds none")
                return replace(refused, outcome=Outcome.BLOCKED if 400 <= status < 500 else Outcome.FAILED)
            self._tokens[grant] = token
            return token.value

    def forget(self, grant: Grant, value: str) -> None:
        """Drop a token that was refused, unless another took its place already."""
        known = self._tokens.get(grant)
        if known is not None and known.value == value:
            del self._tokens[grant]

    def _read(self, page: Page) -> _Token | None:
        try:
            answer: Any = json.loads(page.body) if page.status == 200 else None
        except (ValueError, RecursionError):
            return None
        if not isinstance(answer, dict):
            return None
        value, lasts_s = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TOKEN:
            return None
        if not value.isascii() or not value.isprintable() or " " in value:
            return None
        known_s = float(lasts_s) if isinstance(lasts_s, int) and 0 < lasts_s < 10**8 else 0.0
        return _Token(value, self._clock.monotonic() + max(known_s - _EARLY_S, _SHORTEST_S))


def _request(api: Api, grant: Grant) -> Request:
    login = f"{quote_plus(grant.client_id)}:{quote_plus(grant.client_secret)}"  # RFC 6749, 2.3.1
    return Request(
        grant.token_url,
        headers={
            "authorization": f"Basic {b64encode(login.encode()).decode()}",
            "content-type": "application/x-www-form-urlencoded",
        },
        method="POST",
        body=urlencode({"grant_type": "client_credentials", "scope": grant.scope}).encode(),
        api=replace(api, grant=None),
    )


def _without(page: Page, reason: str) -> Page:
    """The page without what must not be kept."""
    return replace(page, body=b"", headers={}, reason=reason)
