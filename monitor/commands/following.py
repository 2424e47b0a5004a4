"""`complaints ...` once one has left: receipts, what the platform says, counter-notices, deadlines, the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from monitor.commands.common import AsJson, UsageProblem, print_json, say, show, with_parts
from monitor.complaints.base import TargetState
from monitor.complaints.deadlines import SAFETY, left
from monitor.complaints.lifecycle import ComplaintEvent
from monitor.daemon import Parts
from monitor.desk import filing, following, kit, ladder, mailing, statuses, timers
from monitor.desk.dossier import rules_of
from monitor.desk.standing import standing
from storage.complaints import get_complaint, list_complaints

ComplaintId = Annotated[int, typer.Argument(help="The complaint's id.")]
Person = Annotated[str, typer.Option("--as", help="The person who says so, by name.")]
Listings = Annotated[
    list[int] | None, typer.Option("--listing", help="Only this one, by the number before it; may be repeated.")
]
Note = Annotated[str, typer.Option(help="What else there is to say.")]
When = Annotated[str | None, typer.Option("--at", help="When it happened, as 2026-09-29T18:00 in the site's time.")]
ELEMENTS = {  # of a sworn counter notice, 17 U.S.C. 512(g)(3)
    "signature": "the seller's signature",
    "material": "what was removed, and where it was",
    "perjury": "a statement under penalty of perjury that it was removed by mistake",
    "address": "name, address and telephone number",
    "jurisdiction": "consent to a court's jurisdiction and to service of process",
}


class Claim(StrEnum):
    """What the seller says."""

    OWN_DESIGN = "own-design"
    LICENSED = "licensed"
    GENUINE_GOODS = "genuine-goods"
    DIFFERENT = "different"
    NOT_TOLD = "not-told"


class Answer(StrEnum):
    """What we say to a counter-notice."""

    REFUSE = "refuse"
    ACCEPT = "accept"


def hang_into(complaints: typer.Typer) -> None:
    """Hang the commands into the group."""
    for command in (submitted, refused, send, status, outcome, chase, ask, supplied, appeal, again, close):
        complaints.command()(command)
    for command in (counter, answer, escalate, withdraw):
        complaints.command()(command)
    complaints.command("kit")(kit_)
    complaints.command("ladder")(ladder_)
    complaints.command("import")(import_)
    complaints.command()(desk)
    complaints.command()(follow)


def submitted(
    ctx: typer.Context,
    complaint_id: ComplaintId,
    receipt: Annotated[str, typer.Option(help="The platform's number of it, by which its mails are recognised.")] = "",
    evidence: Annotated[str, typer.Option(help="Where it gave no number: what shows that it was handed in.")] = "",
    at: When = None,
) -> None:
    """Record that the pack was handed in at the platform; from now on its deadlines run."""

    async def work(parts: Parts) -> None:
        when = await _moment(parts, complaint_id, at)
        await following.hand_in(parts, complaint_id, ctx.obj.actor, receipt.strip(), evidence.strip(), when)

    with_parts(ctx, work)
    tell_standing(ctx, complaint_id)


def refused(ctx: typer.Context, complaint_id: ComplaintId, note: Annotated[str, typer.Option(help="Why.")]) -> None:
    """Record that the platform's form would not take the pack: a draft again, to be bettered and confirmed anew."""
    with_parts(ctx, lambda parts: following.hand_back(parts, complaint_id, ctx.obj.actor, note))
    tell_standing(ctx, complaint_id)


def send(ctx: typer.Context, complaint_id: ComplaintId) -> None:
    """Mail the notice of an exported complaint whose platform takes mail; again at worst under the same Message-ID."""
    say(with_parts(ctx, lambda parts: mailing.send_notice(parts, complaint_id, ctx.obj.actor)))
    tell_standing(ctx, complaint_id)


def status(
    ctx: typer.Context,
    complaint_id: ComplaintId,
    words: Annotated[str, typer.Argument(help="The platform's own words, as they stand.")],
    listing: Listings = None,
    reason: Annotated[str, typer.Option(help="The platform's reason, as it stands.")] = "",
    at: When = None,
    due: Annotated[str | None, typer.Option(help="The platform's date for our answer, as --at.")] = None,
) -> None:
    """Record a platform's words on a complaint or on some of its listings; unknown ones are kept and change nothing."""

    async def work(parts: Parts) -> list[str]:
        when, until = await _moment(parts, complaint_id, at), await _moment(parts, complaint_id, due)
        return await following.record_status(
            parts, complaint_id, words, ctx.obj.actor, alert_ids=listing, reason=reason, at=when, due=until
        )

    for line in with_parts(ctx, work):
        say(line)
    tell_standing(ctx, complaint_id)


