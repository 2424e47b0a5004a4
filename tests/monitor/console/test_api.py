"""The API: held to its own OpenAPI file, pages of lists, requests that count once, problems in one form."""

import itertools
import json

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode as Mode
from schemathesis import checks

from storage import tables
from storage.tokens import add_token
from storage.users import add_user
from tests.monitor.console.conftest import BASE
from tests.monitor.console.planting import plant, plant_complaint

ROLES = ("viewer", "analyst", "approver", "admin")
SCOPES = ["pages", "read", "decide", "complain", "manage"]
CHECKED = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]


@pytest.fixture
async def opened(parts, client):
    """A program that may do all."""
    async with parts.database.write("token") as session:
        secret = await add_token(session, parts.clock.now(), "test", "program", SCOPES)
    client.headers["authorization"] = f"Bearer {secret}"
    return client


def cases_of(schema, examples):
    """Requests for each operation, fitting and not, half of them about ids that there are."""
    cases = []
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path in ("/api/v1/pages", "/health"):  # multipart, and without a database to break
            continue
        kinds = [operation.as_strategy(generation_mode=kind) for kind in (Mode.POSITIVE, Mode.NEGATIVE)]

        @settings(max_examples=examples, deadline=None, database=None, phases=[Phase.generate],
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(case=st.one_of(kinds), known=st.integers(1, 9) | st.none())
        def collect(case, known):
            if known is not None:
                case.path_parameters = dict.fromkeys(case.path_parameters or {}, known)
            cases.append(case)

        collect()
    return cases


@pytest.mark.parametrize(
    ("role", "examples"),
    [
        ("analyst", 1),
        *(pytest.param(role, 8, marks=pytest.mark.slow) for role in ROLES),
        *(pytest.param(role, 2000, marks=[pytest.mark.soak, pytest.mark.timeout(0)]) for role in ROLES),
    ],
)
async def test_answers_are_what_the_openapi_file_says_and_only_of_ones_own(parts, app, client, role, examples):
    """Each operation with values of every kind, as a person of each role who sees one rights holder's data."""
    mine, other = [await plant(parts, owner, listings=3) for owner in ("Mira Moss", "Zoe Zander")]
    for world in (mine, other):
        await plant_complaint(parts, world)
    async with parts.database.write("token") as session:
        now = parts.clock.now()
        user = await add_user(session, now, "test", f"the {role}", role, None, [mine.owner])
        secret = await add_token(session, now, "test", "program", SCOPES, user.id)
    described = (await client.get("/api/v1/openapi.json")).json()
    for operation in itertools.chain.from_iterable(path.values() for path in described["paths"].values()):
        operation.pop("security", None)  # every request here carries its token; test_access asks without
    schema = schemathesis.openapi.from_dict(described)
    for case in cases_of(schema, examples):
        sent = case.as_transport_kwargs(base_url=BASE)
        named = {name: sent[name] for name in ("params", "json", "headers") if sent.get(name) is not None}
        headers = {
            name: value for name, value in dict(named.pop("headers", {})).items() if name.lower() == "idempotency-key"
        }
        bearer = {"authorization": f"Bearer {secret}"}
        answer = await client.request(case.method, case.formatted_path, headers=headers | bearer, **named)
        about = (role, case.method, case.formatted_path, named, answer.status_code, answer.text[:300])
        assert str(answer.status_code) in described["paths"][case.path][case.method.lower()]["responses"], about
        assert "Zoe" not in answer.text, about
        case.validate_response(answer, checks=CHECKED)


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
