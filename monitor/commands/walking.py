"""The walk through a complaint's listings: each is shown, and a person says what was considered of it."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

import typer

from monitor.commands.common import say, with_parts
from monitor.complaints.base import Target
from monitor.desk import filing
from monitor.desk.dossier import Stored, load
from monitor.text import utc

_ACTED = {  # what a person types at a listing in the walk
    "fea": "considered fair use (f), exhaustion (e) and authorised seller (a)",
    "feal": "the same, and seen on sale just now (l: live)",
    "x": "leave it out",
    "s": "skip it for now",
    "q": "stop here; what was said is kept",
}


def walk_through(ctx: typer.Context, complaint_id: int, person: str) -> None:
    """Ask about each listing that this person has not considered, and keep each answer at once."""
    stored = with_parts(ctx, lambda parts: load(parts, complaint_id))
    waiting = stored.unconsidered(person)
    for answer, meaning in _ACTED.items():
        say(f"  {answer:5}{meaning}")
    for number, target in enumerate(waiting, start=1):
        say("")
        say(f"{number} of {len(waiting)}: #{target.alert_id} {target.title}")
        for line in _shown(stored, target):
            say(f"  {line}")
        answer = _ask(f"#{target.alert_id}", _ACTED)
        if answer == "q":
            return
        if answer.startswith("fea"):
            note = str(typer.prompt("  what led to it (may be empty)", default="", show_default=False, err=True))
            _keep(ctx, complaint_id, person, target.alert_id, note, live=answer.endswith("l"))
        elif answer == "x":
            why = str(typer.prompt("  why", err=True))
            with_parts(
                ctx,
                partial(
                    filing.leave_out, complaint_id=complaint_id, alert_ids=[target.alert_id], actor=person, note=why
                ),
            )


def _keep(ctx: typer.Context, complaint_id: int, person: str, alert_id: int, note: str, *, live: bool) -> None:
    with_parts(ctx, lambda parts: filing.consider(parts, complaint_id, person, [alert_id], note, seen=live))


def _shown(stored: Stored, target: Target) -> list[str]:
    price = "" if target.price is None else f"{target.price:f} {target.currency or ''}".strip()
    live = f"{utc(target.last_seen_live_at)}, {target.seen_live_by}" if target.last_seen_live_at else "never"
    return [
        f"work     {stored.draft.work.title}",
        f"address  {target.url}",
        f"seller   {target.seller_name or 'not told'} {f'({target.seller_id})' if target.seller_id else ''}",
        f"price    {price or 'not told'}",
        f"finding  {target.match.reason}",
        f"live     {live}",
    ]


def _ask(question: str, answers: Collection[str]) -> str:
    while True:
        said = str(typer.prompt(question, err=True)).strip().lower()
        if said in answers:
            return said
        say(f"one of {', '.join(answers)}")


def asked_to_affirm(ctx: typer.Context, complaint_id: int, person: str) -> bool:
    """Whether the person affirms the statements; not asked before every listing was considered."""
    stored = with_parts(ctx, lambda parts: load(parts, complaint_id))
    if stored.unconsidered(person):
        return False
    say("")
    say("The statements:")
    for statement in stored.draft.statements:
        say(f"  {statement.text}")
    return bool(typer.confirm(f"Do you, {person}, affirm them?", err=True))