def outcome(
    ctx: typer.Context,
    complaint_id: ComplaintId,
    state: Annotated[TargetState, typer.Argument(help="What became of the listings.")],
    listing: Listings = None,
    note: Note = "",
    at: When = None,
) -> None:
    """Record what you know to have become of a complaint's listings, all of them or some, in our words."""

    async def work(parts: Parts) -> list[str]:
        when = await _moment(parts, complaint_id, at)
        return await following.record_outcome(
            parts, complaint_id, state, ctx.obj.actor, alert_ids=listing, note=note, at=when
        )

    for line in with_parts(ctx, work):
        say(line)
    tell_standing(ctx, complaint_id)


def _simple(event: ComplaintEvent, help_text: str) -> Callable[..., None]:
    def command(ctx: typer.Context, complaint_id: ComplaintId, note: Note = "") -> None:
        with_parts(ctx, lambda parts: following.simple_step(parts, complaint_id, event, ctx.obj.actor, note))
        tell_standing(ctx, complaint_id)

    command.__doc__ = help_text
    command.__name__ = {ComplaintEvent.SUPPLY: "supplied"}.get(event, event.value)
    return command


chase = _simple(ComplaintEvent.CHASE, "Record that the platform was reminded.")
ask = _simple(ComplaintEvent.ASK, "Record that the platform wants more from us; the clock is ours.")
supplied = _simple(ComplaintEvent.SUPPLY, "Record that the platform got what it wanted.")
appeal = _simple(ComplaintEvent.APPEAL, "Record that we appealed against a refusal.")
close = _simple(ComplaintEvent.CLOSE, "Put a decided complaint away; its outcome stays.")


def again(ctx: typer.Context, complaint_id: ComplaintId) -> None:
    """Draft anew what a platform refused, to be bettered; the new complaint names the old one."""
    number = with_parts(ctx, lambda parts: filing.draft_again(parts, complaint_id, ctx.obj.actor))
    say(f"drafted: {number}; `bazaarwatch complaints show {number}` shows it")


def counter(
    ctx: typer.Context,
    complaint_id: ComplaintId,
    received: Annotated[str, typer.Option(help="When it reached us, as 2026-09-29T18:00 in the site's time.")],
    listing: Listings = None,
    claim: Annotated[Claim, typer.Option(help="What the seller says.")] = Claim.NOT_TOLD,
    words: Annotated[str, typer.Option(help="The seller's own words.")] = "",
    element: Annotated[
        list[str] | None, typer.Option(help=f"What a sworn one has: {', '.join(ELEMENTS)}; may be repeated.")
    ] = None,
    due: Annotated[str | None, typer.Option(help="The platform's own date for our answer, as --received.")] = None,
) -> None:
    """Record a seller's counter-notice: the clock is ours from now on, and silence loses."""
    if strangers := set(element or ()) - set(ELEMENTS):
        raise UsageProblem(f"--element: {', '.join(sorted(strangers))}: it is one of {', '.join(ELEMENTS)}")

    async def work(parts: Parts) -> str:
        when, until = await _moment(parts, complaint_id, received), await _moment(parts, complaint_id, due)
        if when is None:
            raise UsageProblem("--received: say when it reached us")
        row = await following.countered(
            parts,
            complaint_id,
            ctx.obj.actor,
            when,
            alert_ids=listing,
            claim=claim.value,
            words=words,
            elements=element or (),
            due=until,
        )
        missing = [text for name, text in ELEMENTS.items() if row.elements and name not in row.elements]
        lacks = f"; it lacks {', '.join(missing)}: tell the host" if missing else ""
        time_left = left(row.due_at - SAFETY, parts.clock.now()) if row.due_at else "no known time"
        return f"counter-notice {row.round} recorded, {time_left} to answer{lacks}"

    say(with_parts(ctx, work))


def answer(
    ctx: typer.Context,
    complaint_id: ComplaintId,
    what: Annotated[Answer, typer.Argument(help="refuse (with proof) or accept (the listing goes back on sale).")],
    person: Person,
    note: Annotated[str, typer.Option(help="What was answered.")],
) -> None:
    """Record a named person's answer to the open counter-notice."""
    accept = what is Answer.ACCEPT
    _by_person(
        ctx, person, lambda parts, who: following.answer_counter(parts, complaint_id, who, accept=accept, note=note)
    )
    tell_standing(ctx, complaint_id)
    if accept:
        say("if the seller may sell this, `bazaarwatch sellers allow` keeps it from being complained of again")


