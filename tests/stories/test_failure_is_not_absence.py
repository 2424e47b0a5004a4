"""What could not be had is asked for again; it is never taken for gone, and never forgotten."""

import io
import struct
import zlib
from dataclasses import replace

import pytest
from PIL import Image

from monitor.demo.catalogue import Kind
from monitor.demo.faults import Fault, FaultPlan

_PASSING = (Fault.UNAVAILABLE, Fault.TRUNCATED, Fault.RATE_LIMITED)
_QUICK = {"BAZAARWATCH_FETCH__RETRIES": "0", "BAZAARWATCH_FETCH__TIMEOUT_S": "5"}


def _let_time_pass(desk):
    """As if hours had gone by: whatever waits for a later time is due."""
    desk.rows("UPDATE hosts SET blocked_until = NULL")
    desk.rows("UPDATE listings SET examine_at = '2026-01-01 00:00:00' WHERE examine_at IS NOT NULL")
    desk.rows("UPDATE searches SET next_run_at = '2026-01-01 00:00:00'")


@pytest.mark.parametrize("kinds", [_PASSING, (Fault.CAPTCHA, Fault.GARBAGE)], ids=["passing", "walls"])
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


@pytest.mark.parametrize("what", ["bomb", "half a picture", "no picture", "tiny"])
def test_a_listing_that_shows_no_usable_picture_is_skipped_and_counted(desk, open_bazaar, catalogue, planted, what):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    whole = catalogue.full(catalogue.listings[0].pictures[0].picture_id)
    tiny = io.BytesIO()
    Image.new("RGB", (3, 3)).save(tiny, "PNG")
    side = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", side)
        + chunk(b"IDAT", zlib.compress(bytes(9_000_000)))
        + chunk(b"IEND", b"")
    )
    shown = {
        "bomb": bomb,
        "half a picture": whole[: len(whole) // 3],
        "no picture": b"MZ" * 500,
        "tiny": tiny.getvalue(),
    }
    hostile = catalogue.listings[0]
    assert hostile.kind is Kind.COPY

    class Renderer:
        def picture(self, picture_id):
            if picture_id == hostile.pictures[0].picture_id:
                return shown[what]
            return catalogue.renderer.picture(picture_id)

        design = staticmethod(catalogue.renderer.design)

    bazaar = open_bazaar(replace(catalogue, renderer=Renderer()))
    desk = replace(desk, bazaar_url=bazaar.url, sandbox=what == "bomb")
    desk.begin(catalogue)
    result = desk.json("scan")
    assert desk.rows("SELECT url, outcome FROM listing_pictures WHERE sha256 IS NULL") == []
    assert desk.rows("SELECT url, outcome, reason FROM captures WHERE outcome <> 'ok'") == []
    assert (result["listings_parked"], result["listings_waiting"]) == (0, 0)
    (failure,) = desk.rows("SELECT failure FROM pictures WHERE failure IS NOT NULL")
    assert failure[0].split(":")[0] in ("ImageTooLarge", "UndecodableImage", "ImageTooSmall", "NoUsableDetail")
    alerts = {(row["listing_id"], row["work"]) for row in desk.json("alerts", "list")}
    lost = {one for one in planted if one[0] == hostile.listing_id}
    assert alerts >= planted - lost
    assert desk.is_well()
