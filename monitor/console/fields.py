"""Values out of forms and addresses: whatever was sent, what comes out can be stored and compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Path

LARGEST = 2**53
Id = Annotated[int, Path(ge=1, le=LARGEST)]


def text_field(values: Mapping[str, Any] | Any, name: str, longest: int) -> str:
    """A text, trimmed and cut; what no database keeps (NUL, lone surrogates) is left out."""
    text = str(values.get(name, "") or "")
    return text.replace("\0", "").encode("utf-8", "ignore").decode().strip()[:longest]


def whole_number(values: Mapping[str, Any] | Any, name: str) -> int:
    """A positive number; 0 where there is none."""
    text = str(values.get(name, "") or "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0
