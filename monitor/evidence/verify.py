"""Checks an evidence ZIP and names every byte changed and every record dropped, added or reordered.

This one file needs nothing but Python 3.9 or newer, and no network:

    python verify.py evidence.zip [SHA-256 of manifest.json, as it was told when the ZIP was made]

It is in every evidence ZIP and is the same file that `bazaarwatch evidence verify` uses. What it proves: that the ZIP
is, byte for byte, the one whose manifest has the SHA-256 that it prints. Whoever rebuilds a whole ZIP also makes a new
manifest: so compare that SHA-256 with the one that was told, logged or time-stamped. The signature in a time-stamp
needs the authority's certificate: `openssl ts -verify -in X.tsr -data X -CAfile authority.pem`.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

FORMAT = "bazaarwatch-evidence-1"
MANIFEST, TOKEN = "manifest.json", "manifest.tsr"
_START = "0" * 64
_CHUNK = 1 << 20
_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_DAY = (1 << 5) | 1  # 1 January 1980: the ZIP says no time of its own
_MODE = 0o100644 << 16
_Entry = tuple[bytes, int, int, int]  # name, CRC, size, offset of its header


class Damage(Exception):
    """The ZIP cannot be read any further; the message names the place."""


class Report:
    """What the check found. ``faults`` is empty where everything is as it was made."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.packing: list[str] = []  # of the ZIP around the files
        self.notes: list[str] = []
        self.manifest_sha256 = ""
        self.files = 0


def local_header(name: bytes, crc: int, size: int) -> bytes:
    """What stands before a file's bytes. Nothing is compressed: then each byte of a file is one byte of the ZIP."""
    return _LOCAL + struct.pack("<5H3L2H", 20, 0x800, 0, 0, _DAY, crc, size, size, len(name), 0) + name


def contents(entries: list[_Entry]) -> bytes:
    """The table of contents and the end of a ZIP of (name, CRC, size, offset)."""
    table = b"".join(
        _CENTRAL
        + struct.pack("<6H3L5H2L", 0x314, 20, 0x800, 0, 0, _DAY, crc, size, size, len(name), 0, 0, 0, 0, _MODE, offset)
        + name
        for name, crc, size, offset in entries
    )
    begin = entries[-1][3] + 30 + len(entries[-1][0]) + entries[-1][2] if entries else 0
    return table + _END + struct.pack("<4H2LH", 0, 0, len(entries), len(entries), len(table), begin, 0)


def check(path: str, expected: str | None = None) -> Report:
    """Everything that is wrong with an evidence ZIP.

    Args:
        path: The ZIP.
        expected: The SHA-256 of its manifest, where one is known from elsewhere.
    """
    report = Report()
    try:
        with Path(path).open("rb") as file:
            files = _Files(file, report)
            manifest = _manifest(files, report, expected)
            if manifest is not None:
                _check_files(files, manifest, report)
                for alert in manifest.get("alerts", []):
                    _check_alert(files, alert, report)
                _check_stamps(files, manifest, report)
    except Damage as damage:
        report.faults.append(str(damage))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        report.faults.append(f"the ZIP is not of the form {FORMAT}: {error!r}")
    report.faults += report.packing  # last: whoever packs a ZIP anew changes every header
    return report


