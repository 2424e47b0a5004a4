"""The complaints' desk: what presses first, each considered listing by listing, confirmed, exported, followed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from monitor.complaints.base import TargetState
from monitor.complaints.form import needed, statable
from monitor.complaints.lifecycle import AT_PLATFORM, ComplaintState
from monitor.complaints.packs import platforms
from monitor.console.access import Analyst, Approver, PartsOf, Viewer, form_of
from monitor.console.fields import Id, text_field, whole_number
from monitor.console.guard import Problem
from monitor.console.kept import Kept
from monitor.console.leaving import Leavings, zipped
from monitor.console.view import back_to, page
from monitor.console.works import seen_work
from monitor.daemon import Parts
from monitor.desk import filing, following
from monitor.desk.dossier import Stored, considered_sha256, load, seen_live
from monitor.desk.kit import KITS, write_kit
from monitor.desk.wording import reword
from storage import tables
from storage.audit import record
from storage.complaints import (
    RELEASED,
    count_complaints,
    counters_of,
    events_of,
    get_complaint,
    list_complaints,
    timers_of,
)
from storage.errors import NotFound, StaleState
from storage.inbox import Owners, owned
from storage.rights import rights_of

router = APIRouter(include_in_schema=False)
_QUESTIONS = (
    ("fair_use", "Fair use, quotation, parody and the like were considered and do not apply."),
    ("exhaustion", "It was considered that it may be resale of genuine or parallel-imported goods."),
    ("authorised", "It was considered that the seller may be authorised."),
)
_OPEN = frozenset({"draft", "ready", "in_review", "approved"})
_OUTCOMES = ("removed", "rejected", "void_gone", "edited", "reinstated", "still_up", "under_review", "paused")
_ON_A_PAGE = 50
_FREE_COPIES = "copies in no complaint"
_PATIENCE_S = 3.0  # that a person waits for an answer before the page tells how far it is


@router.get("/complaints")
async def complaints(request: Request, parts: PartsOf, person: Viewer) -> Response:
    """The desk: open counter-notices on top, then by deadline; and works with confirmed copies to complain of."""
    state, at = text_field(request.query_params, "state", 40), whole_number(request.query_params, "page") or 1
    async with parts.database.read(brief=True) as session:
        states = [state] if state in list(ComplaintState) else None
        rows = await list_complaints(
            session, states=states, owners=person.owners, limit=_ON_A_PAGE, offset=(at - 1) * _ON_A_PAGE
        )
        count = await count_complaints(session, states, person.owners)
    ready = await _to_complain_of(request, parts, person.owners)
    return await page(
        request, "complaints.html", person, rows=rows, count=count, ready=ready, state=state, at=at,
        more=count > at * _ON_A_PAGE,
        states=list(ComplaintState), platforms=platforms(parts.settings.data_dir / "policies"),
    )  # fmt: skip


@router.post("/complaints")
async def draft(request: Request, parts: PartsOf, person: Analyst) -> Response:
    """Draft complaints from a work's confirmed copies."""
    form = await form_of(request)
    work_id, platform = whole_number(form, "work"), text_field(form, "platform", 100)
    if platform not in platforms(parts.settings.data_dir / "policies"):
        raise Problem(422, "choose a complaint platform")
    async with parts.database.read(brief=True) as session:
        await seen_work(session, work_id, person.owners)
        right_id = whole_number(form, "right") or await _labelled_right(session, work_id)
    drafting = await filing.draft_complaints(parts, work_id, platform, person.name, right_id)
    request.app.state.kept.forget(_FREE_COPIES)
    if not drafting.complaint_ids:
        raise Problem(409, f"nothing was drafted: {drafting.why_none()}")
    return back_to(f"/complaints/{drafting.complaint_ids[0]}" if len(drafting.complaint_ids) == 1 else "/complaints")


@router.get("/complaints/{complaint_id}")
async def complaint(request: Request, parts: PartsOf, person: Viewer, complaint_id: Id) -> Response:
    """One complaint: what is wrong with it, its listings side by side, what comes next, its timeline."""
    await require_seen(parts, complaint_id, person.owners)
    stored = await load(parts, complaint_id)
    async with parts.database.read(brief=True) as session:
        events = await events_of(session, complaint_id)
        timers = await timers_of(session, complaint_id)
        counters = await counters_of(session, complaint_id)
        references = list(
            await session.scalars(
                select(tables.Reference.id).where(tables.Reference.work_id == stored.row.work_id).limit(1)
            )
        )
    kits = await asyncio.to_thread(_kits, parts.settings.data_dir, complaint_id)
    return await page(
        request, "complaint.html", person, stored=stored, row=stored.row, events=list(reversed(events)),
        timers=timers, counters=counters, reference=next(iter(references), None), questions=_QUESTIONS,
        listings=_listings(stored), is_open=stored.row.state in _OPEN, at_platform=stored.state in AT_PLATFORM,
        facts=_facts(stored), outcomes=_OUTCOMES, kits=kits, second=parts.settings.complaints.second_person,
        leaving=request.app.state.leavings.of(complaint_id),
    )  # fmt: skip


