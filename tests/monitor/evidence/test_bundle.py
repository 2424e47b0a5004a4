import hashlib
import io
import json
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update
from warcio.archiveiterator import ArchiveIterator

from monitor.errors import EvidenceRefused
from monitor.evidence import verify
from monitor.evidence.bundle import write_bundle
from storage import tables
from storage.evidence import custody_faults

from .conftest import HOSTILE, TITLES, plant

pytestmark = pytest.mark.slow


def test_a_zip_holds_each_alert_with_its_items_custody_findings_and_a_warc_file(written, files):
    assert verify.check(str(written.path), written.manifest_sha256).faults == []
    items = json.loads(files["alert-1/items.json"])
    assert [item["record"]["kind"] for item in items] == ["facts", "page", "picture", "comparison"]
    actions = [json.loads(line)["action"] for line in files["alert-1/custody.jsonl"].splitlines()]
    assert actions == ["kept", "kept", "kept", "kept", "handed out"]
    assert json.loads(files["alert-1/findings.json"])["matches"][0]["distance_bits"] == 4
    for item in items:
        for name in item["files"]:
            assert hashlib.sha256(files[name]).hexdigest() == item["record"]["sha256"]


def test_what_was_fetched_is_a_response_in_the_warc_file_with_its_head(files):
    records = [
        (record.rec_type, record.rec_headers, record.http_headers, record.content_stream().read())
        for record in ArchiveIterator(io.BytesIO(files["alert-1/record.warc.gz"]), check_digests="raise")
    ]
    kinds = [kind for kind, *_ in records]
    assert kinds.count("response") == kinds.count("request") == 2
    page = next(one for one in records if one[0] == "response" and one[3].startswith(b"<html>"))
    assert page[1].get_header("WARC-IP-Address") == "203.0.113.5"
    assert page[1].get_header("WARC-Target-URI") == "https://bazaar.example/item/1"
    assert page[2].get_header("content-type") == "text/html"
    assert page[2].get_header("set-cookie") == "(left out)"


async def test_what_a_person_handed_in_never_reads_as_an_answer_that_was_received(sqlite_parts, tmp_path):
    alert_ids = await plant(sqlite_parts, TITLES[:1], how="imported")
    written = await write_bundle(sqlite_parts, "case 1", alert_ids, tmp_path / "case.zip", "mira")
    with zipfile.ZipFile(written.path) as file:
        warc, page = file.read("alert-1/record.warc.gz"), file.read("sheets-1.html").decode()
    kinds = [record.rec_type for record in ArchiveIterator(io.BytesIO(warc))]
    assert "response" not in kinds
    assert kinds.count("resource") == 3
    assert "handed in by mira (saved.html)" in page
    assert "did not fetch it" in page
    assert "fetched by this program" not in page


def test_what_we_drew_is_a_file_of_its_own_and_not_once_more_among_what_was_captured(files):
    (drawn,) = (data for name, data in files.items() if name.startswith("alert-1/comparison-"))
    archived = [one.content_stream().read() for one in ArchiveIterator(io.BytesIO(files["alert-1/record.warc.gz"]))]
    assert drawn not in archived
    listed = json.loads(files["alert-1/items.json"])
    assert [one["in_warc"] for one in listed if one["record"]["kind"] == "comparison"] == [False]
    assert all(one["in_warc"] for one in listed if one["record"]["kind"] != "comparison")


def test_hostile_titles_are_text_in_every_file_and_name_none(files):
    assert all(name.isascii() and not set(name) & set('<>:"\\|?*= ') for name in files)
    for name in ("index.html", "sheets-1.html"):
        page = files[name].decode()
        assert "<script>" not in page
        assert "&lt;script&gt;" in page
        assert "\u202e" not in page
        assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert json.loads(files["alert-6/findings.json"])["listing"]["Title"] == HOSTILE


async def test_the_same_evidence_is_the_same_bytes_but_for_what_tells_of_the_export(sqlite_parts, tmp_path, clock):
    alert_ids = await plant(sqlite_parts, ("Cat pin", "Cat patch"))
    first = await write_bundle(sqlite_parts, "case 1", alert_ids, tmp_path / "1.zip", "mira")
    clock.advance(60)
    second = await write_bundle(sqlite_parts, "case 1", alert_ids, tmp_path / "2.zip", "mira")
    with zipfile.ZipFile(first.path) as one, zipfile.ZipFile(second.path) as other:
        assert one.namelist() == other.namelist()
        differing = {name for name in one.namelist() if one.read(name) != other.read(name)}
    told = {"manifest.json", "index.html", "sheets-1.html", "sheets-1.pdf"}
    assert differing == told | {"alert-1/custody.jsonl", "alert-2/custody.jsonl"}


async def test_without_alerts_nothing_is_written(sqlite_parts, tmp_path):
    with pytest.raises(EvidenceRefused, match="case 9 has no alerts"):
        await write_bundle(sqlite_parts, "case 9", [], tmp_path / "case.zip", "mira")
    assert list(tmp_path.glob("*.zip")) == []


async def test_a_file_that_is_no_longer_there_is_named_and_the_rest_goes_out(sqlite_parts, tmp_path):
    (alert_id,) = await plant(sqlite_parts, TITLES[:1])
    async with sqlite_parts.database.read() as session:
        capture = await session.get_one(tables.Capture, 1)
    sqlite_parts.blobs.remove(capture.sha256)
    written = await write_bundle(sqlite_parts, "alert 1", [alert_id], tmp_path / "alert.zip", "mira")
    assert [line.split(":")[:2] for line in written.missing] == [["alert-1", " page"]]
    assert verify.check(str(written.path)).faults == []


