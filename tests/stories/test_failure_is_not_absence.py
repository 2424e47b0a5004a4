"""What could not be had is asked for again; it is never taken for gone, and never forgotten."""

import io
import struct
import zlib
from dataclasses import dataclass, replace

import pytest
from PIL import Image

from monitor.demo.catalogue import Kind, Renderer
from monitor.demo.faults import Fault, FaultPlan

pytestmark = pytest.mark.slow

_PASSING = (Fault.UNAVAILABLE, Fault.TRUNCATED, Fault.RATE_LIMITED)
_QUICK = {"BAZAARWATCH_FETCH__RETRIES": "0", "BAZAARWATCH_FETCH__TIMEOUT_S": "5"}


def _let_time_pass(desk):
    """As if hours had gone by: whatever waits for a later time is due."""
    desk.rows("UPDATE hosts SET blocked_until = NULL")
    desk.rows("UPDATE listings SET examine_at = '2026-01-01 00:00:00' WHERE examine_at IS NOT NULL")
    desk.rows("UPDATE searches SET next_run_at = '2026-01-01 00:00:00'")


@pytest.mark.parametrize(
    "kinds",
    [
        pytest.param(_PASSING, id="passing", marks=pytest.mark.soak),
        pytest.param((Fault.CAPTCHA, Fault.GARBAGE), id="walls", marks=pytest.mark.soak),
    ],
)
def test_with_a_third_of_all_answers_spoilt_everything_is_found_in_the_end_and_once(
    desk, open_bazaar, catalogue, planted, kinds
):
    bazaar = open_bazaar(catalogue, FaultPlan(0.3, seed=2, kinds=kinds))
    desk = replace(desk, bazaar_url=bazaar.url, environ=_QUICK | {"BAZAARWATCH_SCHEDULE__ATTEMPTS": "50"})
    desk.begin(catalogue, keywords=("pin", "patch"))
    found = set()
    for _ in range(30):
        desk("scan", "--due")
        alerts = {(row["listing_id"], row["work"]) for row in desk.json("alerts", "list")}
        assert found <= alerts, "no alert vanishes because a page was spoilt"
        found = alerts
        assert desk.rows("SELECT count(*) FROM listing_pictures WHERE outcome = 'gone'") == [(0,)]
        if not desk.rows("SELECT id FROM listings WHERE examine_at IS NOT NULL") and found >= planted:
            break
        _let_time_pass(desk)
    assert found - planted <= {(row[0], row[1]) for row in desk.content()["alerts"]} - planted
    copies = {one.listing_id for one in catalogue.listings if one.kind is Kind.COPY}
    assert {listing for listing, _ in found} >= copies
    listings = desk.rows("SELECT listing_id, count(*) FROM listings GROUP BY listing_id")
    assert {count for _, count in listings} == {1}
    assert desk.rows("SELECT count(*) FROM listing_pictures WHERE sha256 IS NULL") == [(0,)]
    assert desk.is_well()


def test_a_blocked_search_says_so_and_takes_nothing_away(desk, open_bazaar, catalogue, planted):
    bazaar = open_bazaar(catalogue)
    desk = replace(desk, bazaar_url=bazaar.url, environ=_QUICK)
    desk.begin(catalogue)
    desk("scan")
    before = desk.content()
    wall = open_bazaar(catalogue, FaultPlan(1.0, kinds=(Fault.CAPTCHA,)))
    blocked = replace(desk, bazaar_url=wall.url, environ=_QUICK | {"BAZAARWATCH_SCHEDULE__CONCURRENCY": "1"})
    result = blocked.json("scan")
    assert len(result["not_ok"]) == 4
    rows = blocked.json("search", "list")
    assert {row["outcome"] for row in rows} == {"blocked"}
    assert all(row["reason"] for row in rows)
    assert {row["seen"] for row in rows} == {0}
    assert blocked.content() == before
    assert sorted(wall.asked) == ["/robots.txt", "/search?q=pin"], "after the first wall the host is left alone"
    (host,) = [check for check in blocked.json("doctor") if check["name"] == "hosts"]
    assert "is left alone until" in host["detail"]
    assert blocked.is_well()


