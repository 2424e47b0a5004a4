"""`marketplaces`, `keywords` and `import` as a person types them."""

import json
import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from config.errors import ConfigError
from monitor import marketplaces as known
from monitor.cli import options
from monitor.commands import crawling, keywords, marketplaces, searches
from monitor.commands.common import UsageProblem
from monitor.marketplaces import MARKETPLACES

GUIDE = (Path(__file__).parents[3] / "docs" / "adding-a-marketplace.md").read_text("utf-8")
URL = "https://pinbazaar.example/find?q=moth+pin"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a command on a data folder; (exit code, parsed JSON or text)."""
    monkeypatch.setenv("BAZAARWATCH_DATA_DIR", str(tmp_path / "data"))
    app = typer.Typer()
    app.callback()(options)
    for module in (marketplaces, keywords, searches, crawling):
        module.register(app)

    def running(*arguments):
        result = CliRunner().invoke(app, [str(one) for one in arguments])
        if isinstance(result.exception, Exception):
            raise result.exception
        return result.exit_code, json.loads(result.stdout) if "--json" in arguments else result.stdout

    return running


@pytest.fixture
def example(tmp_path):
    """The guide's description and page, as files."""
    for kind, name in (("toml", "pins.toml"), ("html", "search.html")):
        (tmp_path / name).write_text(re.search(rf"```{kind}\n(.*?)```", GUIDE, re.DOTALL)[1])
    return tmp_path / "pins.toml", tmp_path / "search.html"


def test_the_table_lists_every_marketplace_and_those_of_the_data_folder(run, tmp_path, example):
    folder = tmp_path / "data" / "marketplaces"
    folder.mkdir(parents=True)
    example[0].rename(folder / "pins.toml")
    for arguments in (("marketplaces", "--json"), ("marketplaces", "list", "--json")):
        code, rows = run(*arguments)
        assert code == 0
        assert {row["name"] for row in rows} == {*MARKETPLACES, "pin-bazaar"}
    assert next(row for row in rows if row["name"] == "ebay")["picture_search"] == ["api"]


def test_check_shows_key_by_key_what_a_description_reads(run, example):
    code, shown = run("marketplaces", "check", example[0], "--page", example[1], "--url", URL, "--json")
    assert code == 0
    assert shown["fields"] == dict.fromkeys(("title", "url", "price", "currency", "pictures", "seller"), 2)
    assert shown["search"] == URL
    assert {row["found"] for row in shown["keys"]} == {2}
    code, text = run("marketplaces", "check", example[0], "--page", example[1], "--url", URL)
    assert code == 0
    assert "cards[0].price" in text


def test_check_fails_where_nothing_is_found_and_names_what_is_wrong(run, tmp_path, example):
    (tmp_path / "other.html").write_text(f"<html><body><p>{'hello ' * 500}</p></body></html>")
    code, shown = run("marketplaces", "check", example[0], "--page", tmp_path / "other.html", "--json")
    assert (code, shown["outcome"]) == (1, "drift")
    example[0].write_text(example[0].read_text().replace("[search]", "[serch]"))
    with pytest.raises(ConfigError, match=r"pins\.toml: serch: no such key; did you mean search"):
        run("marketplaces", "check", example[0])
    example[0].write_text(example[0].read_text().replace("[serch]", "[search]").replace("pin-bazaar", "ebay"))
    with pytest.raises(UsageProblem, match="'ebay' already"):
        run("marketplaces", "check", example[0])


def test_a_described_marketplace_is_searched_imported_and_parsed(run, tmp_path, example):
    folder = tmp_path / "data" / "marketplaces"
    folder.mkdir(parents=True)
    example[0].rename(folder / "pins.toml")
    assert run("search", "add", "pin-bazaar", "moth pin")[0] == 0
    code, (row,) = run("import", example[1], "--url", URL, "--json")
    assert (code, row["outcome"], row["marketplace"], row["listings"]) == (0, "ok", "pin-bazaar", 2)
    assert run("parse", example[1], "--marketplace", "pin-bazaar", "--url", URL, "--json")[1]["outcome"] == "ok"
    code, (ledger,) = run("marketplaces", "coverage", "--json")
    assert (ledger["marketplace"], ledger["asked"], ledger["blocked_since"]) == ("pin-bazaar", 0, None)
    code, (brought,) = run("keywords", "list", "--json")
    assert (brought["keyword"], brought["runs"], brought["advice"]) == ("moth pin", 0, "")
    assert run("keywords", "suggest", "--json") == (0, [])


def test_an_import_with_a_file_that_cannot_be_read_ends_with_code_1_and_reads_the_others(run, tmp_path, example):
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04")
    code, rows = run("import", tmp_path / "a.zip", example[1], "--url", URL, "--json")
    assert code == 1
    assert [row["outcome"] for row in rows] == ["failed", "drift"]
    with pytest.raises(UsageProblem, match="does not exist"):
        run("import", tmp_path / "missing.html")
    with pytest.raises(UsageProblem, match="no marketplace 'nowhere'"):
        run("import", example[1], "--marketplace", "nowhere")


def test_a_canary_needs_a_known_marketplace(run):
    assert run("marketplaces", "canary", "--json") == (0, [])
    with pytest.raises(UsageProblem, match="no marketplace 'nowhere'"):
        run("marketplaces", "canary", "nowhere")


def test_a_packages_marketplace_is_asked_before_shops_on_any_host_and_replaces_none_of_ours(monkeypatch, tmp_path):
    (tmp_path / "button_bazaar.py").write_text(
        "from monitor.marketplaces.tables import TableSite\n"
        "MINE, THEIRS = (TableSite(name, hosts=frozenset({'button.example'})) for name in ('button-bazaar', 'ebay'))\n"
    )
    installed = tmp_path / "button_bazaar-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: button-bazaar\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(
        "[bazaarwatch.marketplaces]\nbutton = button_bazaar:MINE\nebay = button_bazaar:THEIRS\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = known._registered()
    assert next(iter(found)) == "button-bazaar"
    assert found["ebay"] is MARKETPLACES["ebay"]
