"""Makes the digest of what changed since the last one, keeps it as files and sends it by mail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from detectors.errors import DetectorError
from detectors.model import PriorityLevel
from monitor.canaries import drift_notes
from monitor.complaints.deadlines import warning
from monitor.daemon import Parts
from monitor.desk.standing import WAITING
from monitor.digest import Digest, DigestAlert, DigestFacts, SearchCoverage, WaitingComplaint, compose_digest
from monitor.errors import SandboxError
from monitor.notifiers.mail import compose_mail, send_mail
from monitor.registry.rights import ending_rights
from storage import tables
from storage.alerts import AlertView, changed_since, count_open, matches_of, suppressed_since
from storage.complaints import ComplaintSummary, list_complaints
from storage.digests import BEGINNING, add_digest, last_digest, unmailed_digests
from storage.errors import NotFound
from storage.listings import count_backlog
from storage.searches import Coverage, coverage
from storage.works import get_reference

DIGESTS = "digests"
_MAIL = "digest.eml"
_SIDE_PX = 320


async def digest_if_due(parts: Parts) -> Path | None:
    """Make and send a digest when the rhythm asks for one and something is new; its folder, if one was made."""
    rhythm = timedelta(hours=parts.settings.digest.rhythm_h)
    async with parts.database.read() as session:
        last = await last_digest(session)
    if last and parts.clock.now() - last.until_at < rhythm:
        await send_unsent(parts)
        return None
    return await make_digest(parts)


async def make_digest(parts: Parts) -> Path:
    """Make a digest of everything since the last one, keep it and, where a mail server is set, send it.

    Each alert is told once; a digest made again at once tells nothing twice.
    """
    until = parts.clock.now()
    async with parts.database.read() as session:
        last = await last_digest(session)
        since = last.until_at if last else None
        views = await changed_since(session, since or BEGINNING, until)
        facts = await _facts(parts, session, since, until, views)
    digest = compose_digest(facts, parts.settings.digest.limit)
    mail = compose_mail(digest, parts.settings.mail) if parts.settings.mail.host else None
    folder = _write(parts.settings.data_dir, digest, mail)
    relative = folder.relative_to(parts.settings.data_dir).as_posix()
    async with parts.database.write("digest made") as session:
        await add_digest(session, tables.Digest(until_at=until, alerts=len(views), folder=relative))
    await send_unsent(parts)
    return folder


async def send_unsent(parts: Parts) -> None:
    """Send the digests whose mail has not left; one that perhaps has goes again under the same Message-ID.

    Raises:
        MailFailed: The mail server does not take one; it stays unsent.
    """
    async with parts.database.read() as session:
        unsent = await unmailed_digests(session)
    for row in unsent:
        file = parts.settings.data_dir / row.folder / _MAIL
        if not file.exists() or not parts.settings.mail.host:
            continue
        await send_mail(message_from_bytes(file.read_bytes(), EmailMessage, policy=SMTP), parts.settings.mail)
        async with parts.database.write("digest mailed") as session:
            (await session.get_one(tables.Digest, row.id)).mailed_at = parts.clock.now()


async def _facts(
    parts: Parts, session: AsyncSession, since: datetime | None, until: datetime, views: Sequence[AlertView]
) -> DigestFacts:
    shown = views[: parts.settings.digest.limit]
    alerts = [await _alert(parts, session, view, since, with_pictures=True) for view in shown]
    alerts += [await _alert(parts, session, view, since, with_pictures=False) for view in views[len(shown) :]]
    backlog = await count_backlog(session)
    parked = f"{backlog.parked} listings could not be examined; `bazaarwatch doctor` says why"
    return DigestFacts(
        key=f"digest-{until:%Y%m%dT%H%M%S.%fZ}",
        until=until,
        since=since,
        alerts=tuple(alerts),
        coverage=tuple([_coverage(row) for row in await coverage(session, since or BEGINNING)]),
        complaints=tuple(
            _waiting(one, until) for one in await list_complaints(session) if one.complaint.state in WAITING
        ),
        suppressed=await suppressed_since(session, since or BEGINNING, until),
        notes=(
            *((parked,) if backlog.parked else ()),
            *await drift_notes(session),
            *await ending_rights(session, until.date(), since and since.date()),
        ),
        open_alerts=sum((await count_open(session, until)).values()),
    )


async def _alert(
    parts: Parts, session: AsyncSession, view: AlertView, since: datetime | None, *, with_pictures: bool
) -> DigestAlert:
    alert, listing = view.alert, view.listing
    best = (await matches_of(session, alert))[0] if with_pictures else None
    reference = await get_reference(session, best.reference_id) if best else None
    return DigestAlert(
        alert_id=alert.id,
        priority=PriorityLevel(alert.priority),
        score=alert.score,
        reasons=tuple(alert.reasons),
        work_title=view.work.title,
        listing_title=listing.title,
        url=listing.url,
        marketplace=listing.marketplace,
        change="" if since is None or alert.raised_at > since else "its findings or its seller's record changed",
        price=listing.price,
        currency=listing.currency,
        seller_name=view.seller.name if view.seller else None,
        picture=await _small(parts, best.sha256) if best else None,
        reference=await _small(parts, reference.sha256) if reference else None,
    )


async def _small(parts: Parts, sha256: str) -> bytes | None:
    """A small picture of our own making; none where the bytes are gone or cannot be decoded."""
    try:
        return await parts.sandbox.thumbnail(await parts.blobs.get(sha256), _SIDE_PX)
    except (NotFound, DetectorError, SandboxError):
        return None


def _coverage(row: Coverage) -> SearchCoverage:
    return SearchCoverage(
        keyword=row.search.subject,
        marketplace=row.search.marketplace,
        asked=row.asked,
        got=row.got,
        blocked=row.blocked,
        listings=row.listings_seen,
        new=row.listings_new,
        blocked_since=row.blocked_since,
    )


def _waiting(one: ComplaintSummary, now: datetime) -> WaitingComplaint:
    action, command = WAITING[one.complaint.state]
    mark = warning(one.timer.started_at, one.timer.act_by_at, now) if one.timer else None
    if mark is not None:
        action += f" (less than {'a quarter' if mark < 0.5 else 'half'} of the time is left)"
    return WaitingComplaint(
        number=f"C-{one.complaint.id}",
        platform=one.complaint.platform,
        work_title=one.work.title,
        listings=one.targets,
        action=action,
        command=command.format(id=one.complaint.id),
        due_at=one.timer.act_by_at if one.timer else None,
    )


def _write(data_dir: Path, digest: Digest, mail: EmailMessage | None) -> Path:
    folder = data_dir / DIGESTS / f"{digest.at:%Y-%m-%dT%H-%M-%S.%f}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / "digest.txt").write_text(digest.text, "utf-8")
    (folder / "digest.html").write_text(digest.html, "utf-8")
    if mail:
        (folder / _MAIL).write_bytes(mail.as_bytes())
    return folder
