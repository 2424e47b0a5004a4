"""Two consoles and four workers on one PostgreSQL; each kind of process is killed during a scan of a faulty bazaar."""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import replace
from itertools import cycle, islice, pairwise
from pathlib import Path

import pytest

from monitor.demo import server
from monitor.demo.catalogue import Kind, make_catalogue
from monitor.demo.faults import Fault, FaultPlan
from tests.stories.conftest import SURE, truth_of

pytestmark = pytest.mark.slow

_PASSING = (Fault.UNAVAILABLE, Fault.TRUNCATED, Fault.GARBAGE, Fault.RATE_LIMITED, Fault.HANG)
_SOAK = (pytest.mark.soak, pytest.mark.timeout(0))
_TAKEN_UP_S = 30
_LATE_S = 1.5  # a turn may be taken a second late, and a busy machine notes it later still


def _kinds(listings):
    """How answers go wrong: the more of them, the smaller the share that closes the host."""
    return (*_PASSING * (8 if listings < 1000 else 40), Fault.CAPTCHA)


def _large(listings, designs):
    """So many listings of a few pictures, as sellers take them from one another."""
    whole = make_catalogue(1, works=3, listings=200, sellers=12)
    wanted = [one for one in whole.listings if one.kind is Kind.INNOCENT or one.edit in SURE][:designs]
    numbered = enumerate(islice(cycle(wanted), listings))
    return replace(whole, listings=tuple(replace(one, listing_id=str(100_000 + number)) for number, one in numbered))


def _open(catalogue, hosts, open_bazaar):
    """The bazaar, its listings spread over several hosts: each is asked at a pace of its own."""
    kinds = _kinds(len(catalogue.listings))
    parts = [replace(catalogue, listings=catalogue.listings[at::hosts]) for at in range(hosts)]
    return [open_bazaar(part, FaultPlan(0.1, seed=3 + at, kinds=kinds, hang_s=0.1)) for at, part in enumerate(parts)]


def _begin(desk, catalogue, bazaars):
    """The first evening, with a search at each host for each keyword."""
    began = replace(desk, bazaar_url=bazaars[0].url, environ=_own(bazaars))
    began.begin(catalogue, keywords=())
    for bazaar in bazaars:
        for keyword in ("pin", "patch", "sticker", "print"):
            began("search", "add", "demo-bazaar", keyword, "--shop", bazaar.url, "--pages", "9")
    began.rows("UPDATE searches SET page_limit = 10000")
    return began


def _own(bazaars):
    return {"BAZAARWATCH_FETCH__OWN_ADDRESSES": json.dumps([one.url.removeprefix("http://") for one in bazaars])}


class Outgrown:
    """A desk on PostgreSQL and the processes that work on it."""

    def __init__(self, desk, pace_s):
        self.desk = desk
        self._environ = {
            "BAZAARWATCH_SCHEDULE__TICK_S": "1",
            "BAZAARWATCH_SCHEDULE__ATTEMPTS": "50",
            "BAZAARWATCH_FETCH__OWN_PACE_S": str(pace_s),
            "BAZAARWATCH_FETCH__TIMEOUT_S": "5",
            "BAZAARWATCH_SCHEDULE__CONCURRENCY": "24",
            "BAZAARWATCH_SCHEDULE__SITE_CONCURRENCY": "96",
            "BAZAARWATCH_LOOKBACK__SHARES": "2",
        }
        self.running = {}
        self._started = 0

    def start(self, name, *arguments, **environ):
        """Begin a process; the file of what it says."""
        self._started += 1
        order = self.desk.order(*arguments, **self._environ, **environ)
        order |= {kind: f"{order[kind]}.{self._started}" for kind in ("out", "err")}
        self.running[name] = self.desk.fork(order | {"background": True})
        return Path(order["err"])

    def kill(self, name):
        pid = self.running.pop(name)
        os.kill(pid, signal.SIGKILL)
        assert self.desk.fork({"wait": pid}) == -signal.SIGKILL
        return pid

    def end(self):
        """Ask every process to end; how they did."""
        for pid in self.running.values():
            os.kill(pid, signal.SIGTERM)
        return {name: self.desk.fork({"wait": self.running.pop(name)}) for name in list(self.running)}

    def until(self, true, most_s=300):
        """Wait for something, while hours pass for what was put off."""
        end = time.monotonic() + most_s
        while not true():
            assert time.monotonic() < end, "it never came to that"
            dead = [name for name, pid in self.running.items() if _has_ended(pid)]
            assert not dead, f"{dead} ended by themselves"
            self.let_time_pass()
            time.sleep(0.5)

    def let_time_pass(self):
        """As if hours had gone by: what was refused, or came to nothing, is due now."""
        rows = self.desk.rows
        rows("UPDATE hosts SET blocked_until = NULL WHERE blocked_until > now() + interval '3 seconds'")
        rows("UPDATE listings SET examine_at = now() WHERE id IN (SELECT id FROM listings WHERE examine_at > now()"
             " + interval '3 seconds' FOR UPDATE SKIP LOCKED)")  # fmt: skip
        last = "SELECT outcome FROM crawls WHERE search_id = s.id AND finished_at IS NOT NULL ORDER BY finished_at DESC"
        rows("UPDATE searches SET next_run_at = now() WHERE id IN (SELECT s.id FROM searches s WHERE"
             f" next_run_at > now() AND ({last} LIMIT 1) NOT IN ('ok', 'empty') FOR UPDATE SKIP LOCKED)")  # fmt: skip

    def stored(self):
        return self.desk.rows("SELECT count(*) FROM listings WHERE examined_at IS NOT NULL")[0][0]


