"""What a site's robots.txt lets us ask, as RFC 9309 says. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from protego import Protego

PRODUCT = "Bazaarwatch"  # the token that robots.txt may name
LIMIT_BYTES = 512_000  # RFC 9309 2.5: at least 500 KiB are read
UNREACHABLE = 0  # in place of a status: no answer at all
_LONGEST_DELAY_S = 3600.0
_AGENT_LINE = re.compile(r"\s*user[- ]?agent\s*:?\s*([^#]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Robots:
    """The rules of one ``host:port``."""

    rules: Protego | None  # None: the same answer for every page
    allowed: bool = True
    why: str = ""

    def allows(self, url: str) -> bool:
        """Whether a page may be asked for."""
        return self.allowed if self.rules is None else bool(self.rules.can_fetch(url, PRODUCT))

    @property
    def crawl_delay_s(self) -> float:
        """Seconds the site wants between two requests; an hour at most, 0 where it says nothing."""
        delay = None if self.rules is None else self.rules.crawl_delay(PRODUCT)
        return min(float(delay or 0), _LONGEST_DELAY_S)


def read_robots(status: int, body: bytes) -> Robots:
    """The rules in one answer to ``/robots.txt``.

    Args:
        status: After redirects; `UNREACHABLE` if there was no answer.
        body: May be cut after `LIMIT_BYTES`; a rule cut in half is dropped.

    Returns:
        What the file says (2xx); everything allowed (4xx: there is none); nothing allowed (anything else, and 429).
    """
    if 200 <= status < 300:
        return Robots(Protego.parse(_ours(body)), why="robots.txt disallows it")
    if 400 <= status < 500 and status != 429:
        return Robots(None)
    answer = f"answered {status}" if status else "could not be reached"
    return Robots(None, allowed=False, why=f"robots.txt {answer}: nothing may be asked until it does")


def _ours(body: bytes) -> str:
    """The text with agents that are not us made one: protego's work grows with agents times rules."""
    if len(body) > LIMIT_BYTES:
        body = body[:LIMIT_BYTES].rpartition(b"\n")[0]
    lines = body.decode("utf-8", "replace").removeprefix("\ufeff").splitlines()
    return "\n".join(_without_strangers(line) for line in lines)


def _without_strangers(line: str) -> str:
    found = _AGENT_LINE.match(line)
    if found is None:
        return line
    agent = found[1].strip().lower().replace("*", "")
    return f"User-agent: {(agent or '*') if PRODUCT.lower().startswith(agent) else 'another'}"
