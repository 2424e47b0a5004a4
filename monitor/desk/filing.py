"""From decided alerts to a complaint pack on disk: drafted, considered by a person, confirmed, exported once."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from detectors import rights
from monitor.complaints.base import Confirmation, Consideration, Draft, Pack, Problem
from monitor.complaints.base import TargetState as T
from monitor.complaints.errors import NotPossible
from monitor.complaints.export import export_pack
from monitor.complaints.lifecycle import (
    AT_PLATFORM,
    ComplaintEvent,
    ComplaintState,
    TargetEvent,
    next_state,
    next_target_state,
)
from monitor.complaints.notice import Batch, LeftOut, batch, draft_notice
from monitor.complaints.packs import home_of
from monitor.complaints.policy import Policy
from monitor.daemon import Parts
from monitor.desk.dossier import (
    LEFT_OUT,
    Stored,
    confirmation_of,
    considered_sha256,
    load,
    owner_of,
    read,
    rules_of,
    same_person,
    seen_live,
    targets_from,
    work_of,
)
from monitor.desk.folders import PACKS, sweep, write_pack
from monitor.errors import NoticeRefused
from storage import tables
from storage.complaints import (
    add_complaint,
    complaints_under,
    find_target,
    get_complaint,
    infringing_alerts,
    move,
    move_targets,
)
from storage.drawings import forget_drawings
from storage.rights import account_for, get_right, rights_of
from storage.works import get_work

QUESTIONS = ("fair-use", "exhaustion", "authorised-seller")  # what a person considers of every listing


@dataclass(frozen=True, slots=True)
class Drafting:
    """The complaints drafted, the listings that fit into none, and the complaints that hold all there are already."""

    complaint_ids: tuple[int, ...]
    left_out: tuple[LeftOut, ...]
    standing: tuple[int, ...] = ()

    def why_none(self) -> str:
        """Why nothing was drafted."""
        if self.left_out:
            return "; ".join(f"alert {one.target.alert_id}: {one.reason}" for one in self.left_out[:5])
        if self.standing:
            named = ", ".join(f"C-{one}" for one in self.standing[-5:])
            return f"each listing decided infringing stands in a complaint on this right already: {named}"
        return "decide alerts infringing first, with `bazaarwatch alerts decide infringing ID`"


async def draft_complaints(
    parts: Parts,
    work_id: int,
    platform: str,
    actor: str,
    right_id: int | None = None,
    reason: str | None = None,
    *,
    kind: str = "listing",
    facts: Mapping[str, str] | None = None,
    route: str | None = None,
) -> Drafting:
    """Draft complaints from every infringing alert of one work that this platform takes.

    Args:
        kind: What they are about: ``listing``, or ``storefront`` for the sellers' shops.
        facts: What the reason needs to be stated, such as an authentication report's.
        route: One of the platform's ways; without it, the first that takes the complaint.

    Raises:
        NoticeRefused: The work has no right, or the right is not the work's, or the platform no reason for it.
    """
    rules = rules_of(parts, platform)
    async with parts.database.write("complaints drafted") as session:
        work = await get_work(session, work_id)
        right = await get_right(session, right_id) if right_id else await _best_right(parts, session, work, rules)
        await _require_fitting(session, work, right, rules, reason)
        _require_reason_about(kind, rules, rights.RightKind(right.kind), reason)
        views = await infringing_alerts(session, work_id, right.id)
        targets = await targets_from(session, views, kind)
        if views and not targets:
            raise NoticeRefused("of no seller of these listings the shop's address is known: their pages named none")
        as_right = rights.Right.from_wire(right.facts)
        elsewhere = partial(home_of, folder=parts.settings.data_dir / "policies")
        sorted_out = batch(targets, rules, as_right, reason, elsewhere, route)
        account = await account_for(session, right.id, rules.account_platform)
        described, owner = await work_of(session, work), await owner_of(session, work.owner_id)
        ids, batches = [], Counter[tuple[str, str]]()
        for listings in sorted_out.batches:
            batches[listings.site, listings.route] += 1
            # Its number is known once it is stored.
            draft = draft_notice("C-0", listings, rules, work=described, right=as_right, owner=owner, reason=reason)
            row = _row_of(draft, platform, work.id, right.id)
            row.account, row.reason_facts = account.label if account else "", dict(facts or {})
            row.batch = batches[listings.site, listings.route]
            alert_ids = [target.alert_id for target in draft.targets]
            await add_complaint(session, parts.clock.now(), actor, row, alert_ids)
            await _settle(parts, session, row, actor)
            ids.append(row.id)
        standing = [] if ids or sorted_out.left_out else await complaints_under(session, work.id, right.id)
    return Drafting(tuple(ids), sorted_out.left_out, tuple(standing))


def _row_of(draft: Draft, platform: str, work_id: int, right_id: int) -> tables.Complaint:
    return tables.Complaint(
        platform=platform,
        site=draft.site,
        route=draft.route,
        work_id=work_id,
        right_id=right_id,
        reason=draft.reason,
        target_kind=draft.target_kind,
        explanation=draft.explanation,
    )


async def _require_fitting(
    session: AsyncSession, work: tables.Work, right: tables.Right, rules: Policy, reason: str | None
) -> None:
    """Refuse a right that is none of the work's, and a reason that the right cannot carry."""
    own = [row.id for row in await rights_of(session, work.id)]
    if right.id not in own:
        known = ", ".join(map(str, own)) or "it has none"
        raise NoticeRefused(f"right {right.id} does not protect {work.title!r}; its rights: {known}")
    kind = rights.RightKind(right.kind)
    if reason and reason in rules.reasons and kind not in rules.reasons[reason].value.right_kinds:
        serving = [code for code, fact in rules.reasons.items() if kind in fact.value.right_kinds]
        raise NoticeRefused(
            f"{reason} cannot be based on right {right.id}, a {kind.value.replace('_', ' ')}, at {rules.title}; "
            f"it can carry {', '.join(serving) or 'none there'}"
        )


