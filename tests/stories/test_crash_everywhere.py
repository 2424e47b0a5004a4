"""SIGKILL at every commit point: whatever was under way, a restart ends where an undisturbed run ends."""

import shutil
from collections import Counter
from dataclasses import replace
from itertools import count
from pathlib import Path
from random import Random

import pytest

from monitor.demo.catalogue import Kind
from tests.stories.complaining import confirmation

pytestmark = pytest.mark.slow

_KILLED = -9


@pytest.fixture
def few(catalogue):
    """Five listings: two pages at four a page."""
    copies = [one for one in catalogue.listings if one.kind is Kind.COPY]
    others = [one for one in catalogue.listings if one.kind is not Kind.COPY]
    return replace(catalogue, listings=(*copies[:3], *others[:2]))


@pytest.fixture
def ready(desk, few, open_bazaar):
    """A desk with works and searches, nothing scanned yet."""
    desk = replace(desk, bazaar_url=open_bazaar(few).url)
    desk.begin(few, keywords=("pin", "e"))
    return desk


def _copy(desk, name):
    """A desk of its own in the same state."""
    twin = replace(desk, data=desk.data.with_name(name))
    shutil.copytree(desk.data, twin.data)
    return twin


def _crash_at(desk, number, *command):
    """Kill a command at its commit point; whether it died of it."""
    done = desk.run(*command, BAZAARWATCH_DATABASE__CRASH_AT=str(number))
    assert done.code in (0, _KILLED), done
    return done.code == _KILLED


def _differences(found, expected):
    """By kind of row: what is missing and what is too much, doubled rows included."""
    unlike = {name: (Counter(expected[name]), Counter(rows)) for name, rows in found.items() if rows != expected[name]}
    return {
        name: (list((wanted - got).elements()), list((got - wanted).elements()))
        for name, (wanted, got) in unlike.items()
    }


def _every(desk, points, command, recover, expected):
    """Crash at each of the points in a fresh copy, restart, compare; how many points there are."""
    reached = 0
    for number in points:
        twin = _copy(desk, f"crashed at {number}")
        died = _crash_at(twin, number, *command)
        assert twin.is_well(), number
        recover(twin)
        assert _differences(twin.content(), expected) == {}, number
        assert twin.is_well(), number
        shutil.rmtree(twin.data)
        if not died:
            break
        reached += 1
    return reached


def _scan_on(desk):
    """What the daemon would do after its restart: only what is still due."""
    desk("scan", "--due")


def _undisturbed(desk):
    calm = _copy(desk, "calm")
    calm("scan")
    content = calm.content()
    assert len(content["listings"]) == 5
    assert len(content["alerts"]) >= 3
    assert content["waiting"] == []
    return content


@pytest.mark.parametrize(
    "points",
    [
        pytest.param((4, 11), id="sample", marks=pytest.mark.timeout(600)),
        pytest.param(count(1), id="everywhere", marks=[pytest.mark.soak, pytest.mark.timeout(0)]),
    ],
)
def test_a_scan_killed_at_a_commit_point_ends_as_an_undisturbed_one(ready, points):
    reached = _every(ready, points, ("scan",), _scan_on, _undisturbed(ready))
    assert reached >= 2


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_a_scan_killed_again_and_again_still_comes_to_its_end(ready):
    expected = _undisturbed(ready)
    for seed in range(3):
        twin, strides, lives = _copy(ready, f"seed {seed}"), Random(seed), 1
        _crash_at(twin, strides.randint(3, 25), "scan")
        while _crash_at(twin, strides.randint(3, 25), "scan", "--due"):
            assert twin.is_well()
            lives += 1
            assert lives < 100, "no progress from one life to the next"
        assert _differences(twin.content(), expected) == {}
        assert lives > 3