def escalate(ctx: typer.Context, complaint_id: ComplaintId, person: Person, note: Note = "") -> None:
    """Record that a court was called upon over a counter-notice, and the platform told so."""
    _by_person(ctx, person, lambda parts, who: following.escalate(parts, complaint_id, who, note))
    tell_standing(ctx, complaint_id)


def withdraw(
    ctx: typer.Context, complaint_id: ComplaintId, person: Person, note: Annotated[str, typer.Option(help="Why.")]
) -> None:
    """Take a complaint back; its listings never count as taken down."""
    _by_person(ctx, person, lambda parts, who: following.withdraw(parts, complaint_id, who, note))
    tell_standing(ctx, complaint_id)


def kit_(ctx: typer.Context, complaint_id: ComplaintId) -> None:
    """Prepare the answer to a counter-notice: the chain of authorship, both pictures, a text, what proof is missing."""
    folder, missing = with_parts(ctx, lambda parts: kit.write_kit(parts, complaint_id, ctx.obj.actor))
    for line in missing:
        say(f"missing: {line}")
    typer.echo(folder)


def ladder_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show the complaints past their promised time, in the order to take them up, for each channel."""
    rows = with_parts(ctx, ladder.overdue)
    show(rows, as_json, "nothing is overdue", hide=["due", "submitted"])


def desk(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Show the open counter-notices, the most pressing first."""

    async def work(parts: Parts) -> list[dict[str, object]]:
        now = parts.clock.now()
        async with parts.database.read() as session:
            found = [one for one in await list_complaints(session) if one.counter]
        return [
            {
                "complaint": one.complaint.id,
                "left": left(one.counter.due_at - SAFETY, now) if one.counter.due_at else "not known",
                "claim": one.counter.claim,
                "state": one.complaint.state,
                "platform": one.complaint.platform,
                "work": one.work.title,
                "listings": one.states.get("countered", 0),
                "due": one.counter.due_at,
                "received": one.counter.received_at,
                "next": f"bazaarwatch complaints kit {one.complaint.id}",
            }
            for one in found
            if one.counter
        ]

    show(with_parts(ctx, work), as_json, "no counter-notice waits for an answer", hide=["due"])


def follow(ctx: typer.Context) -> None:
    """Act upon every deadline that has passed, as the daemon does by itself; look at removed listings anew."""
    count = with_parts(ctx, timers.follow_up)
    say(f"{count} deadlines had passed; `bazaarwatch complaints list` shows what came of it")


def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A status sheet, CSV or XLSX.")],
    as_json: AsJson = False,
) -> None:
    """Read a status sheet of a pack back: what the platform says of each listing."""
    result = with_parts(ctx, lambda parts: statuses.import_sheet(parts, file, ctx.obj.actor))
    if as_json:
        print_json({"applied": result.applied, "unchanged": result.unchanged, "problems": list(result.problems)})
    else:
        say(f"{result.applied} rows taken in, {result.unchanged} said nothing new")
        for problem in result.problems:
            say(f"look at this: {problem}")
    if result.problems:
        raise typer.Exit(1)


def tell_standing(ctx: typer.Context, complaint_id: int) -> None:
    """Say where a complaint is now and what comes next."""
    say(with_parts(ctx, lambda parts: standing(parts, complaint_id)))


def _by_person(ctx: typer.Context, person: str, work: Callable[[Parts, str], Awaitable[None]]) -> None:
    name = " ".join(person.split())
    if not name:
        raise UsageProblem("--as: this is said by a person, by name")
    with_parts(ctx, lambda parts: work(parts, name))


async def _moment(parts: Parts, complaint_id: int, text: str | None) -> datetime | None:
    """A time of day as the platform's site has it, unless it says its own zone; UTC in the end."""
    if text is None:
        return None
    from zoneinfo import ZoneInfo

    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise UsageProblem(f"{text!r} is no time; write it as 2026-09-29T18:00") from None
    if read.tzinfo is None:
        async with parts.database.read() as session:
            row = await get_complaint(session, complaint_id)
        read = read.replace(tzinfo=ZoneInfo(rules_of(parts, row.platform).calendar_of(row.site)[1]))
    return read.astimezone(UTC)
