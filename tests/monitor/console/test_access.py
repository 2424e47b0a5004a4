"""Who reaches what: every route by method and role, other owners' data by every id, sessions, forged requests."""

from datetime import timedelta

import pyotp
import pytest
from fastapi.routing import APIRoute
from sqlalchemy import select

from detectors.model import Answer
from monitor.console.passwords import Attempts
from storage import tables
from storage.decisions import decide_together
from storage.tokens import add_token
from tests.monitor.console.conftest import BASE, HASHED, PASSWORD, Seat, browser
from tests.monitor.console.planting import plant, plant_complaint, plant_parked
from tests.monitor.console.routes import API, PAGES, filled

ROLES = ("viewer", "analyst", "approver", "admin")
LOWEST = dict(zip("vapd", range(4), strict=True))


def routes(app):
    """(method, path) of every route."""
    found = set()
    for route in app.router.routes:
        for one in getattr(
            getattr(route, "router", None) or getattr(route, "original_router", None), "routes", [route]
        ):
            if isinstance(one, APIRoute):
                found |= {(method, one.path) for method in one.methods}
    return found


async def full(parts, owner, hostile=""):
    """A rights holder's world with a decision, a view and a complaint in it."""
    world = await plant(parts, owner, listings=4, hostile=hostile)
    async with parts.database.write("decided") as session:
        await decide_together(session, world.alerts[2:3], Answer.LICENSED, "planter", parts.clock.now())
        world.picture = await session.scalar(
            select(tables.Match.sha256).join(tables.Alert, tables.Alert.listing_key == tables.Match.listing_key)
            .where(tables.Alert.id == world.alerts[0])
        )  # fmt: skip
    world.complaint = await plant_complaint(parts, world)
    await plant_parked(parts, f"{owner}-parked", hostile)
    return world


def test_every_route_has_an_entry(app):
    assert routes(app) - {("HEAD", path) for _, path in PAGES} == (set(PAGES) | set(API)) - {
        ("GET", "/api/v1/openapi.json")
    }


async def test_nobody_gets_past_the_sign_in_page_once_somebody_is_registered(parts, seated, client):
    world = await full(parts, "Mira")
    await seated("root", "admin")
    for (method, path), who in PAGES.items():
        answer = await client.request(method, filled(path, world), headers={"origin": BASE})
        if who == "open":
            assert answer.status_code in (200, 403), path
        elif who in ("machine", "closed"):
            assert answer.status_code == (401 if who == "machine" else 404)
        elif method == "GET":
            assert (answer.status_code, answer.headers["location"][:6]) == (303, "/login"), path
        else:
            assert answer.status_code == 401, path
    for method, path in API:
        assert (await client.request(method, filled(path, world))).status_code == 401, path


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.slow
async def test_each_route_asks_for_its_role(parts, seated, role):
    world = await full(parts, "Mira")
    seat = await seated(f"the {role}", role)
    own_rank = ROLES.index(role)
    for (method, path), who in PAGES.items():
        if who in ("open", "closed", "machine") or path == "/logout":
            continue
        sent = {"csrf": seat.csrf} if method == "POST" else None
        answer = await seat.client.request(method, filled(path, world), data=sent, headers={"origin": BASE})
        if LOWEST[who[0]] > own_rank:
            assert answer.status_code == 403, (method, path, answer.status_code)
            assert "this takes the role" in answer.text
        else:
            assert answer.status_code < 500, (method, path, answer.text)
            assert "this takes the role" not in answer.text, (method, path)
            assert not answer.headers.get("location", "").startswith("/login?"), (method, path)


