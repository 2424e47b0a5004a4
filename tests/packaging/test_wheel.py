"""The wheel holds the five folders whole and nothing else, and the program runs from it alone."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
FOLDERS = ("monitor", "storage", "detectors", "config", "migrations")
UPGRADE = """
import asyncio, sys
from storage.database import Database, check_schema, upgrade_schema

async def main():
    database = Database(sys.argv[1])
    await upgrade_schema(database)
    await check_schema(database)
    await database.close()
asyncio.run(main())
"""


def _run(*command: str | Path, cwd: Path, **environ: str) -> str:
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **environ}, text=True, capture_output=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel installed; what it depends on comes from the environment of the tests."""
    folder = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index")
    _run(*pip, "--target", folder, wheel, cwd=folder)
    return folder


def _sources() -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_every_file_of_the_five_folders_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == _sources()


def test_the_wheel_carries_what_is_no_python(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for folder, suffix in (
        ("config/", ".toml"),
        ("migrations/versions/", ".py"),
        ("monitor/complaints/policies/", ".yaml"),
        ("monitor/", ".html"),
    ):
        assert any(name.startswith(folder) and name.endswith(suffix) for name in names), f"no {suffix} in {folder}"
    assert {f"{folder}/py.typed" for folder in FOLDERS} <= set(names)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_program_runs_from_the_wheel_alone(installed: Path, tmp_path: Path) -> None:
    where = "import monitor; print(monitor.__file__)"
    assert Path(_run(sys.executable, "-c", where, cwd=tmp_path, PYTHONPATH=str(installed))).is_relative_to(installed)
    version = _run(sys.executable, "-m", "monitor", "--version", cwd=tmp_path, PYTHONPATH=str(installed))
    assert version.split()[-1] == _version(installed)


def _version(installed: Path) -> str:
    (metadata,) = installed.glob("bazaarwatch-*.dist-info")
    return metadata.name.removeprefix("bazaarwatch-").removesuffix(".dist-info")


def test_the_wheel_brings_a_database_up_to_date(installed: Path, tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'new.db'}"
    _run(sys.executable, "-c", UPGRADE, url, cwd=tmp_path, PYTHONPATH=str(installed))
