"""Files that hold a page together with its pictures: MHTML and HAR. Read in a limited child; pure but for the file."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from monitor.body import BadBody, Body
from monitor.errors import ImportRefused

if TYPE_CHECKING:
    import numpy as np

LARGEST_CONTAINER = {
    "har": 256_000_000,
    "mhtml": 40_000_000,
}  # a child may grow by 400 MB, a mail takes 8 times its size
_LARGEST_PART = 30_000_000
_LARGEST_BATCH = 32_000_000  # of parts in one answer
_MOST_PARTS = 20_000
_LONGEST_URL = 8192
_STEP = 1 << 20
_LONGEST_FOREWORD = 32 << 20  # of a HAR file: its list of pages
_ENTRIES = re.compile(r'"entries"\s*:\s*\[')
_BETWEEN = re.compile(r"[\s,]*")
_DECODER = json.JSONDecoder()
_JSON = ("application/json", "text/json", "+json")
_HTML = ("text/html", "application/xhtml+xml")
_UNTOLD = ("", "x-unknown", "text/plain", "application/octet-stream")
_GZIP = b"\x1f\x8b\x08"


@dataclass(frozen=True, slots=True)
class Part:
    """A page or a picture out of a container.

    ``url`` is where the browser got it, or ``cid:...``. ``is_document`` tells a page from data that a page asked for.
    """

    url: str
    content_type: str
    body: bytes
    status: int = 200
    is_document: bool = False

    @property
    def is_picture(self) -> bool:
        """Whether it says that it is a picture."""
        return self.content_type.startswith("image/")


def mhtml_parts(data: bytes) -> Iterator[Part]:
    """The saved page first, then its pictures; frames and style sheets are left out.

    Raises:
        ImportRefused: It holds no page.
    """
    whole = message_from_bytes(data)
    address = _one_word(whole.get("Snapshot-Content-Location"))
    has_page = False
    for number, part in enumerate(whole.walk()):
        if number > _MOST_PARTS:
            raise ImportRefused(f"it has more than {_MOST_PARTS} parts")
        kind = part.get_content_type()
        if part.is_multipart() or not (kind.startswith("image/") or (kind in _HTML and not has_page)):
            continue
        body = part.get_payload(decode=True)
        if not isinstance(body, bytes):
            continue
        url = _one_word(part.get("Content-Location"))
        if kind in _HTML:
            has_page = True
            charset = _one_word(part.get_param("charset"))
            stated = f"{kind}; charset={charset}" if charset else kind
            yield Part(address or url, stated, body, is_document=True)
            continue
        yield Part(url, kind, body)
        content_id = _one_word(part.get("Content-ID")).strip("<>")
        if content_id:
            yield Part(f"cid:{content_id}", kind, body)
    if not has_page:
        raise ImportRefused("it holds no page")


def har_parts(text: TextIO) -> Iterator[Part]:
    """Every page, JSON answer and picture of a recorded visit that was kept with its body.

    Raises:
        ImportRefused: It is no HAR file, is cut short, or is one without bodies.
    """
    has_body = False
    for entry in islice(_har_entries(text), _MOST_PARTS):
        part = _har_part(entry)
        if part:
            has_body = True
            yield part
    if not has_body:
        raise ImportRefused('it holds no bodies; save it as "HAR with content"')


def _har_entries(text: TextIO) -> Iterator[Any]:
    """The members of ``log.entries``, one after the other: the whole would take five times its size as values."""
    buffer = _read_to_entries(text)
    at, step = 0, _STEP
    while True:
        at = _BETWEEN.match(buffer, at).end()  # type: ignore[union-attr]  # it matches anywhere
        if buffer[at : at + 1] == "]":
            return
        try:
            entry, end = _DECODER.raw_decode(buffer, at)
        except RecursionError:
            raise ImportRefused("no HAR file (it nests too deep)") from None
        except ValueError:  # the entry goes on beyond what was read
            more = text.read(step)
            if not more:
                raise ImportRefused("no HAR file, or one that was cut short") from None
            buffer, at, step = buffer[at:] + more, 0, 2 * step  # doubled: no part is read more than twice on average
            continue
        at, step = end, _STEP
        yield entry


def _read_to_entries(text: TextIO) -> str:
    """What was read behind the bracket that opens ``log.entries``."""
    buffer = ""
    while more := text.read(_STEP):
        buffer += more
        found = _ENTRIES.search(buffer)
        if found:
            return buffer[found.end() :]
        if len(buffer) > _LONGEST_FOREWORD:
            break
    raise ImportRefused("no HAR file (it has no log.entries)")


def _har_part(entry: Any) -> Part | None:
    try:
        url, response = entry["request"]["url"], entry["response"]
        content, status = response["content"], int(response.get("status") or 200)
        kind, text = str(content.get("mimeType") or "").lower(), content.get("text")
        is_base64 = content.get("encoding") == "base64"
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    base = kind.partition(";")[0].strip()
    if base in _UNTOLD and isinstance(text, str) and not is_base64:
        base = _told_by(text)
    is_document = base in _HTML
    is_data = base.endswith(_JSON)
    if not isinstance(url, str) or not isinstance(text, str) or not text or len(url) > _LONGEST_URL:
        return None
    if not url.startswith(("http://", "https://")) or not (is_document or is_data or base.startswith("image/")):
        return None
    if is_base64:
        try:
            return Part(url, kind, _unpacked(base64.b64decode(text)), status, is_document)
        except (binascii.Error, ValueError, BadBody):
            return None
    body = text.encode("utf-8", "replace")
    return Part(url, f"{base}; charset=utf-8" if is_document or is_data else base, body, status, is_document)


def _told_by(text: str) -> str:
    """The kind of a text whose recorder did not know it, by how it begins."""
    start = text[:200].lstrip("\ufeff \t\r\n").lower()
    if start.startswith(("<!doctype html", "<html")):
        return _HTML[0]
    return _JSON[0] if start.startswith(("{", "[")) else ""


def _unpacked(body: bytes) -> bytes:
    """A body as its page saw it: proxies that record visits keep it as it came.

    Raises:
        BadBody: It is broken, or too large.
    """
    if not body.startswith(_GZIP):
        return body
    packed = Body("gzip", _LARGEST_PART)
    packed.add(body)
    return packed.finish()


def _one_word(value: object) -> str:
    """A header's value without the breaks that folding put into it; empty where there is none."""
    return "".join(str(value).split())[:_LONGEST_URL] if isinstance(value, str) else ""


