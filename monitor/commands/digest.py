"""`digest`: what changed since the last one, as a page and as mail."""

from __future__ import annotations

import typer

from monitor.commands.common import with_parts
from monitor.reporting import make_digest


def register(app: typer.Typer) -> None:
    """Hang the command into the program."""
    app.command()(digest)


def digest(ctx: typer.Context) -> None:
    """Write a digest of everything since the last one, mail it if a server is set, and print its folder."""
    typer.echo(with_parts(ctx, make_digest))
