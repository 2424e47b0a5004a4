"""`init` and `db`: a data folder and a database ready to work."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import typer
from rich.progress import Progress

from config.contact import write_contact
from config.settings import EMBEDDED, FILE_NAME, Settings, embedded_url
from monitor.commands.common import AsJson, State, UsageProblem, messages, say, show, with_parts
from monitor.daemon import Parts
from storage.blobs import Blobs
from storage.database import Database, upgrade_schema
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
    known = state.settings.fetch.contact
    if known and known != contact:
        say(f"{state.data_dir / FILE_NAME} stays as it is; its fetch.contact is {known!r}")
    elif not known:
        write_contact(state.data_dir, contact)


@database.command("upgrade")
def upgrade(ctx: typer.Context) -> None:
    """Bring the database to this program's version; on PostgreSQL also the tables of the shared queue."""
    settings: Settings = ctx.obj.settings

    async def work() -> None:
        async with _opened(settings) as opened:
            await _upgrade(opened)

    asyncio.run(work())
    say("the database is up to date")


@database.command("move")
def move_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Bring everything from the SQLite file in the data folder into the empty PostgreSQL database of database.url.

    Stop every other Bazaarwatch process first. Every row is compared before the move counts; the file stays as it is.
    """
    from storage.moving import TABLES, Moved, move

    settings: Settings = ctx.obj.settings
    file = settings.data_dir / EMBEDDED
    if settings.embedded:
        raise UsageProblem("set database.url to the PostgreSQL database to move to, then give this command again")
    if not file.is_file():
        raise UsageProblem(f"there is nothing to move: no {file}")

    async def work() -> list[Moved]:
        source = Database(embedded_url(settings.data_dir))
        try:
            async with _opened(settings) as target:
                await upgrade_schema(source)
                await _upgrade(target)
                with Progress(console=messages, transient=True, disable=as_json) as bar:
                    task = bar.add_task("moving tables", total=len(TABLES))
                    return await move(source, target, lambda: bar.advance(task))
        finally:
            await source.close()

    moved = asyncio.run(work())
    rows = [{"table": one.table, "rows": one.rows, "sha256": one.sha256} for one in moved]
    show(rows, as_json, "", hide=["sha256"])
    say(f"moved and compared: {sum(one.rows for one in moved)} rows; {file} stays as it was and is used no more")


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Database]:
    opened = Database(settings.database_url, listen_url=settings.database.listen_url.get_secret_value())
    try:
        yield opened
    finally:
        await opened.close()


async def _upgrade(opened: Database) -> None:
    await upgrade_schema(opened)
    if not opened.embedded:
        from monitor.engines.shared import install

        await install(opened)


@database.command("move-files")
def move_files(ctx: typer.Context) -> None:
    """Copy every stored file of the data folder into the object store that blobs.url names; may be run again."""

    async def work(parts: Parts) -> int:
        if not parts.settings.blobs.url:
            raise UsageProblem("set blobs.url first, see docs/operations.md")
        folder = Blobs(parts.settings.data_dir / "blobs")
        present = await asyncio.to_thread(lambda: set(parts.blobs.hashes()))
        missing = [
            sha256 for sha256 in await asyncio.to_thread(lambda: sorted(folder.hashes())) if sha256 not in present
        ]
        with Progress(console=messages, transient=True) as bar:
            for sha256 in bar.track(missing, description="copying files"):
                await parts.blobs.put(await folder.get(sha256))
        return len(missing)

    say(f"{with_parts(ctx, work)} files copied; `bazaarwatch doctor --deep` compares all of them with their hashes")