def _has_ended(pid):
    """Whether a process of the forks' has ended and waits to be asked how."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def _answers(console):
    try:
        with urllib.request.urlopen(f"{console}/health", timeout=10) as answer:
            return answer.status == 200
    except urllib.error.HTTPError as error:
        return error.code == 503  # it says itself what is wrong
    except OSError:
        return False


def _address(said):
    """Where a console says that it listens."""
    words = said.read_text("utf-8").split() if said.exists() else []
    return next((word.rstrip(";") for word in words if word.startswith("http://")), None)


def _burst_s(asked, pace_s):
    """How far ahead of the pace requests ever came together: 0 where none came early."""
    ahead = worst = 0.0
    for before, after in pairwise(asked):
        ahead = max(0.0, ahead + pace_s - (after - before).total_seconds())
        worst = max(worst, ahead)
    return worst


@pytest.mark.parametrize(
    ("listings", "designs", "hosts", "pace_s", "stopped_s"),
    [
        pytest.param(40, 10, 1, 0.1, 0, id="sample", marks=pytest.mark.timeout(600)),
        pytest.param(2_000, 41, 20, 0.05, 90, id="2000", marks=_SOAK),
        pytest.param(20_000, 41, 20, 0.05, 90, id="20000", marks=_SOAK),
    ],
)
def test_each_kind_of_process_is_killed_and_everything_is_stored_once_at_the_hosts_pace(
    desk, open_bazaar, monkeypatch, mortal_postgres, listings, designs, hosts, pace_s, stopped_s
):
    catalogue = _large(listings, designs)
    for picture in {picture.picture_id for one in catalogue.listings for picture in one.pictures}:
        catalogue.full(picture)  # drawn now: a host that takes its time to answer is asked the more slowly
    monkeypatch.setattr(server, "PAGE_SIZE", 4 if listings < 1000 else 8)
    bazaars = _open(catalogue, hosts, open_bazaar)
    began = _begin(desk, catalogue, bazaars)
    url = mortal_postgres.create("outgrown")
    desk = replace(began, environ=_own(bazaars) | {"BAZAARWATCH_DATABASE__URL": url})
    desk("db", "move")
    world = Outgrown(desk, pace_s)
    try:
        consoles = [world.start(f"server {n}", "serve", "--port", "0") for n in (1, 2)]
        for number in range(4):
            world.start(f"worker {number}", "worker", BAZAARWATCH_LOOKBACK__SHARE=str(1 + number % 2))
        world.until(lambda: all(_address(one) and _answers(_address(one)) for one in consoles))
        first, second = map(_address, consoles)

        world.until(lambda: world.stored() > listings / 8, most_s=3600)
        killed_at = desk.rows("SELECT now()")[0][0]
        victim = world.kill("worker 0")
        orphans = f"SELECT 1 FROM pgqueuer WHERE status = 'picked' AND heartbeat < '{killed_at.isoformat()}'"
        world.until(lambda: not desk.rows(orphans), most_s=_TAKEN_UP_S)
        world.start("worker 0", "worker", BAZAARWATCH_LOOKBACK__SHARE="1")

        world.until(lambda: world.stored() > listings * 3 / 8, most_s=3600)
        world.kill("server 1")
        assert _answers(second), "the other console goes on"
        assert not _answers(first)
        again = world.start("server 1", "serve", "--port", "0")

        world.until(lambda: world.stored() > listings * 5 / 8 and bool(_address(again)), most_s=3600)
        mortal_postgres.kill()
        time.sleep(2)
        mortal_postgres.start()
        before = world.stored()
        world.until(lambda: world.stored() > min(before, listings - 1), most_s=60)  # a few may all be done by then
        world.until(lambda: _address(again) and _answers(_address(again)) and _answers(second), most_s=60)

        if stopped_s:  # taken for dead, its work taken over, and then it wakes: what it asks late would break the pace
            os.kill(world.running["worker 1"], signal.SIGSTOP)
            time.sleep(stopped_s)
            os.kill(world.running["worker 1"], signal.SIGCONT)

        world.until(lambda: world.stored() == listings, most_s=3 * 3600)
        world.until(lambda: not desk.rows("SELECT 1 FROM listings WHERE examine_at IS NOT NULL LIMIT 1"), most_s=3600)
        back = desk.json("works", "look-back", BAZAARWATCH_LOOKBACK__SHARES="2")
        ((remembered,),) = desk.rows("SELECT count(*) FROM seen_pictures")
        assert [one["searched"] for one in back] == [remembered] * 3
        assert any(one["shown"] for one in back), "workers looked back, each in its share of the months"
        assert set(world.end().values()) == {0}
    finally:
        for name in list(world.running):
            world.kill(name)
    _invariants(desk, catalogue, bazaars, pace_s, victim)


def _invariants(desk, catalogue, bazaars, pace_s, victim):
    served = sorted((one.listing_id, one.title) for one in catalogue.listings)
    assert sorted(desk.rows("SELECT listing_id, title FROM listings")) == served, "each stored, exactly once"
    pictures = Counter(one.listing_id for one in catalogue.listings for _ in one.pictures)
    stored = desk.rows("SELECT l.listing_id, count(DISTINCT p.url) FROM listing_pictures p JOIN listings l"
                       " ON l.id = p.listing_key WHERE p.sha256 IS NOT NULL GROUP BY 1")  # fmt: skip
    assert dict(stored) == pictures
    assert desk.rows("SELECT count(*) FROM listing_pictures WHERE outcome = 'gone'") == [(0,)]
    assert desk.rows("SELECT count(*) FROM captures WHERE outcome = 'gone'") == [(0,)], "nothing is called removed"
    found = desk.rows("SELECT l.listing_id, w.title FROM alerts a JOIN works w ON w.id = a.work_id"
                      " JOIN listings l ON l.id = a.listing_key")  # fmt: skip
    assert max(Counter(found).values()) == 1, "no alert twice"
    assert set(found) >= truth_of(catalogue)
    assert desk.json("jobs", "list") == []
    for bazaar in bazaars:
        asked = [one.at for one in bazaar.server.requests]
        assert _burst_s(asked, pace_s) < _LATE_S
        assert (asked[-1] - asked[0]).total_seconds() > (len(asked) - 1) * pace_s - _LATE_S
    assert desk.rows("SELECT count(*) FROM captures_other") == [(0,)], "a worker made the month"
    outcomes = {row[0] for row in desk.rows("SELECT DISTINCT outcome FROM captures")}
    assert outcomes - {"ok"}, "nothing went wrong: no faults were tried"
    wrong = [one for one in json.loads(desk.run("doctor", "--deep", "--json").out) if not one["ok"]]
    assert all(one["name"] == "workers" for one in wrong), wrong
    assert all(f"worker {victim} on" in one["detail"] for one in wrong), "the killed one is named as silent"
