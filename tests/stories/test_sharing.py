"""An artist outgrows one machine: the database moves to PostgreSQL, and workers share what there is to do."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.tasks import ROLES

pytestmark = pytest.mark.slow

_PROGRAM = Path(__file__).with_name("program.py")
_EXAMINED = "SELECT count(*) FROM listings WHERE examined_at IS NOT NULL"


@pytest.fixture
def moved(shop_desk, catalogue, empty_postgres_url):
    """A desk that began on SQLite and is on PostgreSQL now."""
    shop_desk.begin(catalogue)
    held = {table: shop_desk.rows(f"SELECT count(*) FROM {table}") for table in ("works", "searches", "audit_log")}
    desk = replace(shop_desk, environ={"BAZAARWATCH_DATABASE__URL": empty_postgres_url})
    assert "set database.url" in shop_desk.refused("db", "move")[1]
    rows = {one["table"]: one["rows"] for one in desk.json("db", "move")}
    assert {table: [(rows[table],)] for table in held} == held
    assert "is not empty" in desk.refused("db", "move")[1]
    assert desk.is_well()
    return desk


@pytest.fixture
def start(moved):
    """Starts a command of the desk as a process of its own; ends it with the test."""
    running = []

    def starting(name, *arguments):
        order = moved.order(*arguments, BAZAARWATCH_SCHEDULE__TICK_S="1")
        order |= {kind: f"{order[kind]}.{name}" for kind in ("out", "err")}
        running.append(subprocess.Popen([sys.executable, "-W", "error", str(_PROGRAM), "once", json.dumps(order)]))
        return running[-1], Path(order["err"])

    yield starting
    for process in running:
        process.kill()
        process.wait()


def _until(true, *processes):
    for _ in range(240):
        if true():
            return
        assert [process.poll() for process in processes] == [None] * len(processes), "a worker ended by itself"
        time.sleep(0.5)
    raise AssertionError("it never came to that")


def _crawled(*logs):
    """How often each search was run to its end."""
    lines = [line for log in logs for line in log.read_text("utf-8").splitlines()]
    said = [json.loads(line) for line in lines if line.startswith("{")]
    return Counter(one["search_id"] for one in said if one["event"] == "search crawled")


@pytest.mark.soak
def test_two_workers_share_the_work_of_a_moved_database_and_each_search_runs_once(moved, catalogue, planted, start):
    crawling, first = start("crawler", "worker", "--roles", "crawl,notify")
    examining, second = start("examiner", "worker", "--roles", "examine")
    _until(lambda: moved.rows(_EXAMINED) == [(len(catalogue.listings),)], crawling, examining)
    time.sleep(2)  # ticks of both
    for process in (crawling, examining):
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert _crawled(first) == {1: 1, 2: 1, 3: 1, 4: 1}
    assert _crawled(second) == {}
    assert {(row["listing_id"], row["work"]) for row in moved.json("alerts", "list")} >= planted
    assert moved.json("jobs", "list") == []
    left = [row for row in moved.json("jobs", "load") if row["running"] or row["task"] in ROLES]
    assert left == [], "a clock may have queued a chore while they ended, but no unit of work is left"
    assert moved.is_well()


@pytest.mark.soak
def test_a_worker_killed_in_the_midst_of_it_all_loses_nothing_and_its_work_is_done_by_another(
    moved, catalogue, planted, start
):
    victim, _ = start("victim", "worker")
    _until(lambda: moved.rows("SELECT 1 FROM pgqueuer WHERE status = 'picked' AND entrypoint LIKE 'examine%'"), victim)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    heir, _ = start("heir", "worker")
    _until(lambda: moved.rows(_EXAMINED) == [(len(catalogue.listings),)], heir)
    _until(lambda: moved.json("jobs", "load") == [], heir)
    heir.send_signal(signal.SIGTERM)
    assert heir.wait(20) == 0
    assert {(row["listing_id"], row["work"]) for row in moved.json("alerts", "list")} >= planted
    assert moved.is_well()


def test_a_scan_goes_through_the_shared_queue_too(moved, catalogue, planted):
    done = moved.json("scan")
    assert (done["searches_run"], done["listings_waiting"], done["lost"]) == (4, 0, 0)
    assert {(row["listing_id"], row["work"]) for row in moved.json("alerts", "list")} >= planted
    assert "no held job 9" in moved.refused("jobs", "retry", "job:9")[1]
    assert moved.refused("jobs", "retry")[0] == 2
    assert "known are crawl, examine, notify" in moved.refused("worker", "--roles", "crawl,sing")[1]
    assert "set database.url first" in replace(moved, environ={}).refused("worker")[1]
