"""The answer to a counter-notice, prepared: what proves authorship in dated order, both pictures, a text to edit."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from detectors.errors import DetectorError
from monitor.complaints.base import Draft, Pack
from monitor.complaints.deadlines import SAFETY, left
from monitor.complaints.lifecycle import ComplaintState
from monitor.daemon import Parts
from monitor.desk.dossier import Stored, read
from monitor.desk.folders import write_pack
from monitor.desk.following import take_up
from monitor.errors import NoticeRefused, SandboxError
from monitor.text import templates, utc
from storage import tables
from storage.complaints import TargetView, counters_of, get_complaint
from storage.errors import NotFound
from storage.rights import publications_of
from storage.works import references

KITS = "kits"
_SIDE_PX = 1200


@dataclass(frozen=True, slots=True)
class Link:
    """One dated step of the chain of authorship."""

    on: date
    what: str
    proof: str  # a SHA-256, a register's number, an address; empty: our own record alone


async def write_kit(parts: Parts, complaint_id: int, actor: str) -> tuple[Path, list[str]]:
    """Write the kit into a folder and take the counter-notice up; the folder, and what proof is missing.

    Its files: ``answer.txt`` (a text to edit; nothing is sent), ``authorship.json``, ``kit.html`` (all of it with both
    pictures side by side, offline), ``missing.txt``.

    Raises:
        NoticeRefused: No counter-notice to this complaint is open.
    """
    async with parts.database.read() as session:
        row = await get_complaint(session, complaint_id)
        stored = await read(parts, session, row)
        counter = next((one for one in await counters_of(session, complaint_id) if one.state == "open"), None)
        if counter is None:
            raise NoticeRefused(f"no counter-notice to complaint {complaint_id} is open")
        chain = await _chain(session, stored)
        shown = await references(session, row.work_id)
    missing = _missing(stored, chain)
    objected = [view for view in stored.targets if view.target.state == "countered"]
    pictures = await _pictures(parts, shown, stored, objected)
    now = parts.clock.now()
    facts = _facts(stored, counter, chain, missing, now)
    page = templates().get_template("kit.html").render(**facts, pictures=[name for name, _ in pictures])
    files = {
        "answer.txt": _answer(stored.draft, counter, chain).encode(),
        "authorship.json": (json.dumps(facts["chain"], ensure_ascii=False, indent=1) + "\n").encode(),
        "kit.html": page.encode("utf-8", "replace"),
        "missing.txt": "".join(f"{line}\n" for line in missing).encode(),
        **dict(pictures),
    }
    name = f"answer-C-{complaint_id}-{counter.round}-{now:%Y%m%dT%H%M%SZ}"
    folder = write_pack(parts.settings.data_dir / KITS, Pack(name, files))
    if stored.state is ComplaintState.COUNTERED:
        await take_up(parts, complaint_id, actor)
    return folder, missing


async def _chain(session: AsyncSession, stored: Stored) -> list[Link]:
    """What is known of the work's making and publication, the earliest first."""
    right, row = stored.draft.right, stored.row
    links = []
    if right.first_publication:
        first = right.first_publication
        links.append(Link(first.on, f"first published: {first.place}", first.url or ""))
    for proof in await publications_of(session, row.work_id):
        on = proof.stated_on or proof.seen_at.date()
        how = "published" if proof.stated_on else "seen published"
        links.append(Link(on, f"{how}: {proof.place}", proof.sha256 or proof.url))
    if right.number and right.registered_on:
        links.append(Link(right.registered_on, f"registered at {right.office or 'a register'}", right.number))
    for reference in await references(session, row.work_id):
        links.append(Link(reference.added_at.date(), f"kept in our registry: {reference.file_name}", reference.sha256))
    for view in stored.targets:
        if view.target.state == "countered":
            what = f"the seller's listing #{view.alert.id} first seen by us"
            links.append(Link(view.listing.first_seen_at.date(), what, view.listing.url))
    return sorted(links, key=lambda link: (link.on, link.what))


