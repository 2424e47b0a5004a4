"""`jobs` and `worker`: what failed and waits for a person, what waits and runs, and processes that share the work."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from monitor.commands.common import AsJson, UsageProblem, say, show, with_parts
from monitor.daemon import Parts, work
from monitor.engines.parked import parked, try_again
from storage.workers import list_workers

jobs = typer.Typer(no_args_is_help=True, help="Units of work: what failed and waits for a person, what waits and runs.")
_ROLES = ("crawl", "examine", "notify")


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.command()(worker)
    app.add_typer(jobs, name="jobs")


def worker(
    ctx: typer.Context,
    roles: Annotated[
        str, typer.Option(help="What it does, separated by commas: crawl, examine, notify (deadlines, mail, purges).")
    ] = ",".join(_ROLES),
) -> None:
    """Share the work of a PostgreSQL database with every other worker, without a console. SIGTERM or Ctrl-C ends it."""
    from monitor.logs import log_as_json

    chosen = {role.strip() for role in roles.split(",")}
    if not chosen <= set(_ROLES):
        raise UsageProblem(f"--roles {roles}: known are {', '.join(_ROLES)}")
    log_as_json(ctx.obj.settings.log.level)

    async def share(parts: Parts) -> None:
        _require_postgres(parts)
        await work(parts, roles=chosen)

    with_parts(ctx, share)


@jobs.command("list")
def list_(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="Parked listings shown, those seen last first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show what failed too often and waits for a person: listings, and on PostgreSQL chores such as the digest."""

    async def find(parts: Parts) -> list[dict[str, Any]]:
        return [asdict(one) for one in await parked(parts.database, limit)]

    show(with_parts(ctx, find), as_json, "nothing is parked")


@jobs.command("load")
def load_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show what waits and runs in the queue that all workers share (PostgreSQL)."""

    async def find(parts: Parts) -> list[dict[str, Any]]:
        _require_postgres(parts)
        from monitor.engines.shared import load

        return [
            {
                "task": one.task,
                "marketplace": one.site,
                "waiting": one.waiting,
                "running": one.running,
                "workers": one.workers,
                "oldest": one.oldest,
                "last_heard_of": one.heard,
            }
            for one in await load(parts.database)
        ]

    show(with_parts(ctx, find), as_json, "the queue is empty")


@jobs.command("workers")
def workers(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show the processes that share the work (PostgreSQL): since when, last heard of, which works they know."""

    async def find(parts: Parts) -> list[dict[str, Any]]:
        async with parts.database.read() as session:
            return [
                {
                    "host": one.host,
                    "pid": one.pid,
                    "roles": one.roles,
                    "started": one.started_at,
                    "last_heard_of": one.seen_at,
                    "works_version": one.works_version,
                    "behind_since": one.behind_since,
                }
                for one in await list_workers(session)
            ]

    show(with_parts(ctx, find), as_json, "no worker; `bazaarwatch worker` and `run` on PostgreSQL are shown here")


@jobs.command("retry")
def retry(
    ctx: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(help="As `jobs list` shows them: listing:12, job:3.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Everything that is parked.")] = False,
) -> None:
    """Let what is parked be tried again, with all its attempts."""
    if bool(ids) == every:
        raise UsageProblem("name what to try again, as `bazaarwatch jobs list` shows it, or give --all")

    async def again(parts: Parts) -> int:
        try:
            return await try_again(parts.database, parts.clock.now(), ctx.obj.actor, ids or None)
        except ValueError as error:
            raise UsageProblem(str(error)) from None

    say(f"{with_parts(ctx, again)} are tried again, by `bazaarwatch run`, a worker or the next scan")


def _require_postgres(parts: Parts) -> None:
    if parts.database.embedded:
        raise UsageProblem("only PostgreSQL is shared by processes: set database.url first, see docs/scaling.md")
