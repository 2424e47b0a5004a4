"""From decided alerts to a complaint pack on disk: the stored rows in the complaints' vocabulary, and back."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from detectors import rights
from monitor.complaints.base import (
    Confirmation,
    Consideration,
    Draft,
    MatchFacts,
    Pack,
    Problem,
    RightState,
    Target,
    Work,
)
from monitor.complaints.export import export_pack
from monitor.complaints.notice import LeftOut, batch, draft_notice
from monitor.complaints.packs import policy
from monitor.complaints.preflight import preflight
from monitor.daemon import Parts
from monitor.errors import NoticeRefused
from storage import tables
from storage.alerts import AlertView, evidence_of, matches_of
from storage.complaints import (
    add_complaint,
    confirm_complaint,
    get_complaint,
    infringing_alerts,
    note_export,
    targets_of,
)
from storage.listings import pictures_of
from storage.rights import get_right, right_states, rights_of
from storage.works import get_work, references

PACKS = "packs"


@dataclass(frozen=True, slots=True)
class Drafting:
    """The complaints drafted, and the listings that fit into none."""

    complaint_ids: tuple[int, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored complaint as its platform would see it now, with everything that is wrong with it."""

    row: tables.Complaint
    draft: Draft
    problems: tuple[Problem, ...]


async def draft_complaints(
    parts: Parts, work_id: int, platform: str, actor: str, right_id: int | None = None, reason: str | None = None
) -> Drafting:
    """Draft complaints from every infringing alert of one work that this platform takes.

    Raises:
        NoticeRefused: The work has no right, or the platform no reason for it.
    """
    rules = policy(platform)
    async with parts.database.write("complaints drafted") as session:
        work = await get_work(session, work_id)
        right = await get_right(session, right_id) if right_id else await _first_right(session, work)
        views = await infringing_alerts(session, work_id, right.id)
        targets = [await _target(session, view) for view in views]
        sorted_out = batch(targets, rules, rights.Right.from_wire(right.facts), reason)
        ids = []
        for listings in sorted_out.batches:
            draft = draft_notice(
                "C-0",  # its number is known once it is stored
                listings,
                rules,
                work=await _work(session, work),
                right=rights.Right.from_wire(right.facts),
                owner=_owner(await session.get_one(tables.Owner, work.owner_id)),
                reason=reason,
            )
            row = tables.Complaint(
                platform=platform,
                site=draft.site,
                work_id=work.id,
                right_id=right.id,
                reason=draft.reason,
                explanation=draft.explanation,
            )
            alert_ids = [target.alert_id for target in draft.targets]
            ids.append((await add_complaint(session, parts.clock.now(), actor, row, alert_ids)).id)
    return Drafting(tuple(ids), sorted_out.left_out)


async def load(parts: Parts, complaint_id: int) -> Stored:
    """A complaint with today's facts, checked against the platform's rules.

    Raises:
        NotFound: There is none.
    """
    async with parts.database.read() as session:
        row = await get_complaint(session, complaint_id)
        draft = await _draft(session, row)
        aside = [view for view in await targets_of(session, complaint_id) if view.alert.suppressed]
    found = [Problem(f"alert {view.alert.id}", f"set aside: {view.alert.suppressed}") for view in aside]
    found += preflight(draft, policy(row.platform), parts.clock.now(), _confirmation(row))
    return Stored(row, draft, tuple(found))


async def confirm(parts: Parts, complaint_id: int, person: str, note: str = "") -> Stored:
    """Record a named person's yes to exactly what stands in the complaint now, considered for every listing.

    Raises:
        StaleState: It is no draft any more.
    """
    stored = await load(parts, complaint_id)
    draft = stored.draft
    considered = [Consideration(target.alert_id, True, True, True, note) for target in draft.targets]
    confirmation = Confirmation(person, parts.clock.now(), draft.content_sha256, draft.statements, tuple(considered))
    async with parts.database.write("complaint confirmed") as session:
        await confirm_complaint(session, complaint_id, person, confirmation.to_wire(), confirmation.at)
    return await load(parts, complaint_id)


