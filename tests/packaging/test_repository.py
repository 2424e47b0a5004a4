"""What is committed works anywhere: it names no machine and no registry, and its lock says what it was made from."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("run", "check", "bench", "lock")
REGISTRY = re.compile(
    r"pypi\.(org|io)|pythonhosted\.|npmjs\.(com|org)|deb\.debian\.|--(extra-)?index-url [^-]|--find-links"
)
BESIDE = re.escape(str(ROOT.parent))
MACHINE = re.compile(rf"{BESIDE}/({re.escape(ROOT.name)}|shared)\b|{BESIDE}/\.|\.\./\.\w|/opt/(?!bazaarwatch\b)")


def _committed() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize(("what", "pattern"), [("a registry's address", REGISTRY), ("this machine", MACHINE)])
def test_no_committed_file_names(what: str, pattern: re.Pattern[str]) -> None:
    for path in set(_committed()) - {Path(__file__)}:
        found = pattern.search(path.read_text("utf-8", errors="replace"))
        assert found is None, f"{path.relative_to(ROOT)} names {what}: {found.group()!r}"


def _pinned(name: str) -> dict[str, str]:
    """Each requirement of a lock with its hashes, by `name==version`."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    return dict(re.findall(r"^(\S+==\S+).*?((?:\n    --hash=sha256:[0-9a-f]{64}(?: \\)?)+)$", text, re.MULTILINE))


def _names(pins: dict[str, str]) -> set[str]:
    return {pin.partition("==")[0] for pin in pins}


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_of_a_lock_is_pinned_and_hashed(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    requirements = [line for line in text.splitlines() if line and line[0] not in "# "]
    assert requirements
    assert len(_pinned(name)) == len(requirements)


def test_the_lock_holds_what_the_project_declares() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    declared = {"run": project["project"]["dependencies"] + project["build-system"]["requires"]}
    declared["check"] = [line for line in project["dependency-groups"]["dev"] if isinstance(line, str)]
    for name, lines in declared.items():
        wanted = {re.split(r"[\[<>=!~; ]", line, maxsplit=1)[0].lower() for line in lines}
        assert wanted <= _names(_pinned(name)), f"requirements/{name}.txt is behind pyproject.toml: run `make lock`"


def test_checking_uses_the_versions_that_run() -> None:
    assert _pinned("run").items() <= _pinned("check").items()


def test_each_step_of_the_image_is_a_target_of_make() -> None:
    steps = re.findall(r"^RUN (.*)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert steps
    for step in steps:
        command, target, prefix = step.split()
        assert command == "make"
        assert target in targets
        assert prefix == "PREFIX=/opt/bazaarwatch"


def test_the_image_is_given_every_folder_of_the_wheel() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    allowed = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    for folder in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        assert f"!{folder}" in allowed
        assert f"\nCOPY {folder} {folder}\n" in dockerfile


def test_every_setting_is_explained() -> None:
    lines = (ROOT / "config" / "defaults.toml").read_text("utf-8").splitlines()
    section_explained = False
    for number, line in enumerate(lines, start=1):
        if line.startswith(("#", "[")):
            section_explained = "#" in line
        elif "=" in line:
            explained = "#" in line or section_explained
            assert explained, f"config/defaults.toml:{number}: nothing says what {line.split()[0]} means"