def test_offline_nothing_is_spent_and_the_next_run_catches_up_once(desk, open_bazaar, catalogue, planted):
    bazaar = open_bazaar(catalogue)
    online = replace(desk, bazaar_url=bazaar.url)
    online.begin(catalogue)
    offline = replace(online, offline=True)
    due = online.rows("SELECT id, next_run_at FROM searches ORDER BY id")
    for _ in range(2):
        code, line = offline.refused("scan", "--due")
        assert (code, "no network" in line) == (1, True)
    assert online.rows("SELECT id, next_run_at FROM searches ORDER BY id") == due
    assert online.rows("SELECT sum(attempts) FROM listings") in ([(None,)], [(0,)])
    assert online.rows("SELECT host FROM hosts WHERE blocked_until IS NOT NULL OR outcome = 'failed'") == []
    assert online.rows("SELECT id FROM crawls WHERE finished_at IS NOT NULL") == []
    assert not bazaar.asked
    online("scan", "--due")
    assert {(row["listing_id"], row["work"]) for row in online.json("alerts", "list")} >= planted
    first_pages = {
        path: count for path, count in bazaar.asked.items() if path.startswith("/search") and "&" not in path
    }
    assert len(first_pages) == 4
    assert set(first_pages.values()) == {1}
    assert online.is_well()


@pytest.mark.soak
def test_a_connection_lost_between_search_and_examination_costs_no_attempt(desk, open_bazaar, catalogue, planted):
    bazaar = open_bazaar(catalogue)
    online = replace(desk, bazaar_url=bazaar.url)
    online.begin(catalogue)
    code, line = replace(online, offline="/item/").refused("scan")
    assert (code, "no network" in line) == (1, True)
    waiting = online.rows("SELECT attempts, failure FROM listings WHERE examine_at IS NOT NULL")
    assert len(waiting) == len(catalogue.listings)
    assert set(waiting) == {(0, None)}
    online("scan", "--due")
    assert {(row["listing_id"], row["work"]) for row in online.json("alerts", "list")} >= planted


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _bomb():
    """60,000 x 60,000 pixels in a few kilobytes."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(9_000_000))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _tiny():
    file = io.BytesIO()
    Image.new("RGB", (3, 3)).save(file, "PNG")
    return file.getvalue()


@dataclass(frozen=True)
class _Spoilt:
    """A renderer that shows something else instead of some pictures."""

    renderer: Renderer
    instead: dict[str, bytes]

    def picture(self, picture_id):
        return self.instead.get(picture_id) or self.renderer.picture(picture_id)


@pytest.mark.soak
def test_listings_that_show_no_usable_picture_are_skipped_and_counted(desk, open_bazaar, catalogue, planted):
    hostile = catalogue.listings[:4]
    whole = catalogue.full(hostile[0].pictures[0].picture_id)
    shown = (_bomb(), whole[: len(whole) // 3], b"MZ" * 500, _tiny())
    instead = {one.pictures[0].picture_id: data for one, data in zip(hostile, shown, strict=True)}
    bazaar = open_bazaar(replace(catalogue, renderer=_Spoilt(catalogue.renderer, instead)))
    desk = replace(desk, bazaar_url=bazaar.url)
    desk.begin(catalogue)
    result = replace(desk, sandbox=True).json("scan")
    assert (result["listings_parked"], result["listings_waiting"]) == (0, 0)
    failures = {row[0].split(":")[0] for row in desk.rows("SELECT failure FROM pictures WHERE failure IS NOT NULL")}
    assert failures == {"ImageTooLarge", "UndecodableImage", "ImageTooSmall"}
    assert len(desk.rows("SELECT failure FROM pictures WHERE failure IS NOT NULL")) == 4
    lost = {one.listing_id for one in hostile}
    alerts = {(row["listing_id"], row["work"]) for row in desk.json("alerts", "list")}
    assert alerts >= {one for one in planted if one[0] not in lost}
    assert {row[0] for row in desk.rows("SELECT listing_id FROM listings WHERE examined_at IS NOT NULL")} >= lost
    assert desk.is_well()