def _missing(stored: Stored, chain: Iterable[Link]) -> list[str]:
    """What would make the answer stronger and is not there."""
    right, targets = stored.draft.right, stored.targets
    ours = [link for link in chain if not link.what.startswith("the seller's")]
    theirs = [link.on for link in chain if link.what.startswith("the seller's")]
    found = []
    if right.first_publication is None:
        found.append("the day and place of the first publication: `bazaarwatch rights` records it")
    elif not right.first_publication.url:
        found.append("an address that proves the first publication")
    if not any(link.what.startswith(("published", "seen published")) for link in ours):
        found.append("a dated proof that the work was public: a page of your shop, a post")
    if not right.number:
        found.append("a registration of the right: an unregistered one is weighed by its proofs alone")
    if theirs and not any(link.on < min(theirs) for link in ours):
        found.append("any proof from before the seller's listing was first seen")
    found.append("working files, layers or sketches with their dates: they lie with you, add them to the answer")
    if not any(view.target.state == "countered" for view in targets):
        found.append("which listings the counter-notice is about")
    return found


async def _pictures(
    parts: Parts, shown: Iterable[tables.Reference], stored: Stored, objected: Iterable[TargetView]
) -> list[tuple[str, bytes]]:
    """Our pictures and the seller's, decoded and encoded anew; those that cannot be are left out."""
    matched = {target.alert_id: target.picture_sha256 for target in stored.draft.targets}
    named = [(f"work-{number}.jpg", one.sha256) for number, one in enumerate(shown, start=1)]
    named += [(f"listing-{view.alert.id}.jpg", matched.get(view.alert.id) or "") for view in objected]
    found = []
    for name, sha256 in named:
        try:
            found.append((name, await parts.sandbox.thumbnail(await parts.blobs.get(sha256), _SIDE_PX)))
        except (NotFound, DetectorError, SandboxError, ValueError):
            continue
    return found


def _facts(
    stored: Stored, counter: tables.CounterNotice, chain: Iterable[Link], missing: list[str], now: datetime
) -> dict[str, Any]:
    due = counter.due_at
    return {
        "number": stored.draft.number,
        "work": stored.draft.work.title,
        "platform": stored.rules.title,
        "portal": stored.rules.portal,
        "external_ref": stored.row.external_ref or "",
        "claim": counter.claim,
        "words": counter.words,
        "received": utc(counter.received_at),
        "due": utc(due) if due else "not known",
        "left": left(due - SAFETY, now) if due else "not known: answer now",
        "chain": [{"on": link.on.isoformat(), "what": link.what, "proof": link.proof} for link in chain],
        "missing": missing,
        "listings": [
            (view.alert.id, view.listing.url, view.listing.title)
            for view in stored.targets
            if view.target.state == "countered"
        ],
    }


_CLAIMS = {
    "own-design": "The seller claims to have made the design. The dates below show since when the work is known.",
    "licensed": "The seller claims a licence. [Say whether the owner granted one, and to whom.]",
    "genuine-goods": "The seller claims to sell genuine goods. [Say by what the goods shown differ from the owner's.]",
    "different": "The seller claims that the design is another. Both are shown side by side. [Name what is copied.]",
    "not-told": "The seller objects and gives no ground that reached us.",
}


def _answer(draft: Draft, counter: tables.CounterNotice, chain: Iterable[Link]) -> str:
    """A text to edit before a person sends it: nothing in it that the records do not hold."""
    lines = [
        f"Answer to the counter-notice against complaint {draft.number}",
        f"Work: {draft.work.title}. Right: {draft.right.kind.value.replace('_', ' ')}, {draft.right.stated_number}, "
        f"holder {draft.right.holder}.",
        "",
        _CLAIMS[counter.claim],
        "",
        "The work's history, by date:",
        *(f"- {link.on.isoformat()}: {link.what}{f' ({link.proof})' if link.proof else ''}" for link in chain),
        "",
        "We uphold the complaint and ask that the listings stay removed.",
        "",
        "[name and signature of the person who answers]",
    ]
    return "".join(f"{line}\n" for line in lines)
