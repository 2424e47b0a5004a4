"""Which keywords to add and which to retire: from what was confirmed and from what each search has brought. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from storage.keywords import KeywordYield

SHARED_BY = 3  # confirmed listings: requirement DC2
RETIRE_AFTER = 10  # answered runs without an alert
_SHORTEST = 3  # signs of a word alone; shorter ones only beside another
_MOST_TITLES = 20_000
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
# Words that shops put into any title: they name the trade, not what is sold. CJK has no such list.
_COMMON = frozenset(
    [
        "the",
        "and",
        "for",
        "with",
        "new",
        "hot",
        "sale",
        "free",
        "shipping",
        "pcs",
        "set",
        "lot",
        "gift",
        "gifts",
        "style",
        "fashion",
        "cute",
        "women",
        "men",
        "kids",
        "girls",
        "boys",
        "high",
        "quality",
        "sticker",
        "pin",
        "badge",
        "shirt",
        "mug",
        "poster",
        "print",
        "case",
        "bag",
        "jewelry",
        "accessories",
        "brooch",
        "enamel",
    ]
)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A term that confirmed listings share and no active search covers."""

    term: str
    listings: int
    marketplaces: tuple[str, ...]
    example: str


def suggest(confirmed: Sequence[tuple[str, str]], keywords: Iterable[str], least: int = SHARED_BY) -> list[Suggestion]:
    """Terms of one or two words that at least ``least`` confirmed listings share, the most shared first.

    Args:
        confirmed: (marketplace, title) of listings found to infringe.
        keywords: What is searched for already: a term is covered if one of them holds all its words.

    A word is left out where a pair with it is shared by as many listings: the pair says more.
    """
    covered = [set(_words(keyword)) for keyword in keywords]
    sharing: dict[str, list[tuple[str, str]]] = {}
    for marketplace, title in confirmed[-_MOST_TITLES:]:
        for term in _terms(title):
            sharing.setdefault(term, []).append((marketplace, title))
    shared = {
        term: places
        for term, places in sharing.items()
        if len(places) >= least and not any(set(term.split()) <= words for words in covered)
    }
    told = {
        word
        for term in shared
        if " " in term
        for word in term.split()
        if len(shared.get(word, ())) == len(shared[term])
    }
    found = [
        Suggestion(term, len(places), tuple(sorted({place for place, _ in places})), places[0][1])
        for term, places in shared.items()
        if term not in told
    ]
    return sorted(found, key=lambda one: (-one.listings, -len(one.term.split()), one.term))


def to_retire(yields: Iterable[KeywordYield], runs: int = RETIRE_AFTER) -> list[KeywordYield]:
    """The active searches that ``runs`` answered runs or more brought no alert for."""
    return [one for one in yields if not one.search.paused_at and one.runs >= runs and not one.alerted]


def _terms(title: str) -> set[str]:
    words = _words(title)
    alone = {word for word in words if (len(word) >= _SHORTEST or not word.isascii()) and not _is_common(word)}
    pairs = {f"{one} {two}" for one, two in pairwise(words) if not (_is_common(one) and _is_common(two)) and one != two}
    return alone | pairs


def _is_common(word: str) -> bool:
    return word in _COMMON or word.isdecimal()


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text[:500]).casefold())
