"""Signing in and out, and one's own account."""

from __future__ import annotations

import re

import pyotp
from fastapi import APIRouter
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from monitor.console.access import (
    PartsOf,
    Viewer,
    cookie_name,
    form_of,
    is_exposed,
    limits,
    person_of,
    set_cookie,
)
from monitor.console.guard import Problem
from monitor.console.passwords import LONGEST, SHORTEST, hash_password, is_right, secret_as_qr, step_of_code
from monitor.console.view import back_to, own_path, page
from monitor.console.words import words
from monitor.daemon import Parts
from storage.sessions import close_session, drop_expired, open_session
from storage.tables import User
from storage.users import count_users, find_user, set_password, set_totp, take_code

router = APIRouter(include_in_schema=False)
_SECRET = re.compile("[A-Z2-7]{32}")


@router.get("/login")
async def login(request: Request, parts: PartsOf, next: str = "/") -> Response:
    """The form to sign in; who sits at this machine, while nobody is registered, is let in without."""
    if await person_of(request) is not None:
        return RedirectResponse(own_path(next), 303)
    async with parts.database.read(brief=True) as session:
        known = await count_users(session)
    if known or is_exposed(parts):
        return await _form(request, next=own_path(next))
    return await let_in(request, parts, None, own_path(next))


async def _form(request: Request, status: int = 200, *, next: str, wrong: str = "", name: str = "") -> Response:
    offered = request.app.state.sso is not None
    return await page(request, "login.html", None, status, next=next, wrong=wrong, name=name, single_sign_on=offered)


@router.post("/login")
async def sign_in(request: Request, parts: PartsOf) -> Response:
    """Check name, password and second factor; the answer to each wrong one is the same."""
    if not request.headers.get("origin"):
        raise Problem(403, "this was not sent from our sign-in page")
    form = await form_of(request)
    name, password, code = (str(form.get(field, "")) for field in ("name", "password", "code"))
    name, following = name[:200].replace("\0", "").strip(), own_path(str(form.get("next", "/")))
    client = request.client.host if request.client else ""
    attempts, now = request.app.state.attempts, parts.clock.now()
    wait = attempts.wait(name, client, now)
    if wait:
        said = words("Too many wrong passwords: try again in {seconds} seconds.", seconds=int(wait.total_seconds()) + 1)
        return await _form(request, 429, next=following, wrong=said, name=name)
    attempts.wrong(name, client, now)  # before the check, so that tries at the same moment count too
    async with parts.database.read(brief=True) as session:
        user = await find_user(session, name)
    fits = await is_right(user.password if user else None, password)
    if user is None or not fits or not await _takes_code(parts, user, code):
        said = words("Name, password or code is wrong.")
        return await _form(request, 403, next=following, wrong=said, name=name)
    attempts.right(name, client)
    return await let_in(request, parts, user.id, following)


async def _takes_code(parts: Parts, user: User, code: str) -> bool:
    """Whether the second factor's code fits and was not used before, or none is asked for."""
    if user.totp is None:
        return True
    step = step_of_code(user.totp, code, parts.clock.now())
    if step is None:
        return False
    async with parts.database.write("code used", brief=True) as session:
        return await take_code(session, user.id, step)


async def let_in(request: Request, parts: PartsOf, user_id: int | None, following: str) -> Response:
    """Open a session, always a new one, and send its secret."""
    now = parts.clock.now()
    async with parts.database.write("signed in", brief=True) as session:
        await drop_expired(session, now, *limits(parts))
        await close_session(session, request.cookies.get(cookie_name(request), ""))
        secret, _ = await open_session(session, user_id, now)
    response = RedirectResponse(following, 303)
    set_cookie(request, response, secret, limits(parts)[1])
    return response


@router.post("/logout")
async def sign_out(request: Request, parts: PartsOf, person: Viewer) -> Response:  # noqa: ARG001 - signed in
    """End the session, here and in the browser."""
    async with parts.database.write("signed out") as session:
        await close_session(session, request.cookies.get(cookie_name(request), ""))
    response = back_to("/login")
    name = cookie_name(request)
    response.delete_cookie(name, path="/", secure=name.startswith("__Host-"), httponly=True)
    return response


@router.get("/account")
async def account(request: Request, parts: PartsOf, person: Viewer) -> Response:
    """One's own name, role, password and second factor."""
    async with parts.database.read(brief=True) as session:
        user = await find_user(session, person.name) if person.user_id else None
    secret = pyotp.random_base32()
    qr = None
    if user and not user.totp:
        qr = Markup(secret_as_qr(secret, person.name))  # noqa: S704 - the library's image; the text is in its squares
    return await page(request, "account.html", person, user=user, secret=secret, qr=qr, shortest=SHORTEST)


@router.post("/account/password")
async def change_password(request: Request, parts: PartsOf, person: Viewer) -> Response:
    """Another password, for whoever knows the present one."""
    form = await form_of(request)
    old, new = str(form.get("old", "")), str(form.get("new", ""))
    async with parts.database.read(brief=True) as session:
        user = await find_user(session, person.name) if person.user_id else None
    if user is None:
        raise Problem(409, "nobody is signed in by name here; `bazaarwatch users add NAME` adds you")
    if not await is_right(user.password, old):
        raise Problem(403, "the present password is another")
    if not SHORTEST <= len(new) <= LONGEST:
        raise Problem(422, f"a password has {SHORTEST} characters or more")
    async with parts.database.write("password changed") as session:
        await set_password(session, parts.clock.now(), person.name, person.name, hash_password(new))
    return back_to("/login")


@router.post("/account/second-factor")
async def second_factor(request: Request, parts: PartsOf, person: Viewer) -> Response:
    """Ask for an authenticator app's code from now on, once one was shown to fit; or no more."""
    form = await form_of(request)
    if person.user_id is None:
        raise Problem(409, "nobody is signed in by name here; `bazaarwatch users add NAME` adds you")
    async with parts.database.read(brief=True) as session:
        user = await find_user(session, person.name)
    if not await is_right(user.password if user else None, str(form.get("password", ""))):
        raise Problem(403, "the present password is another")
    secret, step, now = None, None, parts.clock.now()
    if not form.get("off"):
        secret = str(form.get("secret", ""))
        step = step_of_code(secret, str(form.get("code", "")), now) if _SECRET.fullmatch(secret) else None
        if step is None:
            raise Problem(422, "the code does not fit: scan the secret again and send the code at once")
    async with parts.database.write("second factor set") as session:
        await set_totp(session, now, person.name, person.name, secret, step)
    return back_to("/account")
