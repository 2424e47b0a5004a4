"""How both databases answer the console: no page reads a table that grows from end to end, as each one's plans say."""

import importlib.util
import re
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import httpx2
import pytest
from sqlalchemy import event, text

from config.settings import load
from monitor.console.app import make_app
from monitor.daemon import build
from monitor.engines.shared import install
from storage.database import Database
from storage.tokens import add_token
from tests.monitor.console.conftest import Seat
from tests.monitor.console.routes import API, PAGES, filled
from tests.monitor.console.test_inbox import fields

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

_BASE = "http://127.0.0.1:8741"
_GROWING = {
    *("listings", "listing_pictures", "captures", "crawls", "pictures", "matches", "alerts", "audit_log"),
    *("seen_pictures", "cluster_bands", "evidence", "custody", "decisions", "decision_items", "sellers"),
}
_DATA = Path(__file__).parents[3] / "benchmarks" / "console_data.py"
_ASKED_BESIDES = (  # of pages that answer by what is asked
    *("/inbox?priority=high", "/inbox?text=fox+pin", "/inbox?text=shop+77", "/inbox?work=7", "/inbox?state=all"),
    *("/inbox?marketplace=site-3", "/inbox?seller=77", "/inbox?state=infringing&text=moon", "/inbox?after=60.5000"),
    *(
        "/inbox?state=unsure&priority=low",
        "/inbox?state=suppressed",
        "/alerts/510",
        "/works?text=work+1",
        "/works?page=2",
    ),
    *("/sellers?text=shop+77", "/sellers?page=2", "/complaints?state=upheld", "/complaints?page=2"),
    *("/audit?actor=ann", "/audit?subject=alert+4711", "/audit?before=500", "/inbox/review?priority=high"),
    *("/api/v1/alerts?state=all", "/api/v1/alerts?text=moon"),
)
_COUNTED = {  # asked once for many readers, in the background (`monitor.console.kept`): may read all of an index
    *("/dashboard", "/dashboard/{name}.csv", "/sellers", "/searches", "/complaints", "/readiness", "/metrics"),
}
_ELSEWHERE = ("/login/sso", "/works/shop", ".zip", "/picture", "{sha256}", "/comparison", "/openapi.json")
_SEARCH = re.compile(r"\b(?:FROM|JOIN)\s+\"?(\w+)\"?(?:\s+AS)?\s+\"?(\w+)\"?", re.IGNORECASE)
_SCAN = re.compile(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?")


@pytest.fixture
def data():
    """The benchmark's tables, as a module."""
    spec = importlib.util.spec_from_file_location("console_data", _DATA)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.SELLERS, module.ENTRIES, module.DECISIONS = 1000, 2000, 500
    return module


@pytest.fixture
async def asked(database_url, tmp_path, data):
    """A console on full tables; ``read_whole`` says what a request reads from end to end, as the database plans it."""
    environ = {"BAZAARWATCH_DATABASE__URL": database_url, "BAZAARWATCH_CONSOLE__KNOWN_EVERY": "1"}
    database = Database(database_url)
    if not database.embedded:
        await install(database)
    async with build(load(tmp_path, environ)) as parts:
        await data.plant(parts, data.Planted(7000, 6000))
        app = make_app(parts, None)
        sent = []
        engine = parts.database.engine.sync_engine
        event.listen(engine, "before_cursor_execute", lambda *told: sent.append(told[2:4]))
        transport = httpx2.ASGITransport(app=app)
        async with (
            httpx2.AsyncClient(transport=transport, base_url=_BASE, headers={"origin": _BASE}) as client,
            database.engine.connect() as beside,
        ):
            if not database.embedded:  # few rows are read faster without an index: here it is used wherever one serves
                await beside.execute(text("SET enable_seqscan = off"))
            plans = _of_sqlite if database.embedded else _of_postgres

            async def read_whole(what):
                del sent[:]
                answer = await what
                assert answer.status_code < 400, (str(answer.request.url), answer.text[:300])
                statements, found = list(sent), set()
                for statement, parameters in statements:
                    parameters = parameters[0] if isinstance(parameters, list) else parameters  # of many rows
                    if statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
                        found |= {(table, statement) for table in await plans(beside, statement, parameters)}
                return answer, found

            yield SimpleNamespace(client=client, parts=parts, read_whole=read_whole, data=data)
    await database.close()


async def _of_sqlite(connection, statement, parameters):
    """The growing tables that SQLite reads whole: neither the first rows in an order, nor by an index of few rows."""
    lines = [row[3] for row in await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", tuple(parameters))]
    partial = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'"
    few = {row[0] for row in await connection.exec_driver_sql(partial)}
    outer = statement
    while "(" in outer:
        outer = re.sub(r"\([^()]*\)", "", outer)
    first = "LIMIT" in statement and "WHERE" not in outer and "USE TEMP B-TREE FOR ORDER BY" not in lines
    named = {alias: table for table, alias in _SEARCH.findall(statement)}
    scans = [scan for line in lines if (scan := _SCAN.match(line)) and scan[2] not in few and not first]
    return {named.get(scan[1], scan[1]) for scan in scans} & _GROWING


async def _of_postgres(connection, statement, parameters):
    """The growing tables that PostgreSQL can only read whole."""
    values = parameters if isinstance(parameters, tuple) else tuple(parameters)
    raw = (await connection.get_raw_connection()).driver_connection
    plan = await raw.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *values)
    found, nodes = set(), [plan[0]["Plan"]]
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in _GROWING:
            found.add(node["Relation Name"])
    return found


def _pages():
    """(route, address) of every page and of every question of the API, with ids that there are."""
    ids = {name: [510] for name in ("alerts", "works", "rights", "references", "sellers", "searches")}
    world = SimpleNamespace(
        **ids | {"works": [7], "rights": [1], "sellers": [77], "searches": [7], "mail": 1}, picture=""
    )
    for (method, path), who in {**PAGES, **API}.items():
        if method == "GET" and who not in ("open", "closed") and not any(path.endswith(end) for end in _ELSEWHERE):
            address = (
                filled(path, world).replace("/decisions/1", "/decisions/77").replace("/complaints/1", "/complaints/77")
            )
            yield path, address.replace("/dashboard/alerts/rows", "/dashboard/alerts/rows?key0=2026-01-05&key1=high")
    for address in _ASKED_BESIDES:
        yield address.partition("?")[0], address


async def test_no_page_has_a_question_that_only_reading_a_whole_table_answers(asked):
    client, data = asked.client, asked.data
    await client.post("/login", data={"name": "reader 0", "password": data.PASSWORD, "next": "/account"})
    async with asked.parts.database.write("token") as session:
        secret = await add_token(session, asked.parts.clock.now(), "test", "program", ["read", "manage"], None)
    bearer = {"authorization": f"Bearer {secret}"}
    read_whole, seen = defaultdict(set), 0
    for route, address in _pages():
        if "mail" in route and "{" in route:
            continue
        headers = bearer if address.startswith(("/api/", "/metrics")) else {}
        _, found = await asked.read_whole(client.get(address, headers=headers))
        seen += 1
        if route not in _COUNTED:
            for table, statement in found:
                read_whole[table, statement].add(address)
    assert seen > 60
    assert dict(read_whole) == {}


async def test_no_decision_has_one_either(asked):
    seat, data = Seat(asked.client), asked.data
    await seat.sign_in("reader 0", data.PASSWORD)
    read_whole = {}
    shown, found = await asked.read_whole(seat.get("/inbox/review"))
    read_whole["the next card"] = found
    one = fields(shown.text) | {"answer": "infringing"}
    for name, path, form in (
        ("a decision", "/inbox/decide", one),
        ("taken back", "/decisions/501/undo", {}),
        ("a preview", "/inbox/bulk", {"answer": "licensed", "card": [1, 1001]}),
        ("many at once", "/inbox/bulk/decide", {"answer": "licensed", "alert": [5001, 5002, 5003]}),
        ("a seller allowed", "/rules", {"marketplace": "ebay", "seller": "77", "reason": "a friend"}),
        ("no longer", "/rules/remove", {"marketplace": "ebay", "seller": "77"}),
    ):
        answer, read_whole[name] = await asked.read_whole(seat.post(path, form))
        assert answer.status_code in (200, 303), (name, answer.text[:300])
    assert {name: found for name, found in read_whole.items() if found} == {}
