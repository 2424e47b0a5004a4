"""What was kept of one alert as a WARC 1.1 file: each request and answer as it was, each other thing as what it is."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from datetime import UTC
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import NAMESPACE_URL, uuid5

from warcio.recordloader import ArcWarcRecord  # type: ignore[import-untyped]
from warcio.statusandheaders import StatusAndHeaders  # type: ignore[import-untyped]
from warcio.warcwriter import WARCWriter  # type: ignore[import-untyped]

from monitor.evidence.capture import TOOL, media_type
from storage.evidence import item_hash, item_record
from storage.tables import Evidence

# The bytes are kept unpacked: the fields that spoke of the packed ones go by other names, as is usual in WARC files.
_OF_THE_WIRE = frozenset({"content-encoding", "transfer-encoding", "content-length"})
_PACKED = 4096  # bytes from which on packing once more costs more than it saves
_Fields = Mapping[str, str | None]


def warc(alert_id: int, items: Iterable[tuple[Evidence, bytes]]) -> bytes:
    """The items as a WARC file; the same items give the same bytes.

    What the program fetched is a request and its response. What a person brought in, a browser drew or the program
    derived is a resource: it never reads as an answer that was received.
    """
    kept = list(items)
    file = io.BytesIO()
    writer = _Packed(file, gzip=False, warc_version="1.1")
    facts = {"software": TOOL, "format": "WARC File Format 1.1", "isPartOf": f"Bazaarwatch alert {alert_id}"}
    text = "".join(f"{name}: {value}\r\n" for name, value in facts.items()).encode()
    first = min((_date(item) for item, _ in kept), default="1970-01-01T00:00:00Z")
    begin = {"WARC-Record-ID": _record_id("warcinfo", str(alert_id)), "WARC-Date": first}
    _write(writer, "warcinfo", text, "application/warc-fields", begin)
    for item, data in kept:
        _write_item(writer, item, data)
    return file.getvalue()


class _Packed(WARCWriter):  # type: ignore[misc]
    """Packs each record by itself, as readers expect; pictures, which are packed already, as they are."""

    def write_record(self, record: ArcWarcRecord) -> None:
        """Write one record as a gzip member of its own."""
        whole = io.BytesIO()
        self._write_warc_record(whole, record)
        as_it_is = record.payload_length > _PACKED and not record.content_type.startswith(("text/", "application/json"))
        self.out.write(gzip.compress(whole.getvalue(), 0 if as_it_is else 6, mtime=0))


def _write_item(writer: WARCWriter, item: Evidence, data: bytes) -> None:
    """One item as the record of its bytes, and a record of what is said of it."""
    about, identity = item.about or {}, item_hash(item)
    is_answer = item.how == "fetched" and item.kind in ("page", "picture")
    record = _record_id("bytes", identity)
    common = {"WARC-Date": _date(item), "WARC-Target-URI": _uri(item.url), "WARC-IP-Address": about.get("address")}
    named = common | {"WARC-Record-ID": record}
    if is_answer:
        _write(writer, "response", data, "application/http;msgtype=response", named, _answer_head(about, len(data)))
        asked = common | {"WARC-Record-ID": _record_id("request", identity), "WARC-Concurrent-To": record}
        _write(writer, "request", b"", "application/http;msgtype=request", asked, _request_head(item.url, about))
    else:
        kind = {"facts": "application/json", "page": "text/html"}.get(item.kind) or media_type(data)
        _write(writer, "resource", data, kind, named)
    told = json.dumps(item_record(item), sort_keys=True, indent=1).encode()
    refers = common | {"WARC-Record-ID": _record_id("metadata", identity), "WARC-Refers-To": record}
    _write(writer, "metadata", told, "application/json", refers)


def _write(
    writer: WARCWriter, kind: str, data: bytes, content_type: str, fields: _Fields, head: StatusAndHeaders | None = None
) -> None:
    before = b""
    if head is not None:
        head.compute_headers_buffer()
        before = head.headers_buff
    digests = {"WARC-Block-Digest": _digest(before + data), "WARC-Payload-Digest": _digest(data)}
    named = {"WARC-Type": kind, **fields, **digests}
    lines = [(name, value) for name, value in named.items() if value]
    rows, body, size = StatusAndHeaders("", lines, "WARC/1.1"), io.BytesIO(data), len(before) + len(data)
    record = ArcWarcRecord("warc", kind, rows, body, head, content_type, size, payload_length=len(data))
    writer.write_record(record)


def _answer_head(about: Mapping[str, Any], size: int) -> StatusAndHeaders:
    status = int(about.get("status", 0))
    reason = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    fields = [
        (f"X-Archive-Orig-{name}" if name.lower() in _OF_THE_WIRE else name, _ascii(str(value)))
        for name, value in dict(about.get("headers", {})).items()
    ]
    return StatusAndHeaders(f"{status} {reason}".strip(), [*fields, ("Content-Length", str(size))], "HTTP/1.1")


def _request_head(url: str, about: Mapping[str, Any]) -> StatusAndHeaders:
    parts = urlsplit(_uri(url))
    place = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    fields = [(str(name), _ascii(str(value))) for name, value in dict(about.get("sent", {})).items()]
    return StatusAndHeaders(f"{about.get('method', 'GET')} {place} HTTP/1.1", fields, is_http_request=True)


def _uri(url: str) -> str:
    """The address with everything that could end its line or is no ASCII as percent codes."""
    return quote(url.encode("utf-8", "surrogatepass"), safe="%/:=&?~#+!$,;'@()*[]|")


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()


def _date(item: Evidence) -> str:
    return f"{item.seen_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _record_id(kind: str, identity: str) -> str:
    """The same record has the same number wherever it is written."""
    return f"<urn:uuid:{uuid5(NAMESPACE_URL, f'bazaarwatch:{kind}:{identity}')}>"
