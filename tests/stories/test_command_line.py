"""What every command owes the person and the script that call it."""

import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from detectors.model import Outcome

LISTING = (
    ("works", "list"),
    ("rights", "list"),
    ("sellers", "list"),
    ("search", "list"),
    ("alerts", "list"),
    ("complaints", "list"),
)
WRONG = {  # what is wrong: the command
    "an unknown command": ("dance",),
    "an unknown option": ("scan", "--fast"),
    "a missing argument": ("complaints", "show"),
    "a number that is none": ("alerts", "show", "seven"),
    "an alert that does not exist": ("alerts", "show", "99"),
    "a decision on an alert that does not exist": ("alerts", "decide", "infringing", "99"),
    "an answer that is none": ("alerts", "decide", "perhaps", "1"),
    "until without unsure": ("alerts", "decide", "licensed", "1", "--until", "2026-12-31"),
    "a day that is none": ("alerts", "decide", "unsure", "1", "--until", "tomorrow"),
    "a complaint that does not exist": ("complaints", "export", "99"),
    "a platform that does not exist": ("complaints", "draft", "1", "--platform", "nowhere"),
    "a work that does not exist": ("works", "remove", "Nothing"),
    "a price that is none": ("works", "edit", "1", "--price", "cheap"),
    "a folder without pictures": ("works", "add", "EMPTY"),
    "a path that does not exist": ("works", "add", "/does/not/exist"),
    "a page that does not exist": ("import", "/does/not/exist"),
    "a search that does not exist": ("search", "pause", "99"),
    "a scan of a search that does not exist": ("scan", "99"),
    "a seller by pattern": ("sellers", "allow", "ebay", "shop*", "--reason", "own"),
    "nobody to ask": ("init",),
}
FAILING = {
    "a complaint without a right": ("complaints", "draft", "Bee"),
    "a search that exists": ("search", "add", "ebay", "bee"),
}


@pytest.fixture
def begun(desk, catalogue):
    desk("init", "--owner", "Mira Moss", "--email", "mira@example.org", "--country", "DE")
    picture = desk.data.parent / "Bee.png"
    picture.write_bytes(catalogue.reference(catalogue.works[1]))
    desk("works", "add", picture)
    desk("search", "add", "ebay", "bee")
    return desk


def test_every_list_is_json_when_asked_for_and_a_table_otherwise(begun):
    for command in LISTING:
        rows = begun.json(*command)
        assert isinstance(rows, list)
        done = begun.run(*command)
        assert (done.code, "Traceback" in done.err) == (0, False)
        assert bool(done.out) == bool(rows), "an empty list says what to do next, on standard error"
        assert bool(done.err) != bool(rows)
    begun("search", "pause", "1")  # what is due would be looked for out there
    for command in (("doctor",), ("settings",), ("scan", "--due")):
        assert begun.run(*command, "--json").out.lstrip()[0] in "[{"


def test_wrong_use_ends_with_code_2_and_failure_with_code_1_and_one_line(begun, tmp_path):
    (tmp_path / "EMPTY").mkdir()
    ends = {}
    for commands, code in ((WRONG, 2), (FAILING, 1)):
        for name, command in commands.items():
            done = begun.run(*(str(tmp_path / word) if word == "EMPTY" else word for word in command))
            ends[name] = (done.code, done.err.count("\n"), done.err[:6], done.out) == (code, 1, "error:", "") or done
    assert {name: end for name, end in ends.items() if end is not True} == {}


