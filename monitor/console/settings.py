"""The settings in force and where each comes from; the people who may sign in; the tokens. Secrets never show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, SecretStr
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

from monitor.console.access import Admin, PartsOf, Role, Scope, form_of
from monitor.console.fields import text_field, whole_number
from monitor.console.guard import Problem
from monitor.console.passwords import LONGEST, SHORTEST, hash_password
from monitor.console.view import back_to, page
from storage.tables import Owner
from storage.tokens import add_token, list_tokens, revoke_token
from storage.users import add_user, list_users, remove_user, set_password, set_role, set_totp

router = APIRouter(include_in_schema=False)


@router.get("/settings")
async def settings(request: Request, parts: PartsOf, person: Admin) -> Response:
    """What is in force."""
    return await _page(request, parts, person)


async def _page(request: Request, parts: PartsOf, person: Any, secret: str = "") -> Response:
    async with parts.database.read(brief=True) as session:
        users, tokens = await list_users(session), await list_tokens(session)
        owners = list(await session.scalars(select(Owner).order_by(Owner.id)))
    values = [(name, value, parts.settings.origin(name)) for name, value in in_force(parts.settings)]
    return await page(
        request, "settings.html", person, values=values, users=users, tokens=tokens, owners=owners, roles=list(Role),
        scopes=list(Scope), shortest=SHORTEST, secret=secret,
        single_sign_on=bool(parts.settings.sso.issuer),
    )  # fmt: skip


def in_force(values: BaseModel, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every setting as text; a secret only as set or empty."""
    for name in type(values).model_fields:
        value = getattr(values, name)
        if isinstance(value, BaseModel):
            yield from in_force(value, f"{prefix}{name}.")
        elif isinstance(value, SecretStr):
            yield f"{prefix}{name}", "***" if value.get_secret_value() else "(empty)"
        elif isinstance(value, tuple | Mapping):
            yield f"{prefix}{name}", ", ".join(map(str, value)) or "(none)"
        else:
            yield f"{prefix}{name}", "(empty)" if value == "" else str(value)


@router.post("/settings/users")
async def new_user(request: Request, parts: PartsOf, person: Admin) -> Response:
    """Let a person in."""
    form = await form_of(request)
    name, role = text_field(form, "name", 80), text_field(form, "role", 20)
    password = str(form.get("password", ""))
    if not name.isprintable() or not name or role not in list(Role):
        raise Problem(422, "a user has a name and a role")
    if person.user_id is None and role != Role.ADMIN:
        raise Problem(422, "the first person has to be an admin: from then on only an admin adds others")
    elsewhere = not password and bool(parts.settings.sso.issuer)
    if not elsewhere and not SHORTEST <= len(password) <= LONGEST:
        raise Problem(422, f"a password has {SHORTEST} characters or more")
    owners = [int(str(one)) for one in form.getlist("owner") if str(one).isdecimal()]
    async with parts.database.write("user added") as session:
        hashed = None if elsewhere else hash_password(password)
        await add_user(session, parts.clock.now(), person.name, name, role, hashed, owners or None)
    return back_to("/login" if person.user_id is None else "/settings")


@router.post("/settings/users/change")
async def change_user(request: Request, parts: PartsOf, person: Admin) -> Response:
    """Give a person another role or password, or let them in no more."""
    form = await form_of(request)
    name, role, password = text_field(form, "name", 80), text_field(form, "role", 20), str(form.get("password", ""))
    if name == person.name:
        raise Problem(409, "another admin has to do that to you; your own password you change in your account")
    if role and role not in list(Role):
        raise Problem(422, f"a role is one of {', '.join(Role)}")
    if password and not SHORTEST <= len(password) <= LONGEST:
        raise Problem(422, f"a password has {SHORTEST} characters or more")
    now = parts.clock.now()
    async with parts.database.write("user changed") as session:
        if form.get("remove"):
            await remove_user(session, now, person.name, name)
        elif password:
            await set_password(session, now, person.name, name, hash_password(password))
            if form.get("totp_off"):  # whoever lost the device can get in no other way
                await set_totp(session, now, person.name, name, None)
        else:
            await set_role(session, now, person.name, name, role)
    return back_to("/settings")


@router.post("/settings/tokens")
async def new_token(request: Request, parts: PartsOf, person: Admin) -> Response:
    """Make a token; its secret is on the page that answers, and nowhere else."""
    form = await form_of(request)
    name = text_field(form, "name", 80)
    scopes = [scope for scope in Scope if scope in form.getlist("scope")]
    if not name.isprintable() or not name or not scopes:
        raise Problem(422, "a token has a name, and opens something")
    user_id = whole_number(form, "user") or None
    async with parts.database.write("token added") as session:
        secret = await add_token(session, parts.clock.now(), person.name, name, scopes, user_id)
    return await _page(request, parts, person, secret)


@router.post("/settings/tokens/revoke")
async def end_token(request: Request, parts: PartsOf, person: Admin) -> Response:
    """Let a token open nothing any more."""
    name = text_field(await form_of(request), "name", 80)
    async with parts.database.write("token revoked") as session:
        await revoke_token(session, parts.clock.now(), person.name, name)
    return back_to("/settings")
