"""Evidence taken along: what a lawyer gets, and how nobody can change it unnoticed."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from itertools import count

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def decided(shop_desk, catalogue):
    """A desk whose first work's alerts were decided infringing."""
    desk = shop_desk
    desk.begin(catalogue)
    desk("scan")
    rows = desk.json("alerts", "list")
    work = rows[0]["work"]
    desk("alerts", "decide", "infringing", *(row["id"] for row in rows if row["work"] == work), "--as", "Mira Moss")
    return desk


def test_the_evidence_of_a_case_can_be_read_and_checked_without_the_program(decided, tmp_path):
    desk = decided
    ((case_id, alerts),) = desk.rows(
        "SELECT case_id, count(*) FROM alerts WHERE case_id IS NOT NULL GROUP BY 1 LIMIT 1"
    )
    path = tmp_path / "case.zip"
    written = desk.json("evidence", "export", f"case-{case_id}", "--out", path)
    assert (written["alerts"], written["missing"]) == (alerts, [])
    again = desk.run("evidence", "export", f"case-{case_id}", "--out", path)
    assert (again.code, "is there already" in again.err) == (2, True), "never over one that may be handed out"
    with zipfile.ZipFile(path) as file:
        names = file.namelist()
        assert file.testzip() is None
        (verifier := tmp_path / "verify.py").write_bytes(file.read("verify.py"))
        manifest = json.loads(file.read("manifest.json"))
        folder = manifest["alerts"][0]["folder"]
        items = json.loads(file.read(f"{folder}/items.json"))
        assert file.read("sheets-1.pdf").startswith(b"%PDF-")
        page = file.read("sheets-1.html").decode()
    assert {item["record"]["kind"] for item in items} == {"page", "picture", "facts", "comparison"}
    assert all(
        item["record"]["about"]["address"] == "127.0.0.1" for item in items if item["record"]["how"] == "fetched"
    )
    assert "<script" not in page
    assert page.count("data:image/jpeg;base64,") == alerts
    assert names[:3] == ["README.txt", "verify.py", "index.html"]

    alone = subprocess.run([sys.executable, "-I", "-S", verifier, path], capture_output=True, text=True, check=False)
    assert (alone.returncode, written["manifest_sha256"] in alone.stdout) == (0, True), alone
    known = desk.json("evidence", "verify", path, "--manifest", written["manifest_sha256"])
    assert known["faults"] == []
    assert known["made_here"].startswith(f"written here as case {case_id}")

    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert desk.run("evidence", "verify", path).code == 1
    assert "FAULT" in subprocess.run([sys.executable, "-I", verifier, path], capture_output=True, text=True).stdout
    assert desk.is_well()


@pytest.mark.soak
def test_a_second_look_keeps_what_is_there_now_and_says_what_is_gone(decided, bazaar):
    desk = decided
    rows = desk.json("alerts", "list", "--state", "infringing")
    alert = rows[0]
    (looked,) = desk.json("evidence", "capture", f"alert-{alert['id']}")
    assert (looked["outcome"], looked["items"] >= 3) == ("ok", True)
    items = desk.json("evidence", "list", f"alert-{alert['id']}")
    assert sum(item["kind"] == "page" for item in items) == 2
    bazaar.server.end(alert["listing_id"])
    gone = desk.run("evidence", "capture", f"alert-{alert['id']}", "--json")
    assert (gone.code, json.loads(gone.out)[0]["outcome"]) == (1, "gone")
    custody = desk.json("evidence", "custody", f"alert-{alert['id']}")
    assert [one["facts"]["outcome"] for one in custody if one["what"] == "looked again"] == ["ok", "gone"]
    assert desk.is_well()


def _age(desk):
    """Let everything be from years ago."""
    old = "'2020-01-01 00:00:00.000000'"
    desk.rows(f"UPDATE listings SET last_seen_at = {old}")
    desk.rows(f"UPDATE captures SET captured_at = datetime({old}, '+' || id || ' seconds')")
    desk.rows(f"UPDATE alerts SET decided_at = {old} WHERE answer IS NOT NULL")
    for file in (desk.data / "blobs").glob("*/*"):
        os.utime(file, (1, 1))


def _left(desk):
    counts = {name: desk.rows(f"SELECT count(*) FROM {name}") for name in ("listings", "evidence", "listing_pictures")}
    stored = sorted(file.name for file in (desk.data / "blobs").glob("*/*"))
    return counts | {"pages": desk.rows("SELECT id FROM captures WHERE purged_at IS NULL"), "stored": stored}


@pytest.mark.parametrize(
    "points",
    [
        pytest.param((2,), id="sample", marks=[pytest.mark.soak, pytest.mark.timeout(600)]),
        pytest.param(count(1), id="everywhere", marks=[pytest.mark.soak, pytest.mark.timeout(0)]),
    ],
)
def test_a_purge_killed_at_a_commit_point_leaves_all_well_and_ends_as_an_undisturbed_one(decided, points):
    desk = decided
    rows = desk.json("alerts", "list")
    desk("alerts", "decide", "not-a-match", rows[0]["id"], "--as", "Mira Moss")
    desk("retention", "hold", f"alert-{rows[0]['id']}", "--reason", "court 1")
    desk("retention", "release", f"alert-{rows[0]['id']}")
    _age(desk)
    due = desk.json("retention", "purge", "--dry-run")
    assert due["dismissed"] == 1
    assert due["listings"] > 0
    assert due["pages"] > 0
    calm = copy_of(desk, "calm")
    done = calm.json("retention", "purge")
    assert done["pages"] > due["pages"], "what proved the purged alert proves nothing any more"
    assert done["captures"] > due["captures"], "what has lost its bytes goes next"
    assert {name: done[name] for name in due} == due | {name: done[name] for name in ("pages", "captures")}
    assert done["files"] > 0
    assert set(calm.json("retention", "purge").values()) == {0}
    assert calm.is_well()
    assert (
        calm.run("evidence", "export", f"alert-{rows[1]['id']}", "--as-it-is", "--out", calm.data / "e.zip").code == 0
    )
    expected = _left(copy_of(desk, "calmer", "retention", "purge"))
    for number in points:
        twin = copy_of(desk, f"crashed at {number}")
        killed = twin.run("retention", "purge", BAZAARWATCH_DATABASE__CRASH_AT=str(number)).code == -9
        assert twin.is_well(), number
        twin("retention", "purge")
        assert _left(twin) == expected, number
        assert twin.is_well(), number
        if not killed:
            break


def copy_of(desk, name, *command):
    """A desk of its own in the same state; then a command."""
    twin = replace(desk, data=desk.data.with_name(name))
    shutil.copytree(desk.data, twin.data)
    for file in (twin.data / "blobs").glob("*/*"):
        os.utime(file, (1, 1))
    if command:
        twin(*command)
    return twin
