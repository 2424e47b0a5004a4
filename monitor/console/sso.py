"""Single sign-on by OpenID Connect: the code flow with PKCE, for people who were added here before.

What is asked of the provider goes through the fetcher, as every request of ours does.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import secrets
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config.errors import ConfigError
from monitor.console.access import PartsOf, cookie_name
from monitor.console.guard import Problem
from monitor.console.sessions import let_in
from monitor.console.view import own_path
from monitor.daemon import Parts
from monitor.errors import FetchError
from monitor.marketplaces import base
from storage.users import find_user

router = APIRouter(include_in_schema=False)
_logger = logging.getLogger(__name__)
_API = base.Api("the provider that the operator set for signing in", requests_per_day=100_000)
_ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]  # never "none", nor one by a shared secret
_KNOWN_FOR = timedelta(hours=12)
_PATIENCE = timedelta(minutes=10)
_MOST_WAITING = 10_000
_LEEWAY_S = 60
_COOKIE = "-sso"


@dataclass(frozen=True, slots=True)
class Provider:
    """What the provider says of itself, and the keys that it signs by."""

    facts: dict[str, Any]
    keys: Any
    known_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """A browser that was sent to the provider: what must come back with it, and where it goes on."""

    browser: str  # hash of the cookie that it was given
    nonce: str
    verifier: str
    redirect: str
    following: str
    began_at: datetime


class SingleSignOn:
    """Sends browsers to the provider and believes what they bring back, if the provider signed it for us.

    Raises:
        ConfigError: No client is set, or what checks the provider's signatures is not installed.
    """

    def __init__(self, parts: Parts) -> None:
        try:
            import joserfc  # type: ignore[import-not-found,unused-ignore]  # noqa: F401 - of the extra
        except ImportError:
            raise ConfigError('sso.issuer is set: install the extra, `pip install "bazaarwatch[sso]"`') from None
        if not parts.settings.sso.client_id:
            raise ConfigError("sso.issuer is set: set sso.client_id too, under which the provider knows us")
        self._parts = parts
        self._settings = parts.settings.sso
        self._provider: Provider | None = None
        self._asking = asyncio.Lock()
        self._waiting: OrderedDict[str, Waiting] = OrderedDict()

    async def begin(self, redirect: str, following: str) -> tuple[str, str]:
        """The address to send a browser to, and the secret that its cookie has to hold."""
        provider, now = await self._known(), self._parts.clock.now()
        browser, state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(4))
        self._waiting[state] = Waiting(_hash(browser), nonce, verifier, redirect, following, now)
        while len(self._waiting) > _MOST_WAITING:
            self._waiting.popitem(last=False)
        asked = {
            "response_type": "code", "client_id": self._settings.client_id, "redirect_uri": redirect,
            "scope": "openid email profile", "state": state, "nonce": nonce, "code_challenge": _hash(verifier),
            "code_challenge_method": "S256",
        }  # fmt: skip
        where: str = provider.facts["authorization_endpoint"]
        return f"{where}{'&' if '?' in where else '?'}{urlencode(asked)}", browser

    async def finish(self, state: str, code: str, browser: str) -> tuple[str, str]:
        """The name that the provider vouches for, and where that person goes on.

        Raises:
            Problem: The answer is none to what this browser asked, or the provider does not vouch for it.
        """
        waiting = self._waiting.pop(state, None)
        if waiting is None or self._parts.clock.now() - waiting.began_at > _PATIENCE:
            raise Problem(403, "this sign-in took too long or was used before; begin it anew")
        if not hmac.compare_digest(_hash(browser), waiting.browser):
            raise Problem(403, "this sign-in was begun in another browser")
        claims = await self._claims(await self._exchange(code, waiting), waiting.nonce)
        return self._name(claims), waiting.following

    async def _exchange(self, code: str, waiting: Waiting) -> str:
        """The identity token for a code."""
        settings, provider = self._settings, await self._known()
        secret = settings.client_secret.get_secret_value()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": waiting.redirect,
                "code_verifier": waiting.verifier, "client_id": settings.client_id}  # fmt: skip
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        ways = provider.facts.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if secret and "client_secret_basic" in ways:
            pair = f"{quote(settings.client_id, safe='')}:{quote(secret, safe='')}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        elif secret:
            form["client_secret"] = secret
        answer = await self._ask(provider.facts["token_endpoint"], headers, urlencode(form).encode())
        return str(answer.get("id_token", ""))

    async def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        from joserfc import jwt
        from joserfc.errors import JoseError

        wanted = jwt.JWTClaimsRegistry(
            now=int(self._parts.clock.now().timestamp()),
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": self._settings.issuer},
            aud={"essential": True, "value": self._settings.client_id},
            exp={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            try:
                found = jwt.decode(token, (await self._known()).keys, algorithms=_ALGORITHMS)
            except (JoseError, ValueError):  # it may have begun to sign by another key
                found = jwt.decode(token, (await self._known(anew=True)).keys, algorithms=_ALGORITHMS)
            wanted.validate(found.claims)
        except (JoseError, ValueError, TypeError) as error:
            _logger.warning("sign-on refused", extra={"reason": f"{type(error).__name__}: {error}"})
            raise Problem(403, "the provider's answer does not hold; begin the sign-in anew") from None
        return dict(found.claims)

    def _name(self, claims: dict[str, Any]) -> str:
        claim = self._settings.claim
        if claim == "email" and claims.get("email_verified") is not True:
            raise Problem(403, "the provider has not verified your e-mail address")
        audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if len(audience) > 1 and claims.get("azp") != self._settings.client_id:
            raise Problem(403, "the provider's answer is for another program")
        name = claims.get(claim)
        if not isinstance(name, str) or not name.strip():
            raise Problem(403, f"the provider does not say who you are: its answer has no {claim}")
        return name.strip()

    async def _known(self, *, anew: bool = False) -> Provider:
        async with self._asking:
            now = self._parts.clock.now()
            if self._provider is None or now - self._provider.known_at > _KNOWN_FOR or anew:
                from joserfc.jwk import KeySet

                issuer = self._settings.issuer
                facts = await self._ask(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
                if facts.get("issuer") != issuer:
                    raise Problem(502, f"the provider calls itself {facts.get('issuer')!r}; set sso.issuer to that")
                keys = KeySet.import_key_set(await self._ask(str(facts.get("jwks_uri", ""))))  # type: ignore[arg-type,unused-ignore]
                self._provider = Provider(facts, keys, now)
            return self._provider

    async def _ask(self, url: str, headers: dict[str, str] | None = None, body: bytes = b"") -> dict[str, Any]:
        """What the provider answers, a JSON object.

        Raises:
            Problem: It cannot be reached, or answers otherwise.
        """
        request = base.Request(url, headers=headers or {}, body=body, repeatable=not body, api=_API)
        if body:
            request = replace(request, method="POST")
        try:
            answer = await self._parts.reader.fetcher.get(request)
            found = json.loads(answer.body) if answer.outcome is None and answer.status == 200 else None
        except (FetchError, ValueError) as error:
            _logger.warning("sign-on provider not understood", extra={"url": url, "reason": str(error)})
            found = None
        if not isinstance(found, dict):
            raise Problem(502, "the provider for signing in does not answer; try again, or sign in by a password")
        return found


def _hash(secret: str) -> str:
    """SHA-256 in base64url, as RFC 7636 has it."""
    return base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()).rstrip(b"=").decode()


def _sign_on(request: Request) -> SingleSignOn:
    found: SingleSignOn | None = request.app.state.sso
    if found is None:
        raise Problem(404, "people sign in by password here; sso.issuer sets a provider")
    return found


@router.get("/login/sso")
async def begin(request: Request, next: str = "/") -> Response:
    """Send the browser to the provider."""
    host = request.headers["host"]
    address, secret = await _sign_on(request).begin(f"{request.url.scheme}://{host}/login/sso/done", own_path(next))
    response = RedirectResponse(address, 303)
    name = cookie_name(request) + _COOKIE
    response.set_cookie(
        name, secret, max_age=int(_PATIENCE.total_seconds()), secure=name.startswith("__Host-"), httponly=True,
        samesite="lax", path="/",
    )  # fmt: skip
    return response


@router.get("/login/sso/done")
async def finish(request: Request, parts: PartsOf, state: str = "", code: str = "") -> Response:
    """Let in whom the provider vouches for, if they were added here."""
    sign_on = _sign_on(request)
    if not code:
        raise Problem(403, "the provider let nobody in; begin the sign-in anew")
    name, following = await sign_on.finish(state, code, request.cookies.get(cookie_name(request) + _COOKIE, ""))
    async with parts.database.read(brief=True) as session:
        user = await find_user(session, name)
    if user is None:
        raise Problem(403, f"nobody was added here under the name {name!r}; an admin does that")
    return await let_in(request, parts, user.id, following)
