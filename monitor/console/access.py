"""Who asks, and what they may do: people by the cookie of their session, programs by their token."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request
from starlette.responses import Response

from monitor.console.guard import LOOPBACK_NAMES, Problem, host_name, is_loopback
from monitor.daemon import Parts
from storage.errors import NotFound
from storage.inbox import Owners
from storage.sessions import find_session, note_seen
from storage.tables import ApiToken
from storage.tokens import find_token
from storage.users import Account, account_of, count_users, get_account

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LOCAL = "local"  # whoever sits at this machine, while nobody is registered
_SEEN_EVERY = timedelta(minutes=1)
_MOST_FIELDS = 5000
_MOST_FILES = 200


class Role(StrEnum):
    """What a person may do; each may do what those before may."""

    VIEWER = "viewer"  # look
    ANALYST = "analyst"  # decide, draft, register works, run searches
    APPROVER = "approver"  # confirm and export complaints, allow sellers
    ADMIN = "admin"  # add searches and people, see the settings


class Scope(StrEnum):
    """What a token opens, beyond what its person may do never."""

    PAGES = "pages"  # send pages in, as the browser extension does
    READ = "read"
    DECIDE = "decide"
    COMPLAIN = "complain"
    MANAGE = "manage"


_ROLES = list(Role)
_SCOPE_OF = {
    Role.VIEWER: Scope.READ,
    Role.ANALYST: Scope.DECIDE,
    Role.APPROVER: Scope.COMPLAIN,
    Role.ADMIN: Scope.MANAGE,
}


class SignInNeeded(Exception):
    """A page was asked for by nobody in particular; the browser is sent to the sign-in page."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks. ``owners``: whose data they see, None for everybody's; ``csrf``: what their forms must carry."""

    name: str
    role: Role
    owners: Owners
    csrf: str = ""
    user_id: int | None = None
    token_id: int | None = None

    def may(self, role: Role) -> bool:
        """Whether they may do what this role may."""
        return _ROLES.index(self.role) >= _ROLES.index(role)

    @property
    def sees_all(self) -> bool:
        """Whether they see what belongs to the installation, not to one rights holder."""
        return self.owners is None


def get_parts(request: Request) -> Parts:
    """The running parts."""
    parts: Parts = request.app.state.parts
    return parts


async def _parts(request: Request) -> Parts:
    """The same as a dependency; asynchronous, for FastAPI asks a thread for what is not."""
    return get_parts(request)


def is_exposed(parts: Parts) -> bool:
    """Whether anybody but the people at this machine can reach us."""
    return not is_loopback(parts.settings.console.host) or bool(parts.settings.console.names)


def cookie_name(request: Request) -> str:
    """The session's cookie: bound to host and HTTPS by its prefix, except on this machine's own loopback names."""
    return "bazaarwatch" if host_name(request.headers.get("host", "")) in LOOPBACK_NAMES else "__Host-bazaarwatch"


def set_cookie(request: Request, response: Response, secret: str, longest: timedelta) -> None:
    """Hand a session's secret to the browser."""
    name = cookie_name(request)
    secure = name.startswith("__Host-")
    age = int(longest.total_seconds())
    response.set_cookie(name, secret, max_age=age, secure=secure, httponly=True, samesite="lax", path="/")


def limits(parts: Parts) -> tuple[timedelta, timedelta]:
    """How long a session may be idle, and open altogether."""
    console = parts.settings.console
    return timedelta(minutes=console.idle_minutes), timedelta(hours=console.session_hours)


async def person_of(request: Request) -> Person | None:
    """Who the request's cookie says is asking; None if it says nothing that still holds."""
    parts = get_parts(request)
    secret = request.cookies.get(cookie_name(request), "")
    if not secret:
        return None
    now = parts.clock.now()
    async with parts.database.read(brief=True) as session:
        opened = await find_session(session, secret, now, *limits(parts))
        if opened is None:
            return None
        found, user = opened
        if user is None:
            known = is_exposed(parts) or await count_users(session)
            person = None if known else Person(local_name(request), Role.ADMIN, None, found.csrf)
        else:
            account = await account_of(session, user)
            person = _person(account, found.csrf) if account else None
    if now - found.seen_at > _SEEN_EVERY:
        async with parts.database.write("session seen", brief=True) as session:
            await note_seen(session, found.id, now)
    return person


def _person(account: Account, csrf: str = "") -> Person:
    return Person(account.user.name, Role(account.user.role), account.owners, csrf, account.user.id)


def local_name(request: Request) -> str:
    """Under which name the person at this machine acts."""
    name: str = request.app.state.local_name
    return name


