"""`jobs`: what is parked is shown with its reason, and tried again by name or all at once."""

import asyncio
import json

import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner

from monitor.cli import options
from monitor.commands import jobs
from monitor.commands.common import UsageProblem
from monitor.engines.shared import install
from storage.database import Database
from storage.errors import NotFound
from storage.listings import note_attempt, record_listings
from tests.storage.making import NOW, listing

_HELD = text(
    "INSERT INTO pgqueuer (priority, status, entrypoint, dedupe_key) VALUES (10, 'failed', 'digest', 'digest')"
)


@pytest.fixture
def run(tmp_path, monkeypatch, database_url):
    """Runs ``jobs ...`` where two of three listings are parked and, on PostgreSQL, a chore is held."""
    monkeypatch.setenv("BAZAARWATCH_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("BAZAARWATCH_DATABASE__URL", database_url)
    app = typer.Typer()
    app.callback()(options)
    jobs.register(app)

    async def park():
        database = Database(database_url)
        async with database.write("test") as session:
            recorded = await record_listings(session, [listing(number) for number in (1, 2, 3)], None, NOW)
            for key in recorded.new[:2]:
                await note_attempt(session, key, "no picture", 1, NOW)
        if not database.embedded:
            await install(database)
            async with database.write("test") as session:
                await session.execute(_HELD)
        await database.close()

    asyncio.run(park())

    def running(*arguments):
        result = CliRunner().invoke(app, ["jobs", *arguments])
        if isinstance(result.exception, Exception):
            raise result.exception
        return json.loads(result.stdout) if "--json" in arguments else None

    return running


def _ids(run):
    return [one["id"] for one in run("list", "--json")]


def test_what_is_parked_is_listed_and_tried_again_one_by_one_or_all_at_once(run, database_url):
    shared = database_url.startswith("postgresql")
    parked = run("list", "--json")
    assert [one["id"] for one in parked] == ["listing:1", "listing:2", *(["job:1"] if shared else [])]
    assert (parked[0]["where"], parked[0]["reason"]) == ("bazaar", "no picture")
    run("retry", "listing:2")
    assert "listing:2" not in _ids(run)
    run("retry", "--all")
    assert _ids(run) == []
    if shared:
        assert [(one["task"], one["waiting"]) for one in run("load", "--json")] == [("digest", 1)]
        assert run("workers", "--json") == []


def test_what_is_not_parked_or_no_id_is_refused_and_changes_nothing(run):
    before = _ids(run)
    with pytest.raises(NotFound, match="one of these listings is not parked"):
        run("retry", "listing:1", "listing:3")
    with pytest.raises(NotFound, match="no held job"):
        run("retry", "job:9")
    for wrong in (("listing",), ("work:1",), ("listing:x",), (), ("listing:1", "--all")):
        with pytest.raises(UsageProblem):
            run("retry", *wrong)
    assert _ids(run) == before