def _require_reason_about(kind: str, rules: Policy, right: rights.RightKind, reason: str | None) -> None:
    """Refuse what no reason of the platform is about, before it is drafted: such as a shop, over a copyright."""
    chosen = reason or rules.propose_reason(right)
    if chosen is None or chosen not in rules.reasons or kind in rules.reasons[chosen].value.target_kinds:
        return
    about = [
        code for code, one in rules.reasons.items() if kind in one.value.target_kinds and right in one.value.right_kinds
    ]
    if about:
        raise NoticeRefused(f"{chosen} at {rules.title} is not about a {kind}; name one that is: {', '.join(about)}")
    named = right.value.replace("_", " ")
    raise NoticeRefused(f"{rules.title} has no reason about a {kind} over a {named}; complain of its listings instead")


async def draft_again(parts: Parts, complaint_id: int, actor: str) -> int:
    """Draft a complaint about what another's platform refused, to be bettered; the new one's id.

    Raises:
        NotPossible: It was not refused.
    """
    async with parts.database.write("complaint drafted again") as session:
        old = await get_complaint(session, complaint_id, lock=True)
        stored = await read(parts, session, old)
        refused = [view.target for view in stored.targets if view.target.state in (T.REJECTED, T.STILL_UP)]
        if not refused:
            raise NoticeRefused(
                f"complaint {complaint_id} has no listing that was refused; nothing is to be said again"
            )
        names = (
            "platform",
            "site",
            "account",
            "route",
            "work_id",
            "right_id",
            "reason",
            "target_kind",
            "batch",
            "explanation",
            "explained_by",
        )
        row = tables.Complaint(**{name: getattr(old, name) for name in names}, reason_facts=dict(old.reason_facts))
        row.supersedes_id = old.id
        if stored.state not in (ComplaintState.CLOSED,):
            after = next_state(stored.state, ComplaintEvent.CLOSE)
            await move(session, old, ComplaintEvent.CLOSE, after, parts.clock.now(), actor, note="said again")
        await add_complaint(session, parts.clock.now(), actor, row, [one.alert_id for one in refused], again=True)
        await redraft(parts, session, row, actor)
        return row.id


