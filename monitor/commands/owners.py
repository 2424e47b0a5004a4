"""`owners`: in whose name complaints are made."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from detectors.rights import Owner, PartyKind, validate_owner
from monitor.commands.common import AsJson, UsageProblem, Why, given, say, show, show_facts, with_parts
from monitor.daemon import Parts
from storage import tables
from storage.owners import edit_owner, list_owners
from storage.rights import list_rights
from storage.works import set_owner, the_owner

owners = typer.Typer(no_args_is_help=True, help="The rights holders, in whose name complaints are made.")

Name = Annotated[str, typer.Argument(help="The legal name, letter for letter as in the identity papers.")]
Email = Annotated[str | None, typer.Option(help="For complaints; platforms show it to sellers, so use no private one.")]
Country = Annotated[str | None, typer.Option(help="Two letters, such as DE.")]
Company = Annotated[bool | None, typer.Option("--company/--person", help="Whether it is a company.")]
Address = Annotated[str | None, typer.Option(help="Postal address, lines separated by ';'.")]
Phone = Annotated[str | None, typer.Option(help="As in +4930123456.")]


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.add_typer(owners, name="owners")


@owners.command()
def add(
    ctx: typer.Context,
    name: Name,
    email: Email,
    country: Country,
    company: Company = None,
    address: Address = None,
    phone: Phone = None,
) -> None:
    """Register a rights holder, or bring one's contact facts up to date."""
    facts = _facts(email, country, company, address, phone)
    _require_whole(tables.Owner(name=name, kind="person", country="", email="", address="", phone=""), facts)

    async def store(parts: Parts) -> tables.Owner:
        async with parts.database.write("owner set") as session:
            return await set_owner(session, parts.clock.now(), ctx.obj.actor, name, facts)

    say(f"owner {with_parts(ctx, store).id} registered")


@owners.command()
def edit(
    ctx: typer.Context,
    name: Name,
    rename: Annotated[str | None, typer.Option(help="The new legal name.")] = None,
    email: Email = None,
    country: Country = None,
    company: Company = None,
    address: Address = None,
    phone: Phone = None,
    why: Why = "",
) -> None:
    """Change what is given. A right's holder is not changed with it: platforms compare the two names."""
    facts = _facts(email, country, company, address, phone) | ({"name": rename} if rename else {})

    async def change(parts: Parts) -> None:
        async with parts.database.write("owner edited") as session:
            owner = await the_owner(session, name)
            _require_whole(owner, facts)
            await edit_owner(session, owner, parts.clock.now(), ctx.obj.actor, facts, why)

    with_parts(ctx, change)


@owners.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show the rights holders, without their addresses."""

    async def work(parts: Parts) -> list[dict[str, Any]]:
        async with parts.database.read() as session:
            counts: dict[int, int] = {}
            for right, _ in await list_rights(session):
                counts[right.owner_id] = counts.get(right.owner_id, 0) + 1
            return [
                {
                    "id": row.id,
                    "name": row.name,
                    "kind": row.kind,
                    "country": row.country,
                    "rights": counts.get(row.id, 0),
                }
                for row in await list_owners(session)
            ]

    empty = 'no rights holder yet; `bazaarwatch init --owner "Your legal name"` registers one'
    show(with_parts(ctx, work), as_json, empty)


@owners.command("show")
def show_(ctx: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Show one rights holder with the address that complaints carry, and what is missing."""

    async def work(parts: Parts) -> dict[str, Any]:
        async with parts.database.read() as session:
            row = await the_owner(session, name)
        return {
            "id": row.id,
            "name": row.name,
            "kind": row.kind,
            "country": row.country,
            "email": row.email,
            "address": row.address.splitlines(),
            "phone": row.phone,
            "missing": [str(one) for one in validate_owner(_owner(row, {}))],
        }

    show_facts(with_parts(ctx, work), as_json)


def _facts(
    email: str | None, country: str | None, company: bool | None, address: str | None, phone: str | None
) -> dict[str, str]:
    return given(
        {
            "email": email,
            "country": country and country.upper(),
            "kind": None if company is None else ("company" if company else "person"),
            "address": address and address.replace(";", "\n"),
            "phone": phone,
        }
    )


def _owner(row: tables.Owner, facts: dict[str, str]) -> Owner:
    values = {name: facts.get(name, getattr(row, name)) for name in ("name", "kind", "country", "email", "phone")}
    address = tuple(facts.get("address", row.address).splitlines())
    kind = PartyKind(values["kind"])
    return Owner(kind, values["name"], values["country"], values["email"], address, values["phone"] or None)


def _require_whole(row: tables.Owner, facts: dict[str, str]) -> None:
    problems = validate_owner(_owner(row, facts))
    if problems:
        raise UsageProblem("the rights holder is not right: " + "; ".join(map(str, problems)))
