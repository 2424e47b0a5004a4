"""`complaints`: from decided alerts to a pack for the platform's form, and on to the end."""

from __future__ import annotations

import gc
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from monitor.commands import following, meter
from monitor.commands.common import AsJson, UsageProblem, print_json, progress, say, show, show_facts, with_parts
from monitor.commands.evidence import telling
from monitor.commands.following import tell_standing
from monitor.commands.walking import asked_to_affirm, walk_through
from monitor.complaints.base import Target
from monitor.complaints.deadlines import left
from monitor.complaints.lifecycle import ComplaintState
from monitor.complaints.packs import platforms
from monitor.daemon import Parts
from monitor.desk import filing, recheck, sheets
from monitor.desk.dossier import Stored, load
from monitor.desk.leaving import leave
from monitor.desk.standing import deadline_line, standing
from monitor.desk.wording import reword
from monitor.text import clip, utc
from storage import tables
from storage.complaints import (
    ComplaintSummary,
    TargetView,
    counters_of,
    events_of,
    list_complaints,
    timers_of,
)
from storage.works import find_work

complaints = typer.Typer(
    no_args_is_help=True, help="Complaints to platforms: drafted, confirmed by a person, exported, followed to the end."
)

_TITLE_CHARS = 120

ComplaintId = Annotated[int, typer.Argument(help="The complaint's id.")]
Person = Annotated[str, typer.Option("--as", help="The person who says so, by name.")]
Listings = Annotated[
    list[int] | None, typer.Option("--listing", help="A listing by the number before it; may be repeated.")
]


def register(app: typer.Typer) -> None:
    """Hang the commands into the program."""
    following.hang_into(complaints)
    meter.hang_into(complaints)
    app.add_typer(complaints, name="complaints")


