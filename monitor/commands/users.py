"""`users`: who may sign in to the console."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from monitor.commands.common import AsJson, UsageProblem, checked_name, say, show, with_parts
from monitor.console.access import Role
from monitor.daemon import Parts
from storage.users import add_user, list_users, remove_user, set_password, set_totp
from storage.works import the_owner

users = typer.Typer(no_args_is_help=True, help="People who may sign in to the console.")
FromInput = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input instead of asking for it.")
]


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.add_typer(users, name="users")


@users.command()
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Under which they sign in, and stand in the audit log.")],
    role: Annotated[
        Role, typer.Option(help="viewer looks, analyst decides and drafts, approver confirms and exports, admin all.")
    ] = Role.ANALYST,
    owner: Annotated[
        list[str] | None, typer.Option(help="A rights holder whose data they see; may be repeated. Else everybody's.")
    ] = None,
    from_input: FromInput = False,
    single_sign_on: Annotated[
        bool, typer.Option("--single-sign-on", help="No password: they sign in by the provider of the settings alone.")
    ] = False,
) -> None:
    """Let a person in. From the first one on, everybody has to sign in."""
    name = checked_name(name, "user")
    hashed = None if single_sign_on else _hashed(from_input)

    async def work(parts: Parts) -> None:
        async with parts.database.write("user added") as session:
            owners = [(await the_owner(session, one)).id for one in owner or ()]
            await add_user(session, parts.clock.now(), ctx.obj.actor, name, role, hashed, owners or None)

    with_parts(ctx, work)
    say(f"{name} may sign in as {role}; `bazaarwatch serve` or `run` serves the console")


@users.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show who may sign in, as what, and whose data they see."""

    async def work(parts: Parts) -> list[dict[str, object]]:
        async with parts.database.read() as session:
            return [
                {
                    "name": user.name,
                    "role": user.role,
                    "owners": ["every"] if user.every_owner else owners,
                    "second_factor": user.totp is not None,
                    "since": user.created_at,
                }
                for user, owners in await list_users(session)
            ]

    show(with_parts(ctx, work), as_json, "no users; `bazaarwatch users add NAME` adds one")


@users.command()
def password(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Their name.")],
    from_input: FromInput = False,
    no_second_factor: Annotated[
        bool, typer.Option("--no-second-factor", help="Ask for no code either: the device with the secret is lost.")
    ] = False,
) -> None:
    """Give a person another password; every browser of theirs has to sign in again."""
    hashed = _hashed(from_input)

    async def work(parts: Parts) -> None:
        async with parts.database.write("password changed") as session:
            await set_password(session, parts.clock.now(), ctx.obj.actor, name, hashed)
            if no_second_factor:
                await set_totp(session, parts.clock.now(), ctx.obj.actor, name, None)

    with_parts(ctx, work)
    say(f"{name} signs in with the new password from now on")


@users.command()
def remove(ctx: typer.Context, name: Annotated[str, typer.Argument(help="Their name.")]) -> None:
    """Let a person in no more, at once. What they did stays in the audit log under their name."""

    async def work(parts: Parts) -> None:
        async with parts.database.write("user removed") as session:
            await remove_user(session, parts.clock.now(), ctx.obj.actor, name)

    with_parts(ctx, work)
    say(f"{name} may not sign in any more")


def _hashed(from_input: bool) -> str:
    from monitor.console.passwords import LONGEST, SHORTEST, hash_password

    if from_input:
        given = sys.stdin.readline().rstrip("\r\n")
    else:
        given = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    if not SHORTEST <= len(given) <= LONGEST:
        raise UsageProblem(f"a password has {SHORTEST} to {LONGEST} characters")
    return hash_password(given)
