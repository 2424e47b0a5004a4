"""`rights`: the titles that protect works, and how far each is approved at a platform."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from detectors.rights import OwnershipBasis, Right, RightKind, expiry, validate
from monitor.commands.accounts import account_platform
from monitor.commands.common import AsJson, UsageProblem, Why, given, parse_day, say, show, show_facts, with_parts
from monitor.complaints.base import RightState
from monitor.daemon import Parts
from monitor.registry.readiness import Standing, recorded_as, standing_of
from monitor.registry.rights import changed_right, new_right, prove_publication, publication
from storage import tables
from storage.documents import list_documents
from storage.rights import (
    add_right,
    edit_right,
    get_right,
    list_rights,
    publications_of,
    right_states,
    set_right_state,
    states_by_account,
    works_of,
)
from storage.works import find_work, the_owner

rights = typer.Typer(no_args_is_help=True, help="The rights that protect your works.")

RightId = Annotated[int, typer.Argument(help="Its id.")]


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.add_typer(rights, name="rights")


@dataclass(frozen=True, slots=True)
class Stated:
    """What was given of a right: its fields, and the facts of its first publication."""

    fields: dict[str, Any]
    publication: dict[str, Any]


def _stated(
    title: Annotated[str | None, typer.Option(help="The work's or mark's name; else the first work's title.")] = None,
    number: Annotated[
        str | None, typer.Option(help="The registration number; none for an unregistered copyright.")
    ] = None,
    office: Annotated[str | None, typer.Option(help="The register, such as USPTO, EUIPO or CNIPA.")] = None,
    jurisdiction: Annotated[list[str] | None, typer.Option(help="Where it holds, such as US; may be repeated.")] = None,
    filed: Annotated[str | None, typer.Option(help="The day of the application, as 2020-12-31.")] = None,
    registered: Annotated[str | None, typer.Option(help="The day of the registration.")] = None,
    expires: Annotated[str | None, typer.Option(help="The day on which it ends, as 2030-12-31.")] = None,
    nice_class: Annotated[
        list[int] | None, typer.Option(help="Class of goods of a trade mark; may be repeated.")
    ] = None,
    locarno_class: Annotated[
        list[str] | None, typer.Option(help="Class of a design, as 11-02; may be repeated.")
    ] = None,
    register: Annotated[str | None, typer.Option("--register", help="At the USPTO: principal or supplemental.")] = None,
    brand: Annotated[str | None, typer.Option(help="The brand that a mark stands for.")] = None,
    author: Annotated[str | None, typer.Option(help="Who made the work; else the rights holder, if a person.")] = None,
    basis: Annotated[OwnershipBasis | None, typer.Option(help="Why the holder of a copyright holds it.")] = None,
    holder: Annotated[str | None, typer.Option(help="As in the certificate, where it is not the owner's name.")] = None,
    published: Annotated[str | None, typer.Option(help="The day of the first publication, as 2024-05-01.")] = None,
    published_at: Annotated[str | None, typer.Option(help="Where: the shop's or site's name, or a city.")] = None,
    published_url: Annotated[str | None, typer.Option(help="The address that proves it.")] = None,
) -> Stated:
    fields = {
        "title": title,
        "number": number,
        "office": office,
        "jurisdictions": jurisdiction and tuple(code.upper() for code in jurisdiction),
        "nice_classes": nice_class and tuple(nice_class),
        "locarno_classes": locarno_class and tuple(locarno_class),
        "register": register,
        "brand": brand,
        "author": author,
        "holder": holder,
        "ownership_basis": basis,
        "filed_on": parse_day(filed, "--filed"),
        "registered_on": parse_day(registered, "--registered"),
        "expires_on": parse_day(expires, "--expires"),
    }
    first = {"on": parse_day(published, "--published"), "place": published_at, "url": published_url}
    return Stated(given(fields), given(first))


def _with_facts(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for each fact that a right may state; it gets them together, as ``stated``."""
    options = signature(_stated, eval_str=True).parameters
    own = signature(command, eval_str=True).parameters

    @wraps(command)
    def run(**named: Any) -> None:
        command(stated=_stated(**{name: named.pop(name) for name in options}), **named)

    before = [one.replace(kind=Parameter.KEYWORD_ONLY) for name, one in own.items() if name != "stated"]
    both = [*before, *(one.replace(kind=Parameter.KEYWORD_ONLY) for one in options.values())]
    run.__signature__ = Signature(both)  # type: ignore[attr-defined]  # what Typer reads
    run.__annotations__ = {one.name: one.annotation for one in both}
    return run


@rights.command()
@_with_facts
def add(
    ctx: typer.Context,
    kind: Annotated[RightKind, typer.Argument(help="What kind of right it is.")],
    work: Annotated[list[str], typer.Option(help="A work it protects, by id or title; may be repeated.")],
    stated: Stated,
    owner: Annotated[str | None, typer.Option(help="The rights holder, where there are several.")] = None,
) -> None:
    """Register a right. An unregistered copyright gets a claim number of its own."""

    async def store(parts: Parts) -> tuple[tables.Right, str]:
        async with parts.database.write("right added") as session:
            named = await the_owner(session, owner)
            works = [await find_work(session, name) for name in work]
            fields = stated.fields | {"first_publication": publication(None, stated.publication)}
            row = new_right(kind, named, works, fields, parts.clock.now().date())
            stored = await add_right(session, parts.clock.now(), ctx.obj.actor, row, [one.id for one in works])
            await prove_publication(session, parts.clock.now(), ctx.obj.actor, stored, works)
            return stored, str(expiry(Right.from_wire(stored.facts), parts.clock.now().date()))

    row, ending = with_parts(ctx, store)
    say(f"right {row.id} added" + (f", number {row.number}" if row.number else ""))
    if ending:
        say(f"it {ending}")


