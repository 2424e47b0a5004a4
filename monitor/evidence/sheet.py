"""The comparison sheets as PDF: each listing beside the work it resembles, with numbers and hashes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from monitor.evidence.exhibit import Exhibit, statement
from monitor.evidence.pages import LONGEST, caption
from monitor.pdf import Document
from monitor.text import clip


def sheet_pdf(title: str, exhibits: Sequence[Exhibit], pictures: Mapping[int, bytes], at: datetime) -> bytes:
    """One section's sheet.

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
    shown = (*one.listing_rows(), *one.work_rows(), ("Decision", one.decision()))
    document.facts([(label, clip(value, LONGEST)) for label, value in shown])
    document.heading("What was found", 3)
    document.table(("Detector", "Result", "Bound", "Points that agree"), one.finding_rows(), (2, 2, 2, 1.5))
    document.paragraph("\n".join(clip(reason, LONGEST) for reason in alert.reasons), soft=True)
    document.heading("What was kept", 3)
    items = [(kind, clip(how, LONGEST), sha256) for kind, how, sha256 in one.item_rows()]
    document.table(("Item", "How it came", "SHA-256"), items, (1.1, 4, 3.4))