def _facts(stored: Stored) -> dict[str, str]:
    """What a person states of it, by name: what its reason needs and what was found missing, then what was stated."""
    draft, rules, stated = stored.draft, stored.rules, stored.draft.reason_facts
    missing = {problem.field.removeprefix("reason_facts.") for problem in stored.problems}
    asked = [*needed(draft, rules), *(name for name in statable(draft, rules) if name in missing), *stated]
    return {name: stated.get(name, "") for name in asked}


def _listings(stored: Stored) -> list[dict[str, Any]]:
    """Each listing with what a person has to know of it, and whether it was considered as it stands now."""
    named = {target.alert_id: target for target in stored.draft.targets}
    rows = []
    for view in stored.targets:
        target, tick = named.get(view.alert.id), view.target.considered or {}
        fresh = target is not None and view.target.considered_sha256 == considered_sha256(target)
        live_at, how, by = seen_live(view)
        rows.append(
            {
                "view": view,
                "named": target,
                "considered": tick if fresh else {},
                "live_at": live_at,
                "live": by or how,
                "problems": [one for one in stored.problems if one.field.startswith(f"alert {view.alert.id}")],
            }
        )
    return rows


@router.post("/complaints/{complaint_id}/words")
async def words_of(request: Request, parts: PartsOf, person: Analyst, complaint_id: Id) -> Response:
    """Put it into a person's own words, and state what its form asks for; a confirmed one is confirmed again."""
    await require_seen(parts, complaint_id, person.owners)
    form, asked = await form_of(request), _facts(await load(parts, complaint_id))
    facts = {name: text_field(form, f"fact-{name}", 2000) for name in asked}
    explanation = text_field(form, "explanation", 20_000).replace("\r\n", "\n")  # as browsers end lines
    await reword(parts, complaint_id, person.name, explanation, facts)
    return back_to(f"/complaints/{complaint_id}")


@router.post("/complaints/{complaint_id}/consider")
async def consider(request: Request, parts: PartsOf, person: Approver, complaint_id: Id) -> Response:
    """Record what was considered of each listing; only those for which every question was ticked count."""
    await require_seen(parts, complaint_id, person.owners)
    form = await form_of(request)
    ids = [int(str(value)) for value in form.getlist("alert") if str(value).isdecimal()]
    ticked = [one for one in ids if all(form.get(f"{name}-{one}") == "yes" for name, _ in _QUESTIONS)]
    if not ticked:
        raise Problem(422, "answer every question for at least one listing")
    now = parts.clock.now()
    seconds = _on_screen(form, now)
    for alert_id in ticked:
        note = text_field(form, f"note-{alert_id}", 1000)
        seen = form.get(f"seen-{alert_id}") == "yes"
        await filing.consider(parts, complaint_id, person.name, [alert_id], note, seen=seen)
    async with parts.database.write("time on screen") as session:
        facts = {"alerts": ticked, "seconds_on_screen": seconds}
        await record(session, now, person.name, "listings considered", f"complaint {complaint_id}", facts)
    return back_to(f"/complaints/{complaint_id}")


@router.post("/complaints/{complaint_id}/confirm")
async def confirm(request: Request, parts: PartsOf, person: Approver, complaint_id: Id) -> Response:
    """A named person's yes: every statement ticked, every listing considered before."""
    await require_seen(parts, complaint_id, person.owners)
    form = await form_of(request)
    stored = await load(parts, complaint_id)
    affirmed = set(form.getlist("statement"))
    missing = [one.name for one in stored.draft.statements if f"{one.name}.{one.version}" not in affirmed]
    if missing:
        raise Problem(422, f"read and tick every statement; missing: {', '.join(missing)}")
    if form.get("content") != stored.draft.content_sha256:
        raise StaleState("the complaint has changed since this page was loaded; look at it again")
    await filing.confirm(parts, complaint_id, person.name)
    async with parts.database.write("time on screen") as session:
        facts = {"seconds_on_screen": _on_screen(form, parts.clock.now())}
        now = parts.clock.now()
        await record(session, now, person.name, "complaint read before confirming", f"complaint {complaint_id}", facts)
    return back_to(f"/complaints/{complaint_id}")


@router.post("/complaints/{complaint_id}/approve")
async def approve(request: Request, parts: PartsOf, person: Approver, complaint_id: Id) -> Response:
    """The second person's yes, or the way back to the draft."""
    await require_seen(parts, complaint_id, person.owners)
    form = await form_of(request)
    if form.get("back"):
        await filing.send_back(parts, complaint_id, person.name, text_field(form, "note", 1000))
    else:
        await filing.approve(parts, complaint_id, person.name)
    return back_to(f"/complaints/{complaint_id}")


