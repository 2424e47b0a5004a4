"""The table of signs in ``signatures.toml``, read once."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from detectors.model import Outcome


class Where(StrEnum):
    """Which part of a page is compared; the table's own head says when that counts."""

    ADDRESS = "address"
    TITLE = "title"
    PART = "part"
    MARKER = "marker"
    WORDS = "words"
    HEADING = "heading"


@dataclass(frozen=True, slots=True)
class Signature:
    """One row: any of the texts at the place is a sign of the outcome. ``source`` names who saw it."""

    outcome: Outcome
    where: Where
    wall: str
    source: str
    texts: tuple[str, ...]


@cache
def signatures() -> tuple[Signature, ...]:
    """The signs of pages, in the order in which they decide."""
    return tuple(
        Signature(Outcome(row["outcome"]), Where(row["where"]), row["wall"], row["source"], tuple(row["texts"]))
        for row in _table()["signature"]
    )


@cache
def api_errors() -> tuple[tuple[Outcome, tuple[str, ...]], ...]:
    """What the words of an API's error mean, in the order in which they decide."""
    return tuple((Outcome(row["outcome"]), tuple(row["texts"])) for row in _table()["api_error"])


@cache
def zero_words() -> tuple[str, ...]:
    """What marketplaces say when a search found nothing."""
    return tuple(_table()["zero"]["texts"])


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((files("monitor.marketplaces") / "signatures.toml").read_text(encoding="utf-8"))