def _parts(file: Path, form: str) -> Iterator[Part]:
    if form == "mhtml":
        yield from mhtml_parts(file.read_bytes())
        return
    with file.open(encoding="utf-8-sig", errors="replace") as text:
        yield from har_parts(text)


def unpack(file: str, form: str, start: int) -> tuple[dict[str, Any], Sequence[np.ndarray[Any, Any]]]:
    """One answer's worth of a container's parts from the ``start``-th on, as JSON and raw arrays.

    Raises:
        ImportRefused: The file is none of its form.
    """
    import numpy as np

    described: list[dict[str, Any]] = []
    arrays = []
    total = 0
    following = None
    for number, part in enumerate(_parts(Path(file), form)):
        if number < start or len(part.body) > _LARGEST_PART:
            continue
        if described and total + len(part.body) > _LARGEST_BATCH:
            following = number
            break
        total += len(part.body)
        described.append(
            {"url": part.url, "type": part.content_type, "status": part.status, "document": part.is_document}
        )
        arrays.append(np.frombuffer(part.body, dtype=np.uint8))
    return {"parts": described, "next": following}, arrays


def parts_from_wire(result: Any, arrays: Iterable[np.ndarray[Any, Any]]) -> tuple[list[Part], int | None]:
    """What `unpack` answered, every field checked: hostile bytes met the child that sent it.

    Raises:
        TypeError, KeyError, ValueError: It is not of that shape.
    """
    if not isinstance(result, Mapping) or not isinstance(result.get("parts"), list):
        raise TypeError("no list of parts")
    parts = []
    for described, array in zip(result["parts"], arrays, strict=True):
        url, kind, status = described["url"], described["type"], described["status"]
        if not isinstance(url, str) or not isinstance(kind, str) or not isinstance(status, int):
            raise TypeError("a part is described by values of other types")
        parts.append(Part(url, kind, array.tobytes(), status, described["document"] is True))
    following = result.get("next")
    if following is not None and not isinstance(following, int):
        raise TypeError("no number of the next part")
    return parts, following
