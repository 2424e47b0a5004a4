"""Platforms' mails: taken from a mailbox or a file, recognised, acted upon; what is not recognised waits for a person.

Anybody can write a mail. None moves a right or a complaint unless a known sender's domain and exactly one complaint, or
right, fit it; a removal is believed only when our own look, or our own mail server's word for the sender, confirms it.
"""

from __future__ import annotations

import asyncio
import imaplib
import logging
import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from config.settings import MailboxSettings
from monitor.complaints.base import RightState
from monitor.complaints.errors import NotPossible
from monitor.complaints.lifecycle import AT_PLATFORM, OVER, ComplaintEvent, ComplaintState, TargetEvent
from monitor.complaints.mails import Kind, MailText, Recognised, patterns, recognise
from monitor.daemon import Parts
from monitor.desk.dossier import rules_of
from monitor.desk.following import open_counter
from monitor.desk.hand import Hand, take
from monitor.errors import MailboxFailed, MailUnfit, MonitorError
from monitor.registry.readiness import standing_of
from monitor.text import visible
from storage import tables
from storage.accounts import set_identity, the_account
from storage.audit import record
from storage.complaints import find_by_listings
from storage.errors import StorageError
from storage.mails import (
    close_mail,
    complaints_at,
    folder_state,
    get_mail,
    known_mail,
    note_folder,
    require_waiting,
    waiting_rights,
)
from storage.rights import set_right_state

T = TypeVar("T")
_logger = logging.getLogger(__name__)
_ACTOR = "mailbox"
_WORDS_CHARS = 4000  # of a counter-notice, kept beside it; the whole mail is kept too
_OLDEST = timedelta(days=60)  # a mail that says it is older is taken to have come now
_HEADER_BYTES = 65_536
_TO_BE_APPROVED = (RightState.DRAFT, RightState.SUBMITTED, RightState.PENDING_VERIFICATION)