def test_an_unknown_marketplace_names_the_known_ones(begun, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<html>")
    for command in (("search", "add", "ebuy", "bee"), ("parse", page, "--marketplace", "ebuy")):
        code, line = begun.refused(*command)
        assert code == 2
        assert all(name in line for name in ("'ebuy'", "ebay", "aliexpress", "shopify", "generic-jsonld"))


def test_a_setting_that_does_not_exist_names_the_nearest_one(begun):
    (begun.data / "bazaarwatch.toml").write_text('[fetch]\ncontakt = "x"\n')
    code, line = begun.refused("works", "list")
    assert (code, "fetch.contact" in line) == (2, True)


def test_without_a_contact_nothing_is_fetched_and_nothing_changes(desk):
    desk("db", "upgrade")
    desk("search", "add", "ebay", "bee")
    before = desk.rows("SELECT next_run_at FROM searches")
    code, line = desk.refused("scan")
    assert (code, "init --contact" in line) == (1, True)
    assert desk.rows("SELECT next_run_at FROM searches") == before


def _parsed(desk, file, *options):
    found = json.loads(desk("parse", file, "--json", *options))
    assert {"outcome", "marketplace", "listings", "next"} <= set(found)
    for listing in found["listings"]:
        keys = {"listing_id", "title", "url", "price", "currency", "price_raw", "image_urls", "seller"}
        assert keys <= set(listing)
        assert listing["seller"] is None or {"id", "name", "url"} <= set(listing["seller"])
        assert listing["price"] is None or isinstance(listing["price"], str)
    return found


def test_every_recording_is_parsed_with_exit_code_0(desk, shared):
    recordings = shared / "fixtures" / "marketplaces"
    rows = [json.loads(line) for line in (recordings / "index.jsonl").read_text("utf-8").splitlines()]
    present = [row for row in rows if (recordings / row["file"]).is_file()]
    assert len(present) >= 40
    for row in present[::6]:
        found = _parsed(desk, recordings / row["file"])
        assert found["outcome"] in set(Outcome)
        if row["outcome"] != "ok":
            assert found["outcome"] == row["outcome"], row["file"]
            assert found["listings"] == []


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_every_single_recording_is_parsed_with_exit_code_0(desk, shared):
    recordings = shared / "fixtures" / "marketplaces"
    for file in sorted(recordings.rglob("*.*")):
        if file.suffix in (".html", ".json") and file.is_file():
            _parsed(desk, file)


@pytest.mark.parametrize("size", [0, 1, 5000])
def test_any_bytes_are_parsed_with_exit_code_0(desk, tmp_path, size):
    file = tmp_path / "noise.html"
    file.write_bytes(Random(size).randbytes(size))
    for options in ((), ("--marketplace", "ebay"), ("--marketplace", "aliexpress", "--url", "https://aliexpress.com/")):
        found = _parsed(desk, file, *options)
        assert found["outcome"] != "ok"
        assert found["listings"] == []


@pytest.mark.slow
def test_the_program_starts_as_a_module_and_as_a_script(tmp_path):
    script = Path(sys.executable).with_name("bazaarwatch")
    for command in ([sys.executable, "-m", "monitor"], [str(script)]):
        done = subprocess.run([*command, "--data", tmp_path, "wrong"], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("error:")
        assert done.stderr.count("\n") == 1


@pytest.mark.soak
def test_pasted_addresses_are_looked_at_by_the_next_scan(shop_desk, bazaar, catalogue, planted, tmp_path):
    desk = shop_desk
    desk.begin(catalogue, keywords=())
    addresses = tmp_path / "addresses.txt"
    lines = [f"{bazaar.url}/item/{one.listing_id}?from=mail" for one in catalogue.listings]
    addresses.write_text("\n".join([*lines, lines[0]]))
    rows = desk.json("import", addresses)
    assert [row["outcome"] for row in rows] == ["ok"] * (len(lines) + 1)
    assert sum(row["new"] for row in rows) == len(lines)
    desk("import", "-", stdin=addresses)
    desk("scan")
    assert {(row["listing_id"], row["work"]) for row in desk.json("alerts", "list")} >= planted
    assert {row[2] for row in desk.content()["listings"]} >= {one.title for one in catalogue.listings}
    addresses.write_text("https://example.org/nothing\n")
    done = desk.run("import", addresses, "--json")
    assert (done.code, json.loads(done.out)[0]["outcome"]) == (1, "failed")
