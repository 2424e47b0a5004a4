"""`retention`: how long what was kept is kept, what is bound, and the purge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.commands.common import AsJson, UsageProblem, messages, say, show, show_facts, with_parts
from monitor.commands.evidence import SubjectArgument, alerts_of, read_subject
from storage.retention import count_bound, count_due, list_holds, place_hold, release_hold

if TYPE_CHECKING:
    from monitor.daemon import Parts

retention = typer.Typer(no_args_is_help=True, help="How long evidence and listings are kept, and legal holds.")
_MEANING = {
    "listings": "without an alert, since last seen",
    "pages": "that prove no alert, since captured",
    "captures": "what is remembered of pages whose bytes are gone, in whole months, since captured",
    "dismissed": "licensed, not a match, or set aside, since decided",
    "infringing": "in no complaint, since decided",
    "complaints": "since the complaint came to its end",
}
Person = Annotated[str | None, typer.Option("--as", help="Who decides it; else your user name.")]


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.add_typer(retention, name="retention")


@retention.command("show")
def show_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show each class, how long it is kept, and how much is due for the purge now."""

    async def read(parts: Parts) -> tuple[list[dict[str, Any]], dict[str, int]]:
        from monitor.retention import limits_at

        settings = parts.settings.retention
        limits = limits_at(settings, parts.clock.now())
        async with parts.database.read() as session:
            due, bound = await count_due(session, limits), await count_bound(session, limits)
        rows = [
            {"class": name, "kept_days": getattr(settings, f"{name}_d") or "for ever", "of": meaning}
            | {"due": due.get(name, 0)}
            for name, meaning in _MEANING.items()
        ]
        return rows, bound

    rows, bound = with_parts(ctx, read)
    show(rows, as_json, "")
    if not as_json:
        say(f"bound: {bound['held']} alerts by a hold, {bound['complained of']} by a complaint; the purge leaves them")


@retention.command()
def purge(
    ctx: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count what is due now; what comes free as these go is not in it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take away what no class keeps any longer; never what a complaint or a hold binds. Safe to stop at any moment."""

    async def count(parts: Parts) -> dict[str, int]:
        from monitor.retention import limits_at

        async with parts.database.read() as session:
            return await count_due(session, limits_at(parts.settings.retention, parts.clock.now()))

    async def run(parts: Parts) -> dict[str, int]:
        from monitor import retention as work

        with messages.status("purging") as status:
            return await work.purge(parts, ctx.obj.actor, lambda name, done: status.update(f"purging: {done:,} {name}"))

    counts = with_parts(ctx, count if dry_run else run)
    show_facts(counts, as_json)


@retention.command()
def hold(
    ctx: typer.Context,
    subject: SubjectArgument,
    reason: Annotated[str, typer.Option(help="Why: a court's number, a letter's date.")],
    person: Person = None,
    as_json: AsJson = False,
) -> None:
    """Bind evidence for a dispute: nothing of it is purged until the hold is released."""
    if not reason.strip():
        raise UsageProblem("--reason: say why; whoever releases it has to know")
    named = read_subject(subject)

    async def change(parts: Parts) -> dict[str, Any]:
        alert_ids = await alerts_of(parts, named)
        async with parts.database.write("hold placed") as session:
            now, actor = parts.clock.now(), person or ctx.obj.actor
            placed = await place_hold(session, alert_ids, reason.strip(), actor, now)
        return {"alerts": len(alert_ids), "newly_held": placed}

    show_facts(with_parts(ctx, change), as_json)


@retention.command()
def release(ctx: typer.Context, subject: SubjectArgument, person: Person = None, as_json: AsJson = False) -> None:
    """End the hold on evidence: its retention class counts again."""
    named = read_subject(subject)

    async def change(parts: Parts) -> dict[str, Any]:
        alert_ids = await alerts_of(parts, named)
        async with parts.database.write("hold released") as session:
            released = await release_hold(session, alert_ids, person or ctx.obj.actor, parts.clock.now())
        return {"alerts": len(alert_ids), "released": released}

    show_facts(with_parts(ctx, change), as_json)


@retention.command()
def holds(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show what is held, by whom and why."""

    async def read(parts: Parts) -> list[dict[str, Any]]:
        async with parts.database.read() as session:
            return [
                {"alert": one.alert_id, "since": one.placed_at, "by": one.placed_by, "reason": one.reason}
                for one in await list_holds(session)
            ]

    show(with_parts(ctx, read), as_json, "nothing is held")