@rights.command()
@_with_facts
def edit(
    ctx: typer.Context,
    right: RightId,
    stated: Stated,
    work: Annotated[
        list[str] | None, typer.Option(help="All works it protects from now on, by id or title; may be repeated.")
    ] = None,
    why: Why = "",
) -> None:
    """Change what is given, such as the day of expiry after a renewal. The log keeps what stood there before."""

    async def change(parts: Parts) -> None:
        async with parts.database.write("right edited") as session:
            row = await get_right(session, right)
            works = None if work is None else [(await find_work(session, name)).id for name in work]
            published_now = publication(Right.from_wire(row.facts), stated.publication)
            today = parts.clock.now().date()
            facts, number = changed_right(row, stated.fields | {"first_publication": published_now}, today)
            await edit_right(session, right, parts.clock.now(), ctx.obj.actor, facts, number, works, why)

    with_parts(ctx, change)


@rights.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show the rights, the works they protect, where they are approved, and which end soon."""

    async def work(parts: Parts) -> list[dict[str, object]]:
        today = parts.clock.now().date()
        async with parts.database.read() as session:
            return [
                {
                    "id": right.id,
                    "kind": right.kind,
                    "title": right.title,
                    "number": right.number,
                    "works": [one.title for one in protected],
                    "approval": {
                        name: standing_of(RightState(row.state))
                        for name, row in (await right_states(session, right.id)).items()
                    },
                    "ending": str(expiry(Right.from_wire(right.facts), today)),
                    "facts": right.facts,
                }
                for right, protected in await list_rights(session)
            ]

    empty = "no rights yet; `bazaarwatch rights add copyright_unregistered --work TITLE` registers one"
    show(with_parts(ctx, work), as_json, empty, hide=["facts"])


@rights.command("show")
def show_(ctx: typer.Context, right: RightId, as_json: AsJson = False) -> None:
    """Show everything known of one right: its facts, works, papers, proofs, and its state in each account."""
    show_facts(with_parts(ctx, lambda parts: _everything(parts, right)), as_json)


async def _everything(parts: Parts, right_id: int) -> dict[str, Any]:
    async with parts.database.read() as session:
        row = await get_right(session, right_id)
        works = await works_of(session, right_id)
        proofs = [proof for work in works for proof in await publications_of(session, work.id)]
        right = Right.from_wire(row.facts)
        return {
            "id": row.id,
            **{name: value for name, value in row.facts.items() if value not in (None, [], "")},
            "works": [work.title for work in works],
            "ending": str(expiry(right, parts.clock.now().date())),
            "incomplete": [str(problem) for problem in validate(right)],
            "approval": [
                f"{account.platform}, {account.label}: {standing_of(RightState(state.state))}"
                + (f" ({state.note})" if state.note else "")
                for account, state in await states_by_account(session, right_id)
            ],
            "papers": [f"{one.id}: {one.kind}" for one in await list_documents(session, right_id=right_id)],
            "proofs": [
                f"{proof.stated_on or proof.seen_at.date()}: {proof.url or proof.file_name}" for proof in proofs
            ],
        }


@rights.command()
def state(
    ctx: typer.Context,
    right: RightId,
    platform: Annotated[str, typer.Argument(help="The complaint platform, such as alibaba_ipp.")],
    state: Annotated[
        str, typer.Argument(help="none, pending, approved or denied; a platform's finer word is taken too.")
    ],
    note: Annotated[str, typer.Option("--note", "--why", help="The reason of a refusal.")] = "",
    account: Annotated[str | None, typer.Option(help="The account's label, where there are several.")] = None,
) -> None:
    """Record how far a platform has approved a right; no complaint leaves on one that waits or was refused."""
    try:
        recorded = recorded_as(state)
    except ValueError:
        raise UsageProblem(f"{state!r} is no state; known: {', '.join([*Standing, *RightState])}") from None
    if state == Standing.DENIED and not note.strip():
        raise UsageProblem("say with --why what the platform gave as its reason")

    async def change(parts: Parts) -> None:
        where = account_platform(parts, platform)
        async with parts.database.write("right state set") as session:
            now, actor = parts.clock.now(), ctx.obj.actor
            await set_right_state(session, right, where, recorded and recorded.value, note, now, actor, account)

    with_parts(ctx, change)


@rights.command()
def statement(
    ctx: typer.Context, right: RightId, to: Annotated[Path, typer.Argument(help="The PDF to write.")]
) -> None:
    """Write the claim statement of an unregistered copyright, to be printed, signed and added to the vault."""

    async def work(parts: Parts) -> None:
        from monitor.registry.claims import statement_of

        data = await statement_of(parts, right)
        to.write_bytes(data)

    with_parts(ctx, work)
    say(f"written: {to}; sign it, then `bazaarwatch vault add claim_statement SIGNED_SCAN --right {right}`")
