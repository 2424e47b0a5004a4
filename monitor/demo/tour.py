"""The main job once through on the demo bazaar: the daemon's own path, measured against what was planted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from config.settings import Settings, load
from detectors.model import Answer
from detectors.rights import FirstPublication, Right, RightKind, new_claim_number
from monitor.complaints.base import RightState
from monitor.daemon import Parts, scan
from monitor.demo.catalogue import KEYWORDS, Catalogue, DemoListing, DemoWork, Kind
from monitor.desk import dossier, filing
from monitor.marketplaces.demo import DemoBazaar
from monitor.registry.pictures import register_picture
from monitor.reporting import make_digest
from storage import tables
from storage.alerts import AlertView, list_alerts
from storage.cases import allow_seller, decide
from storage.rights import add_right, set_right_state
from storage.searches import add_search
from storage.works import set_owner

MARKETPLACE = "demo-bazaar"
_ARTIST, _ACTOR, _PERSON = "Mira Moss", "demo", "Mira Moss (demo)"
_PLATFORM = "demo"
_EVERY_PAGE = 100

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Score:
    """What was found against what was planted. ``by_edit``: (found, planted) of each kind of edit."""

    listings: int
    copies: int
    found: int
    false_alerts: int
    licensed: int
    licensed_aside: int
    by_edit: Mapping[str, tuple[int, int]]

    @property
    def precision(self) -> float | None:
        """The share of the raised alerts that are right; None without alerts."""
        raised = self.found + self.false_alerts
        return self.found / raised if raised else None

    @property
    def recall(self) -> float:
        """The share of the planted copies that were found."""
        return self.found / self.copies


@dataclass(frozen=True, slots=True)
class Tour:
    """Where everything that the tour made can be looked at."""

    score: Score
    alerts: int
    digest: Path
    pack: Path


def demo_settings(folder: Path, address: str, environ: Mapping[str, str]) -> Settings:
    """Settings of a demo's data folder, written there too, so that every command works on it afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    text = (
        f'[fetch]\ncontact = "demo@bazaarwatch.example"\nown_addresses = ["{address}"]\n\n[schedule]\nconcurrency = 8\n'
    )
    (folder / "bazaarwatch.toml").write_text(text, "utf-8")
    return load(folder, environ)


async def tour(parts: Parts, catalogue: Catalogue, note: Note) -> Tour:
    """Register, scan, compare with the truth, write the digest, decide, complain."""
    note(f"registering {len(catalogue.works)} designs of {_ARTIST}")
    await register(parts, catalogue)
    note(f"searching the demo bazaar for {', '.join(KEYWORDS)}")
    await scan(parts)
    async with parts.database.read() as session:
        views = await list_alerts(session, parts.clock.now(), state="all")
    truth = {listing.listing_id: listing for listing in catalogue.listings}
    titles = {work.work_id: work.title for work in catalogue.works}
    note("writing the digest")
    digest = await make_digest(parts)
    note("deciding as the artist would, who knows her designs, and drafting a complaint")
    pack = await _complain(parts, views, truth, titles)
    open_alerts = sum(view.alert.suppressed is None for view in views)
    return Tour(_score(catalogue, views, titles), open_alerts, digest, pack)


async def register(parts: Parts, catalogue: Catalogue) -> None:
    """Register the artist, her designs and rights, her licensees and her searches."""
    now = parts.clock.now()
    async with parts.database.write("demo owner") as session:
        facts = {"email": "mira@example.org", "country": "DE", "address": "1 Example Lane\nBerlin"}
        owner = await set_owner(session, now, _ACTOR, _ARTIST, facts)
    designs = parts.settings.data_dir / "designs"
    designs.mkdir(exist_ok=True)
    await asyncio.gather(*(_register(parts, catalogue, work, owner, designs) for work in catalogue.works))
    bazaar = parts.marketplaces[MARKETPLACE]
    address = bazaar.base_url if isinstance(bazaar, DemoBazaar) else ""
    async with parts.database.write("demo searches") as session:
        for seller in catalogue.sellers:
            if seller.authorised:
                await allow_seller(session, now, _ACTOR, MARKETPLACE, seller.seller_id, "licensed by the artist")
        for keyword in KEYWORDS:
            await add_search(session, now, _ACTOR, MARKETPLACE, keyword, 24.0, _EVERY_PAGE, shop=address)


