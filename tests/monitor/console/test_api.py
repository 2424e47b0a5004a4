"""The API: held to its own OpenAPI file, pages of lists, requests that count once, problems in one form."""

import json

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from storage import tables
from storage.tokens import add_token
from tests.monitor.console.planting import plant, plant_complaint

SCOPES = ["pages", "read", "decide", "complain", "manage"]


@pytest.fixture
async def opened(parts, client):
    """A program that may do all."""
    async with parts.database.write("token") as session:
        secret = await add_token(session, parts.clock.now(), "test", "program", SCOPES)
    client.headers["authorization"] = f"Bearer {secret}"
    return client


@pytest.mark.slow
async def test_answers_are_what_the_openapi_file_says(parts, app, opened, monkeypatch):
    """Each operation with values of every kind: no fault of ours, and every answer documented."""
    world = await plant(parts, listings=3)
    await plant_complaint(parts, world)
    described = (await opened.get("/api/v1/openapi.json")).json()
    schema = schemathesis.openapi.from_dict(described)
    cases = []

    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path in ("/api/v1/pages", "/health"):
            continue

        @settings(max_examples=8, deadline=None, database=None, phases=[Phase.generate],
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(case=operation.as_strategy())
        def collect(case):
            cases.append(case)

        collect()
    for case in cases:
        method = case.method.upper()
        named = case.as_transport_kwargs(base_url="http://127.0.0.1:8741")
        named = {name: named[name] for name in ("params", "json", "headers") if named.get(name) is not None}
        headers = {k: v for k, v in (named.pop("headers", {}) or {}).items() if k.lower() == "idempotency-key"}
        answer = await opened.request(method, case.formatted_path, headers=headers, **named)
        documented = described["paths"][case.path][method.lower()]["responses"]
        assert str(answer.status_code) in documented, (method, case.formatted_path, answer.text)
        assert answer.headers["content-type"].startswith(
            "application/json" if answer.status_code < 400 else "application/problem+json"
        )


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v1/alerts?text=%00", None),
        ("GET", "/api/v1/alerts?text=%25%5F'%3B--", None),
        ("GET", "/api/v1/alerts?after=1e9", None),
        ("GET", "/api/v1/alerts?limit=1000000", None),
        ("GET", "/api/v1/alerts/99999999999999999999999", None),
        ("GET", "/api/v1/alerts/-1", None),
        ("POST", "/api/v1/decisions", {"alerts": [2**70], "answer": "infringing"}),
        ("POST", "/api/v1/decisions", {"alerts": [1], "answer": "guilty"}),
        ("POST", "/api/v1/decisions", {"alerts": [1], "answer": "unsure", "ask_again_on": "0000-01-01"}),
        ("POST", "/api/v1/decisions", {"alerts": [1], "answer": "infringing", "owner": 1}),
        ("POST", "/api/v1/decisions", {"alerts": [1], "answer": "infringing", "note": "a\x00b"}),
        ("POST", "/api/v1/complaints", {"work_id": 1, "platform": "../../etc"}),
        ("POST", "/api/v1/decisions", [[[[]]]]),
    ],
)
async def test_values_that_do_not_fit_are_named_and_break_nothing(opened, parts, method, path, body):
    await plant(parts, listings=1)
    answer = await opened.request(method, path, json=body)
    assert answer.status_code in ((200, 422) if body is None else (422,)), answer.text
    if answer.status_code == 422:
        assert answer.headers["content-type"] == "application/problem+json"
        assert set(answer.json()) == {"status", "title", "detail"}


async def test_lists_come_in_pages(opened, parts):
    world = await plant(parts, listings=25)
    seen, after = [], ""
    while after is not None:
        page = (await opened.get("/api/v1/alerts", params={"limit": 10, "after": after})).json()
        seen += [item["id"] for item in page["items"]]
        after = page["next"]
    assert sorted(seen) == sorted(world.alerts)


async def test_a_request_with_an_idempotency_key_counts_once(opened, parts):
    world = await plant(parts, listings=2)
    sent = {"alerts": world.alerts[:1], "answer": "infringing"}
    first = await opened.post("/api/v1/decisions", json=sent, headers={"idempotency-key": "k1"})
    again = await opened.post("/api/v1/decisions", json=sent, headers={"idempotency-key": "k1"})
    other = await opened.post("/api/v1/decisions", json=sent | {"note": "x"}, headers={"idempotency-key": "k1"})
    assert first.json() == again.json()
    assert other.status_code == 422
    async with parts.database.read() as session:
        assert (await session.get_one(tables.Decision, 1)).actor == "token program"
        assert await session.get(tables.Decision, 2) is None
    undone = await opened.post("/api/v1/decisions/1/undo")
    assert undone.json() == {"alerts": 1}
    assert (await opened.post("/api/v1/decisions/1/undo")).status_code == 409


async def test_no_program_confirms_a_complaint(opened, parts):
    world = await plant(parts, listings=3)
    complaint_id = await plant_complaint(parts, world)
    assert (await opened.post(f"/api/v1/complaints/{complaint_id}/confirm")).status_code == 404
    refused = await opened.post(f"/api/v1/complaints/{complaint_id}/export")
    assert refused.status_code == 409
    assert (await opened.get(f"/api/v1/complaints/{complaint_id}")).json()["confirmed_by"] is None
    described = (await opened.get("/api/v1/openapi.json")).json()
    assert not [path for path in described["paths"] if "confirm" in path or "approve" in path]


async def test_numbers_for_prometheus(opened, parts):
    await plant(parts, listings=4)
    told = (await opened.get("/metrics")).text
    assert 'bazaarwatch_open_alerts{priority="urgent"} 1.0' in told
    assert "bazaarwatch_listings 4.0" in told


async def test_health_turns_red_when_a_search_is_late_by_two_rhythms(client, parts):
    from datetime import timedelta

    world = await plant(parts, listings=1)
    async with parts.database.write("late") as session:
        search = await session.get_one(tables.Search, world.searches[0])
        search.next_run_at = parts.clock.now() - timedelta(hours=49)
    answer = await client.get("/health")
    assert (answer.status_code, json.loads(answer.text)["status"]) == (503, "degraded")
    assert "1 searches are late" in answer.text
