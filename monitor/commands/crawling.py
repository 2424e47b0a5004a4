"""`scan`, `run`, `import` and `parse`: from marketplaces and saved pages to alerts."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from detectors.model import Outcome
from monitor import importing, wire
from monitor.commands.common import AsJson, UsageProblem, messages, print_json, progress, say, show, with_parts
from monitor.daemon import Parts, described_marketplaces, make_sandbox, run, scan
from monitor.marketplaces import MARKETPLACES
from monitor.marketplaces.base import Marketplace, Page
from monitor.saved.addresses import addresses_in_text
from monitor.text import visible
from storage.alerts import count_open
from storage.listings import count_backlog, retry_parked
from storage.searches import list_searches, make_due

_REFRESH_S = 0.2


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.command("scan")(scan_)
    app.command("run")(run_)
    app.command("import")(import_)
    app.command("parse")(parse)


def scan_(
    ctx: typer.Context,
    search_ids: Annotated[
        list[int] | None, typer.Argument(help="Only these searches; else all that are active.")
    ] = None,
    due: Annotated[bool, typer.Option("--due", help="Only what is due by its rhythm.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Also listings that were parked after failures.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run searches now, examine what they find, and raise alerts."""

    async def work(parts: Parts) -> dict[str, object]:
        tasks = parts.tasks  # before anything changes: it needs a contact to be set
        async with parts.database.write("scan asked for") as session:
            if not due:
                await make_due(session, search_ids, parts.clock.now())
            if retry:
                await retry_parked(session, parts.clock.now())
        await _with_progress(parts, as_json)
        async with parts.database.read() as session:
            backlog = await count_backlog(session)
            searches = await list_searches(session)
            return {
                "searches_run": tasks.engine.finished["crawl_search"],
                "listings_examined": tasks.engine.finished["examine_listing"],
                "lost": tasks.engine.lost,
                "listings_waiting": backlog.waiting,
                "listings_parked": backlog.parked,
                "open_alerts": await count_open(session, parts.clock.now()),
                "not_ok": [
                    f"search {one.id} ({one.marketplace}, {one.subject}): {crawl.outcome}: {crawl.reason}"
                    for one, crawl in searches
                    if crawl and crawl.outcome not in (Outcome.OK, Outcome.EMPTY)
                ],
            }

    result = with_parts(ctx, work)
    if as_json:
        print_json(result)
        raise typer.Exit(1 if result["lost"] else 0)
    say(f"{result['searches_run']} searches run, {result['listings_examined']} listings examined")
    if result["lost"]:
        say(f"{result['lost']} units of work failed by a fault of ours; --verbose shows it, `doctor` what is parked")
    for line in result["not_ok"]:  # type: ignore[attr-defined]
        say(line)
    counts = ", ".join(f"{count} {level}" for level, count in result["open_alerts"].items())  # type: ignore[attr-defined]
    say(f"open alerts: {counts or 'none'}; `bazaarwatch alerts list` shows them")
    raise typer.Exit(1 if result["lost"] else 0)


async def _with_progress(parts: Parts, quiet: bool) -> None:
    """Scan, with a bar of what is queued and done."""
    engine = parts.tasks.engine
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeElapsedColumn(), console=messages, transient=True, disable=quiet) as shown:
        bars = {
            name: shown.add_task(label, total=None)
            for name, label in (("crawl_search", "searches"), ("examine_listing", "listings"))
        }
        working = asyncio.create_task(scan(parts))
        try:
            while not working.done():
                for name, bar in bars.items():
                    shown.update(bar, total=engine.queued[name] or None, completed=engine.finished[name])
                await asyncio.wait({working}, timeout=_REFRESH_S)
        finally:
            working.cancel()  # on Ctrl-C, so that it ends before what it works with is closed
            await asyncio.wait({working})
        await working


def run_(ctx: typer.Context) -> None:
    """Work as a daemon: run searches when they are due, raise alerts, write digests. Ctrl-C or SIGTERM ends it."""
    from monitor.logs import log_as_json

    log_as_json(ctx.obj.settings.log.level)

    with_parts(ctx, run)


