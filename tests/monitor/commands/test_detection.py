"""`explain`, `calibrate`, `attack`, `replay`, `works look-back` and `works negative`, as they are typed."""

import json
from random import Random

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from detectors import explain, thumbnail
from detectors.describe import describe, describe_reference
from detectors.glance import glance
from monitor import daemon
from monitor.cli import options
from monitor.commands import detection, setup, works
from monitor.commands.common import UsageProblem
from monitor.demo.catalogue import make_catalogue
from monitor.demo.drawings import draw
from monitor.demo.edits import EDITS
from storage.errors import NotFound

pytestmark = pytest.mark.slow


class Here:
    """A sandbox without walls."""

    async def describe(self, data, *, reference=False):
        return describe_reference(data) if reference else describe(data)

    async def glance(self, data):
        return glance(data)

    async def thumbnail(self, data, side_px):
        return thumbnail.thumbnail(data, side_px)

    async def comparison(self, reference, picture, match):
        return explain.comparison(reference, picture, match)

    async def close(self):
        pass


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a command on a data folder; the parsed JSON where it was asked for, else what was printed."""
    monkeypatch.setattr(daemon, "make_sandbox", lambda settings, described: Here())
    monkeypatch.setenv("BAZAARWATCH_DATA_DIR", str(tmp_path / "data"))
    app = typer.Typer()
    app.callback()(options)
    for module in (detection, setup):
        module.register(app)
    if not works.works.registered_groups:
        works.register(app)
    else:
        app.add_typer(works.works, name="works")

    def running(*arguments):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if isinstance(result.exception, Exception):
            raise result.exception
        return json.loads(result.stdout) if "--json" in arguments else result.output

    running("init", "--owner", "Mira Moss", "--email", "mira@example.org", "--country", "DE")
    return running


@pytest.fixture(scope="module")
def art(tmp_path_factory):
    """A folder with a work, a copy of it and a picture that has nothing to do with it."""
    folder, catalogue = tmp_path_factory.mktemp("art"), make_catalogue(2, works=3, listings=10, sellers=8)
    (folder / "moth.png").write_bytes(catalogue.reference(catalogue.works[0]))
    EDITS["inset"](draw(catalogue.works[0].design), Random(1)).save(folder / "copy.jpg")
    EDITS["pad"](draw(catalogue.works[1].design), Random(1)).save(folder / "other.jpg")
    return folder


def test_an_explanation_names_every_number_and_draws_the_comparison(run, art, tmp_path):
    run("works", "add", art / "moth.png")
    facts = run("explain", art / "copy.jpg", "moth", "--out", tmp_path / "why.png", "--json")
    assert facts["confidence"] == "high"
    assert facts["score"] > facts["asks_from"]
    assert any("points agree on one placement" in finding for finding in facts["findings"])
    with Image.open(tmp_path / "why.png") as drawn:
        assert drawn.width > 2 * drawn.height
    by_file = run("explain", art / "copy.jpg", art / "moth.png", "--out", tmp_path / "file.png", "--json")
    assert by_file["comparison"]
    with pytest.raises(NotFound, match="works list"):
        run("explain", art / "copy.jpg", "nobody", "--out", tmp_path / "none.png")
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(UsageProblem, match="not a readable JPEG"):
        run("explain", tmp_path / "text.jpg", "moth", "--out", tmp_path / "none.png")


def test_works_are_attacked_and_measured(run, art):
    run("works", "add", art / "moth.png")
    (row,) = run("attack", "moth", "--edit", "mirror", "--json")
    assert (row["edit"], row["copies"], row["found"], row["slips_through"]) == ("mirror", 1, 1, [])
    with pytest.raises(UsageProblem, match="no edit 'melt'"):
        run("attack", "--edit", "melt")
    measured = run("calibrate", "--pictures", 2, "--json")
    assert (measured["generated"], measured["catalogue"], measured["provisional"]) == (2, 1, True)
    assert [one["title"] for one in measured["works"]] == ["moth"]
    (listed,) = run("works", "list", "--json")
    assert listed["weak"] == []


def test_negative_references_are_added_listed_and_removed(run, art):
    run("works", "add", art / "moth.png")
    run("works", "negative", "add", art / "other.jpg", "--reason", "licensed lookalike", "--work", "moth")
    (row,) = run("works", "negative", "list", "--json")
    assert (row["file"], row["work"], row["reason"], row["set_aside"]) == ("other.jpg", 1, "licensed lookalike", 0)
    run("works", "negative", "remove", row["id"])
    assert run("works", "negative", "list", "--json") == []


def test_with_nothing_crawled_there_is_nothing_to_look_back_at_or_to_replay(run, art):
    run("works", "add", art / "moth.png")
    (row,) = run("works", "look-back", "moth", "--json")
    assert (row["searched"], row["shown"]) == (0, 0)
    assert run("replay", "--json") == []
    with pytest.raises(NotFound, match="no alert 7"):
        run("replay", "7")
