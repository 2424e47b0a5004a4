"""Single sign-on against a small provider on loopback, which signs its answers as OpenID Connect has it."""

import base64
import hashlib
import json
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from config.errors import ConfigError
from config.settings import load
from monitor.console.app import make_app
from monitor.daemon import build
from storage.users import add_user
from tests.monitor.apis import serving
from tests.monitor.console.conftest import BASE, Seat, browser

jwk, jwt = pytest.importorskip("joserfc.jwk"), pytest.importorskip("joserfc.jwt")
CLIENT, SECRET = "the console", "a/secret+of two"
BACK = f"{BASE}/login/sso/done"


class Provider:
    """``claims`` are put into the next identity token over those of a good one."""

    def __init__(self):
        self.url, self.claims, self.headers, self.key = "", {}, {}, jwk.RSAKey.generate_key(2048, {"kid": "one"})
        self.codes, self.signs_by = {}, None
        paths = {
            "/.well-known/openid-configuration": self._facts, "/keys": self._keys, "/token": self._token,
        }  # fmt: skip
        self.app = Starlette(
            routes=[Route(path, answer, methods=["GET", "POST"]) for path, answer in paths.items()],
        )

    def _facts(self, _):
        return JSONResponse({
            "issuer": self.url, "authorization_endpoint": f"{self.url}/ask", "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        })  # fmt: skip

    def _keys(self, _):
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    def person_agrees(self, address):
        """What a person's yes at the provider sends the browser back with."""
        asked = dict(parse_qsl(urlsplit(address).query))
        assert (asked["client_id"], asked["redirect_uri"], asked["response_type"]) == (CLIENT, BACK, "code")
        self.codes["a code"] = asked
        return {"code": "a code", "state": asked["state"]}

    async def _token(self, request):
        form, asked = dict(await request.form()), self.codes.pop("a code", None)
        pair = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode().split(":")
        if asked is None or [unquote(one) for one in pair] != [CLIENT, SECRET] or form["redirect_uri"] != BACK:
            return JSONResponse({"error": "invalid_grant"}, 400)
        proof = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(proof).rstrip(b"=").decode() != asked["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = request.app.state.now()
        claims = {"iss": self.url, "aud": CLIENT, "sub": "1", "exp": now + 300, "iat": now, "nonce": asked["nonce"],
                  "email": "ann@example.org", "email_verified": True, **self.claims}  # fmt: skip
        header = {"alg": "RS256", "kid": self.key.kid} | self.headers
        return JSONResponse({"id_token": jwt.encode(header, claims, self.signs_by or self.key), "token_type": "Bearer"})


async def nothing(_):
    pass


@pytest.fixture
async def provider():
    provider = Provider()
    async with serving(provider):
        yield provider


@pytest.fixture
async def app(provider, tmp_path, sqlite_url):
    environ = {
        "BAZAARWATCH_DATABASE__URL": sqlite_url,
        "BAZAARWATCH_FETCH__CONTACT": "owner@example.org",
        "BAZAARWATCH_FETCH__OWN_ADDRESSES": json.dumps([provider.url.removeprefix("http://")]),
        "BAZAARWATCH_SSO__ISSUER": provider.url,
        "BAZAARWATCH_SSO__CLIENT_ID": CLIENT,
        "BAZAARWATCH_SSO__CLIENT_SECRET": SECRET,
    }
    async with build(load(tmp_path, environ)) as parts:
        provider.app.state.now = lambda: int(parts.clock.now().timestamp())
        async with parts.database.write("user") as session:
            await add_user(session, parts.clock.now(), "test", "ann@example.org", "analyst", None, None)
        yield make_app(parts, nothing)


async def signed_in(client, provider):
    """The answer to the browser that comes back from the provider."""
    sent = await client.get("/login/sso?next=/inbox?state=all")
    assert sent.status_code == 303, sent.text
    return await client.get("/login/sso/done", params=provider.person_agrees(sent.headers["location"]))


async def test_whom_the_provider_vouches_for_is_let_in_and_goes_on(app, provider):
    async with browser(app) as client:
        assert "/login/sso?next=%2Finbox" in (await client.get("/login?next=/inbox")).text
        done = await signed_in(client, provider)
        assert (done.status_code, done.headers["location"]) == (303, "/inbox?state=all"), done.text
        assert "ann@example.org" in (await client.get("/account")).text


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "ben@example.org"}, {"email_verified": False}, {"email": 7}, {"nonce": "another"}, {"aud": "another"},
        {"iss": "https://evil.example"}, {"exp": 1}, {"aud": [CLIENT, "another"]},
    ],
    ids=lambda claims: next(iter(claims)),
)  # fmt: skip
async def test_what_the_provider_does_not_vouch_for_lets_nobody_in(app, provider, claims):
    provider.claims = claims
    async with browser(app) as client:
        assert (await signed_in(client, provider)).status_code == 403
        assert (await client.get("/account")).status_code == 303


