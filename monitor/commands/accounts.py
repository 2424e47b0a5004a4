"""`accounts` and `readiness`: accounts at complaint platforms, and what has to happen before complaints can leave."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer
from rich.text import Text

from monitor.commands.common import AsJson, UsageProblem, Why, console, print_json, say, show, with_parts
from monitor.complaints.packs import platforms, policy
from monitor.daemon import Parts
from monitor.registry.readiness import Progress, Readiness, readiness
from monitor.text import visible
from storage.accounts import add_account, list_accounts, set_identity, suspend, the_account
from storage.errors import NotFound
from storage.owners import list_owners
from storage.tables import PlatformAccount
from storage.works import the_owner

accounts = typer.Typer(no_args_is_help=True, help="Your accounts at complaint platforms; no password is ever kept.")

PlatformName = Annotated[str, typer.Argument(help="The complaint platform, such as alibaba_ipp.")]
Label = Annotated[str | None, typer.Option("--account", help="The account's label, where there are several.")]
_SIGNS = {Progress.DONE: "done   ", Progress.NEXT: "next   ", Progress.WAITING: "waiting", Progress.LATER: "later  "}


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.add_typer(accounts, name="accounts")
    app.command("readiness")(show_readiness)


@accounts.command()
def add(
    ctx: typer.Context,
    platform: PlatformName,
    account: Annotated[str, typer.Option(help="A label of your own.")] = "main",
    owner: Annotated[str | None, typer.Option(help="The rights holder, where there are several.")] = None,
    agent: Annotated[
        bool, typer.Option("--agent", help="You act for rights holders by power of attorney, for all unless --owner.")
    ] = False,
) -> None:
    """Record an account that you opened at a platform. Recording it again changes nothing."""

    async def store(parts: Parts) -> PlatformAccount:
        where = account_platform(parts, platform)
        async with parts.database.write("account added") as session:
            owner_id = None if agent and owner is None else (await the_owner(session, owner)).id
            role = "agent" if agent else "holder"
            return await add_account(session, parts.clock.now(), ctx.obj.actor, where, account, owner_id, role)

    stored = with_parts(ctx, store)
    say(
        f"account {stored.label!r} at {stored.platform} recorded; `bazaarwatch readiness --platform {platform}` goes on"
    )


@accounts.command()
def identity(
    ctx: typer.Context,
    platform: PlatformName,
    state: Annotated[
        Literal["none", "pending", "approved", "denied"], typer.Argument(help="How far the platform has checked it.")
    ],
    account: Label = None,
    why: Why = "",
) -> None:
    """Record how far a platform has checked the identity behind an account."""
    if state == "denied" and not why.strip():
        raise UsageProblem("say with --why what the platform gave as its reason")

    async def change(parts: Parts) -> None:
        async with parts.database.write("identity state set") as session:
            found = await the_account(session, account_platform(parts, platform), None, account)
            await set_identity(session, _there(found, platform), parts.clock.now(), ctx.obj.actor, state, why)

    with_parts(ctx, change)


@accounts.command("suspend")
def suspend_(
    ctx: typer.Context,
    platform: PlatformName,
    why: Annotated[str, typer.Option(help="What the platform said.")],
    account: Label = None,
) -> None:
    """Let nothing leave by an account that the platform has closed or restricted."""
    _set_suspension(ctx, platform, account, why)


@accounts.command("reopen")
def reopen(ctx: typer.Context, platform: PlatformName, account: Label = None) -> None:
    """Let complaints leave by an account again."""
    _set_suspension(ctx, platform, account, "")


def _set_suspension(ctx: typer.Context, platform: str, label: str | None, why: str) -> None:
    async def change(parts: Parts) -> None:
        async with parts.database.write("account suspended") as session:
            found = await the_account(session, account_platform(parts, platform), None, label)
            await suspend(session, _there(found, platform), parts.clock.now(), ctx.obj.actor, why)

    with_parts(ctx, change)


@accounts.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show the accounts and how far the identity behind each is approved."""

    async def work(parts: Parts) -> list[dict[str, Any]]:
        async with parts.database.read() as session:
            names = {row.id: row.name for row in await list_owners(session)}
            return [
                {
                    "platform": row.platform,
                    "account": row.label,
                    "owner": names[row.owner_id] if row.owner_id else "every one",
                    "role": row.role,
                    "identity": row.identity,
                    "since": row.identity_at,
                    "note": row.identity_note,
                    "suspended": row.suspended,
                }
                for row in await list_accounts(session)
            ]

    show(with_parts(ctx, work), as_json, "no accounts yet; `bazaarwatch accounts add PLATFORM` records one")


def show_readiness(
    ctx: typer.Context,
    platform: Annotated[
        str | None, typer.Option(help="One platform; else each with an account or a complaint.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what has to happen before complaints can leave, how long it usually takes, and what waits behind it."""
    found = with_parts(ctx, lambda parts: readiness(parts, _known(parts, platform) if platform else None))
    if as_json:
        print_json([_plain(one) for one in found])
        return
    if not found:
        say("no account and no complaint yet; `bazaarwatch readiness --platform alibaba_ipp` says how to begin there")
    for one in found:
        _print(one)


def _print(one: Readiness) -> None:
    account = f", account {one.account!r}" if one.account else ""
    title = f"right {one.right_id} ({one.right}) at {one.platform}{account}: {one.standing.value}"
    console.print(Text(visible(title), style="bold"))
    if one.ending:
        console.print(Text(f"  ! the right {one.ending}"))
    for step in one.steps:
        until = f", until {step.until:%Y-%m-%d}" if step.until else ""
        usually = f" ({step.usually}{until})" if step.usually else ""
        console.print(Text(visible(f"  {_SIGNS[step.progress]}  {step.name}: {step.text}{usually}")))
        if step.command and step.progress in (Progress.NEXT, Progress.WAITING):
            then = "once approved: " if step.progress is Progress.WAITING else ""
            console.print(Text(f"             {then}{step.command}", style="dim"))


def _plain(one: Readiness) -> dict[str, Any]:
    following = one.next_step
    return {
        "right": one.right_id,
        "title": one.right,
        "kind": one.kind,
        "owner": one.owner,
        "platform": one.platform,
        "account": one.account,
        "state": one.standing,
        "note": one.note,
        "ending": one.ending,
        "next": following.name if following else None,
        "complaints": list(one.complaints),
        "alerts": one.alerts,
        "steps": [
            {
                "name": step.name,
                "progress": step.progress,
                "text": step.text,
                "command": step.command,
                "usually": step.usually,
                "until": step.until,
            }
            for step in one.steps
        ],
    }


def account_platform(parts: Parts, platform: str) -> str:
    """The platform whose account a platform uses: itself, or the one it shares an account with.

    Raises:
        UsageProblem: There is no such platform.
    """
    return policy(_known(parts, platform), parts.settings.data_dir / "policies").account_platform


def _known(parts: Parts, platform: str) -> str:
    known = platforms(parts.settings.data_dir / "policies")
    if platform not in known:
        raise UsageProblem(f"no complaint platform {platform!r}; known: {', '.join(known)}")
    return platform


def _there(found: PlatformAccount | None, platform: str) -> PlatformAccount:
    if found is None:
        raise NotFound(f"no account at {platform} yet; `bazaarwatch accounts add {platform}` records one")
    return found
