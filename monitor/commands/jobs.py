"""`jobs` and `worker`: what failed and waits for a person, what waits and runs, and processes that share the work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from monitor.commands.common import AsJson, UsageProblem, say, show, with_parts
from monitor.daemon import Parts, work
from storage.errors import NotFound
from storage.listings import parked_listings, retry_parked
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
        async with parts.database.read() as session:
            parked = await parked_listings(session, limit)
        rows: list[dict[str, Any]] = [
            {
                "id": f"listing:{one.id}",
                "what": "examine_listing",
                "where": one.marketplace,
                "at": one.last_seen_at,
                "reason": one.failure,
            }
            for one in parked
        ]
        if not parts.database.embedded:
            from monitor.engines.shared import held

            rows += [
                {"id": f"job:{one.job}", "what": one.chore, "where": "", "at": one.at, "reason": one.reason}
                for one in await held(parts.database)
            ]
        return rows

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
        queued = []
        if not parts.database.embedded:
            from monitor.engines.shared import held, try_again

            queued = _numbers(ids, "job") if ids else [one.job for one in await held(parts.database)]
            await try_again(parts.database, queued)
        elif ids and _numbers(ids, "job"):
            raise NotFound("no held jobs: those are only on PostgreSQL")
        keys = _numbers(ids, "listing") if ids else None
        async with parts.database.write("parked work tried again") as session:
            count = await retry_parked(session, parts.clock.now(), keys)
            if keys and count < len(keys):
                raise NotFound("one of these listings is not parked; `bazaarwatch jobs list` shows them")
        return count + len(queued)

    say(f"{with_parts(ctx, again)} are tried again, by `bazaarwatch run`, a worker or the next scan")


def _require_postgres(parts: Parts) -> None:
    if parts.database.embedded:
        raise UsageProblem("only PostgreSQL is shared by processes: set database.url first, see docs/scaling.md")


def _numbers(ids: Sequence[str], kind: str) -> list[int]:
    """The numbers of one kind among ids such as listing:12."""
    numbers = []
    for one in dict.fromkeys(ids):
        name, _, number = one.partition(":")
        if name not in ("listing", "job") or not number.isdecimal():
            raise UsageProblem(f"{one!r} is no id; they look like listing:12 or job:3")
        if name == kind:
            numbers.append(int(number))
    return numbers