class _Files:
    """The files of a ZIP by its table of contents; where that was changed, by the headers before each file."""

    def __init__(self, file: BinaryIO, report: Report) -> None:
        self._file = file
        self.places: dict[str, tuple[int, int]] = {}  # offset of the bytes, size
        self.sha256: dict[str, str] = {}
        entries = self._listed()
        if entries is None:
            entries = list(self._walk())
            begin = self._file.tell()
            found, should = self._file.read(), contents(entries)
            same = min(len(found), len(should))
            at = next((n for n in range(same) if found[n] != should[n]), same)
            report.packing.append(f"the ZIP's table of contents was changed at byte {begin + at}")
        for name, crc, size, offset in entries:
            self._look(name, crc, size, offset, report)
        report.files = len(entries)

    def _listed(self) -> list[_Entry] | None:
        """What the table of contents says, if it is whole and speaks of each byte of the ZIP."""
        size = self._file.seek(0, 2)
        self._file.seek(max(size - 22, 0))
        end = self._file.read()
        if end[:4] != _END or len(end) != 22:
            return None
        begin = struct.unpack("<L", end[16:20])[0]
        self._file.seek(begin)
        table, at, entries = self._file.read(), 0, []
        while table[at : at + 4] == _CENTRAL and at + 46 <= len(table):
            crc, size, _, length = struct.unpack("<3LH", table[at + 16 : at + 30])
            offset = struct.unpack("<L", table[at + 42 : at + 46])[0]
            entries.append((table[at + 46 : at + 46 + length], crc, size, offset))
            at += 46 + length
        follow = [offset + 30 + len(name) + size for name, _, size, offset in entries]
        is_whole = contents(entries) == table and [one[3] for one in entries] + [begin] == [0, *follow]
        return entries if is_whole else None

    def _walk(self) -> Iterator[_Entry]:
        """What the headers before the files say, up to the table of contents."""
        offset, last = self._file.seek(0), "the beginning"
        while True:
            head = self._file.read(30)
            if head[:4] == _CENTRAL or head[:4] == _END:
                self._file.seek(offset)
                return
            if not offset and head[:4] != _LOCAL:
                raise Damage("byte 0: this is no evidence ZIP, or its beginning was changed")
            if head[:4] != _LOCAL or len(head) < 30:
                raise Damage(f"byte {offset}: the ZIP is damaged after {last}, and its table of contents was changed")
            crc, size, _, length = struct.unpack("<3LH", head[14:28])
            name = self._file.read(length)
            yield name, crc, size, offset
            last = name.decode("ascii", "backslashreplace")
            offset = self._file.seek(offset + 30 + length + size)

    def _look(self, raw: bytes, crc: int, size: int, offset: int, report: Report) -> None:
        """One file: its header and its bytes against what was listed."""
        name, header = raw.decode("ascii", "backslashreplace"), local_header(raw, crc, size)
        self._file.seek(offset)
        if self._file.read(len(header)) != header:
            report.packing.append(f"{name}: its ZIP header was changed (byte {offset} to {offset + len(header)})")
        if name in self.places:
            report.faults.append(f"{name}: is there twice")
        self.places[name] = (offset + len(header), size)
        self._file.seek(offset + len(header))
        found, self.sha256[name] = self._digest(name, size)
        if found != crc:
            report.faults.append(f"{name}: its bytes were changed")

    def _digest(self, name: str, size: int) -> tuple[int, str]:
        crc, sha256 = 0, hashlib.sha256()
        while size:
            piece = self._file.read(min(size, _CHUNK))
            if not piece:
                raise Damage(f"{name}: the ZIP ends in the middle of it, or its header was changed")
            crc, size = zlib.crc32(piece, crc), size - len(piece)
            sha256.update(piece)
        return crc, sha256.hexdigest()

    def read(self, name: str) -> bytes:
        if name not in self.places:
            raise Damage(f"{name} is missing")
        offset, size = self.places[name]
        self._file.seek(offset)
        return self._file.read(size)


def _manifest(files: _Files, report: Report, expected: str | None) -> dict[str, Any] | None:
    data = files.read(MANIFEST)
    report.manifest_sha256 = files.sha256[MANIFEST]
    if expected and expected.lower() != report.manifest_sha256:
        report.faults.append(f"{MANIFEST}: its SHA-256 is {report.manifest_sha256}, not {expected.lower()}")
    try:
        manifest = json.loads(data.decode("utf-8"))
    except ValueError:
        report.faults.append(f"{MANIFEST}: was changed: it is no JSON any more")
        return None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        report.faults.append(f"{MANIFEST}: the format is not {FORMAT}")
        return None
    return manifest


def _check_files(files: _Files, manifest: dict[str, Any], report: Report) -> None:
    """The files against the manifest: changed, missing, added, reordered."""
    listed = {str(one["path"]): one for one in manifest["files"]}
    present = [name for name in files.places if name not in (MANIFEST, TOKEN)]
    for name, one in listed.items():
        if name not in files.places:
            report.faults.append(f"{name}: is missing")
        elif files.sha256[name] != one["sha256"] or files.places[name][1] != one["size"]:
            report.faults.append(f"{name}: is not the file that the manifest lists (SHA-256 {files.sha256[name]})")
    report.faults += [f"{name}: was added: the manifest does not list it" for name in present if name not in listed]
    if sorted(present) == sorted(listed) and present != list(listed):
        order = list(listed)
        name = next(name for at, name in enumerate(present) if name != order[at])
        report.faults.append(f"{name}: the files stand in another order than the manifest's")


def _check_alert(files: _Files, alert: dict[str, Any], report: Report) -> None:
    """One alert's custody from its first entry to its last, its items, and the records of its WARC file."""
    folder, number = str(alert["folder"]), alert["alert"]
    kept, gone, entries = _check_custody(files, folder, number, alert, report)
    records = _warc_payloads(files, f"{folder}/record.warc.gz", report)
    items = json.loads(files.read(f"{folder}/items.json").decode("utf-8"))
    for position, item in enumerate(items, 1):
        name = f"{folder}/items.json, item {position}"
        hashed = _sha256(item["record"])
        if hashed not in kept:
            report.faults.append(f"{name}: was changed or added: no entry of custody has kept it")
        kept.discard(hashed)
        sha256 = item["record"]["sha256"]
        for path in item["files"]:
            if files.sha256.get(path) != sha256:
                report.faults.append(f"{path}: is not the file of {name}")
        if item["in_warc"] and sha256 not in records:
            report.faults.append(f"{folder}/record.warc.gz: the record of {name} is missing or was changed")
    report.faults += [f"{folder}/items.json: the item {one[:12]}… was dropped" for one in sorted(kept - gone)]
    report.notes.append(f"alert {number}: {len(items)} items, {entries} entries of custody")