async def consider(
    parts: Parts, complaint_id: int, person: str, alert_ids: Collection[int], note: str = "", *, seen: bool = False
) -> Stored:
    """Record that a named person considered fair use, exhaustion and authorised sellers for each of these listings.

    Args:
        note: What led to the conclusion.
        seen: The person also saw each of them on sale just now.

    Raises:
        NotFound: The complaint does not name one of them.
        NotPossible: It was confirmed already.
    """
    now = parts.clock.now()
    async with parts.database.write("listings considered") as session:
        stored = await read(parts, session, await get_complaint(session, complaint_id, lock=True))
        _require_open(stored)
        named = {target.alert_id: target for target in stored.draft.targets}
        rows = {view.alert.id: view.target for view in stored.targets}
        for alert_id in alert_ids:
            row = rows.get(alert_id) or await find_target(session, complaint_id, alert_id)
            target = named.get(alert_id)
            if target is None:
                raise NoticeRefused(f"listing #{alert_id} was left out of complaint {complaint_id}: {row.note}")
            row.considered = {"person": person, "at": now.isoformat(), "questions": list(QUESTIONS), "note": note}
            row.considered_sha256 = considered_sha256(target)
            if seen:
                row.live_at, row.live_how, row.live_by = now, "person", person
        await session.flush()
        await _settle(parts, session, stored.row, person)
    return await load(parts, complaint_id)


async def confirm(parts: Parts, complaint_id: int, person: str) -> Stored:
    """Record a named person's yes to exactly what stands in the complaint now, and to its statements.

    Where two people have to look, the complaint then waits for the second.

    Raises:
        NoticeRefused: A listing was not considered by this person as it stands, or something blocks it.
        NotPossible: It was confirmed already.
    """
    now = parts.clock.now()
    async with parts.database.write("complaint confirmed") as session:
        stored = await read(parts, session, await get_complaint(session, complaint_id, lock=True))
        _require_open(stored)
        row, draft = stored.row, stored.draft
        missing = stored.unconsidered(person)
        if missing:
            listed = ", ".join(f"#{target.alert_id}" for target in missing[:10])
            more = f" and {len(missing) - 10} more" if len(missing) > 10 else ""
            raise NoticeRefused(
                f"{person} has not considered {listed}{more} of complaint {complaint_id} as they stand now"
            )
        if stored.in_the_way:
            raise NoticeRefused(_blocked(complaint_id, stored.in_the_way))
        ticks = {view.alert.id: view.target.considered or {} for view in stored.targets}
        considered = [
            Consideration(target.alert_id, True, True, True, ticks[target.alert_id].get("note", ""))
            for target in draft.targets
        ]
        yes = Confirmation(person, now, draft.content_sha256, draft.statements, tuple(considered))
        row.confirmation, row.confirmed_by, row.confirmed_at = yes.to_wire(), person, now
        row.four_eyes = parts.settings.complaints.second_person
        row.approved_by = row.approved_at = row.drawn_at = None
        if stored.state is ComplaintState.DRAFT:
            await _step(session, row, ComplaintEvent.VALIDATE, now, person)
        await _step(session, row, ComplaintEvent.REQUEST_REVIEW, now, person)
        if not row.four_eyes:
            row.approved_by, row.approved_at = person, now
            await _step(session, row, ComplaintEvent.APPROVE, now, person)
    return await load(parts, complaint_id)


async def approve(parts: Parts, complaint_id: int, person: str) -> Stored:
    """Record the second person's yes.

    Raises:
        NoticeRefused: It is the first person again, or the complaint has changed since.
        NotPossible: It does not wait for one.
    """
    async with parts.database.write("complaint approved") as session:
        stored = await read(parts, session, await get_complaint(session, complaint_id, lock=True))
        row = stored.row
        next_state(stored.state, ComplaintEvent.APPROVE)
        if same_person(person, row.confirmed_by or ""):
            raise NoticeRefused(
                f"complaint {complaint_id} was confirmed by {row.confirmed_by}; a second person approves it"
            )
        changed = [one for one in stored.problems if one.blocking and one.field.startswith("confirmation")]
        if changed:
            raise NoticeRefused(_blocked(complaint_id, changed))
        row.approved_by, row.approved_at = person, parts.clock.now()
        await _step(session, row, ComplaintEvent.APPROVE, parts.clock.now(), person)
    return await load(parts, complaint_id)


async def send_back(parts: Parts, complaint_id: int, person: str, note: str) -> None:
    """Put a confirmed complaint back into the draft; what was considered stays considered.

    Raises:
        NotPossible: It was not confirmed, or has left.
    """
    async with parts.database.write("complaint sent back") as session:
        row = await get_complaint(session, complaint_id, lock=True)
        waiting = row.state == ComplaintState.IN_REVIEW
        event = ComplaintEvent.RETURN if waiting else ComplaintEvent.REOPEN
        await _step(session, row, event, parts.clock.now(), person, note)


