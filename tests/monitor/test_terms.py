"""Each marketplace is searched in its own language; works without terms in it are named."""

import json

import pytest
import typer
from typer.testing import CliRunner

from config.errors import ConfigError
from config.settings import load
from monitor.cli import options
from monitor.commands import keywords
from monitor.daemon import build
from monitor.terms import WorkTerms, read_terms, terms_in
from storage.works import add_work, set_owner
from tests.storage.making import NOW

WORKS = ["Luna Moth", "Atlas Moth"]
TERMS = (
    '["Luna Moth"]\nen = ["luna moth pin", "luna moth pin"]\nzh = ["月蛾胸针"]\n["Atlas Moth"]\nen = ["atlas moth"]\n'
)


def test_terms_come_by_language_and_a_missing_one_is_told(tmp_path):
    (tmp_path / "terms.toml").write_text(TERMS, "utf-8")
    terms = read_terms(tmp_path, WORKS)
    assert terms_in(terms, WORKS, "en") == [
        WorkTerms("Luna Moth", "en", ("luna moth pin",)),
        WorkTerms("Atlas Moth", "en", ("atlas moth",)),
    ]
    assert terms_in(terms, WORKS, "zh")[1] == WorkTerms("Atlas Moth", "zh", ())
    assert terms_in({}, WORKS, "en")[0].terms == ()


def test_without_a_file_there_are_no_terms(tmp_path):
    assert read_terms(tmp_path, WORKS) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('["Luna Mot"]\nen = ["a"]', "Luna Mot: no work has this title; did you mean 'Luna Moth'"),
        ('["Luna Moth"]\nenglish = ["a"]', "Luna Moth.english"),
        ('["Luna Moth"]\nen = "a"', "Luna Moth.en"),
        ('["Luna Moth"]\nen = [""]', "Luna Moth.en.0"),
        ("[", "Invalid initial character"),
    ],
)
def test_a_fault_is_named_with_file_and_key(tmp_path, text, said):
    (tmp_path / "terms.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_terms(tmp_path, WORKS)
    assert "terms.toml" in str(caught.value)
    assert said in str(caught.value)


@pytest.fixture
async def data(tmp_path):
    (tmp_path / "terms.toml").write_text(TERMS, "utf-8")
    async with build(load(tmp_path, {})) as parts, parts.database.write("test") as session:
        owner = await set_owner(session, NOW, "test", "Mira", {})
        for title in WORKS:
            await add_work(session, NOW, "test", owner.id, title)
    return tmp_path


def run(data, *arguments):
    app = typer.Typer()
    app.callback()(options)
    keywords.register(app)
    result = CliRunner().invoke(app, ["--data", str(data), "keywords", "terms", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return [(row["work"], row["term"], row["state"]) for row in json.loads(result.stdout)]


@pytest.fixture
def in_thread():
    """Runs a command apart from the test's own loop."""
    import asyncio

    return lambda *arguments: asyncio.to_thread(run, *arguments)


async def test_a_chinese_marketplace_gets_the_chinese_terms_and_tells_what_is_missing(data, in_thread):
    expected = [("Luna Moth", "月蛾胸针", "not searched"), ("Atlas Moth", "", "missing")]
    assert await in_thread(data, "1688") == expected
    assert await in_thread(data, "1688", "--add") == expected  # it cannot be searched from here


async def test_terms_become_searches_once(data, in_thread):
    added = [("Luna Moth", "luna moth pin", "added"), ("Atlas Moth", "atlas moth", "added")]
    assert await in_thread(data, "ebay", "--add") == added
    assert await in_thread(data) == [(work, term, "searched") for work, term, _ in added]