@router.post("/complaints/{complaint_id}/listings")
async def sort_out(request: Request, parts: PartsOf, person: Analyst, complaint_id: Id) -> Response:
    """Leave a listing out, or take it in again."""
    await require_seen(parts, complaint_id, person.owners)
    form = await form_of(request)
    ids, note = [whole_number(form, "alert")], text_field(form, "note", 500) or "left out in the console"
    if form.get("take_in"):
        await filing.take_in(parts, complaint_id, ids, person.name, note)
    else:
        await filing.leave_out(parts, complaint_id, ids, person.name, note)
    return back_to(f"/complaints/{complaint_id}")


@router.post("/complaints/{complaint_id}/export")
async def export(request: Request, parts: PartsOf, person: Approver, complaint_id: Id) -> Response:
    """Write the pack, with its evidence; what takes longer than a moment goes on in the background."""
    await require_seen(parts, complaint_id, person.owners)
    leaving: Leavings = request.app.state.leavings
    await leaving.begin(complaint_id, person.name).within(_PATIENCE_S)
    return back_to(f"/complaints/{complaint_id}#leaving")


@router.get("/complaints/{complaint_id}/pack.zip")
async def download(request: Request, parts: PartsOf, person: Approver, complaint_id: Id) -> Response:
    """The exported files, evidence included: what is still being drawn is waited for."""
    await require_seen(parts, complaint_id, person.owners)
    async with parts.database.read(brief=True) as session:
        row = await get_complaint(session, complaint_id)
    leaving: Leavings = request.app.state.leavings
    if not row.pack_sha256 and not leaving.is_under_way(complaint_id):
        raise NotFound(f"complaint {complaint_id} was not exported")
    folder = await leaving.begin(complaint_id, person.name).whole()
    return zipped(folder, f"complaint-{complaint_id}.zip")


@router.post("/complaints/{complaint_id}/cancel")
async def cancel(parts: PartsOf, person: Analyst, complaint_id: Id) -> Response:
    """Give up a complaint that has not left."""
    await require_seen(parts, complaint_id, person.owners)
    await filing.cancel(parts, complaint_id, person.name)
    return back_to(f"/complaints/{complaint_id}")


@router.post("/complaints/{complaint_id}/status")
async def status(request: Request, parts: PartsOf, person: Analyst, complaint_id: Id) -> Response:
    """What happened at the platform: handed in, its words, an outcome, a counter-notice, the answer to one."""
    await require_seen(parts, complaint_id, person.owners)
    form = await form_of(request)
    what, words = str(form.get("what", "")), text_field(form, "words", 2000)
    chosen = [int(str(value)) for value in form.getlist("alert") if str(value).isdecimal()] or None
    if what == "submitted":
        await following.hand_in(parts, complaint_id, person.name, text_field(form, "reference", 200), words)
    elif what == "words":
        if not words:
            raise Problem(422, "write the platform's words as they stand")
        await following.record_status(parts, complaint_id, words, person.name, alert_ids=chosen)
    elif what == "outcome":
        outcome = text_field(form, "outcome", 40)
        if outcome not in _OUTCOMES:
            raise Problem(422, "choose what became of the listings")
        state = TargetState(outcome)
        await following.record_outcome(parts, complaint_id, state, person.name, alert_ids=chosen, note=words)
    elif what == "countered":
        at = parts.clock.now()
        await following.countered(parts, complaint_id, person.name, at, alert_ids=chosen, words=words)
    else:
        raise Problem(422, "say what happened")
    return back_to(f"/complaints/{complaint_id}")


@router.post("/complaints/{complaint_id}/answer")
async def answer(request: Request, parts: PartsOf, person: Approver, complaint_id: Id) -> Response:
    """Answer a counter-notice, or take the complaint back."""
    await require_seen(parts, complaint_id, person.owners)
    form = await form_of(request)
    note, what = text_field(form, "note", 4000), str(form.get("what", ""))
    if not note:
        raise Problem(422, "write why: it stays with the complaint")
    if what == "withdraw":
        await following.withdraw(parts, complaint_id, person.name, note)
    elif what in ("accept", "refuse"):
        await following.answer_counter(parts, complaint_id, person.name, accept=what == "accept", note=note)
    else:
        raise Problem(422, "accept it, refuse it, or withdraw the complaint")
    return back_to(f"/complaints/{complaint_id}")