@pytest.mark.slow
async def test_no_id_of_another_owner_is_reached_by_any_route(parts, seated):
    theirs = await full(parts, "Theo Secret")
    ours = await plant(parts, "Mira", listings=2)
    seat = await seated("mira", "admin", [ours.owner])
    for (method, path), who in PAGES.items():
        if who in ("open", "closed", "machine") or path in ("/logout", "/"):
            continue
        address = filled(path, theirs).replace("/complaints/1", f"/complaints/{theirs.complaint}")
        named = {
            "alert": theirs.alerts[0], "card": theirs.alerts[0], "work": theirs.works[0], "owner": theirs.owner,
            "answer": "infringing", "platform": "demo", "published": "2026-01-01", "name": "x",
            "right": theirs.rights[0], "state": "verified",
        }  # fmt: skip
        sent = {"csrf": seat.csrf, **named} if method == "POST" else None
        answer = await seat.client.request(method, address, data=sent, headers={"origin": BASE})
        assert "Secret" not in answer.text, (method, path)
        if who.endswith("*") or ("{" in path and "{name}" not in path and "view_id" not in path):
            assert answer.status_code == 404, (method, path, answer.status_code)
    async with parts.database.read() as session:
        alert = await session.get_one(tables.Alert, theirs.alerts[3])
        assert alert.answer is None
        assert not list(await session.scalars(select(tables.User).where(tables.User.name == "x")))


async def test_a_persons_token_reaches_no_other_owner_and_no_more_than_its_scopes(parts, seated, client):
    theirs = await full(parts, "Theo Secret")
    ours = await plant(parts, "Mira", listings=2)
    await seated("mira", "admin", [ours.owner])
    async with parts.database.write("tokens") as session:
        user = await session.scalar(select(tables.User.id))
        now = parts.clock.now()
        secrets = {
            scope: await add_token(session, now, "test", scope, [scope], user)
            for scope in ("pages", "read", "decide", "complain", "manage")
        }
    for (method, path), needed in API.items():
        address = filled(path, theirs).replace("/complaints/1", f"/complaints/{theirs.complaint}")
        sent = None
        if method == "POST":
            sent = {"alerts": [theirs.alerts[3]], "answer": "infringing"} if "decisions" in path else {}
            sent = {"work_id": theirs.works[0], "platform": "demo"} if path.endswith("complaints") else sent
            sent = {"words": "In progress"} if path.endswith("statuses") else sent
        for scope, secret in secrets.items():
            answer = await client.request(method, address, json=sent, headers={"authorization": f"Bearer {secret}"})
            assert "Secret" not in answer.text
            if needed not in ("any", scope, f"{scope}*"):
                assert answer.status_code == 403, (method, path, scope, answer.text)
            elif "{" in path or needed.endswith("*") or (method == "POST" and path != "/api/v1/pages"):
                assert answer.status_code == 404, (method, path, scope, answer.text)
    async with parts.database.read() as session:
        assert (await session.get_one(tables.Alert, theirs.alerts[3])).answer is None


