"""What every command shares: its settings, the running parts, tables and JSON on the terminal."""

from __future__ import annotations

import asyncio
import getpass
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import Progress, track
from rich.table import Table
from rich.text import Text

from config.settings import Settings, load
from monitor.text import visible

if TYPE_CHECKING:
    from monitor.daemon import Parts

T = TypeVar("T")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

Why = Annotated[str, typer.Option(help="The reason, for the log.")]

_LONGEST_NAME = 80
_PIPED_COLUMNS = 160  # nobody's window limits a table that goes to a file or a pager
console = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPED_COLUMNS)
messages = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _PIPED_COLUMNS)


class UsageProblem(Exception):
    """The command was given something it cannot use; exit code 2."""


@dataclass(frozen=True, slots=True)
class State:
    """What the global options settled."""

    data_dir: Path
    environ: Mapping[str, str]

    @property
    def settings(self) -> Settings:
        """The settings of the data folder."""
        return load(self.data_dir, self.environ)

    @property
    def actor(self) -> str:
        """Who is at the keyboard, for the audit log."""
        return getpass.getuser()


def with_parts(ctx: typer.Context, work: Callable[[Parts], Awaitable[T]]) -> T:
    """Run one command's work on the wired parts, and close them."""
    from monitor.daemon import build

    async def wired() -> T:
        async with build(ctx.obj.settings) as parts:
            return await work(parts)

    return asyncio.run(wired())


def show(rows: Sequence[Mapping[str, Any]], as_json: bool, empty: str, hide: Iterable[str] = ()) -> None:
    """Print rows of equal keys as a table, or all of them as JSON.

    Args:
        empty: What to say, and to do next, when there are none.
        hide: Keys that only the JSON shows.
    """
    if as_json:
        print_json(list(rows))
        return
    if not rows:
        messages.print(empty)
        return
    keys = [key for key in rows[0] if key not in set(hide)]
    table = Table(*(key.replace("_", " ") for key in keys), header_style="bold", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(_cell(row[key]), overflow="ellipsis", no_wrap=True) for key in keys))
    console.print(table)


def show_facts(facts: Mapping[str, Any], as_json: bool) -> None:
    """Print one thing's facts, a line each, or as JSON."""
    if as_json:
        print_json(facts)
        return
    table = Table.grid(padding=(0, 2))
    for key, value in facts.items():
        lines = value if isinstance(value, list) else [value]
        for at, line in enumerate(lines or [""]):
            table.add_row(Text("" if at else key.replace("_", " "), style="bold"), Text(_cell(line), overflow="fold"))
    console.print(table)


def print_json(value: Any) -> None:
    """Print a value as JSON, times in ISO 8601, money as decimal strings."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1, default=_plain))


def progress(items: Sequence[T], label: str, *, quiet: bool) -> Iterable[T]:
    """Walk through items with a bar on standard error."""
    return track(items, label, console=messages, transient=True, disable=quiet or len(items) < 2)


async def counted(items: AsyncIterator[T], total: int, label: str, *, quiet: bool) -> AsyncIterator[T]:
    """The same for items that come one after the other, of which about ``total`` are expected."""
    with Progress(console=messages, transient=True, disable=quiet or total < 2) as bar:
        task = bar.add_task(label, total=total)
        async for item in items:
            bar.advance(task)
            yield item


def say(text: str) -> None:
    """Tell the person at the terminal, apart from the results."""
    messages.print(Text(visible(text)), soft_wrap=True)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone():%Y-%m-%d %H:%M}"
    if isinstance(value, list | tuple):
        return ", ".join(_cell(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_cell(item)}" for key, item in value.items())
    return visible(str(value))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal | Path):
        return str(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")


def ask_secret(question: str, instead: str) -> str:
    """What a person types, unseen.

    Raises:
        UsageProblem: Nobody is at a terminal; it says what to do instead.
    """
    if not sys.stdin.isatty():
        raise UsageProblem(f"{question.lower()}: nobody can be asked here; {instead}")
    return str(typer.prompt(question, hide_input=True, err=True))


def checked_name(name: str, of: str) -> str:
    """The name under which something is listed, without blanks around it.

    Raises:
        UsageProblem: It is empty, long, or not printable.
    """
    name = name.strip()
    if not name.isprintable() or not 0 < len(name) <= _LONGEST_NAME:
        raise UsageProblem(f"a {of}'s name is 1 to {_LONGEST_NAME} printable characters")
    return name


def tell_secret(secret: str, facts: Any, as_json: bool, what_next: str) -> None:
    """Print a secret that is not kept, alone for a program to read or as JSON; and that it is shown only now."""
    if as_json:
        print_json(facts)
        return
    typer.echo(secret)
    say(f"this is the only time that the secret is shown; {what_next}")


def given(values: Mapping[str, T | None]) -> dict[str, T]:
    """What was stated, of everything that could be."""
    return {name: value for name, value in values.items() if value is not None}


def parse_day(text: str | None, option: str) -> date | None:
    """A day given as YYYY-MM-DD.

    Raises:
        UsageProblem: It is none.
    """
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageProblem(f"{option}: {text!r} is no day; write it as 2026-12-31") from None


def start_of(day: date | None) -> datetime | None:
    """The first moment of a day, UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None
