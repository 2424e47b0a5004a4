"""`rights`: the titles that protect works, and how far each is approved at a platform."""

from __future__ import annotations

import uuid
from typing import Annotated

import typer

from detectors.rights import FirstPublication, Right, RightKind, new_claim_number, validate
from monitor.commands.common import AsJson, UsageProblem, parse_day, say, show, with_parts
from monitor.complaints.base import RightState
from monitor.complaints.packs import platforms
from monitor.daemon import Parts
from storage import tables
from storage.rights import add_right, list_rights, right_states, set_right_state
from storage.works import find_work, the_owner

_CLAIMS = uuid.UUID("6f1d6c0e-53d5-4f6c-9a0b-0a7f3f0d8c11")  # of ours alone
rights = typer.Typer(no_args_is_help=True, help="The rights that protect your works.")


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.add_typer(rights, name="rights")


@rights.command()
def add(
    ctx: typer.Context,
    kind: Annotated[RightKind, typer.Argument(help="What kind of right it is.")],
    work: Annotated[list[str], typer.Option(help="A work it protects, by id or title; may be repeated.")],
    title: Annotated[str | None, typer.Option(help="The work's or mark's name; else the first work's title.")] = None,
    number: Annotated[
        str | None, typer.Option(help="The registration number; none for an unregistered copyright.")
    ] = None,
    office: Annotated[str | None, typer.Option(help="The register, such as USPTO, EUIPO or CNIPA.")] = None,
    jurisdiction: Annotated[list[str] | None, typer.Option(help="Where it holds, such as US; may be repeated.")] = None,
    expires: Annotated[str | None, typer.Option(help="The last day, as 2030-12-31.")] = None,
    nice_class: Annotated[
        list[int] | None, typer.Option(help="Class of goods of a trade mark; may be repeated.")
    ] = None,
    locarno_class: Annotated[list[str] | None, typer.Option(help="Class of a design, as 11-02.")] = None,
    published: Annotated[str | None, typer.Option(help="The day of the first publication, as 2024-05-01.")] = None,
    published_at: Annotated[str | None, typer.Option(help="Where: the shop's or site's name, or a city.")] = None,
    published_url: Annotated[str | None, typer.Option(help="The address that proves it.")] = None,
    owner: Annotated[str | None, typer.Option(help="The rights holder, where there are several.")] = None,
) -> None:
    """Register a right. An unregistered copyright gets a claim number of its own."""
    day = parse_day(published, "--published")
    expiry = parse_day(expires, "--expires")

    async def store(parts: Parts) -> tables.Right:
        async with parts.database.write("right added") as session:
            holder = await the_owner(session, owner)
            protected = [await find_work(session, name) for name in work]
            unregistered = kind is RightKind.COPYRIGHT_UNREGISTERED
            right = Right(
                kind=kind,
                title=title or protected[0].title,
                holder=holder.name,
                number=number,
                claim_number=_claim_number(holder, protected) if unregistered else None,
                office=office,
                jurisdictions=tuple(code.upper() for code in jurisdiction or ()),
                expires_on=expiry,
                nice_classes=tuple(nice_class or ()),
                locarno_classes=tuple(locarno_class or ()),
                first_publication=FirstPublication(day, published_at or "", published_url) if day else None,
            )
            problems = validate(right)
            if problems:
                raise UsageProblem("the right is incomplete: " + "; ".join(map(str, problems)))
            row = tables.Right(
                owner_id=holder.id,
                kind=kind.value,
                title=right.title,
                number=right.stated_number,
                facts=right.to_wire(),
            )
            ids = [one.id for one in protected]
            return await add_right(session, parts.clock.now(), ctx.obj.actor, row, ids)

    row = with_parts(ctx, store)
    say(f"right {row.id} added, number {row.number}")


def _claim_number(holder: tables.Owner, protected: list[tables.Work]) -> str:
    """One for the work, however often it is registered: a second right over it would be refused as a duplicate."""
    named = f"{holder.id}:{holder.created_at.isoformat()}:{sorted(work.id for work in protected)}"
    return new_claim_number(holder.name, str(uuid.uuid5(_CLAIMS, named)))


@rights.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show the rights, the works they protect and where they are approved."""

    async def work(parts: Parts) -> list[dict[str, object]]:
        async with parts.database.read() as session:
            return [
                {
                    "id": right.id,
                    "kind": right.kind,
                    "title": right.title,
                    "number": right.number,
                    "works": [one.title for one in protected],
                    "approval": {name: row.state for name, row in (await right_states(session, right.id)).items()},
                    "facts": right.facts,
                }
                for right, protected in await list_rights(session)
            ]

    empty = "no rights yet; `bazaarwatch rights add copyright_unregistered --work TITLE` registers one"
    show(with_parts(ctx, work), as_json, empty, hide=["facts"])


@rights.command()
def state(
    ctx: typer.Context,
    right: Annotated[int, typer.Argument(help="Its id.")],
    platform: Annotated[str, typer.Argument(help="The complaint platform, such as alibaba_ipp.")],
    state: Annotated[RightState, typer.Argument(help="How far it is approved there.")],
    note: Annotated[str, typer.Option(help="Such as the reason of a refusal.")] = "",
) -> None:
    """Record how far a platform has approved a right; no complaint leaves on one that waits or was refused."""
    if platform not in platforms():
        raise UsageProblem(f"no complaint platform {platform!r}; known: {', '.join(platforms())}")

    async def change(parts: Parts) -> None:
        async with parts.database.write("right state set") as session:
            await set_right_state(session, right, platform, state.value, note, parts.clock.now(), ctx.obj.actor)

    with_parts(ctx, change)
