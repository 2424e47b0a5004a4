"""`alerts`: what was found, and what a person says of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from detectors.model import Answer, PriorityLevel
from monitor.commands.common import AsJson, UsageProblem, parse_day, say, show, show_facts, start_of, with_parts
from monitor.daemon import Parts
from storage.alerts import AlertView, list_alerts, matches_of, view_alert
from storage.cases import decide
from storage.evidence import evidence_of
from storage.works import find_work

alerts = typer.Typer(no_args_is_help=True, help="Listings that resemble a work, and the decisions on them.")


class Shown(StrEnum):
    """Which alerts to list."""

    OPEN = "open"
    ALL = "all"
    SUPPRESSED = "suppressed"
    INFRINGING = "infringing"
    LICENSED = "licensed"
    NOT_A_MATCH = "not-a-match"
    UNSURE = "unsure"


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.add_typer(alerts, name="alerts")


@alerts.command("list")
def list_(
    ctx: typer.Context,
    state: Annotated[Shown, typer.Option(help="Which ones.")] = Shown.OPEN,
    priority: Annotated[PriorityLevel | None, typer.Option(help="Only these.")] = None,
    work: Annotated[str | None, typer.Option(help="Only of this work, by id or title.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show alerts, the most pressing first."""

    async def read(parts: Parts) -> list[dict[str, object]]:
        async with parts.database.read() as session:
            work_id = (await find_work(session, work)).id if work else None
            now = parts.clock.now()
            found = await list_alerts(session, now, state=state, priority=priority, work_id=work_id, limit=limit)
            return [_row(view) for view in found]

    rows = with_parts(ctx, read)
    hidden = [
        "answer",
        "marketplace",
        "url",
        "seller_id",
        "confidence",
        "reasons",
        "suppressed",
        "raised_at",
        "listing_id",
    ]
    show(rows, as_json, f"no {state.value} alerts", hide=hidden)


def _row(view: AlertView) -> dict[str, Any]:
    alert, listing, seller = view.alert, view.listing, view.seller
    return {
        "id": alert.id,
        "priority": alert.priority,
        "score": alert.score,
        "work": view.work.title,
        "title": listing.title,
        "price": f"{listing.price} {listing.currency or ''}".strip() if listing.price is not None else None,
        "seller": seller and seller.name,
        "state": "set aside" if alert.suppressed else alert.answer or "open",
        "answer": alert.answer,
        "marketplace": listing.marketplace,
        "listing_id": listing.listing_id,
        "url": listing.url,
        "seller_id": seller and seller.seller_id,
        "confidence": alert.confidence,
        "reasons": alert.reasons,
        "suppressed": alert.suppressed,
        "raised_at": alert.raised_at,
    }


@alerts.command("show")
def show_one(
    ctx: typer.Context, alert_id: Annotated[int, typer.Argument(help="The alert's id.")], as_json: AsJson = False
) -> None:
    """Show one alert with every finding and the evidence kept for it."""

    async def read(parts: Parts) -> dict[str, Any]:
        async with parts.database.read() as session:
            view = await view_alert(session, alert_id)
            found = await matches_of(session, view.alert)
            kept = await evidence_of(session, alert_id)
        decided = {"decided_by": view.alert.decided_by, "decided_at": view.alert.decided_at}
        matches = [
            {
                "detector": f"{one.detector} {one.version}",
                "reference": one.reference_id,
                "distance_bits": one.distance_bits,
                "score": one.score,
                "threshold": one.threshold,
                "picture": one.sha256,
                **one.facts,
            }
            for one in found
        ]
        evidence = [
            {"kind": e.kind, "how": e.how, "sha256": e.sha256, "seen_at": e.seen_at, "url": e.url} for e in kept
        ]
        return _row(view) | decided | {"matches": matches, "evidence": evidence}

    show_facts(with_parts(ctx, read), as_json)


@alerts.command("decide")
def decide_(
    ctx: typer.Context,
    answer: Annotated[Answer, typer.Argument(help="What it is.")],
    alert_ids: Annotated[list[int], typer.Argument(help="The alerts' ids.")],
    until: Annotated[str | None, typer.Option(help="Unsure: ask again on that day, as 2026-12-31.")] = None,
    reviewer: Annotated[str | None, typer.Option("--as", help="Who decides; else your user name.")] = None,
) -> None:
    """Record your decision on alerts; it can be changed until they stand in a complaint."""
    again_at = start_of(parse_day(until, "--until"))
    if until and answer is not Answer.UNSURE:
        raise UsageProblem("--until goes with the answer unsure")

    async def change(parts: Parts) -> None:
        async with parts.database.write("alerts decided") as session:
            for alert_id in alert_ids:
                await decide(session, alert_id, answer, reviewer or ctx.obj.actor, parts.clock.now(), again_at)

    with_parts(ctx, change)
    say(f"{len(alert_ids)} decided: {answer.value}")