@router.post("/complaints/{complaint_id}/kit")
async def prepare_answer(parts: PartsOf, person: Analyst, complaint_id: Id) -> Response:
    """Prepare the answer to the open counter-notice: what proves authorship, both pictures, a text to edit."""
    await require_seen(parts, complaint_id, person.owners)
    await write_kit(parts, complaint_id, person.name)
    return back_to(f"/complaints/{complaint_id}")


@router.get("/complaints/{complaint_id}/kits/{kit}.zip")
async def download_kit(parts: PartsOf, person: Analyst, complaint_id: Id, kit: str) -> Response:
    """A prepared answer's files."""
    await require_seen(parts, complaint_id, person.owners)
    known = {one.name for one in await asyncio.to_thread(_kits, parts.settings.data_dir, complaint_id)}
    if kit not in known:
        raise NotFound(f"complaint {complaint_id} has no prepared answer of that name")
    return zipped(parts.settings.data_dir / KITS / kit, f"{kit}.zip")


@dataclass(frozen=True, slots=True)
class Kit:
    """A prepared answer to a counter-notice, and what proof it says is missing."""

    name: str
    missing: list[str]


def _kits(data_dir: Path, complaint_id: int) -> list[Kit]:
    """The answers that were prepared for a complaint, the newest first."""
    folders = sorted((data_dir / KITS).glob(f"answer-C-{complaint_id}-*"), reverse=True)
    return [Kit(one.name, (one / "missing.txt").read_text("utf-8").splitlines()) for one in folders]


async def require_seen(parts: Parts, complaint_id: int, owners: Owners) -> None:
    """Make sure that a complaint is about a work of one of these owners.

    Raises:
        NotFound: There is none.
    """
    async with parts.database.read(brief=True) as session:
        row = await get_complaint(session, complaint_id)
        work = await session.get_one(tables.Work, row.work_id)
    if owners is not None and work.owner_id not in owners:
        raise NotFound(f"no complaint {complaint_id}")


async def _labelled_right(session: AsyncSession, work_id: int) -> int | None:
    """The right that the newest infringing decision on a work chose by its label; else the work's first."""
    of_work = (
        select(tables.Decision.right_id)
        .join(tables.DecisionItem, tables.DecisionItem.decision_id == tables.Decision.id)
        .join(tables.Alert, tables.Alert.id == tables.DecisionItem.alert_id)
        .where(tables.Alert.work_id == work_id, tables.Alert.answer == "infringing")
        .where(tables.DecisionItem.undone_at.is_(None), tables.Decision.right_id.is_not(None))
    )
    chosen: int | None = await session.scalar(of_work.order_by(tables.Decision.id.desc()).limit(1))
    return chosen or next((right.id for right in await rights_of(session, work_id)), None)


async def _to_complain_of(request: Request, parts: Parts, owners: Owners) -> list[Any]:
    """(work, its rights, copies confirmed and in no complaint) of every work with such copies."""

    async def count() -> dict[int, int]:
        async with parts.database.read() as session:
            return await _free_copies(session, owners)

    kept: Kept = request.app.state.kept
    counts = await kept.get((_FREE_COPIES, owners), count)
    works = select(tables.Work).where(tables.Work.id.in_(counts), tables.Work.removed_at.is_(None))
    rights: dict[int, list[tables.Right]] = {}
    protecting = select(tables.RightWork.work_id, tables.Right).join(
        tables.Right, tables.Right.id == tables.RightWork.right_id
    )
    async with parts.database.read(brief=True) as session:
        for work_id, right in await session.execute(protecting.where(tables.RightWork.work_id.in_(counts))):
            rights.setdefault(work_id, []).append(right)
        found = [(work, rights.get(work.id, []), counts[work.id]) for work in await session.scalars(works)]
    return sorted(found, key=lambda one: -one[2])


async def _free_copies(session: AsyncSession, owners: Owners) -> dict[int, int]:
    """By work: the copies that were confirmed and stand in no complaint; of the works with the most."""
    taken = select(tables.ComplaintTarget.alert_id).join(
        tables.Complaint, tables.Complaint.id == tables.ComplaintTarget.complaint_id
    )
    free = (
        select(tables.Alert.work_id, func.count())
        .where(tables.Alert.answer == "infringing", tables.Alert.suppressed.is_(None), *owned(owners))
        .where(tables.Alert.id.not_in(taken.where(tables.Complaint.state.not_in(RELEASED))))
        .group_by(tables.Alert.work_id)
        .order_by(func.count().desc())
        .limit(30)
    )
    return dict((await session.execute(free)).all())


def _on_screen(form: Any, now: datetime) -> int:
    """For how many seconds the page was in front of the person, as the page itself says; -1 where it does not."""
    shown = text_field(form, "shown_at", 40)
    try:
        at = datetime.fromisoformat(shown)
    except ValueError:
        return -1
    return int((now - at).total_seconds()) if at.tzinfo == UTC else -1
