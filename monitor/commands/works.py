"""`works`: the designs to protect."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import typer

from monitor.commands import detection, intake
from monitor.commands.common import AsJson, UsageProblem, progress, say, show, with_parts
from monitor.daemon import Parts
from monitor.registry.pictures import Intake, picture_files, register_picture
from storage.rights import first_days
from storage.works import edit_work, find_work, list_works, references, remove_work, the_owner

works = typer.Typer(no_args_is_help=True, help="The works to protect, and their pictures.")


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    intake.register(works)
    detection.register_works(works)
    app.add_typer(works, name="works")


@works.command()
def add(
    ctx: typer.Context,
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Pictures, or folders of them.")],
    title: Annotated[
        str | None, typer.Option(help="All pictures show this one work; else each is a work named after its file.")
    ] = None,
    owner: Annotated[str | None, typer.Option(help="The rights holder, where there are several.")] = None,
    as_json: AsJson = False,
) -> None:
    """Register pictures of your works. Adding one again changes nothing."""
    files = list(picture_files(paths))
    if not files:
        raise UsageProblem(f"no pictures in {', '.join(map(str, paths))}; JPEG, PNG, WebP, GIF and AVIF are read")

    async def work(parts: Parts) -> list[Intake]:
        async with parts.database.read() as session:
            holder = await the_owner(session, owner)
        shown = progress(files, "reading pictures", quiet=as_json)
        taken = [await register_picture(parts, file, holder, title, ctx.obj.actor) for file in shown]
        new = dict.fromkeys(one.work_id for one in taken if one.new and one.work_id)
        back.extend(await detection.looked_back(parts, list(new), quiet=as_json))
        return taken

    back: list[dict[str, Any]] = []
    intakes = with_parts(ctx, work)
    rows = [
        {"file": one.file, "work": one.work_id, "new": one.new, "refused": one.refused, "weak": one.weak}
        for one in intakes
    ]
    if as_json:
        show(rows, as_json, "")
    for one in intakes:
        if one.refused and not as_json:
            say(f"refused: {one.file}: {one.refused}")
        elif one.weak and one.new and not as_json:
            say(f"weak: {one.file}: {one.weak}")
    new = sum(one.new for one in intakes)
    refused = sum(one.refused is not None for one in intakes)
    say(f"{new} added, {len(intakes) - new - refused} known already, {refused} refused")
    detection.say_looked_back(back)
    if refused:
        raise typer.Exit(1)


@works.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show the works."""

    async def work(parts: Parts) -> list[dict[str, object]]:
        async with parts.database.read() as session:
            pictures: dict[int, list[str]] = {}
            weak: dict[int, list[str]] = {}
            published = await first_days(session)
            for reference in await references(session):
                pictures.setdefault(reference.work_id, []).append(reference.file_name)
                if reference.weak:
                    weak.setdefault(reference.work_id, []).append(f"{reference.file_name}: {reference.weak}")
            return [
                {
                    "id": one.work.id,
                    "title": one.work.title,
                    "references": one.references,
                    "price": f"{one.work.reference_price} {one.work.currency}" if one.work.currency else None,
                    "published": published.get(one.work.id),
                    "rights": one.rights,
                    "open_alerts": one.open_alerts,
                    "weak": weak.get(one.work.id, []),
                    "files": pictures.get(one.work.id, []),
                }
                for one in await list_works(session)
            ]

    rows = with_parts(ctx, work)
    show(rows, as_json, "no works yet; `bazaarwatch works add FOLDER` registers your designs", hide=["files"])


@works.command()
def edit(
    ctx: typer.Context,
    work: Annotated[str, typer.Argument(help="Its id or title.")],
    title: Annotated[str | None, typer.Option(help="The new title.")] = None,
    price: Annotated[str | None, typer.Option(help="What the genuine article costs, such as '12.50 EUR'.")] = None,
) -> None:
    """Change a work's title or reference price."""
    amount, currency = _price(price)

    async def change(parts: Parts) -> None:
        async with parts.database.write("work edited") as session:
            found = await find_work(session, work)
            await edit_work(
                session,
                found.id,
                parts.clock.now(),
                ctx.obj.actor,
                title=title,
                reference_price=amount,
                currency=currency,
            )

    with_parts(ctx, change)


@works.command()
def remove(ctx: typer.Context, work: Annotated[str, typer.Argument(help="Its id or title.")]) -> None:
    """Stop looking for a work. Its alerts, evidence and complaints stay."""

    async def change(parts: Parts) -> None:
        async with parts.database.write("work removed") as session:
            await remove_work(session, (await find_work(session, work)).id, parts.clock.now(), ctx.obj.actor)

    with_parts(ctx, change)


def _price(text: str | None) -> tuple[Decimal | None, str | None]:
    if text is None:
        return None, None
    amount, _, currency = text.strip().partition(" ")
    try:
        value = Decimal(amount)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0 or len(currency) != 3 or not currency.isalpha():
        raise UsageProblem(f"--price: {text!r} is no price; write it as '12.50 EUR'")
    return value, currency.upper()