async def _register(parts: Parts, catalogue: Catalogue, work: DemoWork, owner: tables.Owner, designs: Path) -> None:
    file = designs / f"{work.work_id}.png"
    file.write_bytes(catalogue.reference(work))
    intake = await register_picture(parts, file, owner, work.title, _ACTOR)
    if intake.work_id is None:
        raise RuntimeError(f"the demo's own design {work.title} was refused: {intake.refused}")
    await _add_right(parts, owner, intake.work_id, work.title)


async def _add_right(parts: Parts, owner: tables.Owner, work_id: int, title: str) -> None:
    now = parts.clock.now()
    right = Right(
        kind=RightKind.COPYRIGHT_UNREGISTERED,
        title=title,
        holder=owner.name,
        claim_number=new_claim_number(owner.name, str(UUID(int=work_id))),
        first_publication=FirstPublication(now.date(), "the artist's own shop", None),
    )
    row = tables.Right(
        owner_id=owner.id, kind=right.kind.value, title=title, number=right.stated_number, facts=right.to_wire()
    )
    async with parts.database.write("demo right") as session:
        stored = await add_right(session, now, _ACTOR, row, [work_id])
        state = RightState.VERIFIED.value
        await set_right_state(session, stored.id, _PLATFORM, state, "the demo approves at once", now, _ACTOR)


async def _complain(
    parts: Parts, views: list[AlertView], truth: Mapping[str, DemoListing], titles: Mapping[str, str]
) -> Path:
    """Decide every alert by the truth, then complain of the work that was copied most."""
    copied: Counter[int] = Counter()
    async with parts.database.write("demo decisions") as session:
        for view in views:
            if view.alert.suppressed:
                continue
            right = _is_copy(view, truth, titles)
            copied[view.work.id] += right
            answer = Answer.INFRINGING if right else Answer.NOT_A_MATCH
            await decide(session, view.alert.id, answer, _PERSON, parts.clock.now())
    work_id = max(copied, key=lambda work_id: (copied[work_id], -work_id))
    drafting = await filing.draft_complaints(parts, work_id, _PLATFORM, _ACTOR)
    complaint_id = drafting.complaint_ids[0]
    drafted = await dossier.load(parts, complaint_id)
    alert_ids = [target.alert_id for target in drafted.draft.targets]
    await filing.consider(parts, complaint_id, _PERSON, alert_ids, "compared side by side; the demo's own truth")
    await filing.confirm(parts, complaint_id, _PERSON)
    return await filing.export(parts, complaint_id, _ACTOR)


def _is_copy(view: AlertView, truth: Mapping[str, DemoListing], titles: Mapping[str, str]) -> bool:
    listing = truth[view.listing.listing_id]
    return listing.kind is Kind.COPY and titles.get(listing.work or "") == view.work.title


def _score(catalogue: Catalogue, views: list[AlertView], titles: Mapping[str, str]) -> Score:
    truth = {listing.listing_id: listing for listing in catalogue.listings}
    raised = [view for view in views if view.alert.suppressed is None]
    right = {view.listing.listing_id for view in raised if _is_copy(view, truth, titles)}
    aside = {view.listing.listing_id for view in views if view.alert.suppressed}
    copies = [listing for listing in catalogue.listings if listing.kind is Kind.COPY]
    licensed = [listing for listing in catalogue.listings if listing.kind is Kind.LICENSED]
    planted = Counter(listing.edit or "none" for listing in copies)
    found = Counter(listing.edit or "none" for listing in copies if listing.listing_id in right)
    return Score(
        listings=len(catalogue.listings),
        copies=len(copies),
        found=len(right),
        false_alerts=sum(not _is_copy(view, truth, titles) for view in raised),
        licensed=len(licensed),
        licensed_aside=sum(listing.listing_id in aside for listing in licensed),
        by_edit={edit: (found[edit], count) for edit, count in sorted(planted.items())},
    )


def score_as_json(score: Score) -> dict[str, Any]:
    """The score's numbers."""
    return {
        "listings": score.listings,
        "copies_planted": score.copies,
        "copies_found": score.found,
        "false_alerts": score.false_alerts,
        "precision": score.precision,
        "recall": score.recall,
        "licensed": score.licensed,
        "licensed_set_aside": score.licensed_aside,
        "recall_by_edit": {edit: {"found": found, "planted": n} for edit, (found, n) in score.by_edit.items()},
    }
