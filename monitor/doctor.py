"""Looks for what is wrong with an installation and its data, and says what to do about it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import packages_distributions
from pathlib import Path

from detectors.model import Outcome
from monitor.canaries import drift_notes
from monitor.daemon import Parts
from monitor.desk.folders import PACKS, leftovers
from monitor.registry.rights import ending_rights
from monitor.registry.vault import orphans, vault_faults
from storage.audit import first_broken
from storage.complaints import ComplaintSummary, list_complaints
from storage.errors import NotFound
from storage.evidence import custody_faults
from storage.hosts import list_hosts
from storage.invariants import contradictions, damage, referenced_hashes
from storage.listings import count_backlog, parked_reasons
from storage.searches import list_searches
from storage.tables import Crawl, Host, Search
from storage.workers import worker_faults
from storage.works import list_works

_FOLDERS = ("monitor", "storage", "detectors", "config", "migrations")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. A ``bad`` one is a fault; a note is something to know or to do."""

    name: str
    bad: bool
    detail: str


async def examine_installation(parts: Parts, *, deep: bool) -> list[Check]:
    """Every check; ``deep`` also reads every stored file and compares its hash."""
    today = parts.clock.now().date()
    async with parts.database.read() as session:
        checks = [
            _listed("database", await damage(session), "pages and keys hold"),
            _listed("stored facts", await contradictions(session), "nothing contradicts itself"),
            _audit(await first_broken(session)),
            _listed("custody", await custody_faults(session), "each chain holds, and every item is as it was kept"),
            await asyncio.to_thread(_files, parts, await referenced_hashes(session), deep),
            _packs(parts.settings.data_dir, complaints := await list_complaints(session)),
            _half_done(parts.settings.data_dir, complaints),
            _distributions(),
            _listed("vault", await vault_faults(parts, deep=deep), "every sealed paper is there"),
            _without_paper(await orphans(parts)),
            _contact(parts.settings.fetch.contact),
            _listed("workers", await worker_faults(session, parts.clock.now()), "none is silent or behind"),
        ]
        backlog = await count_backlog(session)
        parked = "; ".join(f"{count} x {reason}" for reason, count in (await parked_reasons(session)).items())
        checks += [
            Check("works", bad=False, detail=f"{len(await list_works(session))} watched"),
            Check("listings", bad=False, detail=f"{backlog.listings} known, {backlog.waiting} wait to be examined"),
            Check("parked", bad=False, detail=parked or "none; every listing could be examined"),
            Check("rights", bad=False, detail="; ".join(await ending_rights(session, today)) or "none ends soon"),
            _late(searches := await list_searches(session), parts.clock.now()),
            _hosts(await list_hosts(session), parts.clock.now()),
            _layouts(await drift_notes(session), searches),
        ]
    return checks


def _listed(name: str, faults: list[str], fine: str) -> Check:
    more = f" (+{len(faults) - _SHOWN} more)" if len(faults) > _SHOWN else ""
    return Check(name, bool(faults), "; ".join(faults[:_SHOWN]) + more if faults else fine)


def _audit(broken: int | None) -> Check:
    detail = f"entry {broken} was changed or the one before it removed" if broken else "the chain holds"
    return Check("audit log", broken is not None, detail)


def _without_paper(found: list[str]) -> Check:
    """Sealed files that a crash left: nothing is lost, and who was told that the paper is kept was told so later."""
    names = ", ".join(sha256[:12] for sha256 in found[:_SHOWN])
    left = f"{len(found)} belong to no paper ({names}): `bazaarwatch vault sweep` deletes them"
    return Check("sealed files", bad=False, detail=left if found else "each belongs to a paper")


def _files(parts: Parts, referenced: Iterable[str], deep: bool) -> Check:
    present = set(parts.blobs.hashes())
    missing = sorted(set(referenced) - present)
    altered = [sha256 for sha256 in sorted(present) if not _is_whole(parts, sha256)] if deep else []
    faults = [f"{sha256} is missing" for sha256 in missing] + [f"{sha256} was altered" for sha256 in altered]
    return _listed("stored files", faults, f"{len(present)} present{', hashes compared' if deep else ''}")


def _is_whole(parts: Parts, sha256: str) -> bool:
    try:
        parts.blobs.read(sha256)
    except NotFound:
        return False
    return True


def _packs(data_dir: Path, complaints: Iterable[ComplaintSummary]) -> Check:
    exported = [one.complaint for one in complaints if one.complaint.pack and one.complaint.pack_sha256]
    faults = []
    for row in exported:
        manifest = data_dir / (row.pack or "") / "manifest.json"
        if not manifest.is_file() or hashlib.sha256(manifest.read_bytes()).hexdigest() != row.pack_sha256:
            faults.append(f"the pack of complaint {row.id} in {row.pack} is missing or was altered")
    return _listed("exported packs", faults, f"{len(exported)} as they were written")


def _half_done(data_dir: Path, complaints: Iterable[ComplaintSummary]) -> Check:
    """What a crash left of an export: nothing is lost, and the next export puts it right."""
    notes = [f"{folder.name} was left half written by a crash" for folder in leftovers(data_dir / PACKS)]
    notes += [
        f"complaint {one.complaint.id} was claimed, but its pack was not written"
        for one in complaints
        if one.complaint.state == "exported" and not one.complaint.pack_sha256
    ]
    detail = f"{'; '.join(notes)}: export again" if notes else "none was cut short"
    return Check("exports", bad=False, detail=detail)


def _late(searches: Iterable[tuple[Search, Crawl | None]], now: datetime) -> Check:
    """A search that is late by two of its periods says that nothing runs."""
    late = [
        f"search {search.id} was due {search.next_run_at:%Y-%m-%d %H:%M} UTC: is `bazaarwatch run` running?"
        for search, _ in searches
        if not search.paused_at and now - search.next_run_at > 2 * timedelta(hours=search.rhythm_h)
    ]
    return Check("searches", bad=False, detail="; ".join(late) or "none is late")


def _hosts(hosts: Iterable[Host], now: datetime) -> Check:
    blocked = [
        f"{row.host} is left alone until {row.blocked_until:%Y-%m-%d %H:%M} UTC ({row.outcome})"
        for row in hosts
        if row.blocked_until and row.blocked_until > now
    ]
    return Check("hosts", bad=False, detail="; ".join(blocked) or "none refuses us")


def _layouts(notes: list[str], searches: Iterable[tuple[Search, Crawl | None]]) -> Check:
    drifted = [
        f"search {search.id} ({search.marketplace}): {crawl.reason}"
        for search, crawl in searches
        if crawl and crawl.outcome == Outcome.DRIFT
    ]
    return Check("layouts", bad=False, detail="; ".join(notes + drifted) or "no marketplace shows less than it did")


def _distributions() -> Check:
    claimed = packages_distributions()
    others = [
        f"{folder} also belongs to {name}: install Bazaarwatch in an environment of its own"
        for folder in _FOLDERS
        for name in sorted(set(claimed.get(folder, ())) - {"bazaarwatch"})
    ]
    return _listed("environment", others, "no other package claims our folders")


def _contact(contact: str) -> Check:
    return Check("contact", bad=False, detail=contact or "none: `bazaarwatch init` sets one; nothing is fetched before")