async def leave_out(parts: Parts, complaint_id: int, alert_ids: Collection[int], actor: str, note: str) -> Stored:
    """Leave listings out of a complaint that has not left; a confirmed one becomes a draft again.

    Raises:
        NotPossible: It has left.
    """
    return await _sort_out(parts, complaint_id, alert_ids, TargetEvent.EXCLUDE, actor, note)


async def take_in(parts: Parts, complaint_id: int, alert_ids: Collection[int], actor: str, note: str = "") -> Stored:
    """Take listings that were left out into the complaint again."""
    return await _sort_out(parts, complaint_id, alert_ids, TargetEvent.INCLUDE, actor, note)


async def _sort_out(
    parts: Parts, complaint_id: int, alert_ids: Collection[int], event: TargetEvent, actor: str, note: str
) -> Stored:
    now = parts.clock.now()
    async with parts.database.write("listings sorted out") as session:
        row = await get_complaint(session, complaint_id, lock=True)
        state = ComplaintState(row.state)
        if state in AT_PLATFORM or state is ComplaintState.EXPORTED:
            raise NotPossible("a complaint", row.state, event.value, ("withdraw",))
        targets = [await find_target(session, complaint_id, alert_id) for alert_id in alert_ids]
        for target in targets:
            after = next_target_state(T(target.state), event)
            await move_targets(session, [target], event, after, now, actor, note=note)
        await reopen(session, row, now, actor, "its listings changed")
        await redraft(parts, session, row, actor)
    return await load(parts, complaint_id)


async def reopen(session: AsyncSession, row: tables.Complaint, now: datetime, actor: str, note: str) -> None:
    """Make a complaint that waited to leave a draft again, if it did."""
    if row.state in (ComplaintState.READY, ComplaintState.IN_REVIEW, ComplaintState.APPROVED):
        await _step(session, row, ComplaintEvent.REOPEN, now, actor, note)


async def redraft(parts: Parts, session: AsyncSession, row: tables.Complaint, actor: str) -> None:
    """Let the text of a draft speak of as many listings as it has now, unless it is a person's; see if it is ready."""
    await session.flush()
    stored = await read(parts, session, row)
    draft = stored.draft
    if stored.state not in (ComplaintState.DRAFT, ComplaintState.READY) or not draft.targets:
        return
    listings = Batch(row.site, row.work_id, draft.targets, row.route, row.target_kind)
    again = draft_notice(
        "C-0", listings, stored.rules, work=draft.work, right=draft.right, owner=draft.owner, reason=row.reason
    )
    row.explanation = row.explanation if row.explained_by else again.explanation
    await _settle(parts, session, row, actor)


async def _settle(parts: Parts, session: AsyncSession, row: tables.Complaint, actor: str) -> None:
    """Let a draft that only a person's yes is missing of be ready, and a ready one that lacks more be a draft."""
    stored = await read(parts, session, row)
    if stored.state is ComplaintState.DRAFT and not stored.in_the_way:
        await _step(session, row, ComplaintEvent.VALIDATE, parts.clock.now(), actor)
    elif stored.state is ComplaintState.READY and stored.in_the_way:
        await _step(session, row, ComplaintEvent.REOPEN, parts.clock.now(), actor, str(stored.in_the_way[0]))


async def export(parts: Parts, complaint_id: int, actor: str) -> Path:
    """Write the pack of a confirmed complaint; exporting again gives the same folder.

    It is claimed before anything is written, so that it leaves once whoever exports it at once, and whatever crashes.
    One that changed since it was confirmed becomes a draft again.

    Raises:
        NoticeRefused: Something blocks it; the message lists every problem.
        NotPossible: It waits for a second person, or is over.
    """
    root = parts.settings.data_dir / PACKS
    sweep(root)
    async with parts.database.write("complaint claimed for export") as session:
        row = await get_complaint(session, complaint_id, lock=True)
        if row.pack and row.pack_sha256:
            return parts.settings.data_dir / row.pack
        stored = await read(parts, session, row)
        claimed = row.state == ComplaintState.EXPORTED or await _claim(parts, session, stored, actor, root)
    if not claimed:
        raise NoticeRefused(_blocked(complaint_id, [one for one in stored.problems if one.blocking]))
    at = stored.row.exported_at or parts.clock.now()
    draft = replace(stored.draft, submission=stored.row.submission)
    pack = await asyncio.to_thread(export_pack, draft, confirmation_of(stored.row), stored.rules, at)
    named = Pack(Path(stored.row.pack or pack.name).name, pack.files)
    folder = await asyncio.to_thread(write_pack, root, named)
    async with parts.database.write("complaint exported") as session:
        row = await get_complaint(session, complaint_id, lock=True)
        row.pack_sha256 = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    return folder