def _check_custody(
    files: _Files, folder: str, number: int, alert: dict[str, Any], report: Report
) -> tuple[set[str], set[str], int]:
    """The hashes of the items that were kept and of those that were purged, and how many entries there are."""
    kept: set[str] = set()
    gone: set[str] = set()
    previous, lines = _START, files.read(f"{folder}/custody.jsonl").decode("utf-8").splitlines()
    for position, line in enumerate(lines, 1):
        entry = json.loads(line)
        name = f"{folder}/custody.jsonl, entry {position}"
        stated = entry.pop("hash")
        if _sha256(entry) != stated:
            report.faults.append(f"{name}: was changed")
        if entry["position"] != position or entry["previous"] != previous or entry["alert"] != number:
            report.faults.append(f"{name}: does not follow the one before it: one was dropped, added or reordered")
        previous = stated
        if entry["action"] == "kept":
            kept.add(entry["facts"]["item"])
        if entry["action"] == "purged":
            gone.update(entry["facts"]["items"])
    if [len(lines), previous] != [alert["custody"]["length"], alert["custody"]["head"]]:
        report.faults.append(f"{folder}/custody.jsonl: its end is not the one that the manifest names")
    return kept, gone, len(lines)


def _warc_payloads(files: _Files, name: str, report: Report) -> set[str]:
    """The SHA-256 of each record's payload, as far as the record's own bytes are whole."""
    found: set[str] = set()
    rest, position = files.read(name), 0
    while rest:
        position += 1
        member = zlib.decompressobj(31)
        try:
            record = member.decompress(rest) + member.flush()
        except zlib.error:
            report.faults.append(f"{name}, record {position}: cannot be unpacked")
            return found
        rest = member.unused_data
        head, _, block = record.partition(b"\r\n\r\n")
        fields = dict(re.findall(r"(?m)^([A-Za-z-]+): (.*?)\r?$", head.decode("utf-8", "replace")))
        block = block[: int(fields.get("Content-Length", "0"))]
        if fields.get("WARC-Block-Digest") != f"sha256:{hashlib.sha256(block).hexdigest()}":
            report.faults.append(f"{name}, record {position}: was changed")
        is_answer = fields.get("WARC-Type") == "response"
        payload = block.partition(b"\r\n\r\n")[2] if is_answer else block
        found.add(hashlib.sha256(payload).hexdigest())
    return found


def _check_stamps(files: _Files, manifest: dict[str, Any], report: Report) -> None:
    """What time-stamp authorities attest: of the manifest, and of rolls of custody heads made before it."""
    if TOKEN in files.places:
        _check_token(files, TOKEN, files.read(MANIFEST), report)
    heads = {}
    for alert in manifest.get("alerts", []):
        for line in files.read(f"{alert['folder']}/custody.jsonl").decode("utf-8").splitlines():
            entry = json.loads(line)
            heads[(entry["alert"], entry["position"])] = entry["hash"]
    for roll in manifest.get("rolls", []):
        data = files.read(roll)
        _check_token(files, re.sub(r"\.json$", ".tsr", roll), data, report)
        for head in json.loads(data.decode("utf-8"))["heads"]:
            known = heads.get((head["alert"], head["position"]))
            if known is not None and known != head["hash"]:
                report.faults.append(f"{roll}: alert {head['alert']} had another custody when it was time-stamped")


def _check_token(files: _Files, name: str, data: bytes, report: Report) -> None:
    token = files.read(name)
    if not any(hashlib.new(kind, data).digest() in token for kind in ("sha256", "sha384", "sha512")):
        report.faults.append(f"{name}: this time-stamp is of other bytes")
        return
    said = re.search(rb"\x18[\x0f-\x1f](\d{14})(?:\.\d+)?Z", token)
    at = said.group(1).decode() if said else "a time that could not be read"
    report.notes.append(f"{name}: time-stamped {at} UTC; check its signature with `openssl ts -verify`")


def _sha256(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def main(arguments: list[str]) -> int:
    """Check the ZIP that is named and tell what was found; 0 where all is well, 1 where not, 2 for wrong use."""
    if not 1 <= len(arguments) <= 2:
        sys.stderr.write("use: python verify.py evidence.zip [SHA-256 of manifest.json]\n")
        return 2
    report = check(*arguments)
    lines = [*report.notes, f"SHA-256 of {MANIFEST}: {report.manifest_sha256 or 'it cannot be read'}"]
    lines += [f"FAULT {fault}" for fault in report.faults]
    faults = f"{len(report.faults)} fault{'s' if len(report.faults) > 1 else ''}"
    lines.append(faults if report.faults else f"nothing was changed in {report.files} files")
    sys.stdout.write("\n".join(lines).encode("ascii", "backslashreplace").decode() + "\n")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
