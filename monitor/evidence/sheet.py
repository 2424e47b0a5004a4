"""The comparison sheets: each listing beside the work it resembles, with numbers and hashes. Pure.

A part holds at most `PER_PART` listings, so that each file stays under the 5 MB that platforms take.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from markupsafe import Markup

from monitor.evidence.exhibit import Exhibit, statement
from monitor.pdf import Document
from monitor.text import clip, templates

PER_PART: Final = 25
_LONGEST = 2_000  # characters of one text on a sheet; the whole is in the alert's facts
_CAPTION = (
    "Left: the registered work. Middle: the listing's picture, framed where the work was found, with the points that "
    "agree. Right: both laid over each other, the work in inverted colours where the copy is."
)
_BESIDE = "Left: the registered work. Right: the listing's picture. The finding names no place in it."


def parts(exhibits: Sequence[Exhibit]) -> list[Sequence[Exhibit]]:
    """The listings of each part, in order."""
    return [exhibits[start : start + PER_PART] for start in range(0, len(exhibits), PER_PART)]


def sheet_pdf(title: str, exhibits: Sequence[Exhibit], pictures: Mapping[int, bytes], at: datetime) -> bytes:
    """One part as a PDF.

    Args:
        pictures: By alert id, the JPEG that shows both; an alert without one says so.
    """
    document = Document(title, at)
    document.heading(title)
    document.paragraph(statement(exhibits), soft=True)
    for number, one in enumerate(exhibits):
        if number:
            document.page()
        _listing(document, one, pictures.get(one.view.alert.id))
    return document.to_bytes()


def _listing(document: Document, one: Exhibit, picture: bytes | None) -> None:
    alert = one.view.alert
    document.heading(f"Alert {alert.id}: {clip(one.view.listing.title, 200)}", 2)
    if picture:
        document.picture(picture, alt=f"Comparison of alert {alert.id}")
    document.paragraph(caption(one, picture), soft=True)
    shown = (*one.listing_rows(), *one.work_rows(), ("Decision", one.decision()), *_complaints(one))
    document.facts([(label, clip(value, _LONGEST)) for label, value in shown])
    document.heading("What was found", 3)
    document.table(("Detector", "Result", "Bound", "Points that agree"), one.finding_rows(), (2, 2, 2, 1.5))
    document.paragraph("\n".join(clip(reason, _LONGEST) for reason in alert.reasons), soft=True)
    document.heading("What was kept", 3)
    items = [(kind, clip(how, _LONGEST), sha256) for kind, how, sha256 in one.item_rows()]
    document.table(("Item", "How it came", "SHA-256"), items, (1.1, 4, 3.4))
    document.paragraph(custody_line(one), soft=True)


def sheet_html(title: str, exhibits: Sequence[Exhibit], pictures: Mapping[int, bytes], at: datetime) -> bytes:
    """One part as a page that opens offline: its pictures are inside it, it runs no script."""
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
        custody={one.view.alert.id: custody_line(one) for one in exhibits},
        longest=_LONGEST,
        at=at,
    )


def index_html(title: str, exhibits: Sequence[Exhibit], at: datetime) -> bytes:
    """The page to begin with: every listing, and where its sheet is."""
    placed = [(number, one) for number, part in enumerate(parts(exhibits), 1) for one in part]
    return _render("evidence_index.html", title=title, about=statement(exhibits), placed=placed, at=at)


def caption(one: Exhibit, picture: bytes | None) -> str:
    """What the picture shows, or why there is none."""
    if picture is None:
        return "There is no comparison: one of the two pictures is no longer kept or cannot be decoded."
    match = one.drawn
    return _CAPTION if match and match.facts.get("placement") else _BESIDE


def custody_line(one: Exhibit) -> str:
    """How long the chain of custody is and where it ends."""
    if not one.custody:
        return "No custody was kept."
    return f"Custody: {len(one.custody)} entries, the last with hash {one.custody[-1].hash}."


def _complaints(one: Exhibit) -> list[tuple[str, str]]:
    return [("Complaints", "; ".join(one.complaints))] if one.complaints else []


def _render(template: str, **values: object) -> bytes:
    return templates().get_template(template).render(**values).encode("utf-8", "replace")