async def _claim(parts: Parts, session: AsyncSession, stored: Stored, actor: str, root: Path) -> bool:
    """Take an approved complaint for one export; False where something blocks it, a draft again if it has changed."""
    now, row = parts.clock.now(), stored.row
    if stored.state in (ComplaintState.DRAFT, ComplaintState.READY):
        return False  # nobody confirmed it, which is one of its problems
    after = next_state(stored.state, ComplaintEvent.EXPORT)
    if blocking := [one for one in stored.problems if one.blocking]:
        if any(one.field.startswith(("confirmation", "targets", "alert ", "approval")) for one in blocking):
            await reopen(session, row, now, actor, str(blocking[0]))
        return False
    for view in stored.targets:
        if T(view.target.state) not in LEFT_OUT:
            view.target.live_at, view.target.live_how, view.target.live_by = seen_live(view)
    row.submission += 1
    name = f"complaint-C-{row.id}" + (f"-{row.submission}" if row.submission > 1 else "")
    if (root / name).exists():  # of a database that was put back to an earlier state
        shutil.rmtree(root / name)
    row.pack, row.pack_sha256, row.exported_at = f"{PACKS}/{name}", None, now
    row.policy_version = stored.rules.label
    await move(session, row, ComplaintEvent.EXPORT, after, now, actor, note=f"{row.pack}, rules {row.policy_version}")
    return True


async def cancel(parts: Parts, complaint_id: int, actor: str) -> None:
    """Give up a complaint that has not left; its listings may be decided and complained of again.

    Raises:
        NotPossible: It was exported already: withdraw it instead.
    """
    async with parts.database.write("complaint cancelled") as session:
        row = await get_complaint(session, complaint_id, lock=True)
        if row.state != ComplaintState.CANCELLED:
            await _step(session, row, ComplaintEvent.CANCEL, parts.clock.now(), actor)
            await forget_drawings(session, complaint_id)


async def _best_right(parts: Parts, session: AsyncSession, work: tables.Work, rules: Policy) -> tables.Right:
    """The right to complain on: one that the platform takes and that has not ended, a Chinese one where that helps."""
    found = {row.id: row for row in await rights_of(session, work.id)}
    if not found:
        add = f"bazaarwatch rights add copyright_unregistered --work {work.id}"
        raise NoticeRefused(f"no right protects {work.title!r}; `{add}` adds one")
    every = [(row.id, rights.Right.from_wire(row.facts)) for row in found.values()]
    today = parts.clock.now().date()
    usable = [
        (number, one) for number, one in every if one.kind in rules.rights and not rights.expiry(one, today).blocked
    ]
    views = await infringing_alerts(session, work.id, next(iter(found)))
    sites = {site for view in views if (site := rules.site_of(view.listing.url))}
    china_only = bool(sites) and all(rules.sites[site].value.china_only for site in sites)
    return found[rights.smoother(usable or every, china_only=china_only)[0]]


async def _step(
    session: AsyncSession, row: tables.Complaint, event: ComplaintEvent, now: datetime, actor: str, note: str = ""
) -> None:
    await move(session, row, event, next_state(ComplaintState(row.state), event), now, actor, note=note)


def _require_open(stored: Stored) -> None:
    if stored.state not in (ComplaintState.DRAFT, ComplaintState.READY):
        raise NotPossible("a complaint", stored.state.value, "consider", ("return",))


def _blocked(complaint_id: int, problems: Collection[Problem]) -> str:
    listed = "; ".join(str(problem) for problem in problems)
    return f"complaint {complaint_id} cannot leave: {listed}"
