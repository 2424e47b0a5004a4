"""The pages of an evidence ZIP: the one to begin with, and each listing beside the work. They open offline. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from monitor.evidence.exhibit import Exhibit, statement
from monitor.text import templates

if TYPE_CHECKING:
    from monitor.evidence.sections import Section

LONGEST: Final = 2_000  # characters of one text on a sheet; the whole is in the alert's facts
_CAPTION: Final = (
    "Left: the registered work. Middle: the listing's picture, framed where the work was found, with the points that "
    "agree. Right: both laid over each other, the work in inverted colours where the copy is."
)
_BESIDE: Final = "Left: the registered work. Right: the listing's picture. The finding names no place in it."


def index_html(title: str, split: Sequence[Section], at: datetime) -> bytes:
    """The page to begin with: every listing, where its sheet is, how far its custody and its complaints have come."""
    placed = [(section.number, one) for section in split for one in section.exhibits]
    about = statement([one for _, one in placed])
    return _render("evidence_index.html", title=title, about=about, placed=placed, at=at)


def sheet_html(title: str, exhibits: Sequence[Exhibit], pictures: Mapping[int, bytes], at: datetime) -> bytes:
    """One section's sheet as a page: its pictures are inside it, it runs no script."""
    shown = {  # ours, and long: nothing in it is to be escaped or made visible
        alert_id: Markup("data:image/jpeg;base64," + base64.b64encode(data).decode())  # noqa: S704
        for alert_id, data in pictures.items()
    }
    return _render(
        "evidence_sheet.html",
        title=title,
        about=statement(exhibits),
        exhibits=exhibits,
        pictures=shown,
        captions={one.view.alert.id: caption(one, pictures.get(one.view.alert.id)) for one in exhibits},
        longest=LONGEST,
        at=at,
    )


def caption(one: Exhibit, picture: bytes | None) -> str:
    """What the picture shows, or why there is none."""
    if picture is None:
        return "There is no comparison: one of the two pictures is no longer kept or cannot be decoded."
    match = one.drawn
    return _CAPTION if match and match.facts.get("placement") else _BESIDE


def _render(template: str, **values: object) -> bytes:
    return templates().get_template(template).render(**values).encode("utf-8", "replace")
