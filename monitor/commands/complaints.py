"""`complaints`: from decided alerts to a pack for the platform's form."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from monitor import filing
from monitor.commands.common import AsJson, UsageProblem, print_json, say, show, show_facts, with_parts
from monitor.complaints.packs import platforms
from monitor.daemon import Parts
from storage.complaints import cancel_complaint, list_complaints
from storage.works import find_work

complaints = typer.Typer(
    no_args_is_help=True, help="Complaints to platforms: drafted, confirmed by a person, exported."
)

ComplaintId = Annotated[int, typer.Argument(help="The complaint's id.")]


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.add_typer(complaints, name="complaints")


@complaints.command()
def draft(
    ctx: typer.Context,
    work: Annotated[str, typer.Argument(help="The work, by id or title.")],
    platform: Annotated[str, typer.Option(help="The complaint platform.")] = "alibaba_ipp",
    right: Annotated[int | None, typer.Option(help="The right's id; else the work's first.")] = None,
    reason: Annotated[str | None, typer.Option(help="Our code of the reason; else what the right proposes.")] = None,
    as_json: AsJson = False,
) -> None:
    """Draft complaints from all alerts of a work that were decided infringing."""
    if platform not in platforms():
        raise UsageProblem(f"no complaint platform {platform!r}; known: {', '.join(platforms())}")

    async def run(parts: Parts) -> filing.Drafting:
        async with parts.database.read() as session:
            found = await find_work(session, work)
        return await filing.draft_complaints(parts, found.id, platform, ctx.obj.actor, right, reason)

    drafting = with_parts(ctx, run)
    for one in drafting.left_out:
        say(f"left out: {one.target.url}: {one.reason}")
    if as_json:
        print_json(
            {
                "complaints": list(drafting.complaint_ids),
                "left_out": [{"url": one.target.url, "reason": one.reason} for one in drafting.left_out],
            }
        )
    elif drafting.complaint_ids:
        say(f"drafted: {', '.join(map(str, drafting.complaint_ids))}; `bazaarwatch complaints show ID` shows one")
    if not drafting.complaint_ids:
        say("nothing to complain of: decide alerts infringing first, with `bazaarwatch alerts decide infringing ID`")
        raise typer.Exit(1)


@complaints.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show the complaints, newest first."""

    async def work(parts: Parts) -> list[dict[str, object]]:
        async with parts.database.read() as session:
            return [
                {
                    "id": one.complaint.id,
                    "state": one.complaint.state,
                    "platform": one.complaint.platform,
                    "site": one.complaint.site,
                    "work": one.work.title,
                    "right": one.right.number,
                    "listings": one.targets,
                    "confirmed_by": one.complaint.confirmed_by,
                    "drafted": one.complaint.drafted_at,
                    "exported": one.complaint.exported_at,
                    "pack": one.complaint.pack,
                }
                for one in await list_complaints(session)
            ]

    empty = "no complaints yet; `bazaarwatch complaints draft WORK` drafts them from infringing alerts"
    show(with_parts(ctx, work), as_json, empty, hide=["right", "pack"])


@complaints.command("show")
def show_one(ctx: typer.Context, complaint_id: ComplaintId, as_json: AsJson = False) -> None:
    """Show one complaint: its text, its listings, what a person has to affirm, and what is wrong with it."""
    stored = with_parts(ctx, lambda parts: filing.load(parts, complaint_id))
    show_facts(_facts(stored), as_json)


@complaints.command()
def confirm(
    ctx: typer.Context,
    complaint_id: ComplaintId,
    person: Annotated[str, typer.Option("--as", help="The person who affirms it, by name.")],
    considered: Annotated[
        bool,
        typer.Option(
            "--considered",
            help="For every listing it was considered whether the use is fair, the goods genuine resale, the seller "
            "authorised; and the statements that `complaints show` prints are affirmed.",
        ),
    ] = False,
    note: Annotated[str, typer.Option(help="What led to the conclusion.")] = "",
) -> None:
    """Stand behind a complaint as a named person. Nothing leaves without this."""
    if not person.strip():
        raise UsageProblem("--as: a complaint is confirmed by a person, by name")
    if not considered:
        stored = with_parts(ctx, lambda parts: filing.load(parts, complaint_id))
        show_facts(_facts(stored), as_json=False)
        raise UsageProblem("look at every listing and the statements above, then confirm with --considered")
    stored = with_parts(ctx, lambda parts: filing.confirm(parts, complaint_id, person.strip(), note))
    say(f"complaint {complaint_id} confirmed by {person}")
    for problem in stored.problems:
        say(f"{'still in the way' if problem.blocking else 'note'}: {problem}")


@complaints.command()
def export(ctx: typer.Context, complaint_id: ComplaintId) -> None:
    """Write the pack of a confirmed complaint: addresses to paste, the form's fields, a table of the listings."""
    folder = with_parts(ctx, lambda parts: filing.export(parts, complaint_id, ctx.obj.actor))
    typer.echo(folder)


@complaints.command()
def cancel(ctx: typer.Context, complaint_id: ComplaintId) -> None:
    """Give up a complaint that has not been exported; its alerts can be decided and complained of again."""

    async def change(parts: Parts) -> None:
        async with parts.database.write("complaint cancelled") as session:
            await cancel_complaint(session, complaint_id, ctx.obj.actor, parts.clock.now())

    with_parts(ctx, change)


def _facts(stored: filing.Stored) -> dict[str, Any]:
    row, draft = stored.row, stored.draft
    return {
        "id": row.id,
        "state": row.state,
        "platform": row.platform,
        "site": row.site,
        "work": draft.work.title,
        "right": f"{draft.right.kind} {draft.right.stated_number}",
        "reason": draft.reason,
        "explanation": draft.explanation,
        "listings": [f"{target.url}  {target.title}" for target in draft.targets],
        "statements": [statement.text for statement in draft.statements],
        "confirmed_by": row.confirmed_by,
        "exported": row.exported_at,
        "pack": row.pack,
        "in_the_way": [str(problem) for problem in stored.problems if problem.blocking],
        "notes": [str(problem) for problem in stored.problems if not problem.blocking],
    }