async def export(parts: Parts, complaint_id: int, actor: str) -> Path:
    """Write the pack of a confirmed complaint and record that it left; exporting again gives the same folder.

    Raises:
        NoticeRefused: Something blocks it; the message lists every problem.
        StaleState: Nobody confirmed it, or it was exported with other content.
    """
    stored = await load(parts, complaint_id)
    if stored.row.state == "exported" and stored.row.pack:
        return parts.settings.data_dir / stored.row.pack
    aside = [str(problem) for problem in stored.problems if problem.field.startswith("alert ")]
    if aside:
        raise NoticeRefused(f"complaint {complaint_id} cannot leave: {'; '.join(aside)}; cancel it and draft anew")
    # A crash between writing and recording leaves a folder that nobody was told of; the next try replaces it.
    pack = export_pack(stored.draft, _confirmation(stored.row), policy(stored.row.platform), parts.clock.now())
    folder = write_pack(parts.settings.data_dir / PACKS, pack)
    relative = folder.relative_to(parts.settings.data_dir).as_posix()
    async with parts.database.write("complaint exported") as session:
        await note_export(session, complaint_id, actor, relative, pack.sha256, parts.clock.now())
    return folder


def write_pack(root: Path, pack: Pack) -> Path:
    """Write a pack's files into a folder of its name, which appears whole or not at all."""
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = root / pack.name
    temporary = Path(tempfile.mkdtemp(dir=root, prefix="new-"))
    for name, data in pack.files.items():
        with (temporary / name).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    if folder.exists():
        shutil.rmtree(folder)
    temporary.rename(folder)
    return folder


async def _first_right(session: AsyncSession, work: tables.Work) -> tables.Right:
    found = await rights_of(session, work.id)
    if not found:
        add = f"bazaarwatch rights add copyright_unregistered --work {work.id}"
        raise NoticeRefused(f"no right protects {work.title!r}; `{add}` adds one")
    return found[0]


async def _draft(session: AsyncSession, row: tables.Complaint) -> Draft:
    work = await session.get_one(tables.Work, row.work_id)
    right = await get_right(session, row.right_id)
    state = (await right_states(session, right.id)).get(row.platform)
    kind = rights.RightKind(right.kind)
    return Draft(
        number=f"C-{row.id}",
        platform=row.platform,
        site=row.site,
        work=await _work(session, work),
        right=rights.Right.from_wire(right.facts),
        owner=_owner(await session.get_one(tables.Owner, work.owner_id)),
        reason=row.reason,
        explanation=row.explanation,
        targets=tuple([await _target(session, view) for view in await targets_of(session, row.id)]),
        statements=policy(row.platform).statements_for(kind),
        route=policy(row.platform).route_for(row.site, kind) or "",
        right_state=RightState(state.state) if state else None,
    )


def _confirmation(row: tables.Complaint) -> Confirmation | None:
    return Confirmation.from_wire(row.confirmation) if row.confirmation else None


async def _work(session: AsyncSession, work: tables.Work) -> Work:
    pictures = [reference.sha256 for reference in await references(session, work.id)]
    return Work(work.id, work.title, tuple(pictures))


def _owner(row: tables.Owner) -> rights.Owner:
    return rights.Owner(
        kind=rights.PartyKind(row.kind),
        legal_name=row.name,
        country=row.country,
        email_public=row.email,
        address=tuple(row.address.splitlines()),
        phone=row.phone or None,
    )


async def _target(session: AsyncSession, view: AlertView) -> Target:
    """One alert as a complaint names it, with its strongest finding and what was captured."""
    alert, listing, seller = view.alert, view.listing, view.seller
    matches = await matches_of(session, alert)
    kept = await evidence_of(session, alert.id)
    pages = [item for item in kept if item.kind == "page"]
    best = matches[0]
    capture = await session.get(tables.Capture, listing.capture_id) if listing.capture_id else None
    return Target(
        alert_id=alert.id,
        marketplace=listing.marketplace,
        listing_id=listing.listing_id,
        url=listing.url,
        url_original=capture.url if capture else listing.url,
        title=listing.title,
        work_id=alert.work_id,
        match=MatchFacts(
            best.detector, best.version, best.threshold, best.distance_bits, best.score, _first(alert.reasons)
        ),
        reference_id=best.reference_id,
        price=listing.price,
        currency=listing.currency,
        seller_id=seller.seller_id if seller else None,
        seller_name=seller.name if seller else None,
        image_urls=tuple(picture.url for picture in await pictures_of(session, listing.id)),
        picture_sha256=best.sha256,
        first_seen_at=listing.first_seen_at,
        captured_at=pages[-1].seen_at if pages else None,
        last_seen_live_at=listing.last_seen_at,
        seen_live_by=capture.how if capture else "",
        evidence_sha256=tuple(item.sha256 for item in sorted(kept, key=lambda item: item.kind == "facts")),
    )


def _first(reasons: Sequence[str]) -> str:
    return reasons[0] if reasons else ""