def import_(
    ctx: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Saved pages (HTML with its folder, MHTML, SingleFile), HAR files, folders or ZIP archives of these, "
            "or a list of listing addresses (text, CSV, XLSX); '-' reads addresses."
        ),
    ],
    marketplace: Annotated[str | None, typer.Option(help="The pages' marketplace; else it is recognised.")] = None,
    url: Annotated[str | None, typer.Option(help="The page's address, where the file does not say it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take in pages that you saved in your browser, with their pictures, and raise alerts from them."""
    for path in paths:
        if not path.exists() and path != Path("-"):
            raise UsageProblem(f"{path} does not exist")

    async def work(parts: Parts) -> tuple[list[importing.Imported], int, dict[str, int]]:
        _require_known(marketplace, parts.marketplaces)
        files = list(importing.page_files([path for path in paths if path != Path("-")]))
        results = await _import_files(parts, files, marketplace, url, ctx.obj.actor, quiet=as_json)
        if Path("-") in paths:
            text = sys.stdin.read()
            lines = addresses_in_text(text) or text.splitlines()
            results += await importing.import_urls(parts, lines, ctx.obj.actor)
        keys = dict.fromkeys(key for one in results for key in one.listing_keys)
        examiner = parts.examiner(None)
        for key in progress(list(keys), "examining pictures", quiet=as_json):
            await examiner.examine(key)
        async with parts.database.read() as session:
            return results, (await count_backlog(session)).waiting, await count_open(session, parts.clock.now())

    results, waiting, alerts = with_parts(ctx, work)
    rows = [
        {
            "source": one.source,
            "outcome": one.outcome,
            "marketplace": one.marketplace,
            "listings": len(one.listing_keys),
            "new": one.new,
            "pictures": one.pictures,
            "reason": one.reason,
        }
        for one in results
    ]
    show(rows, as_json, "no pages in there; .html, .htm, .json, .mhtml, .har and .zip are read")
    if not as_json:
        if waiting:
            say(f"{waiting} listings wait for pictures not saved with the page; `bazaarwatch scan` fetches them")
        counts = ", ".join(f"{count} {level}" for level, count in alerts.items())
        say(f"open alerts: {counts or 'none'}; `bazaarwatch alerts list` shows them")
    if any(one.outcome not in (Outcome.OK, Outcome.EMPTY) for one in results):
        raise typer.Exit(1)


async def _import_files(
    parts: Parts, files: list[Path], marketplace: str | None, url: str | None, actor: str, *, quiet: bool
) -> list[importing.Imported]:
    """Take in one file after the other, with a bar of the files and the name of what was read last."""
    results = []
    columns = (TextColumn("reading"), BarColumn(), TextColumn("{task.completed}/{task.total} {task.description}"))
    with Progress(*columns, console=messages, transient=True, disable=quiet) as shown:
        bar = shown.add_task("", total=len(files))
        for file in files:
            async for one in importing.import_file(parts, file, marketplace, url, actor):
                results.append(one)
                shown.update(bar, description=escape(visible(one.source[-60:])))
            shown.advance(bar)
    return results


def parse(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A page as it was served or saved.")],
    marketplace: Annotated[str | None, typer.Option(help="The page's marketplace; else it is recognised.")] = None,
    url: Annotated[str, typer.Option(help="The page's address.")] = importing.UNKNOWN_URL,
    as_json: AsJson = False,
) -> None:
    """Read one page and print what it says; nothing is stored. Every outcome ends with exit code 0."""
    described = described_marketplaces(ctx.obj.data_dir)
    _require_known(marketplace, {**described, **MARKETPLACES})

    async def work() -> dict[str, object]:
        sandbox = make_sandbox(ctx.obj.settings, described)
        try:
            return wire.parsed_to_json(await sandbox.parse(Page(url, file.read_bytes()), marketplace))
        finally:
            await sandbox.close()

    result = asyncio.run(work())
    if as_json:
        print_json(result)
        return
    say(f"{result['outcome']} ({result['marketplace']}) {result['reason']}")
    listings: list[dict[str, object]] = result["listings"]  # type: ignore[assignment]
    hidden = ["marketplace", "url", "price_raw", "image_urls", "aliases"]
    show(listings, as_json, "no listings", hide=hidden)


def _require_known(marketplace: str | None, known: Mapping[str, Marketplace]) -> None:
    if marketplace is not None and marketplace not in known:
        raise UsageProblem(f"no marketplace {marketplace!r}; known: {', '.join(sorted(known))}")
