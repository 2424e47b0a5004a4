"""What is shipped to deploy by: it names commands and settings that exist, and keeps no secret."""

import re
from configparser import ConfigParser
from pathlib import Path

import pytest
import typer
import yaml

from config.settings import load
from monitor import cli

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
OURS = {name: one for name, one in COMPOSE["services"].items() if one["image"] == "bazaarwatch"}
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))


def _is_command(words):
    cli.register(words)
    found = typer.main.get_command(cli.app)
    for word in words:
        found = found.commands[word]
    return callable(found.callback)


def _unit(path):
    parser = ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str
    parser.read_string(path.read_text("utf-8"))
    return parser


@pytest.mark.parametrize("service", OURS)
def test_each_service_runs_a_command_that_exists_with_settings_that_exist(service, tmp_path):
    assert _is_command(OURS[service]["command"])
    given = {key: re.sub(r"\$\{[A-Z_]+:?[-?]?([^}]*)\}", r"\1", value) for key, value in
             OURS[service]["environment"].items()}  # fmt: skip
    settings = load(tmp_path, given)
    assert not settings.embedded


def test_nothing_starts_before_the_tables_are_up_to_date():
    assert OURS["upgrade"]["command"] == ["db", "upgrade"]
    assert "upgrade" not in OURS["upgrade"]["depends_on"]
    for name in OURS.keys() - {"upgrade"}:
        assert OURS[name]["depends_on"] == {"upgrade": {"condition": "service_completed_successfully"}}


def test_the_console_is_reached_from_this_machine_alone_and_the_database_not_at_all():
    ports = {name: one.get("ports", []) for name, one in COMPOSE["services"].items()}
    assert ports == {name: [] for name in ports} | {"server": ["127.0.0.1:8741:8741"]}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_each_unit_runs_a_command_that_exists_shut_in(unit):
    service = _unit(unit)["Service"]
    program, *words = service["ExecStart"].split()
    assert program == "/opt/bazaarwatch/bin/bazaarwatch"
    assert _is_command(words)
    assert (service["User"], service["NoNewPrivileges"], service["ProtectSystem"]) == ("bazaarwatch", "yes", "strict")
    assert service["Environment"] == "BAZAARWATCH_DATA_DIR=/var/lib/bazaarwatch"


def test_the_example_of_an_environment_holds_known_settings_and_no_secret(tmp_path):
    lines = (ROOT / "deploy" / "env.example").read_text("utf-8").splitlines()
    given = dict(line.lstrip("#").split("=", 1) for line in lines if re.match(r"#?BAZAARWATCH_", line))
    assert given.pop("BAZAARWATCH_DB_PASSWORD") == ""
    assert not load(tmp_path, given).embedded