_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")
_OF_RIGHTS = frozenset({Kind.IDENTITY_APPROVED, Kind.IDENTITY_DENIED, Kind.RIGHT_APPROVED, Kind.RIGHT_DENIED})


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one mail."""

    mail_id: int
    state: str
    kind: str
    note: str
    new: bool


async def take_in(parts: Parts, data: bytes, how: str, note: str = "") -> Taken:
    """Keep a mail and act upon it where it is recognised; the same mail again changes nothing.

    Args:
        how: ``imap`` or ``file``.
        note: Why it has to wait for a person whatever it says; empty: it need not.
    """
    sha256 = await parts.blobs.put(data)
    settings = parts.settings.mailbox
    mail = await parts.sandbox.mail(data, settings.trusted_server)
    found = recognise(mail, patterns())
    if settings.trusted_server and found.kind and not mail.vouched:
        found = Recognised(found.platforms, None, f"{settings.trusted_server} does not vouch for {mail.domain}")
    async with parts.database.write("mail taken in") as session:
        known = await known_mail(session, sha256, mail.message_id)
        if known and (known.state != "waiting" or known.note or not known.kind):
            return Taken(known.id, known.state, known.kind, known.note, new=False)
        row = known or _row(mail, sha256, how, parts.clock.now())  # known: a crash came before it was acted upon
        if known is None:
            row.platform, row.kind = " ".join(found.platforms), found.kind or ""
            row.note = note or found.why
            session.add(row)
            await session.flush()
            facts = {"from": mail.sender, "kind": row.kind, "sha256": sha256}
            await record(session, row.received_at, _ACTOR, "mail taken in", f"mail {row.id}", facts)
    if not note and found.kind:
        await _act(parts, row.id, lambda session, kept: _apply(parts, session, kept, mail, found, None, _ACTOR), _ACTOR)
    async with parts.database.read() as session:
        kept = await get_mail(session, row.id)
    return Taken(kept.id, kept.state, kept.kind, kept.note, new=known is None)


async def assign(parts: Parts, mail_id: int, person: str, kind: Kind, complaint_id: int | None) -> Taken:
    """Let a person say what a waiting mail is and which complaint it is about.

    Raises:
        StaleState: It does not wait.
        NotPossible: That cannot happen to the complaint now.
    """
    async with parts.database.read() as session:
        row = await get_mail(session, mail_id)
    data = await parts.blobs.get(row.sha256)
    mail = await parts.sandbox.mail(data, parts.settings.mailbox.trusted_server)
    found = Recognised(tuple(row.platform.split()), kind)
    async with parts.database.write("mail assigned") as session:
        kept = await get_mail(session, mail_id)
        require_waiting(kept)
        kept.kind = kind.value
        note = await _apply(parts, session, kept, mail, found, complaint_id, person)
        await close_mail(session, kept, "applied", parts.clock.now(), person, note)
    return Taken(mail_id, "applied", kind.value, note, new=False)


async def set_aside(parts: Parts, mail_id: int, person: str, note: str) -> None:
    """Let a person say that a waiting mail is about nothing.

    Raises:
        StaleState: It does not wait.
    """
    async with parts.database.write("mail set aside") as session:
        await close_mail(session, await get_mail(session, mail_id), "set-aside", parts.clock.now(), person, note)


async def _act(
    parts: Parts, mail_id: int, work: Callable[[AsyncSession, tables.Mail], Awaitable[str]], actor: str
) -> None:
    """Act upon a mail, all of it or nothing; where it does not fit, it waits and says why."""
    try:
        async with parts.database.write("mail acted upon") as session:
            row = await get_mail(session, mail_id)
            note = await work(session, row)
            await close_mail(session, row, "applied", parts.clock.now(), actor, note)
    except (MonitorError, StorageError) as error:
        async with parts.database.write("mail left waiting") as session:
            (await get_mail(session, mail_id)).note = str(error)


async def _apply(
    parts: Parts,
    session: AsyncSession,
    row: tables.Mail,
    mail: MailText,
    found: Recognised,
    complaint_id: int | None,
    actor: str,
) -> str:
    """Let what a mail says happen; what was done, in words."""
    assert found.kind is not None  # noqa: S101 - only recognised and assigned mails come here
    if found.kind in _OF_RIGHTS:
        return await _apply_to_rights(parts, session, row, mail, found, actor)
    if complaint_id is None:
        complaint_id = await _the_complaint(session, mail, found)
    hand = await take(parts, session, complaint_id, actor)
    row.complaint_id = complaint_id
    if hand.state not in AT_PLATFORM | {ComplaintState.CLOSED}:
        raise NotPossible("a complaint", hand.row.state, found.kind.value, ("submit",))
    await _apply_to_complaint(hand, mail, found.kind, _when(mail, hand.now))
    return f"complaint {complaint_id} is {hand.row.state.replace('_', ' ')}"


async def _apply_to_complaint(hand: Hand, mail: MailText, kind: Kind, at: datetime) -> None:
    listings = _named(hand, mail)
    raw = mail.subject
    if kind is Kind.RECEIVED:
        if hand.state is ComplaintState.SUBMITTED:
            await hand.step(ComplaintEvent.ACKNOWLEDGE, raw=raw)
        return
    if hand.state is ComplaintState.SUBMITTED:
        await hand.step(ComplaintEvent.ACKNOWLEDGE, raw=raw)
    if kind in (Kind.REPORT_WANTED, Kind.INFORMATION_WANTED):
        if hand.state is not ComplaintState.INFO_REQUESTED:
            await hand.step(ComplaintEvent.ASK, raw=raw, note=kind.value.replace("_", " "), at=at)
        return
    if kind is Kind.COUNTER_NOTICE:
        await open_counter(hand, at, "not-told", mail.text[:_WORDS_CHARS], (), None)
    events = {
        Kind.COUNTER_NOTICE: TargetEvent.COUNTER,
        Kind.REMOVED: TargetEvent.REMOVE if mail.vouched else TargetEvent.CLAIM_REMOVED,
        Kind.REJECTED: TargetEvent.REJECT,
        Kind.REINSTATED: TargetEvent.REINSTATE,
    }
    changed = await hand.step_targets(listings, events[kind], raw=raw, at=at)
    if not changed:
        raise MailUnfit(f"{kind.value.replace('_', ' ')} can happen to no listing of complaint {hand.row.id} now")
    await hand.settle(raw=raw, at=at)


def _named(hand: Hand, mail: MailText) -> list[tables.ComplaintTarget]:
    """The listings that a mail names; all of the complaint where it names none."""
    words = mail.numbers | mail.addresses
    named = {view.target.id for view in hand.targets if {view.listing.listing_id, view.listing.url} & words}
    return [target for target in hand.chosen(None) if not named or target.id in named]


async def _the_complaint(session: AsyncSession, mail: MailText, found: Recognised) -> int:
    """The one complaint a mail is about: by the platform's number, else ours, else by the listings it names."""
    states = {state.value for state in AT_PLATFORM | {ComplaintState.CLOSED}}
    there = await complaints_at(session, found.platforms, states)
    numbers = {number.casefold() for number in mail.numbers}
    fits = [one.id for one in there if one.external_ref and one.external_ref.casefold() in numbers]
    fits = fits or [one.id for one in there if one.id in mail.our_numbers]
    if not fits:
        words = mail.numbers | mail.addresses
        for platform in found.platforms:
            fits += [
                one.id for one in await find_by_listings(session, platform, words, states - {s.value for s in OVER})
            ]
    if len(set(fits)) == 1:
        return fits[0]
    told = ", ".join(map(str, sorted(set(fits)))) or "none"
    raise MailUnfit(f"{(found.kind or '').replace('_', ' ')}: fits {'complaints ' + told if fits else 'no complaint'}")


