"""`sellers`: who may offer the works."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.commands.common import AsJson, UsageProblem, say, show, with_parts
from monitor.daemon import Parts
from storage.cases import allow_seller, disallow_seller, list_allowed
from storage.complaints import complaints_against

sellers = typer.Typer(no_args_is_help=True, help="Sellers who may offer your works: own shops, licensees.")


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.add_typer(sellers, name="sellers")


@sellers.command()
def allow(
    ctx: typer.Context,
    marketplace: Annotated[str, typer.Argument(help="The marketplace's name, as in the listings.")],
    seller_id: Annotated[str, typer.Argument(help="The seller's exact id there; no patterns.")],
    reason: Annotated[str, typer.Option(help="Such as 'own shop' or 'licence of May 2026'.")],
) -> None:
    """Keep a seller's listings out of the alerts and out of every complaint."""
    if not seller_id.strip() or any(sign in seller_id for sign in "*?%"):
        raise UsageProblem(f"{seller_id!r} is no exact seller id; one row allows one seller")

    async def change(parts: Parts) -> tuple[int, list[int]]:
        async with parts.database.write("seller allowed") as session:
            now, actor = parts.clock.now(), ctx.obj.actor
            count = await allow_seller(session, now, actor, marketplace, seller_id, reason)
            return count, await complaints_against(session, marketplace, seller_id)

    count, named = with_parts(ctx, change)
    say(f"allowed; {count} open alerts set aside")
    if named:
        say(f"complaints that name them: {', '.join(f'C-{one}' for one in named)}; leave them out, or withdraw it")


@sellers.command()
def disallow(
    ctx: typer.Context,
    marketplace: Annotated[str, typer.Argument(help="The marketplace's name, as in the listings.")],
    seller_id: Annotated[str, typer.Argument(help="The seller's exact id there.")],
) -> None:
    """Allow a seller no longer: their alerts, set aside till now, ask for you again."""

    async def change(parts: Parts) -> int:
        async with parts.database.write("seller no longer allowed") as session:
            return await disallow_seller(session, parts.clock.now(), ctx.obj.actor, marketplace, seller_id)

    say(f"no longer allowed; {with_parts(ctx, change)} alerts ask for you again")


@sellers.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show the sellers who may offer your works."""

    async def work(parts: Parts) -> list[dict[str, object]]:
        async with parts.database.read() as session:
            return [
                {
                    "marketplace": row.marketplace,
                    "seller_id": row.seller_id,
                    "reason": row.reason,
                    "since": row.added_at,
                }
                for row in await list_allowed(session)
            ]

    empty = "nobody is allowed yet; `bazaarwatch sellers allow MARKETPLACE SELLER_ID --reason ...`"
    show(with_parts(ctx, work), as_json, empty)
