"""`search`: what to look for, where and how often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from monitor.commands.common import AsJson, UsageProblem, say, show, with_parts
from monitor.daemon import Parts
from storage.searches import add_search, edit_search, list_searches, remove_search, set_paused
from storage.works import find_work, references

if TYPE_CHECKING:
    pass

search = typer.Typer(
    no_args_is_help=True, help="What to look for on marketplaces: keywords, sellers' offers, pictures of works."
)

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
    keyword: Annotated[
        str, typer.Argument(help="What to look for; may be left out with --picture, --seller or --shop.")
    ] = "",
    picture: Annotated[
        str,
        typer.Option(metavar="WORK", help="Look for what resembles this work's references; its title, or its id."),
    ] = "",
    seller: Annotated[str, typer.Option(help="Look through what this seller offers (the site's id of it).")] = "",
    shop: Annotated[
        str, typer.Option(help="The shop's address, for shopify, woocommerce, generic-jsonld and demo-bazaar.")
    ] = "",
    every: Every = None,
    pages: Pages = None,
) -> None:
    """Look for something on a marketplace from now on: a keyword, a seller's offers, or a work's pictures.

    Shops that live on any host take --shop https://shop.example, and without a keyword are read as a whole.
    generic-jsonld takes a page, such as a category, or a search with {keyword} in the keyword's place:
    --shop "https://shop.example/search?q={keyword}".
    """
    keyword, seller = keyword.strip(), seller.strip()

    async def change(parts: Parts) -> list[int]:
        from monitor.marketplaces.asking import Unsearchable, require_searchable, shop_address
        from monitor.marketplaces.base import Query

        site = parts.marketplaces.get(marketplace)
        if site is None:
            raise UsageProblem(f"no marketplace {marketplace!r}; known: {', '.join(sorted(parts.marketplaces))}")
        wanted = await _wanted(parts, keyword, seller, picture)
        try:
            address = shop_address(site, shop)
            require_searchable(site, Query(keyword, seller, picture.encode(), address))
        except Unsearchable as error:
            raise UsageProblem(str(error)) from None
        schedule = ctx.obj.settings.schedule
        rhythm, limit = every or schedule.rhythm_h, pages or schedule.page_limit
        now, actor = parts.clock.now(), ctx.obj.actor
        async with parts.database.write("search added") as session:
            return [
                (
                    await add_search(
                        session, now, actor, marketplace, word, rhythm, limit,
                        seller=seller, picture=sha256, shop=address,
                    )
                ).id
                for word, sha256 in wanted
            ]  # fmt: skip

    added = ", ".join(map(str, with_parts(ctx, change)))
    say(f"search {added} added; `bazaarwatch scan` runs it now, `bazaarwatch run` from now on")


async def _wanted(parts: Parts, keyword: str, seller: str, named: str) -> list[tuple[str, str]]:
    """(Keyword, picture's hash) of each search: one for each reference of a work, else a single one."""
    if not named:
        return [(keyword, "")]
    if keyword or seller:
        raise UsageProblem("a picture is looked for by itself: leave out the keyword and --seller")
    async with parts.database.read() as session:
        work = await find_work(session, named)
        found = await references(session, work.id)
    if not found:
        raise UsageProblem(f"work {work.id} has no picture; `bazaarwatch works add` registers one")
    return [(work.title, one.sha256) for one in found]


@search.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show the searches and how their last run ended."""

    async def work(parts: Parts) -> list[dict[str, object]]:
        async with parts.database.read() as session:
            return [
                {
                    "id": one.id,
                    "marketplace": one.marketplace,
                    "looks_for": one.subject,
                    "keyword": one.keyword,
                    "seller": one.seller,
                    "picture": one.picture,
                    "shop": one.shop,
                    "every_h": one.rhythm_h,
                    "pages": one.page_limit,
                    "canary": one.canary,
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
    show(
        with_parts(ctx, work),
        as_json,
        empty,
        hide=["keyword", "seller", "picture", "shop", "every_h", "pages", "canary", "reason"],
    )


@search.command()
def edit(
    ctx: typer.Context,
    search_id: SearchId,
    keyword: Annotated[str | None, typer.Option(help="The new keyword.")] = None,
    every: Every = None,
    pages: Pages = None,
    canary: Annotated[
        bool | None,
        typer.Option("--canary/--no-canary", help="Whether canary runs ask its marketplace for its keyword."),
    ] = None,
) -> None:
    """Change a search's keyword, rhythm or number of pages, or make it its marketplace's canary."""

    async def change(parts: Parts) -> None:
        async with parts.database.write("search edited") as session:
            now, actor = parts.clock.now(), ctx.obj.actor
            await edit_search(
                session, search_id, now, actor, keyword=keyword, rhythm_h=every, page_limit=pages, canary=canary
            )

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
