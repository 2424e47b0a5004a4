"""`render`: one page as its scripts fill it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.commands.common import UsageProblem, say, with_parts
from monitor.daemon import Parts
from monitor.marketplaces.base import Page, Request


def register(app: typer.Typer) -> None:
    """Hang the command into the program."""
    app.command()(render)


def render(
    ctx: typer.Context,
    url: Annotated[str, typer.Argument(help="The page's address; its robots.txt and pace are kept.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write the page; '-' prints it.")],
) -> None:
    """Fetch a page, let Chromium fill it and write down what came of it. Nothing is stored."""

    async def work(parts: Parts) -> Page:
        renderer = parts.renderer  # before anything is asked for: it needs Chromium
        page = await parts.reader.fetcher.get(Request(url))
        return page if page.outcome else await renderer.render(page)

    page = with_parts(ctx, work)
    if page.outcome:
        say(f"{page.outcome}: {page.reason}")
        raise typer.Exit(1)
    if out == Path("-"):
        typer.echo(page.body.decode("utf-8"), nl=False)
        return
    try:
        out.write_bytes(page.body)
    except OSError as error:
        raise UsageProblem(f"{out}: {error.strerror}") from None
    say(f"{len(page.body)} bytes of {page.url} in {out}; `bazaarwatch parse {out} --url ...` reads them")