async def _apply_to_rights(
    parts: Parts, session: AsyncSession, row: tables.Mail, mail: MailText, found: Recognised, actor: str
) -> str:
    accounts = {rules_of(parts, platform).account_platform for platform in found.platforms}
    approved = found.kind in (Kind.IDENTITY_APPROVED, Kind.RIGHT_APPROVED)
    now = parts.clock.now()
    if found.kind in (Kind.IDENTITY_APPROVED, Kind.IDENTITY_DENIED):
        known = [one for platform in sorted(accounts) if (one := await the_account(session, platform))]
        if len(known) != 1:
            raise MailUnfit("no account at that platform is recorded, or several are: `bazaarwatch accounts` does")
        state = "approved" if approved else "denied"
        await set_identity(session, known[0], now, actor, state, mail.subject)
        return f"identity {state} in account {known[0].label!r} at {known[0].platform}"
    waiting = await waiting_rights(session, accounts, [*_TO_BE_APPROVED, RightState.REJECTED])
    text = f"{mail.subject}\n{mail.text}".casefold()
    named = [one for one in waiting if one[0].number.casefold() in text]
    fits = named or [one for one in waiting if one[1].state in _TO_BE_APPROVED and one[0].title.casefold() in text]
    if len(fits) != 1:
        raise MailUnfit(f"fits {len(fits)} rights that wait there: `bazaarwatch rights state` records it")
    right, state_row = fits[0]
    account = await session.get_one(tables.PlatformAccount, state_row.account_id)
    after = RightState.VERIFIED if approved else RightState.REJECTED
    await set_right_state(session, right.id, state_row.platform, after.value, mail.subject, now, actor, account.label)
    row.right_id = right.id
    return f"right {right.id} is {standing_of(after)} at {state_row.platform}"


def _when(mail: MailText, now: datetime) -> datetime:
    """When a mail was sent, as far as that can be believed."""
    at = mail.sent_at or now
    return at if now - _OLDEST <= at <= now else now


def _row(mail: MailText, sha256: str, how: str, now: datetime) -> tables.Mail:
    return tables.Mail(
        sha256=sha256,
        message_id=mail.message_id,
        how=how,
        received_at=now,
        sent_at=mail.sent_at,
        sender=mail.sender,
        subject=mail.subject,
        state="waiting",
    )


# IMAP


async def poll(parts: Parts) -> list[Taken]:
    """Take in what came into the mailbox since the last look; nothing there is changed, marked or deleted.

    Raises:
        MailboxFailed: The server cannot be reached or refuses us.
    """
    settings = parts.settings.mailbox
    if not settings.host:
        raise MailboxFailed("mailbox.host is empty: name the IMAP server of the mailbox that platforms write to")
    name = f"{settings.username}@{settings.host}:{settings.port}/{settings.folder}"
    async with parts.database.read() as session:
        before = await folder_state(session, name)
    connection = await asyncio.to_thread(_Connection, settings)
    taken = []
    try:
        validity = await asyncio.to_thread(connection.open)
        last = before.last_uid if before and before.uid_validity == validity else 0
        for uid in (await asyncio.to_thread(connection.after, last))[: settings.limit]:
            data, note = await asyncio.to_thread(connection.fetch, uid)
            if data:
                taken.append(await take_in(parts, data, "imap", note))
            async with parts.database.write("mailbox read") as session:
                await note_folder(session, name, validity, uid, parts.clock.now())
    finally:
        await asyncio.to_thread(connection.close)
    _logger.info("mailbox read", extra={"mails": len(taken), "waiting": sum(one.state == "waiting" for one in taken)})
    return taken


