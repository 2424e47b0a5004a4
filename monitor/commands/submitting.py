"""`submit`: complaints by a platform's own interface, where it has one and a token is set."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from monitor.commands.common import AsJson, UsageProblem, print_json, say, show, with_parts
from monitor.complaints.api import AcceptPapers, RefusePapers
from monitor.daemon import Parts
from monitor.desk import submitting
from monitor.desk.dossier import rules_of

submit = typer.Typer(no_args_is_help=True, help="Complaints by a platform's own interface: Mercado Libre, eBay.")

_Id = Annotated[int, typer.Argument(help="The complaint's id.")]


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.add_typer(submit, name="submit")


@submit.command()
def send(ctx: typer.Context, complaint_id: _Id) -> None:
    """Hand in an exported complaint by the platform's interface, once, and print its number there.

    If no answer comes, calling this again first looks whether it arrived; it is never sent twice.
    """
    typer.echo(with_parts(ctx, lambda parts: submitting.send(parts, complaint_id, ctx.obj.actor)))


@submit.command()
def ask(ctx: typer.Context, complaint_id: _Id, as_json: AsJson = False) -> None:
    """Ask the platform what became of a complaint, and record its words."""
    notes = with_parts(ctx, lambda parts: submitting.ask(parts, complaint_id, ctx.obj.actor))
    if as_json:
        print_json(notes)
    for note in notes if not as_json else ():
        say(note)
    if not as_json:
        say(f"recorded; `bazaarwatch complaints show {complaint_id}` shows where it stands")


@submit.command()
def reasons(
    ctx: typer.Context,
    platform: Annotated[str, typer.Argument(help="mercadolibre or ebay_vero.")],
    site: Annotated[str, typer.Argument(help="A site of the pack, such as mlb or ebay_de.")],
    as_json: AsJson = False,
) -> None:
    """Show the reasons that the platform has enabled for this member, with its ids for a pack of your own."""

    async def asked(parts: Parts) -> list[dict[str, object]]:
        sites = rules_of(parts, platform).sites
        if site not in sites:
            raise UsageProblem(f"no site {site!r}; {platform} has {', '.join(sites)}")
        return await submitting.api_of(parts, platform).reasons(site)

    rows = with_parts(ctx, asked)
    keys = list(dict.fromkeys(key for row in rows for key in row))
    show([{key: row.get(key) for key in keys} for row in rows], as_json, "the platform lists no reason for this member")


@submit.command()
def answer(
    ctx: typer.Context,
    complaint_id: _Id,
    decision: Annotated[Literal["accept", "refuse"], typer.Argument(help="accept gives the listing back.")],
    person: Annotated[str, typer.Option("--as", help="The person who decides, by name.")],
    because: Annotated[str, typer.Option(help="For refuse: why the seller's papers do not hold.")] = "",
    ground: Annotated[
        Literal["1", "2", "3"],
        typer.Option(help="For refuse: 1 does not match the product, 2 illegible, 3 not authorised for this content."),
    ] = "3",
) -> None:
    """Answer the papers that a seller presented to Mercado Libre; without an answer the listing comes back."""
    if decision == "refuse" and not because.strip():
        raise UsageProblem("--because: say why the seller's papers do not hold")
    chosen = AcceptPapers() if decision == "accept" else RefusePapers(because, ground)
    with_parts(ctx, lambda parts: submitting.answer(parts, complaint_id, person, chosen))
    say(f"complaint {complaint_id}: {decision} sent and recorded")