async def form_of(request: Request) -> Any:
    """The request's form; read once however often it is asked for."""
    return await request.form(max_files=_MOST_FILES, max_fields=_MOST_FIELDS)


async def _require_own_page(request: Request, person: Person) -> None:
    """Make sure that the browser sent this from one of our own pages.

    Raises:
        Problem: It did not: no origin (a foreign one was refused before), or not this session's token.
    """
    if not request.headers.get("origin"):
        raise Problem(403, "this was not sent from one of our own pages")
    sent = request.headers.get("x-csrf-token") or str((await form_of(request)).get("csrf", ""))
    if not hmac.compare_digest(sent.encode(), person.csrf.encode()):
        raise Problem(403, "this form is of an earlier session; load the page anew and send it again")


def needs(role: Role, *, installation: bool = False) -> Callable[[Request], Awaitable[Person]]:
    """A dependency: the person who asks, if signed in and of that role at least.

    Args:
        installation: Only for who sees every rights holder's data; for others the page does not exist.
    """

    async def check(request: Request) -> Person:
        person = await person_of(request)
        if person is None:
            raise SignInNeeded
        if request.method not in SAFE:
            await _require_own_page(request, person)
        _require(person, role, installation)
        return person

    check.needed = (role, installation)  # type: ignore[attr-defined]  # read by the test of every route
    return check


def _require(person: Person, role: Role, installation: bool) -> None:
    if installation and not person.sees_all:
        raise NotFound("there is nothing here that you may see")
    if not person.may(role):
        raise Problem(403, f"this takes the role {role}; yours is {person.role}")


_bearer = HTTPBearer(auto_error=False, description="A token of `bazaarwatch token add`.")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
_CHALLENGE = {"www-authenticate": "Bearer"}


async def token_of(parts: Parts, credentials: HTTPAuthorizationCredentials | None) -> ApiToken:
    """The token that came along.

    Raises:
        Problem: None did, or it opens nothing.
    """
    if credentials is None:
        raise Problem(401, "a token is needed: `bazaarwatch token add NAME` makes one", _CHALLENGE)
    now = parts.clock.now()
    async with parts.database.read(brief=True) as session:
        known = await find_token(session, credentials.credentials)
    if known is None:
        raise Problem(401, "this token is unknown or was revoked: `bazaarwatch token add NAME` makes one", _CHALLENGE)
    if known.used_at is None or now - known.used_at > _SEEN_EVERY:
        async with parts.database.write("token used", brief=True) as session:
            (await session.get_one(ApiToken, known.id)).used_at = now
    return known


def calls(role: Role, *, installation: bool = False) -> Callable[..., Awaitable[Person]]:
    """A dependency of the API: on whose behalf a token asks, if it opens what this role may do."""

    async def check(request: Request, credentials: Bearer) -> Person:
        parts = get_parts(request)
        token = await token_of(parts, credentials)
        scope = _SCOPE_OF[role]
        if scope not in token.scopes:
            raise Problem(403, f"this takes the scope {scope}; the token {token.name!r} has {', '.join(token.scopes)}")
        if token.user_id is None:
            return Person(f"token {token.name}", role, None, token_id=token.id)
        async with parts.database.read(brief=True) as session:
            account = await get_account(session, token.user_id)
        if account is None:
            raise Problem(401, "the person that this token acts for was removed", _CHALLENGE)
        person = replace(_person(account), token_id=token.id)
        _require(person, role, installation)
        return person

    check.needed = (role, installation)  # type: ignore[attr-defined]  # read by the test of every route
    return check


PartsOf = Annotated[Parts, Depends(_parts)]
Viewer = Annotated[Person, Depends(needs(Role.VIEWER))]
Analyst = Annotated[Person, Depends(needs(Role.ANALYST))]
Approver = Annotated[Person, Depends(needs(Role.APPROVER))]
WholeViewer = Annotated[Person, Depends(needs(Role.VIEWER, installation=True))]
WholeAnalyst = Annotated[Person, Depends(needs(Role.ANALYST, installation=True))]
WholeApprover = Annotated[Person, Depends(needs(Role.APPROVER, installation=True))]
Admin = Annotated[Person, Depends(needs(Role.ADMIN, installation=True))]
Reads = Annotated[Person, Depends(calls(Role.VIEWER))]
Decides = Annotated[Person, Depends(calls(Role.ANALYST))]
Complains = Annotated[Person, Depends(calls(Role.APPROVER))]
ReadsAll = Annotated[Person, Depends(calls(Role.VIEWER, installation=True))]
Manages = Annotated[Person, Depends(calls(Role.ADMIN, installation=True))]