class _Connection:
    """One IMAP session, used from one thread at a time; every error of it is `MailboxFailed`."""

    def __init__(self, settings: MailboxSettings) -> None:
        self._settings = settings
        self._imap = self._guarded(self._connect)

    def _connect(self) -> imaplib.IMAP4:
        settings = self._settings
        password = settings.password.get_secret_value()
        if settings.tls == "none" and password and settings.host not in ("127.0.0.1", "::1", "localhost"):
            raise MailboxFailed('mailbox.tls = "none" would show the password to everyone on the way: use "tls"')
        context = ssl.create_default_context()
        imap: imaplib.IMAP4
        if settings.tls == "tls":
            imap = imaplib.IMAP4_SSL(settings.host, settings.port, ssl_context=context, timeout=settings.timeout_s)
        else:
            imap = imaplib.IMAP4(settings.host, settings.port, timeout=settings.timeout_s)
        try:
            if settings.tls == "starttls":
                imap.starttls(context)
            imap.login(settings.username, password)
        except Exception:
            imap.shutdown()
            raise
        return imap

    def open(self) -> int:
        """Open the folder for reading alone; its UIDVALIDITY."""
        name = '"' + self._settings.folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
        self._ask(lambda: self._imap.select(name, readonly=True))
        validity = self._imap.response("UIDVALIDITY")[1]
        return int(validity[0] or 0) if validity else 0

    def after(self, uid: int) -> list[int]:
        """The UIDs after one, in order."""
        found = self._ask(lambda: self._imap.uid("SEARCH", f"UID {uid + 1}:*"))
        return sorted(number for number in map(int, (found[0] or b"").split()) if number > uid)

    def fetch(self, uid: int) -> tuple[bytes, str]:
        """A mail's bytes, or its headers' with the reason why there are no more; empty where it is gone."""
        described = self._ask(lambda: self._imap.uid("FETCH", str(uid), "(UID RFC822.SIZE)"))
        told = b" ".join(one if isinstance(one, bytes) else one[0] for one in described if one)
        size = _SIZE.search(told)
        if size is None:
            return b"", ""
        if int(size[1]) > self._settings.max_bytes:
            part = f"(BODY.PEEK[HEADER]<0.{_HEADER_BYTES}>)"
            note = f"{int(size[1]):,} bytes, more than mailbox.max_bytes: read it in your mail program"
        else:
            part, note = "(BODY.PEEK[])", ""
        answer = self._ask(lambda: self._imap.uid("FETCH", str(uid), part))
        return next((one[1] for one in answer if isinstance(one, tuple)), b"")[: self._settings.max_bytes], note

    def close(self) -> None:
        """End the session, whatever state it is in."""
        try:
            self._imap.logout()
        except (imaplib.IMAP4.error, OSError):
            _logger.info("mailbox closed without a goodbye")

    def _ask(self, question: Callable[[], tuple[str, list[Any]]]) -> list[Any]:
        status, answer = self._guarded(question)
        if status != "OK":
            raise MailboxFailed(f"{self._settings.host} answers {status}: {answer!r:.200}")
        return answer

    def _guarded(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except (imaplib.IMAP4.error, OSError, ValueError) as error:
            told = b" ".join(error.args).decode("utf-8", "replace") if _is_answer(error) else str(error)
            where = f"mail server {self._settings.host}:{self._settings.port}"
            raise MailboxFailed(
                f"{where}: {visible(told)}; `bazaarwatch settings` shows what [mailbox] says"
            ) from error


def _is_answer(error: Exception) -> bool:
    """Whether an error carries the server's own words."""
    return bool(error.args) and all(isinstance(one, bytes) for one in error.args)