# Sessions


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null", "http://127.0.0.1:1"])
async def test_a_form_of_another_origin_is_refused(seat, world, origin):
    headers = {"origin": origin} if origin else {}
    answer = await seat.client.post("/works/1/remove", data={"csrf": seat.csrf}, headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize("token", ["", "x", "é"])
async def test_a_form_without_its_sessions_token_is_refused(seat, world, token):
    answer = await seat.client.post("/works/1/remove", data={"csrf": token}, headers={"origin": BASE})
    assert answer.status_code == 403


async def test_signing_in_makes_a_new_session_and_out_ends_it_on_our_side(parts, seated, app):
    seat = await seated("ann", "analyst")
    first = seat.client.cookies["bazaarwatch"]
    async with browser(app) as fixed:
        fixed.cookies.set("bazaarwatch", first)
        answer = await Seat(fixed).sign_in("ann")
        assert answer.cookies["bazaarwatch"] != first
    assert (await seat.get("/account")).headers.get("location", "").startswith("/login")
    await seat.sign_in("ann")
    kept = seat.client.cookies["bazaarwatch"]
    assert (await seat.post("/logout")).headers["location"] == "/login"
    seat.client.cookies.set("bazaarwatch", kept)
    assert (await seat.client.get("/account")).status_code == 303


async def test_a_session_ends_when_idle_and_in_any_case(parts, seated, monkeypatch):
    seat = await seated("ann", "analyst")
    real = parts.clock.now()
    shift = timedelta(0)
    monkeypatch.setattr(type(parts.clock), "now", lambda _: real + shift)
    for minutes in range(0, 11 * 60, 50):
        shift = timedelta(minutes=minutes)
        assert (await seat.client.get("/account")).status_code == 200, minutes
    shift += timedelta(minutes=61)
    assert (await seat.client.get("/account")).status_code == 303
    await seat.sign_in("ann")
    for minutes in range(0, 12 * 60, 50):
        shift = timedelta(minutes=11 * 60 + 51 + minutes)
        await seat.client.get("/account")
    shift += timedelta(minutes=50)
    assert (await seat.client.get("/account")).status_code == 303


async def test_the_cookie_is_bound_to_host_and_https_off_loopback(parts, seated, app, monkeypatch):
    await seated("ann", "analyst")
    form = {"name": "ann", "password": PASSWORD, "next": "/"}
    async with browser(app) as client:
        plain = await client.post("/login", data=form, headers={"origin": BASE})
    assert plain.headers["set-cookie"].startswith("bazaarwatch=")
    assert "HttpOnly" in plain.headers["set-cookie"]
    monkeypatch.setattr("monitor.console.access.LOOPBACK_NAMES", frozenset())  # as under the name of a proxy
    async with browser(app) as client:
        bound = await client.post("/login", data=form, headers={"origin": BASE})
    assert bound.headers["set-cookie"].startswith("__Host-bazaarwatch=")
    for flag in ("HttpOnly", "Path=/", "SameSite=lax", "Secure"):
        assert flag in bound.headers["set-cookie"]
    assert "Domain" not in bound.headers["set-cookie"]


@pytest.mark.parametrize(
    ("asked", "sent_to"),
    [("/inbox?state=all", "/inbox?state=all"), ("//evil.example", "/"), ("////evil.example", "/"),
     ("https://evil.example", "/"), ("javascript:alert(1)", "/"), ("/\\evil.example", "/"), ("//@evil.example", "/"),
     ("/in\r\nset-cookie: a=b", "/"), ("", "/")],
)  # fmt: skip
async def test_after_signing_in_nobody_is_sent_elsewhere(parts, seated, client, asked, sent_to):
    await seated("ann", "analyst")
    form = {"name": "ann", "password": PASSWORD, "next": asked}
    answer = await client.post("/login", data=form, headers={"origin": BASE})
    assert (answer.status_code, answer.headers["location"]) == (303, sent_to)


async def test_wrong_passwords_are_slowed_down_for_that_account_and_address_alone(parts, seated, client, monkeypatch):
    await seated("ann", "analyst")
    tried = 0

    async def wrong(*_):
        nonlocal tried
        tried += 1
        return False

    monkeypatch.setattr("monitor.console.sessions.is_right", wrong)
    form = {"name": "ann", "password": "wrong", "next": "/"}
    codes = [(await client.post("/login", data=form, headers={"origin": BASE})).status_code for _ in range(40)]
    assert codes == [403] * 10 + [429] * 30
    assert tried == 10
    other = await client.post("/login", data=form | {"name": "ben"}, headers={"origin": BASE})
    assert other.status_code == 403


def test_the_wait_doubles_and_a_right_password_ends_it(clock):
    attempts = Attempts()
    for _ in range(10):
        attempts.wrong("ann", "1.2.3.4", clock.now())
    assert attempts.wait("ann", "1.2.3.4", clock.now()) == timedelta(minutes=1)
    clock.advance(61)
    assert not attempts.wait("ann", "1.2.3.4", clock.now())
    attempts.wrong("ann", "1.2.3.4", clock.now())
    assert attempts.wait("ann", "1.2.3.4", clock.now()) == timedelta(minutes=2)
    assert not attempts.wait("ann", "5.6.7.8", clock.now())
    attempts.right("ann", "1.2.3.4")
    assert not attempts.wait("ann", "1.2.3.4", clock.now())


async def test_a_second_factor_is_asked_for_once_it_was_set(parts, seated, client):
    seat = await seated("ann", "analyst")
    page = (await seat.get("/account")).text
    secret = page.partition('name="secret" value="')[2].partition('"')[0]
    now = parts.clock.now()
    form = {"secret": secret, "code": pyotp.TOTP(secret).at(now), "password": PASSWORD}
    assert (await seat.post("/account/second-factor", form)).status_code == 303
    other = Seat(client)
    assert (await other.sign_in("ann")).status_code == 403
    assert (await other.sign_in("ann", code=pyotp.TOTP(secret).at(now, counter_offset=1))).status_code == 303


async def test_a_code_of_the_second_factor_is_taken_once(parts, seated, client):
    seat = await seated("ann", "analyst")
    totp = pyotp.TOTP((await seat.get("/account")).text.partition('name="secret" value="')[2].partition('"')[0])
    present, later = (totp.at(parts.clock.now(), counter_offset=offset) for offset in (0, 1))
    form = {"secret": totp.secret, "code": present, "password": PASSWORD}
    assert (await seat.post("/account/second-factor", form)).status_code == 303
    codes = [present, later, later, present]
    assert [(await Seat(client).sign_in("ann", code=code)).status_code for code in codes] == [403, 303, 403, 403]


async def test_who_lost_the_device_is_let_in_again_by_an_admin(parts, seated, client):
    root = await seated("root", "admin")
    ann = await seated("ann", "analyst")
    secret = (await ann.get("/account")).text.partition('name="secret" value="')[2].partition('"')[0]
    form = {"secret": secret, "code": pyotp.TOTP(secret).at(parts.clock.now()), "password": PASSWORD}
    assert (await ann.post("/account/second-factor", form)).status_code == 303
    await root.get("/settings")
    change = {"name": "ann", "password": "a new long password", "totp_off": "1"}
    assert (await root.post("/settings/users/change", change)).status_code == 303
    assert (await ann.client.get("/account")).status_code == 303, "her browsers were signed out"
    assert (await Seat(client).sign_in("ann", "a new long password")).status_code == 303


async def test_the_first_person_is_an_admin(parts, seat):
    form = {"name": "ann", "role": "analyst", "password": PASSWORD}
    assert (await seat.post("/settings/users", form)).status_code == 422
    assert (await seat.post("/settings/users", form | {"role": "admin"})).headers["location"] == "/login"


async def test_another_password_signs_every_browser_out(parts, seated, client):
    seat = await seated("ann", "analyst")
    wrong = await seat.post("/account/password", {"old": "wrong", "new": "a new long password"})
    assert wrong.status_code == 403
    await seat.post("/account/password", {"old": PASSWORD, "new": "a new long password"})
    assert (await seat.client.get("/account")).status_code == 303
    assert (await Seat(client).sign_in("ann")).status_code == 403
    assert (await Seat(client).sign_in("ann", "a new long password")).status_code == 303


def test_passwords_are_hashed_by_argon2id():
    assert HASHED.startswith("$argon2id$")


async def test_where_others_could_reach_it_nothing_is_served_until_a_user_was_added(parts):
    from config.errors import ConfigError
    from monitor.console.server import listening

    async def examine(_):
        pass

    console = parts.settings.console.model_copy(update={"names": ("console.example",)})
    object.__setattr__(parts, "settings", parts.settings.model_copy(update={"console": console}))
    with pytest.raises(ConfigError, match="users add"):
        async with listening(parts, examine, 0):
            pass
