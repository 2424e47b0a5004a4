"""What PostgreSQL does for each page of the console: each question of a table that grows has an index to answer it."""

import importlib.util
import re
from collections import defaultdict
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import text

from config.settings import load
from monitor.console.app import make_app
from monitor.daemon import build
from monitor.engines.shared import install
from storage.database import Database

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

_BASE = "http://127.0.0.1:8741"
_GROWING = ("listings", "listing_pictures", "captures", "pictures", "matches", "alerts", "audit_log", "seen_pictures")
_DATA = Path(__file__).parents[3] / "benchmarks" / "console_data.py"
_PAGES = (
    *("/inbox", "/inbox?priority=high", "/inbox?text=fox+pin", "/inbox?text=shop+77", "/inbox?work=7"),
    *("/inbox?marketplace=site-3", "/inbox?seller=77", "/inbox?state=infringing&text=moon", "/inbox?after=60.50000"),
    *("/inbox/review", "/alerts/4711", "/alerts/4000", "/decisions", "/decisions/77", "/complaints", "/complaints/77"),
    *("/mails", "/works", "/works?text=work+1", "/works/7", "/readiness", "/sellers", "/sellers?text=shop+77"),
    *("/sellers/77", "/searches", "/searches/7", "/audit", "/audit?actor=ann", "/audit?subject=alert+4711"),
    *("/rules", "/reviewers", "/settings", "/account"),
)


@pytest.fixture
def data():
    """The benchmark's tables, as a module."""
    spec = importlib.util.spec_from_file_location("console_data", _DATA)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.SELLERS, module.ENTRIES, module.DECISIONS = 1000, 2000, 500
    return module


@pytest.fixture
async def explained(postgres_url, postgres_server, tmp_path, data):
    """A console on PostgreSQL with full tables, somebody who is signed in, and the server's log of every plan."""
    database = Database(postgres_url)
    await install(database)
    async with build(load(tmp_path, {"BAZAARWATCH_DATABASE__URL": postgres_url})) as parts:
        await data.plant(parts, data.Planted(7000, 6000))
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        # Few rows are read faster without an index: here it is used wherever there is one that serves.
        for what in ("session_preload_libraries = auto_explain", "auto_explain.log_min_duration = 0",
                     "enable_seqscan = off"):  # fmt: skip
            await connection.execute(text(f"ALTER DATABASE {database.url.database} SET {what}"))
    await database.close()
    async with build(load(tmp_path, {"BAZAARWATCH_DATABASE__URL": postgres_url})) as parts:
        app = make_app(parts, None)
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app), base_url=_BASE, headers={"origin": _BASE}
        ) as client:
            await client.post("/login", data={"name": "reader 0", "password": data.PASSWORD, "next": "/account"})
            yield client, postgres_server.folder / "log"


async def test_no_page_has_a_question_that_only_reading_a_whole_table_answers(explained):
    client, log = explained
    read_whole = defaultdict(set)
    for page in _PAGES:
        begin = log.stat().st_size
        answer = await client.get(page)
        assert answer.status_code == 200, (page, answer.text[:300])
        with log.open("rb") as file:
            file.seek(begin)
            plans = file.read().decode("utf-8", "replace")
        assert "Query Text" in plans, "the server explained nothing"
        for table in re.findall(r"Seq Scan on (?:public\.)?(\w+)", plans):
            if table in _GROWING:
                read_whole[table].add(page)
    assert dict(read_whole) == {}