async def test_a_token_that_another_key_signed_lets_nobody_in_and_a_key_changed_there_does(app, provider):
    async with browser(app) as client:
        provider.signs_by = jwk.RSAKey.generate_key(2048, {"kid": "one"})
        assert (await signed_in(client, provider)).status_code == 403
        provider.signs_by, provider.key = None, jwk.RSAKey.generate_key(2048, {"kid": "two"})
        assert (await signed_in(client, provider)).status_code == 303


async def test_an_answer_counts_once_and_in_the_browser_that_asked(app, provider):
    async with browser(app) as client, browser(app) as other:
        sent = await client.get("/login/sso")
        back = provider.person_agrees(sent.headers["location"])
        assert (await other.get("/login/sso/done", params=back)).status_code == 403
        assert (await client.get("/login/sso/done", params=back)).status_code == 403  # it was used up
        assert (await signed_in(client, provider)).status_code == 303
        assert (await client.get("/login/sso/done", params={"state": "x", "code": "y"})).status_code == 403
        assert (await client.get("/login/sso/done", params={"error": "access_denied"})).status_code == 403


async def test_an_unsigned_token_lets_nobody_in(app, provider):
    def part(facts):
        return base64.urlsafe_b64encode(json.dumps(facts).encode()).rstrip(b"=").decode()

    async def unsigned(request):
        nonce = provider.codes["a code"]["nonce"]
        claims = {"iss": provider.url, "aud": CLIENT, "exp": request.app.state.now() + 300, "nonce": nonce,
                  "email": "ann@example.org", "email_verified": True}  # fmt: skip
        return JSONResponse({"id_token": f"{part({'alg': 'none'})}.{part(claims)}."})

    provider.app.router.routes.insert(0, Route("/token", unsigned, methods=["POST"]))
    async with browser(app) as client:
        assert (await signed_in(client, provider)).status_code == 403


async def test_a_provider_that_does_not_answer_is_said_so_and_passwords_go_on(app, provider, monkeypatch):
    monkeypatch.setattr("monitor.console.sso.SingleSignOn._known", _fails)
    async with browser(app) as client:
        assert (await client.get("/login/sso")).status_code == 502
        assert (await client.get("/login")).status_code == 200


async def _fails(self, *, anew=False):
    return await self._ask("http://127.0.0.1:1/nowhere")


async def test_an_admin_adds_people_without_a_password_who_cannot_sign_in_by_one(app, provider):
    parts = app.state.parts
    async with parts.database.write("admin") as session:
        await add_user(session, parts.clock.now(), "test", "ida@example.org", "admin", None, None)
    provider.claims = {"email": "ida@example.org"}
    async with browser(app) as client:
        await signed_in(client, provider)
        seat = Seat(client)
        await seat.get("/settings")
        added = await seat.post("/settings/users", {"name": "ben@example.org", "role": "viewer", "password": ""})
        assert added.status_code == 303, added.text
    async with browser(app) as client:
        assert (await Seat(client).sign_in("ben@example.org", "")).status_code == 403
        provider.claims = {"email": "ben@example.org"}
        assert (await signed_in(client, provider)).status_code == 303


async def test_a_provider_without_a_client_does_not_start(tmp_path, sqlite_url):
    environ = {"BAZAARWATCH_DATABASE__URL": sqlite_url, "BAZAARWATCH_SSO__ISSUER": "https://login.example.org"}
    async with build(load(tmp_path, environ)) as parts:
        with pytest.raises(ConfigError, match=r"sso\.client_id"):
            make_app(parts, nothing)
