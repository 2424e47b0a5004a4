"""`keywords`: what each search has brought, what to add and what to retire."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.commands.common import AsJson, show, with_parts
from monitor.daemon import Parts
from monitor.keywords import RETIRE_AFTER, SHARED_BY, suggest, to_retire
from storage.keywords import confirmed_titles, keyword_yields
from storage.searches import list_searches

keywords = typer.Typer(no_args_is_help=True, help="What your keywords bring, and which to add or retire.")

Runs = Annotated[int, typer.Option("--runs", min=1, help="Answered runs without an alert after which one is flagged.")]


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.add_typer(keywords, name="keywords")


@keywords.command("list")
def list_(ctx: typer.Context, runs: Runs = RETIRE_AFTER, as_json: AsJson = False) -> None:
    """Show what each search has brought; those that bring nothing are flagged."""

    async def work(parts: Parts) -> list[dict[str, object]]:
        async with parts.database.read() as session:
            yields = await keyword_yields(session)
        idle = {one.search.id for one in to_retire(yields, runs)}
        return [
            {
                "search": one.search.id,
                "marketplace": one.search.marketplace,
                "keyword": one.search.keyword,
                "runs": one.runs,
                "new_listings": one.listings_new,
                "alerts": one.alerted,
                "confirmed": one.confirmed,
                "advice": f"retire it: `bazaarwatch search pause {one.search.id}`" if one.search.id in idle else "",
            }
            for one in yields
        ]

    show(with_parts(ctx, work), as_json, "no searches yet; `bazaarwatch search add MARKETPLACE KEYWORD`")


@keywords.command("suggest")
def suggest_(
    ctx: typer.Context,
    least: Annotated[int, typer.Option(min=2, help="Confirmed listings that must share a term.")] = SHARED_BY,
    as_json: AsJson = False,
) -> None:
    """Propose terms that confirmed listings share and that no active search covers. Nothing is added by itself."""

    async def work(parts: Parts) -> list[dict[str, object]]:
        async with parts.database.read() as session:
            known = [search.keyword for search, _ in await list_searches(session) if not search.paused_at]
            found = suggest(await confirmed_titles(session), known, least)
        return [
            {"term": one.term, "listings": one.listings, "marketplaces": one.marketplaces, "example": one.example}
            for one in found
        ]

    empty = f"no term is shared by {least} confirmed listings and searched by none; decide alerts first"
    show(with_parts(ctx, work), as_json, empty)
