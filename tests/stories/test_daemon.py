"""The daemon as a system runs it: started, asked to stop, started again."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

_PROGRAM = Path(__file__).with_name("program.py")


@pytest.fixture
def start(shop_desk):
    """Starts `bazaarwatch run` as a process of its own; ends it with the test."""
    running = []

    def starting(desk):
        order = desk.order("run", BAZAARWATCH_SCHEDULE__TICK_S="1")
        running.append(subprocess.Popen([sys.executable, "-W", "error", str(_PROGRAM), "once", json.dumps(order)]))
        return running[-1]

    yield starting
    for process in running:
        process.kill()
        process.wait()


def _until(true, process):
    for _ in range(900):
        if true():
            return
        assert process.poll() is None, "the daemon ended by itself"
        time.sleep(0.1)
    raise AssertionError("it never came to that")


def _events(desk):
    log = desk.data.with_name(f"{desk.data.name}.err")
    lines = log.read_text("utf-8").splitlines() if log.exists() else []
    return [json.loads(line)["event"] for line in lines]


def test_the_first_tick_crawls_and_a_request_to_stop_ends_it_well(shop_desk, bazaar, catalogue, planted, start):
    desk = shop_desk
    desk.begin(catalogue)
    daemon = start(desk)
    _until(lambda: not desk.rows("SELECT 1 FROM searches WHERE next_run_at <= '2026-01-01'"), daemon)
    examined = "SELECT count(*) FROM listings WHERE examined_at IS NOT NULL"
    _until(lambda: desk.rows(examined) == [(len(catalogue.listings),)], daemon)
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(10) == 0
    events = _events(desk)
    assert events.count("search crawled") == 4
    assert events.count("listing examined") >= len(catalogue.listings)
    assert {(row["listing_id"], row["work"]) for row in desk.json("alerts", "list")} >= planted
    assert desk.is_well()

    asked = sum(bazaar.asked.values())
    again = start(desk)
    _until(lambda: "daemon started" in _events(desk), again)
    time.sleep(3)  # some ticks
    again.send_signal(signal.SIGTERM)
    assert again.wait(10) == 0
    assert sum(bazaar.asked.values()) == asked, "before the rhythm is over nothing is asked again"
    assert "search crawled" not in _events(desk)


@pytest.mark.soak
def test_a_stop_in_the_midst_of_the_work_loses_nothing(shop_desk, bazaar, catalogue, planted, start):
    desk = shop_desk
    desk.begin(catalogue)
    daemon = start(desk)
    _until(lambda: any("/item/" in path for path in bazaar.asked), daemon)
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(10) == 0
    assert desk.is_well()
    desk("scan", "--due")
    assert {(row["listing_id"], row["work"]) for row in desk.json("alerts", "list")} >= planted
    assert desk.rows("SELECT listing_id FROM listings WHERE examine_at IS NOT NULL") == []
    assert desk.is_well()
