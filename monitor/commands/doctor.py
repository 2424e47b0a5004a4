"""`doctor` and `settings`: is all well, and what is in force."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from config.settings import Settings
from monitor.commands.common import AsJson, console, print_json, with_parts
from monitor.doctor import examine_installation


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.command()(doctor)
    app.command()(settings)


def doctor(
    ctx: typer.Context,
    deep: Annotated[bool, typer.Option("--deep", help="Also read every stored file and compare its hash.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look for what is wrong with the installation and its data. Exit code 1 if something is."""
    checks = with_parts(ctx, lambda parts: examine_installation(parts, deep=deep))
    if as_json:
        print_json([{"name": one.name, "ok": not one.bad, "detail": one.detail} for one in checks])
    else:
        for one in checks:
            console.print(Text(f"{'BAD ' if one.bad else 'ok  '} {one.name}: {one.detail}"))
    if any(one.bad for one in checks):
        raise typer.Exit(1)


def settings(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show every setting in force; secrets as stars. Each is explained in config/defaults.toml."""
    found: Settings = ctx.obj.settings
    values = found.model_dump(mode="json")
    if as_json:
        print_json(values)
        return
    for name, value in values.items():
        if not isinstance(value, dict):
            console.print(Text(f"{name} = {value}"))
            continue
        for key, inner in value.items():
            console.print(Text(f"{name}.{key} = {inner!r}"))
