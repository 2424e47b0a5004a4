"""`marketplaces`: what can be done where, sites of one's own, and whether the known ones can still be read."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from detectors.model import Outcome
from monitor.commands.common import AsJson, UsageProblem, print_json, progress, say, show, with_parts
from monitor.daemon import Parts, described_marketplaces, make_sandbox
from monitor.marketplaces import MARKETPLACES
from monitor.marketplaces.base import Marketplace, Page
from monitor.marketplaces.described import descriptions, read_description, site_of
from monitor.marketplaces.fields import fields_of
from monitor.marketplaces.overview import markdown, overview
from storage.digests import BEGINNING
from storage.searches import coverage as ledger

marketplaces = typer.Typer(help="What can be done at which marketplace; without a subcommand, the table.")

Names = Annotated[list[str] | None, typer.Argument(help="Only these; else those that are searched.")]


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.add_typer(marketplaces, name="marketplaces")


@marketplaces.callback(invoke_without_command=True)
def table(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show what can be done at which marketplace, and by which ways."""
    if ctx.invoked_subcommand is None:
        list_(ctx, as_json=as_json)


@marketplaces.command("list")
def list_(
    ctx: typer.Context,
    as_json: AsJson = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print the table as docs/marketplaces.md has it.")] = (
        False
    ),
) -> None:
    """Show what can be done at which marketplace, and by which ways: api, http, rendered, saved."""
    if as_markdown:
        typer.echo(markdown(MARKETPLACES.values()), nl=False)
        return
    known: list[Marketplace] = [*MARKETPLACES.values(), *described_marketplaces(ctx.obj.data_dir).values()]
    show(overview(known), as_json, "no marketplaces", hide=["hosts"])


@marketplaces.command()
def check(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A marketplace's description (TOML).")],
    page: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A page of it, as served or saved, to read.")
    ] = None,
    url: Annotated[str, typer.Option(help="The page's address.")] = "about:blank",
    as_json: AsJson = False,
) -> None:
    """Check a description of a marketplace, and show key by key what it reads on a page. Nothing is stored.

    Exit code 0 if it is sound and finds listings on the page; 1 if it finds none.
    """
    description = read_description(file)
    site = site_of(description)
    if site.name in MARKETPLACES:
        raise UsageProblem(f"{file}: name: another marketplace is called {site.name!r} already")
    request = site.search_request("moth pin")
    first = request.url if request else None
    if page is None:
        if as_json:
            print_json({"name": site.name, "search": first})
        else:
            say(f"{file} is sound; a search for 'moth pin' begins at {first or '(it describes no search)'}")
        return
    saved = Page(url, page.read_bytes())

    async def work() -> tuple[list[dict[str, Any]], Any]:
        sandbox = make_sandbox(ctx.obj.settings, {site.name: site})
        try:
            return await sandbox.diagnose(saved, next(descriptions([site])))
        finally:
            await sandbox.close()

    rows, parsed = asyncio.run(work())
    counts = fields_of(parsed.listings)
    if as_json:
        facts = {"outcome": parsed.outcome, "reason": parsed.reason, "layout": parsed.layout, "next": parsed.next}
        print_json({"name": site.name, "search": first, **facts, "keys": rows, "fields": counts})
    else:
        show(rows, as_json=False, empty="the description has no table for such a page")
        say(f"{parsed.outcome}: {len(parsed.listings)} listings {parsed.layout or parsed.reason}")
        for field, found in counts.items() if parsed.listings else ():
            missing = "" if found == len(parsed.listings) else "  <- missing in the others"
            say(f"  {field}: in {found} of {len(parsed.listings)}{missing}")
        say(f"  next page: {parsed.next or 'none found'}; a search for 'moth pin' begins at {first or '(none)'}")
    if parsed.outcome not in (Outcome.OK, Outcome.EMPTY):
        raise typer.Exit(1)


@marketplaces.command()
def canary(
    ctx: typer.Context,
    names: Names = None,
    keyword: Annotated[str | None, typer.Option(help="What to look for; else its canary's or newest keyword.")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask each marketplace or shop something that it must answer, and compare which fields are still there.

    `run` does so once a day wherever a keyword is searched for. Exit code 1 if one has lost fields.
    """
    from monitor.canaries import Finding, run_canary, searched

    async def work(parts: Parts) -> list[Finding]:
        known = await searched(parts)
        for name in names or ():
            if name not in parts.marketplaces:
                raise UsageProblem(f"no marketplace {name!r}; `bazaarwatch marketplaces` shows them")
        unknown = set(names or ()) - {name for name, _ in known}
        asked = {site: what for site, what in known.items() if not names or site[0] in names}
        asked |= {(name, ""): "pin" for name in sorted(unknown)}
        return [
            await run_canary(parts, name, keyword or what, ctx.obj.actor, shop)
            for (name, shop), what in progress(list(asked.items()), "asking", quiet=as_json)
        ]

    findings = with_parts(ctx, work)
    rows = [one.to_json() for one in findings]
    show(
        rows,
        as_json,
        "nothing is searched by keyword; `bazaarwatch search add` first, or name a marketplace",
        hide=["fields"],
    )
    if any(one.drifted for one in findings):
        raise typer.Exit(1)


@marketplaces.command()
def coverage(
    ctx: typer.Context,
    days: Annotated[float | None, typer.Option(min=0.01, help="Only runs of the last days; else all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show per search what was asked, got, blocked and new."""

    async def work(parts: Parts) -> list[dict[str, object]]:
        since = parts.clock.now() - timedelta(days=days) if days else BEGINNING
        async with parts.database.read() as session:
            return [
                {
                    "search": one.search.id,
                    "marketplace": one.search.marketplace,
                    "keyword": one.search.keyword,
                    "asked": one.asked,
                    "got": one.got,
                    "blocked": one.blocked,
                    "listings": one.listings_seen,
                    "new": one.listings_new,
                    "blocked_since": one.blocked_since,
                }
                for one in await ledger(session, since)
            ]

    show(with_parts(ctx, work), as_json, "no searches yet; `bazaarwatch search add MARKETPLACE KEYWORD`")