def test_the_verifier_in_the_zip_is_the_one_in_the_program_and_runs_alone(written, files, tmp_path):
    assert files["verify.py"] == Path(verify.__file__).read_bytes()
    (alone := tmp_path / "alone").mkdir()
    (alone / "verify.py").write_bytes(files["verify.py"])
    command = [sys.executable, "-I", "-S", alone / "verify.py", written.path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=alone)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"SHA-256 of manifest.json: {written.manifest_sha256}" in done.stdout
    again = subprocess.run([*command, "0" * 64], capture_output=True, text=True, timeout=60)
    assert (again.returncode, "FAULT manifest.json" in again.stdout) == (1, True)


@given(data=st.data())
def test_any_byte_that_is_changed_is_found(written, data):
    whole = written.path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[at] ^= data.draw(st.integers(1, 255))
    other = written.path.with_name("changed.zip")
    other.write_bytes(changed)
    faults = verify.check(str(other)).faults
    assert faults
    with zipfile.ZipFile(written.path) as file:
        owner = next(one.filename for one in reversed(file.infolist()) if one.header_offset <= at)
        of_a_file = at < file.start_dir
    assert any((owner if of_a_file else "table of contents") in fault for fault in faults), (owner, faults)


def _rebuilt(path, files):
    """A ZIP of other files, made with as much care as ours."""
    entries, body = [], b""
    for name, data in files.items():
        crc = zlib.crc32(data)
        entries.append((name.encode(), crc, len(data), len(body)))
        body += verify.local_header(name.encode(), crc, len(data)) + data
    path.write_bytes(body + verify.contents(entries))
    return verify.check(str(path)).faults


def test_any_file_dropped_added_or_put_elsewhere_is_named(written, files):
    other = written.path.with_name("rebuilt.zip")
    assert _rebuilt(other, files) == []
    assert _rebuilt(other, {"more.txt": b"more"} | files) == ["more.txt: was added: the manifest does not list it"]
    for name in Random(1).sample(sorted(set(files) - {"manifest.json"}), 6):
        rest = {k: v for k, v in files.items() if k != name}
        assert any(f"{name}: is missing" in one for one in _rebuilt(other, rest))
        moved = rest | {name: files[name]}
        if list(moved) != list(files):
            assert any("another order" in one for one in _rebuilt(other, moved))


def _with_manifest(files, **changed):
    """The files with others in their place and a manifest made anew for them: what a careful forger would make."""
    forged = files | changed
    manifest = json.loads(files["manifest.json"])
    for one in manifest["files"]:
        data = forged[one["path"]]
        one |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return forged | {"manifest.json": json.dumps(manifest, sort_keys=True, indent=1).encode() + b"\n"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda lines: lines[:1] + lines[2:], "entry 2: does not follow the one before it"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "entry 1: does not follow the one before it"),
        (lambda lines: [*lines, lines[-1]], "entry 6: does not follow the one before it"),
        (lambda lines: lines[:-1], "its end is not the one that the manifest names"),
        (lambda lines: [lines[0].replace(b"Bazaarwatch", b"Bazaarwitch"), *lines[1:]], "entry 1: was changed"),
    ],
    ids=["dropped", "reordered", "added", "cut", "changed"],
)
def test_custody_that_was_tampered_with_is_named_even_under_a_manifest_made_anew(written, files, change, named):
    lines = change(files["alert-1/custody.jsonl"].splitlines())
    forged = _with_manifest(files, **{"alert-1/custody.jsonl": b"\n".join(lines) + b"\n"})
    faults = _rebuilt(written.path.with_name("forged.zip"), forged)
    assert any("alert-1/custody.jsonl" in one and named in one for one in faults), faults


def test_an_item_or_a_record_that_was_changed_is_named_even_under_a_manifest_made_anew(written, files):
    other = written.path.with_name("forged.zip")
    items = json.loads(files["alert-1/items.json"])
    items[1]["record"]["seen_at"] = "2020-01-01T00:00:00+00:00"
    faults = _rebuilt(other, _with_manifest(files, **{"alert-1/items.json": json.dumps(items).encode()}))
    assert any("items.json, item 2: was changed or added" in one for one in faults)
    fewer = json.dumps(items[:1] + items[2:]).encode()
    faults = _rebuilt(other, _with_manifest(files, **{"alert-1/items.json": fewer}))
    assert any("was dropped" in one for one in faults)
    faults = _rebuilt(other, _with_manifest(files, **{"alert-1/record.warc.gz": files["alert-2/record.warc.gz"]}))
    assert any("the record of alert-1/items.json, item 1 is missing" in one for one in faults)


async def test_evidence_changed_in_the_database_is_what_doctor_names(parts):
    first, second = await plant(parts, TITLES[:2])
    async with parts.database.read() as session:
        assert await custody_faults(session) == []
    async with parts.database.write("forged") as session:
        of_first = tables.Evidence.alert_id == first
        await session.execute(update(tables.Evidence).where(of_first, tables.Evidence.kind == "page").values(url="x"))
        await session.execute(tables.Evidence.__table__.delete().where(tables.Evidence.alert_id == second))
    async with parts.database.read() as session:
        faults = await custody_faults(session)
    assert sum(f"alert {first}: evidence" in one for one in faults) == 2
    assert sum(f"alert {second}: evidence that was kept is missing" in one for one in faults) == 3
