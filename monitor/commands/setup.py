"""`init` and `db upgrade`: a data folder ready to work."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from config.settings import FILE_NAME, Settings
from monitor.commands.common import State, UsageProblem, say, with_parts
from monitor.daemon import Parts
from storage.works import set_owner

database = typer.Typer(no_args_is_help=True, help="The database.")


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.command()(init)
    app.add_typer(database, name="db")


def init(
    ctx: typer.Context,
    owner: Annotated[
        str | None, typer.Option(help="The rights holder's legal name, as in the identity papers.")
    ] = None,
    email: Annotated[str | None, typer.Option(help="An address for complaints; platforms show it to sellers.")] = None,
    country: Annotated[str | None, typer.Option(help="The rights holder's country, two letters.")] = None,
    company: Annotated[bool, typer.Option("--company", help="The rights holder is a company.")] = False,
    address: Annotated[str | None, typer.Option(help="Postal address, lines separated by ';'.")] = None,
    phone: Annotated[str | None, typer.Option(help="As in +4930123456.")] = None,
    contact: Annotated[
        str | None, typer.Option(help="Where marketplaces can reach you about your requests: e-mail or web page.")
    ] = None,
) -> None:
    """Make the data folder, its settings file and its database, and register the rights holder."""
    state: State = ctx.obj
    owner = owner or _ask("Rights holder's legal name")
    email = email or _ask("E-mail for complaints (platforms show it to sellers)")
    country = (country or _ask("Country, two letters")).upper()
    contact = contact or email
    _write_settings(state, contact)
    facts = {"email": email, "country": country, "kind": "company" if company else "person"}
    facts |= {name: value.replace(";", "\n") for name, value in (("address", address), ("phone", phone)) if value}

    async def work(parts: Parts) -> None:
        async with parts.database.write("owner set") as session:
            await set_owner(session, parts.clock.now(), state.actor, owner, facts)

    with_parts(ctx, work)
    say(f"ready: {state.data_dir}")
    say("next: bazaarwatch works add FOLDER_WITH_YOUR_DESIGNS")


def _ask(question: str) -> str:
    if not sys.stdin.isatty():
        raise UsageProblem("init needs --owner, --email and --country where it cannot ask")
    return str(typer.prompt(question, err=True))


def _write_settings(state: State, contact: str) -> None:
    path = state.data_dir / FILE_NAME
    if path.exists():
        if state.settings.fetch.contact != contact:
            say(f"{path} stays as it is; its fetch.contact is {state.settings.fetch.contact!r}")
        return
    state.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    quoted = contact.replace("\\", "\\\\").replace('"', '\\"')
    path.write_text(
        f'# `bazaarwatch settings` lists everything that can be set.\n\n[fetch]\ncontact = "{quoted}"\n', "utf-8"
    )
    path.chmod(0o600)


@database.command("upgrade")
def upgrade(ctx: typer.Context) -> None:
    """Bring the database to this program's version."""
    from storage.database import Database, upgrade_schema

    settings: Settings = ctx.obj.settings

    async def work() -> None:
        opened = Database(settings.database_url, listen_url=settings.database.listen_url.get_secret_value())
        try:
            await upgrade_schema(opened)
            if not opened.embedded:
                from monitor.engines.shared import install

                await install(opened)
        finally:
            await opened.close()

    asyncio.run(work())
    say("the database is up to date")
