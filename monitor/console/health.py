"""For machines that watch us: whether we are well, and numbers over time."""

from __future__ import annotations

import asyncio
import logging
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sqlalchemy import func, select, text
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from monitor.about import VERSION
from monitor.console.access import Bearer, PartsOf, Scope, person_of, token_of
from monitor.console.guard import Problem
from monitor.daemon import Parts
from storage.alerts import count_open
from storage.listings import count_backlog
from storage.searches import list_searches
from storage.tables import Complaint, Host
from storage.workers import list_workers, worker_faults

if TYPE_CHECKING:
    from monitor.engines.shared import Load

router = APIRouter()
_logger = logging.getLogger(__name__)
LEAST_FREE_BYTES = 512 << 20
_LATE_BY = 2  # rhythms after which a due search counts as silent


@router.get("/health")
async def health(parts: PartsOf) -> JSONResponse:
    """Whether the database answers, searches run when they are due, and there is room; 503 where not."""
    faults = await faults_of(parts)
    content = {"status": "degraded" if faults else "ok", "version": VERSION, "faults": faults}
    return JSONResponse(content, 503 if faults else 200)


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request, parts: PartsOf, credentials: Bearer) -> Response:
    """Numbers in Prometheus's text format; for a token that reads, or whoever is signed in and sees everything."""
    if credentials is not None:
        token = await token_of(parts, credentials)
        if Scope.READ not in token.scopes or token.user_id is not None:
            raise Problem(403, "this takes a token with the scope read that acts for the whole installation")
    else:
        person = await person_of(request)
        if person is None or not person.sees_all:
            raise Problem(401, "a token is needed", {"www-authenticate": "Bearer"})
    return Response(await _numbers(parts), media_type=CONTENT_TYPE_LATEST)


async def faults_of(parts: Parts) -> list[str]:
    """What is wrong, a sentence each."""
    faults = []
    try:
        async with asyncio.timeout(5), parts.database.read() as session:
            await session.execute(text("SELECT 1"))
            faults += await worker_faults(session, parts.clock.now())
            late = await _late(parts)
        if late:
            faults.append(f"{late} searches are late by {_LATE_BY} rhythms or more; does `bazaarwatch run` run?")
    except Exception:
        _logger.exception("database does not answer")
        faults.append("the database does not answer")
    if (await asyncio.to_thread(shutil.disk_usage, parts.settings.data_dir)).free < LEAST_FREE_BYTES:
        faults.append(f"less than {LEAST_FREE_BYTES >> 20} MB are free in the data folder")
    return faults


async def _late(parts: Parts) -> int:
    """Active searches whose run is overdue by two of their rhythms: silence that would look like peace."""
    now = parts.clock.now()
    async with parts.database.read() as session:
        return sum(
            search.paused_at is None and now - search.next_run_at > _LATE_BY * timedelta(hours=search.rhythm_h)
            for search, _ in await list_searches(session)
        )


async def _numbers(parts: Parts) -> bytes:
    registry = CollectorRegistry()
    now = parts.clock.now()
    async with parts.database.read() as session:
        backlog = await count_backlog(session)
        by_priority = await count_open(session, now)
        states = await session.execute(select(Complaint.state, func.count()).group_by(Complaint.state))
        complaints = dict(states.all())
        blocked = await session.scalar(select(func.count()).where(Host.blocked_until > now)) or 0
        workers = await list_workers(session)
    jobs, held = await _queue(parts)
    for name, help_text, value in (
        ("listings", "Listings known", backlog.listings),
        ("listings_waiting", "Listings that wait to be examined", backlog.waiting),
        ("listings_parked", "Listings set aside after failures", backlog.parked),
        ("hosts_blocked", "Hosts that refuse us now", blocked),
        ("searches_late", "Searches late by two rhythms or more", await _late(parts)),
        ("workers", "Processes that share the work, heard of lately", len(workers)),
        (
            "workers_behind",
            "Of them, those that compare with works of before",
            sum(bool(w.behind_since) for w in workers),
        ),
        ("chores_held", "Chores that failed again and again and wait for a person", held),
        ("faults", "What /health names", len(await faults_of(parts))),
    ):
        Gauge(f"bazaarwatch_{name}", help_text, registry=registry).set(value)
    open_alerts = Gauge("bazaarwatch_open_alerts", "Alerts without a decision", ["priority"], registry=registry)
    for priority in ("urgent", "high", "normal", "low"):
        open_alerts.labels(priority).set(by_priority.get(priority, 0))
    by_state = Gauge("bazaarwatch_complaints", "Complaints by state", ["state"], registry=registry)
    for state, count in complaints.items():
        by_state.labels(state).set(count)
    queue = Gauge("bazaarwatch_jobs", "The shared queue", ["task", "marketplace", "state"], registry=registry)
    for one in jobs:
        queue.labels(one.task, one.site, "waiting").set(one.waiting)
        queue.labels(one.task, one.site, "running").set(one.running)
    return generate_latest(registry)


async def _queue(parts: Parts) -> tuple[list[Load], int]:
    """What waits and runs in the queue that processes share, and how many chores are held; nothing, on SQLite."""
    if parts.database.embedded:
        return [], 0
    from monitor.engines.shared import held, load

    return await load(parts.database), len(await held(parts.database))
