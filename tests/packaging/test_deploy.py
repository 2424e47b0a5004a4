"""What is shipped to deploy by: it names commands and settings that exist, and keeps no secret."""

import json
import re
import shutil
import subprocess
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
    assert ports == {name: [] for name in ports} | {
        "server": ["127.0.0.1:8741:8741"],
        "grafana": ["127.0.0.1:3000:3000"],
    }


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_each_unit_runs_a_command_that_exists_shut_in(unit):
    service = _unit(unit)["Service"]
    program, *words = service["ExecStart"].split()
    assert program == "/opt/bazaarwatch/bin/bazaarwatch"
    assert _is_command(words)
    assert (service["User"], service["NoNewPrivileges"], service["ProtectSystem"]) == ("bazaarwatch", "yes", "strict")
    assert service["Environment"] == "BAZAARWATCH_DATA_DIR=/var/lib/bazaarwatch"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_understands_each_unit(tmp_path):
    for unit in UNITS:
        said = unit.read_text("utf-8").replace("/opt/bazaarwatch/bin/bazaarwatch", "/bin/true")
        (tmp_path / unit.name.replace("@", "@1")).write_text(said, "utf-8")
    units = sorted(map(str, tmp_path.iterdir()))
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_example_of_an_environment_holds_known_settings_and_no_secret(tmp_path):
    lines = (ROOT / "deploy" / "env.example").read_text("utf-8").splitlines()
    given = dict(line.lstrip("#").split("=", 1) for line in lines if re.match(r"#?BAZAARWATCH_", line))
    assert given.pop("BAZAARWATCH_DB_PASSWORD") == ""
    assert not load(tmp_path, given).embedded


def _manifests():
    files = sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))
    return [one for file in files for one in yaml.safe_load_all(file.read_text("utf-8"))]


@pytest.mark.parametrize("manifest", _manifests(), ids=lambda one: f"{one['kind']} {one['metadata']['name']}")
def test_each_manifest_is_what_kubernetes_published_schema_says(manifest):
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    kubernetes_validate.validate(manifest, "1.33", strict=True)


def _containers():
    pods = [one["spec"]["template"]["spec"] for one in _manifests() if one["kind"] == "Deployment"]
    return [one for pod in pods for one in (*pod["initContainers"], *pod["containers"])]


def test_each_container_runs_a_command_that_exists_shut_in_with_settings_that_exist(tmp_path):
    told = next(one["data"] for one in _manifests() if one["kind"] == "ConfigMap")
    assert load(tmp_path, told).schedule.concurrency == 4
    assert len(_containers()) == 4
    for one in _containers():
        assert _is_command(one["args"])
        assert one["image"] == "bazaarwatch"
        assert one["securityContext"]["readOnlyRootFilesystem"]
        assert one["volumeMounts"][0] == {"name": "data", "mountPath": "/data"}
    assert "Secret" not in {one["kind"] for one in _manifests()}


def test_the_dashboard_and_prometheus_ask_for_what_there_is():
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "dashboards" / "bazaarwatch.json").read_text("utf-8"))
    asked = " ".join(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    known = (ROOT / "monitor" / "console" / "health.py").read_text("utf-8")
    names = set(re.findall(r"bazaarwatch_(\w+)", asked))
    assert len(names) > 9
    assert [name for name in names if f'"{name}"' not in known and f'"bazaarwatch_{name}"' not in known] == []
    scrape = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text("utf-8"))["scrape_configs"][0]
    (source,) = yaml.safe_load((ROOT / "deploy/grafana/provisioning/datasources/prometheus.yaml").read_text("utf-8"))[
        "datasources"
    ]
    assert scrape["static_configs"] == [{"targets": ["server:8741"]}]
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {source["uid"]}