@complaints.command()
def draft(
    ctx: typer.Context,
    work: Annotated[str, typer.Argument(help="The work, by id or title.")],
    platform: Annotated[str, typer.Option(help="The complaint platform.")] = "alibaba_ipp",
    right: Annotated[int | None, typer.Option(help="The right's id; else the work's first.")] = None,
    reason: Annotated[str | None, typer.Option(help="Our code of the reason; else what the right proposes.")] = None,
    route: Annotated[str | None, typer.Option(help="One of the platform's ways, such as api; else the first.")] = None,
    storefront: Annotated[
        bool, typer.Option("--storefront", help="About the sellers' shops instead of listings.")
    ] = False,
    fact: Annotated[
        list[str] | None, typer.Option(help="What the reason needs stated, as order_numbers=8123; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draft complaints from all alerts of a work that were decided infringing."""
    known = platforms(ctx.obj.data_dir / "policies")
    if platform not in known:
        raise UsageProblem(f"no complaint platform {platform!r}; known: {', '.join(known)}")
    facts = dict(_fact(one) for one in fact or ())

    async def run(parts: Parts) -> filing.Drafting:
        async with parts.database.read() as session:
            found = await find_work(session, work)
        kind = "storefront" if storefront else "listing"
        return await filing.draft_complaints(
            parts, found.id, platform, ctx.obj.actor, right, reason, kind=kind, facts=facts, route=route
        )

    drafting = with_parts(ctx, run)
    for one in drafting.left_out:
        say(f"left out: {one.target.url}: {one.reason}")
    if as_json:
        print_json(
            {
                "complaints": list(drafting.complaint_ids),
                "left_out": [{"url": one.target.url, "reason": one.reason} for one in drafting.left_out],
            }
        )
    elif drafting.complaint_ids:
        say(f"drafted: {', '.join(map(str, drafting.complaint_ids))}; `bazaarwatch complaints show ID` shows one")
    if not drafting.complaint_ids:
        say("nothing drafted" + ("" if drafting.left_out else f": {drafting.why_none()}"))
        raise typer.Exit(1)


def _fact(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals and value.strip()):
        raise UsageProblem(f"--fact: {text!r}: write it as order_numbers=8123")
    return key, value


@complaints.command("list")
def list_(
    ctx: typer.Context,
    state: Annotated[list[ComplaintState] | None, typer.Option(help="Only in this state; may be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the complaints by what presses most: counter-notices, then deadlines, then the newest."""

    async def work(parts: Parts) -> list[dict[str, object]]:
        async with parts.database.read() as session:
            now = parts.clock.now()
            return [_summary(one, now) for one in await list_complaints(session, states=state or None)]

    empty = "no complaints yet; `bazaarwatch complaints draft WORK` drafts them from infringing alerts"
    hidden = [
        "right",
        "pack",
        "site",
        "drafted",
        "exported",
        "states",
        "confirmed_by",
        "external_ref",
        "due",
        "platform_status",
    ]
    show(with_parts(ctx, work), as_json, empty, hide=hidden)


def _summary(one: ComplaintSummary, now: datetime) -> dict[str, object]:
    row, timer = one.complaint, one.timer
    return {
        "id": row.id,
        "state": row.state,
        "left": left(timer.act_by_at, now) if timer else None,
        "waits_for": timer and timer.kind.replace("_", " "),
        "platform": row.platform,
        "site": row.site,
        "work": one.work.title,
        "right": one.right.number,
        "listings": one.targets,
        "outcome": row.outcome or None,
        "says": f"{row.platform_status} (unknown here)" if row.status_unknown else row.platform_status or None,
        "states": one.states,
        "confirmed_by": row.confirmed_by,
        "drafted": row.drafted_at,
        "exported": row.exported_at,
        "external_ref": row.external_ref,
        "due": timer and timer.due_at,
        "platform_status": row.platform_status,
        "pack": row.pack,
    }


@complaints.command("show")
def show_one(ctx: typer.Context, complaint_id: ComplaintId, as_json: AsJson = False) -> None:
    """Show one complaint: its text, listings, deadlines and steps, what a person affirms, what is wrong with it."""

    async def work(parts: Parts) -> dict[str, Any]:
        stored = await load(parts, complaint_id)
        return _facts(stored, as_json) | await _course(parts, complaint_id, as_json)

    show_facts(with_parts(ctx, work), as_json)


def _facts(stored: Stored, as_json: bool) -> dict[str, Any]:
    row, draft = stored.row, stored.draft
    named = {target.alert_id: target for target in draft.targets}
    unseen = {target.alert_id for target in stored.unconsidered()}
    listings = [_listing(view, named.get(view.alert.id), view.alert.id not in unseen) for view in stored.targets]
    return {
        "id": row.id,
        "state": row.state,
        "outcome": row.outcome or None,
        "platform": row.platform,
        "site": row.site,
        "account": row.account or None,
        "route": row.route,
        "work": draft.work.title,
        "right": f"{draft.right.kind} {draft.right.stated_number}",
        "reason": draft.reason,
        "explanation": draft.explanation,
        "explained_by": row.explained_by or None,
        "listings": listings if as_json else [_line(one) for one in listings],
        "statements": [statement.text for statement in draft.statements],
        "confirmed_by": row.confirmed_by,
        "approved_by": row.approved_by,
        "exported": row.exported_at,
        "pack": row.pack,
        "submitted": row.submitted_at,
        "external_ref": row.external_ref,
        "platform_status": row.platform_status or None,
        "status_unknown": row.status_unknown,
        "supersedes": row.supersedes_id,
        "in_the_way": [str(problem) for problem in stored.problems if problem.blocking and not row.exported_at],
        "notes": [str(problem) for problem in stored.problems if not problem.blocking and not row.exported_at],
    }


def _listing(view: TargetView, target: Target | None, considered: bool) -> dict[str, Any]:
    row = view.target
    return {
        "listing": view.alert.id,
        "state": row.state,
        "url": target.url if target else view.listing.url,
        "title": view.listing.title,
        "seller": view.seller and view.seller.name,
        "considered": bool(target) and considered,
        "live_at": target.last_seen_live_at if target else row.live_at,
        "live_by": target.seen_live_by if target else row.live_by or row.live_how,
        "checked": row.checked_outcome or None,
        "platform_status": row.platform_status or None,
        "status_unknown": row.status_unknown,
        "decided_at": row.decided_at,
        "verified_gone_at": row.verified_gone_at,
        "note": row.note or None,
    }


def _line(one: dict[str, Any]) -> str:
    live = f"live {utc(one['live_at'])} ({one['live_by']})" if one["live_at"] else "not seen live"
    told = (
        f", says {one['platform_status']!r}{' (unknown here)' if one['status_unknown'] else ''}"
        if one["platform_status"]
        else ""
    )
    considered = ", considered" if one["considered"] else ""
    note = f", {one['note']}" if one["note"] else ""
    title = clip(one["title"], _TITLE_CHARS)
    return f"#{one['listing']} {one['state']}{considered}, {live}{told}{note}  {one['url']}  {title}"


async def _course(parts: Parts, complaint_id: int, as_json: bool) -> dict[str, Any]:
    """Its deadlines, counter-notices and steps."""
    async with parts.database.read() as session:
        timers = [row for row in await timers_of(session, complaint_id) if row.ended_at is None]
        counters = await counters_of(session, complaint_id)
        events = await events_of(session, complaint_id)
    now = parts.clock.now()
    if as_json:
        return {
            "deadlines": [_columns(row) | {"left": left(row.act_by_at, now)} for row in timers],
            "counter_notices": [_columns(row) for row in counters],
            "steps": [_columns(event) | {"listing": alert_id} for event, alert_id in events],
        }
    return {
        "deadlines": [deadline_line(row, now) for row in timers if row.kind != "recrawl"],
        "counter_notices": [f"{row.round}: {row.state}, {row.claim}, {row.words}".rstrip(", ") for row in counters],
        "steps": [_step_line(event) for event, alert_id in events if alert_id is None],
    }


def _columns(row: tables.Table) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in row.__table__.columns}


def _step_line(event: tables.ComplaintEvent) -> str:
    told = f" ({event.note or event.raw})" if event.note or event.raw else ""
    return f"{utc(event.at)} {event.event}: {event.before} to {event.after}, by {event.actor}{told}"


@complaints.command()
def sheet(
    ctx: typer.Context,
    complaint_id: ComplaintId,
    file: Annotated[Path, typer.Argument(dir_okay=False, help="The CSV file to write.")],
) -> None:
    """Write a sheet of the listings to fill in at leisure; `complaints confirm --sheet` reads it back."""
    stored = with_parts(ctx, lambda parts: load(parts, complaint_id))
    file.write_bytes(sheets.write_sheet(stored))
    say(f"written: {file}; fill in its empty columns, then:")
    say(f"bazaarwatch complaints confirm {complaint_id} --as NAME --sheet {file}")


@complaints.command()
def confirm(
    ctx: typer.Context,
    complaint_id: ComplaintId,
    person: Person,
    listing: Listings = None,
    considered: Annotated[
        str, typer.Option(help="What was considered of each of these listings: fair-use,exhaustion,authorised-seller.")
    ] = "",
    sheet: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A filled sheet of `complaints sheet`.")
    ] = None,
    walk: Annotated[bool, typer.Option("--walk", help="Show one listing after the other and ask.")] = False,
    live: Annotated[bool, typer.Option("--live", help="These listings were also seen on sale just now.")] = False,
    affirm: Annotated[
        bool, typer.Option("--affirm", help="The statements that `complaints show` prints are affirmed.")
    ] = False,
    note: Annotated[str, typer.Option(help="What led to the conclusion.")] = "",
) -> None:
    """Stand behind a complaint as a named person, listing by listing, then affirm its statements.

    Considered of each listing: whether the use may be fair, whether it may be genuine goods resold (exhaustion),
    whether the seller may be authorised. What was considered stays so until the listing changes.
    """
    person = _named(person)
    if not (listing or sheet or walk or affirm):
        if not sys.stdin.isatty():
            raise UsageProblem(
                "say which listings were considered (--listing 17 --considered fair-use,exhaustion,authorised-seller), "
                "or --sheet FILE, or --walk; and --affirm for the statements"
            )
        walk = True
    if listing:
        _require_all(considered)

        async def tick(parts: Parts) -> Stored:
            return await filing.consider(parts, complaint_id, person, listing or (), note, seen=live)

        with_parts(ctx, tick)
    if sheet:
        _from_sheet(ctx, complaint_id, person, sheet)
    if walk:
        walk_through(ctx, complaint_id, person)
        affirm = affirm or asked_to_affirm(ctx, complaint_id, person)
    if not affirm:
        _tell_what_is_left(with_parts(ctx, lambda parts: load(parts, complaint_id)), person)
        return
    stored = with_parts(ctx, lambda parts: filing.confirm(parts, complaint_id, person))
    tell_standing(ctx, complaint_id)
    _tell_problems(stored)


def _tell_problems(stored: Stored) -> None:
    for problem in stored.problems:
        say(f"{'still in the way' if problem.blocking else 'note'}: {problem}")


def _require_all(considered: str) -> None:
    said = {word.strip() for word in considered.split(",") if word.strip()}
    if unknown := said - set(filing.QUESTIONS):
        raise UsageProblem(
            f"--considered: {', '.join(sorted(unknown))} is no question; they are {','.join(filing.QUESTIONS)}"
        )
    if missing := [one for one in filing.QUESTIONS if one not in said]:
        raise UsageProblem(f"--considered: {', '.join(missing)} has to be considered too, for each listing")


def _from_sheet(ctx: typer.Context, complaint_id: int, person: str, file: Path) -> None:
    data = file.read_bytes()
    for problem in with_parts(ctx, lambda parts: sheets.apply_sheet(parts, complaint_id, person, data)):
        say(f"not taken: {problem}")


def _tell_what_is_left(stored: Stored, person: str) -> None:
    missing = stored.unconsidered(person)
    if missing:
        say(f"{len(missing)} of {len(stored.draft.targets)} listings are still to be considered by {person}")
    else:
        say("every listing was considered; `--affirm` affirms the statements that `complaints show` prints")


@complaints.command()
def approve(ctx: typer.Context, complaint_id: ComplaintId, person: Person) -> None:
    """Approve, as the second person, what the first one confirmed."""
    with_parts(ctx, lambda parts: filing.approve(parts, complaint_id, _named(person)))
    tell_standing(ctx, complaint_id)


@complaints.command("return")
def return_(
    ctx: typer.Context,
    complaint_id: ComplaintId,
    person: Person,
    note: Annotated[str, typer.Option(help="What has to change.")],
) -> None:
    """Put a confirmed complaint back into the draft; what was considered stays considered."""
    with_parts(ctx, lambda parts: filing.send_back(parts, complaint_id, _named(person), note))
    tell_standing(ctx, complaint_id)


@complaints.command()
def edit(
    ctx: typer.Context,
    complaint_id: ComplaintId,
    explanation: Annotated[
        str | None, typer.Option(help="What was copied, in your own words; '' for the drafted ones.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A text file with the explanation.")
    ] = None,
    fact: Annotated[
        list[str] | None, typer.Option(help="What is to be stated, as order_numbers=8123; may be repeated.")
    ] = None,
) -> None:
    """Say it in your own words, or state what is missing, before it leaves; a confirmed one is confirmed again."""
    if (explanation is None) == (file is None) and not (fact and explanation is None):
        raise UsageProblem("give --explanation TEXT or --file FILE, or what is to be stated: --fact order_numbers=8123")
    words = file.read_text("utf-8") if file else explanation
    facts = dict(_fact(one) for one in fact or ())
    stored = with_parts(ctx, lambda parts: reword(parts, complaint_id, ctx.obj.actor, words, facts))
    tell_standing(ctx, complaint_id)
    _tell_problems(stored)


@complaints.command()
def exclude(
    ctx: typer.Context,
    complaint_id: ComplaintId,
    listing: Annotated[list[int], typer.Option("--listing", help="The number before it; may be repeated.")],
    reason: Annotated[str, typer.Option(help="Why it is left out.")],
) -> None:
    """Leave listings out of a complaint that has not left."""
    with_parts(ctx, lambda parts: filing.leave_out(parts, complaint_id, listing, ctx.obj.actor, reason))
    say(f"left out: {', '.join(f'#{one}' for one in listing)}")
    tell_standing(ctx, complaint_id)


@complaints.command()
def include(
    ctx: typer.Context,
    complaint_id: ComplaintId,
    listing: Annotated[list[int], typer.Option("--listing", help="The number before it; may be repeated.")],
) -> None:
    """Take listings in again that were left out."""
    with_parts(ctx, lambda parts: filing.take_in(parts, complaint_id, listing, ctx.obj.actor))
    say(f"taken in again: {', '.join(f'#{one}' for one in listing)}")
    tell_standing(ctx, complaint_id)


@complaints.command("recheck")
def recheck_(ctx: typer.Context, complaint_id: ComplaintId, listing: Listings = None, as_json: AsJson = False) -> None:
    """Fetch the listings' pages anew: on sale, gone, or neither where the site refuses us."""

    async def work(parts: Parts) -> list[recheck.Look]:
        looks = []
        for target in progress(await recheck.waiting(parts, complaint_id, listing), "looking", quiet=as_json):
            looks.append(await recheck.look_again(parts, complaint_id, target, ctx.obj.actor))
        return looks

    rows = [
        {"listing": one.alert_id, "found": one.found, "state": one.state, "reason": one.reason, "url": one.url}
        for one in with_parts(ctx, work)
    ]
    show(rows, as_json, "no listing of it can be looked at")
    if any(row["found"] == "unknown" for row in rows) and not as_json:
        say(
            "unknown is neither on sale nor gone: open it in your browser and send or save the page, or say "
            f"`bazaarwatch complaints seen {complaint_id} --listing N --as NAME`"
        )


@complaints.command()
def seen(
    ctx: typer.Context,
    complaint_id: ComplaintId,
    listing: Annotated[list[int], typer.Option("--listing", help="The number before it; may be repeated.")],
    person: Person,
) -> None:
    """Record that a named person saw listings on sale just now."""
    with_parts(ctx, lambda parts: recheck.seen_by(parts, complaint_id, listing, _named(person)))
    say(f"seen on sale by {_named(person)}: {', '.join(f'#{one}' for one in listing)}; that holds for 24 hours")


@complaints.command()
def export(
    ctx: typer.Context,
    complaint_id: ComplaintId,
    evidence: Annotated[
        bool, typer.Option("--evidence/--no-evidence", help="Whether the evidence ZIP goes into the pack.")
    ] = True,
    as_it_is: Annotated[
        bool, typer.Option("--as-it-is", help="Do not fetch again what was last captured more than 24 hours ago.")
    ] = False,
) -> None:
    """Write the pack of a confirmed complaint: addresses to paste, the form's fields, a table, the evidence."""

    async def work(parts: Parts) -> tuple[Path, str]:
        with telling(quiet=False) as tell:
            left = await leave(parts, complaint_id, ctx.obj.actor, tell, say, fresh=not as_it_is, evidence=evidence)
        return left, await standing(parts, complaint_id)

    gc.disable()  # all is held to the end: looking through 1,000 listings for garbage took a sixth of the time
    folder, line = with_parts(ctx, work)
    typer.echo(folder)
    say(line)


@complaints.command()
def cancel(ctx: typer.Context, complaint_id: ComplaintId) -> None:
    """Give up a complaint that has not been exported; its alerts can be decided and complained of again."""
    with_parts(ctx, lambda parts: filing.cancel(parts, complaint_id, ctx.obj.actor))
    tell_standing(ctx, complaint_id)


def _named(person: str) -> str:
    if not person.strip():
        raise UsageProblem("--as: a complaint is confirmed by a person, by name")
    return " ".join(person.split())
