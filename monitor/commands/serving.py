"""`serve` and `token`: the review console with its API, and which programs may ask."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.commands.common import AsJson, UsageProblem, checked_name, say, show, tell_secret, with_parts
from monitor.console.access import Scope
from monitor.daemon import Parts, until_stopped
from storage.tokens import add_token, list_tokens, revoke_token
from storage.users import find_user

tokens = typer.Typer(no_args_is_help=True, help="Tokens by which the browser extension or a program may ask.")


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.command()(serve)
    app.add_typer(tokens, name="token")


def serve(
    ctx: typer.Context,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Else console.port, else 8741; 0 takes a free one.")
    ] = None,
) -> None:
    """Serve the review console, its API, and the browser extension's endpoint. Ctrl-C or SIGTERM ends it.

    Searches run when somebody asks for it there; by their rhythm they run with `run`.
    """
    from monitor.console.server import DEFAULT_PORT, listening
    from monitor.ondemand import OnDemand

    async def work(parts: Parts) -> None:
        wanted = parts.settings.console.port or DEFAULT_PORT if port is None else port
        demand = OnDemand(parts)
        async with listening(parts, demand.examine, wanted, demand.search) as address:
            say(f"the console is at {address}; Ctrl-C ends it")
            await until_stopped(demand.engine, demand.chores())

    with_parts(ctx, work)


@tokens.command("add")
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Whose or what it is: the audit log calls whoever uses it by this name.")],
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it opens; may be repeated. Else pages, as the extension needs.")
    ] = None,
    user: Annotated[
        str | None, typer.Option(help="The person it acts for, within their rights; else the whole installation.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, once: only its hash is kept."""
    name = checked_name(name, "token")

    async def work(parts: Parts) -> str:
        async with parts.database.write("token added") as session:
            person = await find_user(session, user) if user else None
            if user and person is None:
                raise UsageProblem(f"no user {user!r}; `bazaarwatch users list` shows them")
            scopes = scope or [Scope.PAGES]
            return await add_token(
                session, parts.clock.now(), ctx.obj.actor, name, scopes, person.id if person else None
            )

    secret = with_parts(ctx, work)
    tell_secret(secret, [{"name": name, "token": secret}], as_json, "paste it into the extension's settings")


@tokens.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show every token: who, since when, last used; never the secret."""

    async def work(parts: Parts) -> list[dict[str, object]]:
        async with parts.database.read() as session:
            return [
                {
                    "name": one.name,
                    "scopes": one.scopes,
                    "created": one.created_at,
                    "last_used": one.used_at,
                    "revoked": one.revoked_at,
                }
                for one in await list_tokens(session)
            ]

    show(with_parts(ctx, work), as_json, 'no tokens; `bazaarwatch token add "my browser"` makes one')


@tokens.command("revoke")
def revoke(ctx: typer.Context, name: Annotated[str, typer.Argument(help="The token's name.")]) -> None:
    """Let a token open nothing any more."""

    async def work(parts: Parts) -> None:
        async with parts.database.write("token revoked") as session:
            await revoke_token(session, parts.clock.now(), ctx.obj.actor, name)

    with_parts(ctx, work)
    say(f"token {name!r} opens nothing any more")