@pytest.mark.timeout(600)
@pytest.mark.soak
def test_a_scan_killed_on_postgresql_ends_as_an_undisturbed_one(desk, few, open_bazaar, postgres_url):
    server = {"BAZAARWATCH_DATABASE__URL": postgres_url}
    desk = replace(desk, bazaar_url=open_bazaar(few).url, environ=server)
    assert desk.run("db", "upgrade").code == 0
    desk.begin(few, keywords=("pin", "e"))
    for number in (3, 10, 17):
        assert _crash_at(desk, number, "scan", *(["--due"] if number > 3 else []))
        assert desk.is_well()
    _scan_on(desk)
    content = desk.content()
    crawls = desk.rows("SELECT search_id, outcome, reason, pages, listings_seen FROM crawls")
    assert {row[1] for row in crawls} == {"ok"}, crawls
    assert {row[1] for row in content["listings"]} == {one.listing_id for one in few.listings}
    copies = {one.listing_id for one in few.listings if one.kind is Kind.COPY}
    assert {row[0] for row in content["alerts"] if row[3] is None} >= copies
    assert len({row[:2] for row in content["alerts"]}) == len(content["alerts"])
    assert content["waiting"] == []
    assert desk.is_well()


@pytest.fixture
def scanned(ready):
    ready("scan")
    return ready


def test_a_digest_killed_at_any_commit_point_is_told_once_more_and_never_lost(scanned):
    titles = [row["title"] for row in scanned.json("alerts", "list")]
    for number in (1, 2):
        twin = _copy(scanned, f"crashed at {number}")
        assert _crash_at(twin, number, "digest")
        recorded = twin.rows("SELECT folder FROM digests")
        assert len(recorded) == number - 1
        folder = twin("digest").strip()
        told = (twin.data / recorded[0][0] if recorded else twin.data / folder) / "digest.txt"
        assert all(title in told.read_text("utf-8") for title in titles)
        assert twin.is_well()


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_an_export_killed_at_any_commit_point_leaves_one_whole_pack(scanned):
    work = scanned.json("works", "list")[0]["title"]
    alerts = [row["id"] for row in scanned.json("alerts", "list", "--work", work)]
    scanned("rights", "state", "1", "demo", "verified")
    commands = (
        ("alerts", "decide", "infringing", *alerts),
        ("complaints", "draft", work, "--platform", "demo"),
        confirmation,
        ("complaints", "export", "1"),
    )
    for step in commands[:-1]:
        scanned(*(step(scanned, 1) if callable(step) else step))
    reached = 0
    for number in count(1):
        twin = _copy(scanned, f"export crashed at {number}")
        died = _crash_at(twin, number, *commands[-1])
        assert twin.is_well(), number
        pack = Path(twin(*commands[-1]).strip())
        assert list((twin.data / "packs").glob("complaint-*")) == [pack], number
        assert twin.json("evidence", "verify", pack / "evidence.zip")["faults"] == [], number
        assert len((pack / "urls-1.txt").read_text("utf-8").splitlines()) == len(alerts)
        kept = twin.rows("SELECT alert_id FROM evidence WHERE kind = 'comparison'")
        assert sorted(row[0] for row in kept) == sorted(alerts), "each drawn once"
        assert twin.is_well(), number
        shutil.rmtree(twin.data)
        if not died:
            break
        reached += 1
    assert reached > 6  # claimed, marked, drawn, kept, handed out, told


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_an_import_killed_at_any_commit_point_is_whole_after_another(ready, few, open_bazaar, tmp_path):
    saved = tmp_path / "saved"
    (saved / "page_files").mkdir(parents=True)
    cards = "".join(
        f'<article class="listing" data-id="{one.listing_id}"><a class="title" href="/item/{one.listing_id}">'
        f'{one.title}</a><img src="./page_files/{one.pictures[0].picture_id}.jpg"></article>'
        for one in few.listings
    )
    main = f'<main data-bazaar="search" data-total="{len(few.listings)}">{cards}</main>'
    (saved / "page.html").write_text(f"<!doctype html><html><body>{main}</body></html>")
    for one in few.listings:
        picture = one.pictures[0].picture_id
        (saved / "page_files" / f"{picture}.jpg").write_bytes(few.full(picture))
    command = ("import", saved, "--url", f"{ready.bazaar_url}/search?q=e")
    calm = _copy(ready, "calm")
    calm(*command)
    expected = calm.content()
    assert len(expected["alerts"]) >= 3
    reached = _every(ready, (3, 7), command, lambda twin: twin(*command), expected)
    assert reached == 2
