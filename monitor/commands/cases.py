"""`cases`: one seller's alerts and complaints, followed together."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from monitor.commands.common import AsJson, show, show_facts, with_parts
from monitor.daemon import Parts
from storage.cases import CaseSummary, allowed_reason, case_alerts, get_case, list_cases
from storage.complaints import list_complaints

cases = typer.Typer(no_args_is_help=True, help="Sellers who copied: their alerts, complaints and history.")


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    app.add_typer(cases, name="cases")


@cases.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show the cases, the one with the newest decision first."""

    async def work(parts: Parts) -> list[dict[str, Any]]:
        async with parts.database.read() as session:
            return [_row(one) for one in await list_cases(session)]

    empty = "no cases yet; the first alert decided infringing opens its seller's"
    show(with_parts(ctx, work), as_json, empty, hide=["seller_id", "url", "opened", "listings"])


def _row(one: CaseSummary) -> dict[str, Any]:
    return {
        "id": one.case.id,
        "marketplace": one.seller.marketplace,
        "seller": one.seller.name,
        "seller_id": one.seller.seller_id,
        "alerts": sum(one.alerts.values()),
        "infringing": one.alerts.get("infringing", 0),
        "complained": sum(count for state, count in one.listings.items() if state != "excluded"),
        "taken_down": one.taken_down,
        "came_back": one.repeats,
        "last_decision": one.last_at,
        "opened": one.case.opened_at,
        "url": one.seller.url,
        "listings": one.listings,
    }


@cases.command("show")
def show_one(
    ctx: typer.Context, case_id: Annotated[int, typer.Argument(help="The case's id.")], as_json: AsJson = False
) -> None:
    """Show one case: the seller, every alert on the seller's listings, every complaint that names one."""

    async def work(parts: Parts) -> dict[str, Any]:
        async with parts.database.read() as session:
            one = await get_case(session, case_id)
            seller = one.seller
            alerts = [
                {
                    "alert": view.alert.id,
                    "answer": view.alert.answer or "open",
                    "work": view.work.title,
                    "title": view.listing.title,
                    "url": view.listing.url,
                    "first_seen": view.listing.first_seen_at,
                }
                for view in await case_alerts(session, seller.id)
            ]
            complaints = [
                {
                    "complaint": found.complaint.id,
                    "state": found.complaint.state,
                    "outcome": found.complaint.outcome or None,
                    "platform": found.complaint.platform,
                    "work": found.work.title,
                    "submitted": found.complaint.submitted_at,
                }
                for found in await list_complaints(session, seller_key=seller.id)
            ]
            allowed = await allowed_reason(session, seller.marketplace, seller.seller_id)
        facts = _row(one) | {"allowed": allowed, "history": alerts, "complaints": complaints}
        return facts if as_json else facts | {"history": _lines(alerts), "complaints": _lines(complaints)}

    show_facts(with_parts(ctx, work), as_json)


def _lines(rows: list[dict[str, Any]]) -> list[str]:
    return ["  ".join(str(value) for value in row.values() if value is not None) for row in rows]
