"""The draft of a certificate under which US courts take records and copies as authentic. A person reads and signs it.

Federal Rules of Evidence 902(13), a record of an electronic process that produces an accurate result, and 902(14), a
copy authenticated by its hash; the declaration is that of 28 U.S.C. 1746 (complaint-platforms.md, E.1). Pure.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from monitor.evidence.capture import TOOL
from monitor.evidence.exhibit import Exhibit
from monitor.pdf import Document
from monitor.text import utc

_TITLE: Final = "Certificate of records and copies"
_DRAFT: Final = (
    "Draft, made by a program and signed by nobody. Whoever signs it must know the facts, strike out what is not so "
    "and complete the blanks; counsel should read it before. The other side must be given notice of it, and a fair "
    "chance to challenge it."
)
_WHO: Final = (
    "1. I, ______________________________ (name), am ______________________________ (position) and know, by "
    "______________________________ (training, work with the system), how the system described here makes, keeps and "
    "copies its records."
)
_PROCESS: Final = (
    "2. The records listed below were made by {tool}, running on Python {python}. It asked for each page and picture "
    "at the address and time that the record states; or a named person handed it in, as the record then says. The "
    "bytes that came were kept as they came, and their SHA-256 was computed before anything was done with them. Each "
    "step since stands in a chain of custody in which every entry carries the hash of the one before. In its regular "
    "use the process produces an accurate result: ______________________________ (how it was checked)."
)
_COPY: Final = (
    "3. The files in this archive are copies of those records. Each one's SHA-256, listed below and in manifest.json,"
    " is that of the record kept; the program verify.py in the archive computes it anew and names every file that "
    "differs. The SHA-256 of manifest.json, as it was told when the archive was made, is "
    "______________________________; the check was run on ______________________________ and found no fault."
)
_DECLARATION: Final = (
    "I declare under penalty of perjury [if signed outside of the United States: under the laws of the United States "
    "of America] that the foregoing is true and correct."
)
_WIDTHS: Final = (1.15, 1.25, 4.9)  # a SHA-256 on one line
_SIGNATURE: Final = (
    ("Executed on", "______________________________"),
    ("At", "______________________________"),
    ("Name", "______________________________"),
    ("Signature", "______________________________"),
)


def certificate_pdf(title: str, exhibits: Sequence[Exhibit], at: datetime) -> bytes:
    """The draft for one archive, with every record in it.

    Args:
        title: What the archive is about, such as "seller bazaar:17".
    """
    document = Document(f"{_TITLE}: {title}", at)
    document.heading(_TITLE)
    document.paragraph(f"{title}. Fed. R. Evid. 902(13), 902(14); 28 U.S.C. § 1746.", soft=True)
    document.paragraph(_DRAFT, soft=True)
    document.paragraph(_WHO)
    document.paragraph(_PROCESS.format(tool=TOOL, python=platform.python_version()))
    document.paragraph(_COPY)
    document.paragraph(_DECLARATION)
    document.facts(_SIGNATURE)
    document.heading("The records", 2)
    document.table(("Record", "Kept as seen", "SHA-256"), _records(exhibits), _WIDTHS)
    document.heading("The chains of custody", 2)
    chains = [(one.folder, str(len(one.custody)), one.custody[-1].hash) for one in exhibits if one.custody]
    document.table(("Folder", "Entries", "Hash of the last"), chains, _WIDTHS)
    return document.to_bytes()


def _records(exhibits: Sequence[Exhibit]) -> Iterator[tuple[str, str, str]]:
    for one in exhibits:
        for item in one.items:
            yield f"{one.folder}: {item.kind}", utc(item.seen_at), item.sha256
