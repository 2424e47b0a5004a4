"""`keywords`: what each search has brought, what to add and what to retire."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.commands.common import AsJson, UsageProblem, say, show, with_parts
from monitor.daemon import Parts
from monitor.keywords import RETIRE_AFTER, SHARED_BY, suggest, to_retire
from monitor.marketplaces.base import Query
from monitor.terms import FILE_NAME, read_terms, terms_in
from storage.keywords import confirmed_titles, keyword_yields
from storage.searches import add_search, list_searches
from storage.works import list_works

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
                "keyword": one.search.subject,
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


@keywords.command()
def terms(
    ctx: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Marketplaces; else those that are searched.")] = None,
    add: Annotated[bool, typer.Option("--add", help="Search for the terms from now on, where that is possible.")] = (
        False
    ),
    as_json: AsJson = False,
) -> None:
    """Show what to search for at each marketplace, in its language, and for which works no term is known.

    The terms stand in terms.toml in the data folder: a table for each work, in it a list for each language.
    """

    async def work(parts: Parts) -> list[dict[str, object]]:
        async with parts.database.read() as session:
            works = [one.work.title for one in await list_works(session)]
            known = {(one.marketplace, one.keyword) for one, _ in await list_searches(session)}
        written = read_terms(ctx.obj.data_dir, works)
        rows: list[dict[str, object]] = []
        for name in names or sorted({marketplace for marketplace, _ in known}):
            site = parts.marketplaces.get(name)
            if site is None:
                raise UsageProblem(f"no marketplace {name!r}; `bazaarwatch marketplaces` shows them")
            for one in terms_in(written, works, site.abilities.language):
                for term in one.terms or ("",):
                    state = "missing" if not term else "searched" if (name, term) in known else "not searched"
                    if add and state == "not searched" and site.query_request(Query(term)):
                        await _add(parts, name, term, ctx.obj.actor)
                        known.add((name, term))
                        state = "added"
                    language = site.abilities.language
                    rows.append(
                        {"marketplace": name, "language": language, "work": one.work, "term": term, "state": state}
                    )
        return rows

    rows = with_parts(ctx, work)
    show(rows, as_json, "no works or no searches yet; `bazaarwatch works add`, or name a marketplace")
    missing = sorted({(str(row["work"]), str(row["language"])) for row in rows if row["state"] == "missing"})
    if missing and not as_json:
        first = f"[{missing[0][0]!r}] {missing[0][1]} = [...]"
        say(f"{len(missing)} works lack terms in a language; write them into {ctx.obj.data_dir / FILE_NAME}: {first}")


async def _add(parts: Parts, marketplace: str, keyword: str, actor: str) -> None:
    schedule = parts.settings.schedule
    async with parts.database.write("search added") as session:
        now = parts.clock.now()
        await add_search(session, now, actor, marketplace, keyword, schedule.rhythm_h, schedule.page_limit)
