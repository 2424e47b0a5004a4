"""`webhooks`: other programs that are told of complaints' steps, signed and until they arrive."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.commands.common import AsJson, UsageProblem, checked_name, say, show, tell_secret, with_parts
from monitor.daemon import Parts
from monitor.desk import webhooks as telling
from storage.webhooks import list_webhooks, remove_webhook

webhooks = typer.Typer(no_args_is_help=True, help="Other programs that are told of what happens to complaints.")

Name = Annotated[str, typer.Argument(help="Your name for it.")]


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.add_typer(webhooks, name="webhooks")


@webhooks.command()
def add(
    ctx: typer.Context,
    name: Name,
    url: Annotated[str, typer.Argument(help="Where it listens, by https.")],
    event: Annotated[
        list[str] | None,
        typer.Option(help="Only of this kind, as complaint, listing or listing.remove; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell an address of every step from now on, and print the secret that signs what is sent, once."""
    name = checked_name(name, "webhook")
    for kind in event or ():
        if kind.partition(".")[0] not in ("complaint", "listing"):
            raise UsageProblem(f"--event: {kind!r}: write complaint, listing, or one kind such as listing.remove")
    secret = with_parts(ctx, lambda parts: telling.add(parts, name, url, event or (), ctx.obj.actor))
    facts = {"name": name, "url": url, "secret": secret}
    tell_secret(secret, facts, as_json, f"`bazaarwatch webhooks test {name}` tries it out")


@webhooks.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show every address, what waits for it and what it answered last; never the secret."""

    async def work(parts: Parts) -> list[dict[str, object]]:
        async with parts.database.read() as session:
            return [
                {
                    "name": one.webhook.name,
                    "url": one.webhook.url,
                    "events": one.webhook.kinds,
                    "waiting": one.waiting,
                    "arrived": one.delivered_at,
                    "answer": one.answer or None,
                    "stopped": one.webhook.stopped or None,
                }
                for one in await list_webhooks(session)
            ]

    show(with_parts(ctx, work), as_json, "no webhooks; `bazaarwatch webhooks add NAME URL` adds one")


@webhooks.command()
def test(ctx: typer.Context, name: Name) -> None:
    """Send a signed message that says nothing, at once. Exit code 1 if it is not taken."""
    say(f"{name}: {with_parts(ctx, lambda parts: telling.try_out(parts, name))}")


@webhooks.command()
def deliver(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Send what is due, as the daemon does by itself. Exit code 1 if something waits."""
    done = with_parts(ctx, telling.deliver)
    rows = [{"name": one.name, "sent": one.sent, "waits": one.waits or None} for one in done]
    show(rows, as_json, "no webhook is open; `bazaarwatch webhooks list` shows those there are")
    if any(one.waits for one in done):
        raise typer.Exit(1)


@webhooks.command()
def resume(ctx: typer.Context, name: Name) -> None:
    """Go on with an address that was given up after three days; what waits for it is sent next."""
    with_parts(ctx, lambda parts: telling.resume(parts, name))


@webhooks.command()
def remove(ctx: typer.Context, name: Name) -> None:
    """Forget an address and whatever was on its way to it."""

    async def work(parts: Parts) -> None:
        async with parts.database.write("webhook removed") as session:
            await remove_webhook(session, parts.clock.now(), ctx.obj.actor, name)

    with_parts(ctx, work)
