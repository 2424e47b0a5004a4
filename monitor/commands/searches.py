"""`search`: what to look for, where and how often."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.commands.common import AsJson, UsageProblem, say, show, with_parts
from monitor.daemon import Parts
from storage.searches import add_search, edit_search, list_searches, remove_search, set_paused

search = typer.Typer(no_args_is_help=True, help="Keywords to look for on marketplaces.")

SearchId = Annotated[int, typer.Argument(help="The search's id.")]
Every = Annotated[float | None, typer.Option("--every", min=0.25, help="Hours between two runs.")]
Pages = Annotated[int | None, typer.Option("--pages", min=1, max=100, help="Result pages to read in one run.")]


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.add_typer(search, name="search")


@search.command()
def add(
    ctx: typer.Context,
    marketplace: Annotated[str, typer.Argument(help="The marketplace's name, such as ebay.")],
    keyword: Annotated[str, typer.Argument(help="What to look for.")],
    every: Every = None,
    pages: Pages = None,
) -> None:
    """Look for a keyword on a marketplace from now on."""

    async def change(parts: Parts) -> int:
        site = parts.marketplaces.get(marketplace)
        if site is None:
            raise UsageProblem(f"no marketplace {marketplace!r}; known: {', '.join(sorted(parts.marketplaces))}")
        if site.search_request(keyword) is None:
            raise UsageProblem(f"{marketplace} cannot be searched by plain HTTP; save its pages and use `import`")
        schedule = ctx.obj.settings.schedule
        async with parts.database.write("search added") as session:
            rhythm, limit = every or schedule.rhythm_h, pages or schedule.page_limit
            now, actor = parts.clock.now(), ctx.obj.actor
            return (await add_search(session, now, actor, marketplace, keyword.strip(), rhythm, limit)).id

    say(f"search {with_parts(ctx, change)} added; `bazaarwatch scan` runs it now, `bazaarwatch run` from now on")


@search.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show the searches and how their last run ended."""

    async def work(parts: Parts) -> list[dict[str, object]]:
        async with parts.database.read() as session:
            return [
                {
                    "id": one.id,
                    "marketplace": one.marketplace,
                    "keyword": one.keyword,
                    "every_h": one.rhythm_h,
                    "pages": one.page_limit,
                    "state": "paused" if one.paused_at else "active",
                    "next_run": one.next_run_at,
                    "last_run": crawl and crawl.finished_at,
                    "outcome": crawl and crawl.outcome,
                    "reason": crawl.reason if crawl else "",
                    "seen": crawl and crawl.listings_seen,
                    "new": crawl and crawl.listings_new,
                }
                for one, crawl in await list_searches(session)
            ]

    empty = "no searches yet; `bazaarwatch search add MARKETPLACE KEYWORD`"
    show(with_parts(ctx, work), as_json, empty, hide=["every_h", "pages", "reason"])


@search.command()
def edit(
    ctx: typer.Context,
    search_id: SearchId,
    keyword: Annotated[str | None, typer.Option(help="The new keyword.")] = None,
    every: Every = None,
    pages: Pages = None,
) -> None:
    """Change a search's keyword, rhythm or number of pages."""

    async def change(parts: Parts) -> None:
        async with parts.database.write("search edited") as session:
            now, actor = parts.clock.now(), ctx.obj.actor
            await edit_search(session, search_id, now, actor, keyword=keyword, rhythm_h=every, page_limit=pages)

    with_parts(ctx, change)


@search.command()
def pause(ctx: typer.Context, search_id: SearchId) -> None:
    """Let a search rest."""
    _set_paused(ctx, search_id, paused=True)


@search.command()
def resume(ctx: typer.Context, search_id: SearchId) -> None:
    """Let a paused search run again."""
    _set_paused(ctx, search_id, paused=False)


def _set_paused(ctx: typer.Context, search_id: int, *, paused: bool) -> None:
    async def change(parts: Parts) -> None:
        async with parts.database.write("search paused") as session:
            await set_paused(session, search_id, parts.clock.now(), ctx.obj.actor, paused)

    with_parts(ctx, change)


@search.command()
def remove(ctx: typer.Context, search_id: SearchId) -> None:
    """Stop a search for good. What it found stays."""

    async def change(parts: Parts) -> None:
        async with parts.database.write("search removed") as session:
            await remove_search(session, search_id, parts.clock.now(), ctx.obj.actor)

    with_parts(ctx, change)
