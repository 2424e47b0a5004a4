"""`policies` as a person types it."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from monitor.cli import options
from monitor.commands import policies
from monitor.commands.common import UsageProblem
from monitor.complaints.packs import platforms, policy

OWN = """
extends: etsy
platform: etsy
version: 2
sources: {mine: {title: the portal, read_on: 2020-01-01}}
routes: {portal: {max_targets: {value: 40, source: mine, confidence: seen}}}
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a command on a data folder; (exit code, parsed JSON or text)."""
    monkeypatch.setenv("BAZAARWATCH_DATA_DIR", str(tmp_path / "data"))
    app = typer.Typer()
    app.callback()(options)
    policies.register(app)

    def running(*arguments):
        result = CliRunner().invoke(app, ["policies", *map(str, arguments)])
        if isinstance(result.exception, Exception):
            raise result.exception
        return result.exit_code, json.loads(result.stdout) if "--json" in arguments else result.output

    return running


@pytest.fixture
def own(tmp_path) -> Path:
    folder = tmp_path / "data" / "policies"
    folder.mkdir(parents=True)
    (folder / "etsy.yaml").write_text(OWN, "utf-8")
    return folder / "etsy.yaml"


def test_list_tells_every_pack_and_which_is_the_operators_own_and_old(run, own):
    code, rows = run("list", "--json")
    assert code == 0
    assert [row["platform"] for row in rows] == list(platforms())
    assert [row["platform"] for row in rows if row["own"]] == ["etsy"]
    assert next(row for row in rows if row["platform"] == "etsy")["stale"] is True
    assert "more than a year ago" in run("list")[1]


def test_show_tells_source_day_and_how_sure_each_value_is(run):
    code, rows = run("show", "mercadolibre", "windows.holder_answer", "--json")
    assert code == 0
    assert [row["value"] for row in rows] == [
        {"length": 3, "unit": "cd", "at_expiry": "reinstated"},
        {"length": 4, "unit": "cd", "at_expiry": "reinstated"},
    ]
    assert [row["confidence"] for row in rows] == ["seen", "unconfirmed (reported)"]
    assert rows[0]["source"].startswith("https://developers.mercadolivre.com.br/")
    _, unconfirmed = run("show", "mercadolibre", "--unconfirmed", "--json")
    assert {row["path"] for row in unconfirmed} == set(policy("mercadolibre").unconfirmed())


def test_show_of_nothing_fails_saying_what_to_ask(run):
    code, said = run("show", "etsy", "windows.watch")
    assert code == 1
    assert "no such values" in said
    with pytest.raises(UsageProblem, match="known: alibaba_ipp"):
        run("show", "etsi")


def test_check_of_an_own_file_names_every_place_that_is_wrong(run, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("extends: etsy\nlive_within_h: 3\nlanguages: en\n", "utf-8")
    code, said = run("check", file)
    assert code == 1
    for place in ("live_within_h", "languages", "mine.yaml"):
        assert place in said
    file.write_text(OWN, "utf-8")
    code, (finding,) = run("check", file, "--json")
    assert code == 0
    assert (finding["label"], finding["holds"], finding["stale"]) == ("etsy 2", True, True)


def test_check_of_all_packs_holds(run):
    code, findings = run("check", "--json")
    assert code == 0
    assert all(one["holds"] for one in findings)


def test_diff_tells_what_an_own_pack_changes_and_what_changed_since_an_export(run, own, tmp_path):
    exported = tmp_path / "policy.json"
    exported.write_text(policy("etsy").model_dump_json(by_alias=True), "utf-8")
    code, rows = run("diff", exported, "etsy", "--json")
    assert code == 0
    by_path = {row["path"]: (row["before"], row["after"]) for row in rows}
    assert by_path["routes.portal.max_targets"] == ("None (reported)", "40 (seen)")
    assert set(by_path) >= {"version", "sources.mine.read_on"}
    assert run("diff", exported, exported, "--json") == (0, [])


def test_reasons_tell_which_right_serves_against_what_was_done(run):
    code, rows = run("reasons", "alibaba_ipp", "lookalike", "--json")
    assert code == 0
    assert "trademark" not in {row["right_kind"] for row in rows}
    assert run("reasons", "dmca_host", "mark_in_listing")[0] == 1
    with pytest.raises(UsageProblem, match="no site"):
        run("reasons", "lazada", "lookalike", "--site", "taobao")
