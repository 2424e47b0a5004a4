"""Mails from files and from an IMAP server on this machine: recognised, applied once, or waiting for a person."""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.complaints.mails import Kind
from monitor.daemon import Parts
from monitor.desk import filing, following, mailbox, statuses
from monitor.errors import MailboxFailed, MailUnfit
from storage.accounts import list_accounts
from storage.complaints import counters_of, get_complaint, targets_of
from storage.errors import StaleState
from storage.mails import get_mail, list_mails
from storage.rights import right_states
from tests.monitor.desk.conftest import CLAIM, Opening
from tests.stories.complaining import listing_of


def mail(
    subject: str, body: str = "", number: int = 1, sender: str = "ipr@service.alibaba.com", head: str = ""
) -> bytes:
    date = "Mon, 05 Jan 2026 08:00:00 +0000"
    return f"{head}From: {sender}\nMessage-ID: <{number}@a>\nDate: {date}\nSubject: {subject}\n\n{body}\n".encode()


async def submitted(parts: Parts) -> int:
    """A complaint of two listings at the platform, known there as CMP-7."""
    (complaint_id,) = (await filing.draft_complaints(parts, 1, "alibaba_ipp", "mira")).complaint_ids
    await filing.consider(parts, complaint_id, "Mira Moss", [1, 2])
    await filing.confirm(parts, complaint_id, "Mira Moss")
    await mailbox.take_in(parts, mail("Your IPR has been verified", CLAIM, 100), "file")
    await hand_in(parts, complaint_id)
    return complaint_id


async def hand_in(parts: Parts, complaint_id: int) -> None:
    """As if its pack had been written, which takes long."""
    async with parts.database.write("test") as session:
        row = await get_complaint(session, complaint_id, lock=True)
        row.state, row.exported_at, row.pack_sha256 = "exported", parts.clock.now(), "0" * 64
    await following.hand_in(parts, complaint_id, "mira", "CMP-7")


async def where(parts: Parts, complaint_id: int) -> tuple[str, list[str]]:
    async with parts.database.read() as session:
        row = await get_complaint(session, complaint_id)
        return row.state, [view.target.state for view in await targets_of(session, complaint_id)]


async def test_mails_about_identity_and_right_open_the_way(open_parts: Opening) -> None:
    parts = await open_parts()
    denied = await mailbox.take_in(parts, mail("IPR verification failed", f"{CLAIM}: unclear proof", 1), "file")
    assert (denied.state, denied.note) == ("applied", "right 1 is denied at alibaba_ipp")
    identity = await mailbox.take_in(parts, mail("Your identity has been verified", "", 2), "file")
    assert identity.state == "applied"
    approved = await mailbox.take_in(parts, mail("Your IPR has been approved", f"Number: {CLAIM}", 3), "file")
    assert approved.state == "applied"
    async with parts.database.read() as session:
        assert [account.identity for account in await list_accounts(session)] == ["approved"]
        assert (await right_states(session, 1))["alibaba_ipp"].state == "verified"
    other = await mailbox.take_in(parts, mail("Your IPR has been approved", "Number: UC-SOMEBODY", 4), "file")
    assert (other.state, other.note[:14]) == ("waiting", "fits 0 rights ")


async def test_a_mail_is_read_in_a_child_and_one_that_the_child_cannot_read_waits(
    open_parts: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = await open_parts(walls=True)
    approved = await mailbox.take_in(parts, mail("Your IPR has been approved", f"Nummer é {CLAIM}", 3), "file")
    assert approved.state == "applied"
    monkeypatch.setattr("monitor.sandbox._KIND", {"mail": "page"})  # a child that knows no mails dies of one
    unread = await mailbox.take_in(parts, mail("Your IPR has been approved", CLAIM, 4), "file")
    assert (unread.state, unread.kind) == ("waiting", "")


async def test_each_mail_moves_the_complaint_it_is_about_once(open_parts: Opening) -> None:
    parts = await open_parts()
    complaint_id = await submitted(parts)
    first, second = (listing_of("aliexpress", number).listing_id for number in range(2))
    expected: list[tuple[bytes, str, list[str]]] = [
        (mail("We have received your complaint CMP-7", "", 1), "acknowledged", ["reported", "reported"]),
        (mail("Authentication report needed for CMP-7", "", 2), "info_requested", ["reported", "reported"]),
        (
            mail("Listing has been removed", f"cmp-7, item {first}", 3),
            "info_requested",
            ["removed_unconfirmed", "reported"],
        ),
        (
            mail("Counter-notice", f"about {listing_of('aliexpress', 1).url}", 4),
            "countered",
            ["removed_unconfirmed", "countered"],
        ),
        (
            mail("Your listing has been reinstated", f"C-{complaint_id}: {second}", 5),
            "countered",
            ["removed_unconfirmed", "reinstated"],
        ),
    ]
    for data, state, listings in expected[:4]:
        taken = await mailbox.take_in(parts, data, "file")
        assert taken.state == "applied", taken
        assert await where(parts, complaint_id) == (state, listings)
        again = await mailbox.take_in(parts, data, "file")
        assert (again.new, again.mail_id) == (False, taken.mail_id)
        assert await where(parts, complaint_id) == (state, listings)
    async with parts.database.read() as session:
        (counter,) = await counters_of(session, complaint_id)
    assert counter.words.startswith("about https://")
    assert counter.due_at is not None


async def test_what_fits_nothing_or_two_things_waits_until_a_person_says_what_it_is(open_parts: Opening) -> None:
    parts = await open_parts()
    complaint_id = await submitted(parts)
    unknown = await mailbox.take_in(parts, mail("Something happened", "CMP-7", 1), "file")
    lost = await mailbox.take_in(parts, mail("Your complaint was rejected", "CMP-8", 2), "file")
    stranger = await mailbox.take_in(parts, mail("Your complaint was rejected", "CMP-7", 3, "x@evil.example"), "file")
    assert [one.state for one in (unknown, lost, stranger)] == ["waiting"] * 3
    assert lost.note == "rejected: fits no complaint"
    assert await where(parts, complaint_id) == ("submitted", ["reported", "reported"])
    with pytest.raises(MailUnfit):
        await mailbox.assign(parts, lost.mail_id, "Mira Moss", Kind.REJECTED, None)
    await mailbox.assign(parts, lost.mail_id, "Mira Moss", Kind.REJECTED, complaint_id)
    assert await where(parts, complaint_id) == ("rejected", ["rejected", "rejected"])
    with pytest.raises(StaleState):
        await mailbox.assign(parts, lost.mail_id, "Mira Moss", Kind.REJECTED, complaint_id)
    await mailbox.set_aside(parts, stranger.mail_id, "Mira Moss", "forged")
    async with parts.database.read() as session:
        assert [one.id for one in await list_mails(session, ["waiting"])] == [unknown.mail_id]
        assert (await get_mail(session, stranger.mail_id)).handled_by == "Mira Moss"


async def test_with_a_trusted_server_only_vouched_mails_act_and_their_removals_are_believed(
    open_parts: Opening,
) -> None:
    parts = await open_parts(BAZAARWATCH_MAILBOX__TRUSTED_SERVER="mx.example.org")
    vouched = "Authentication-Results: mx.example.org; dkim=pass header.d=alibaba.com\n"
    approved = await mailbox.take_in(parts, mail("Your IPR has been approved", CLAIM, 1), "file")
    assert (approved.state, approved.note) == ("waiting", "mx.example.org does not vouch for service.alibaba.com")
    (complaint_id,) = (await filing.draft_complaints(parts, 1, "alibaba_ipp", "mira")).complaint_ids
    await filing.consider(parts, complaint_id, "Mira Moss", [1, 2])
    await filing.confirm(parts, complaint_id, "Mira Moss")
    await mailbox.take_in(parts, mail("Your IPR has been approved", CLAIM, 2, head=vouched), "file")
    await hand_in(parts, complaint_id)
    await mailbox.take_in(parts, mail("Complaint was successful", "CMP-7", 3, head=vouched), "file")
    assert await where(parts, complaint_id) == ("upheld", ["removed", "removed"])


async def test_a_mail_kept_before_a_crash_is_acted_upon_when_it_comes_again(
    open_parts: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = await open_parts()
    complaint_id = await submitted(parts)

    async def die(*_: Any) -> None:
        raise KeyboardInterrupt

    data = mail("We have received your complaint", "CMP-7", 1)
    with monkeypatch.context() as patched:
        patched.setattr(mailbox, "_act", die)
        with pytest.raises(KeyboardInterrupt):
            await mailbox.take_in(parts, data, "file")
    assert (await where(parts, complaint_id))[0] == "submitted"
    assert (await mailbox.take_in(parts, data, "file")).state == "applied"
    assert (await where(parts, complaint_id))[0] == "acknowledged"


async def test_a_filled_status_sheet_is_applied_once_and_problems_are_told_row_by_row(
    open_parts: Opening, tmp_path: Path
) -> None:
    parts = await open_parts()
    complaint_id = await submitted(parts)
    first, second = (listing_of("aliexpress", number).listing_id for number in range(2))
    file = tmp_path / "status.csv"
    file.write_text(
        "complaint_id;listing_id;platform_status;reason;decided_at\n"
        f"C-{complaint_id};{first};Listing removed;;2026-01-04\n"
        f"C-{complaint_id};{second};Gone with the wind;who knows;\n"
        f"C-99;{second};Listing removed;;\n"
        f"C-{complaint_id};12;Listing removed;;\n",
        "utf-8",
    )
    result = await statuses.import_sheet(parts, file, "mira")
    assert (result.applied, result.unchanged) == (2, 0)
    assert [problem.partition(":")[0] for problem in result.problems] == ["row 3", "row 4", "row 5"]
    assert "'Gone with the wind' is not in the policy pack" in result.problems[0]
    assert (await where(parts, complaint_id))[1] == ["removed", "reported"]
    again = await statuses.import_sheet(parts, file, "mira")
    assert (again.applied, again.unchanged) == (0, 2)


# IMAP


class Imap(socketserver.ThreadingTCPServer):
    """As much of an IMAP server as a mailbox that is only read needs; it notes every command."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), ImapHandler)
        self.mails: dict[int, bytes] = {}
        self.validity = 1
        self.asked: list[str] = []


class ImapHandler(socketserver.StreamRequestHandler):
    server: Imap

    def handle(self) -> None:
        self._say(b"* OK ready")
        for line in self.rfile:
            tag, _, command = line.decode().strip().partition(" ")
            self.server.asked.append(command)
            word = command.upper()
            if word.startswith("CAPABILITY"):
                self._say(b"* CAPABILITY IMAP4rev1")
            elif word.startswith("LOGIN") and '"secret"' not in command:
                self._say(f"{tag} NO wrong password".encode())
                continue
            elif word.startswith("EXAMINE"):
                self._say(f"* {len(self.server.mails)} EXISTS\r\n* OK [UIDVALIDITY {self.server.validity}] so".encode())
            elif word.startswith("UID SEARCH"):
                start = int(word.split("UID ")[-1].partition(":")[0])
                found = [uid for uid in self.server.mails if uid >= start] or [max(self.server.mails, default=0)]
                self._say(b"* SEARCH " + " ".join(map(str, filter(None, found))).encode())
            elif match := re.match(r"UID FETCH (\d+) \((.*)\)", word):
                self._fetch(int(match[1]), match[2])
            elif word.startswith("LOGOUT"):
                self._say(b"* BYE")
            self._say(f"{tag} OK done".encode())

    def _fetch(self, uid: int, what: str) -> None:
        data = self.server.mails[uid]
        if "SIZE" in what:
            self._say(f"* {uid} FETCH (UID {uid} RFC822.SIZE {len(data)})".encode())
            return
        if "HEADER" in what:
            data = data.partition(b"\n\n")[0] + b"\n\n"
        self._say(f"* {uid} FETCH (UID {uid} BODY[] {{{len(data)}}}".encode())
        self.wfile.write(data + b")\r\n")

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


@pytest.fixture
def imap() -> Iterator[Imap]:
    with Imap() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def reached(server: Imap, **more: str) -> dict[str, str]:
    settings = {"HOST": "127.0.0.1", "PORT": str(server.server_address[1]), "USERNAME": "mira", "PASSWORD": "secret"}
    return {f"BAZAARWATCH_MAILBOX__{name}": value for name, value in {**settings, "TLS": "none", **more}.items()}


async def test_a_mailbox_is_read_on_from_where_it_was_left_and_never_changed(open_parts: Opening, imap: Imap) -> None:
    parts = await open_parts(**reached(imap, LIMIT="2", MAX_BYTES="2000"))
    imap.mails = {4: mail("Your IPR has been approved", CLAIM, 4), 7: mail("Hello", "", 7), 9: mail("x", "y" * 3000, 9)}
    assert [(one.state, one.kind) for one in await mailbox.poll(parts)] == [
        ("applied", "right_approved"),
        ("waiting", ""),
    ]
    (large,) = await mailbox.poll(parts)
    assert (large.state, "more than mailbox.max_bytes" in large.note) == ("waiting", True)
    assert await mailbox.poll(parts) == []
    imap.mails[12] = mail("Hello", "", 7)
    assert [one.new for one in await mailbox.poll(parts)] == [False], "the same mail again"
    imap.validity = 2
    assert [one.new for one in await mailbox.poll(parts)] == [False, False], (
        "numbered anew, read anew, known all the same"
    )
    verbs = {command.partition(" ")[0] for command in imap.asked}
    assert verbs <= {"CAPABILITY", "LOGIN", "EXAMINE", "UID", "LOGOUT"}
    assert not any("BODY[" in command or "STORE" in command for command in imap.asked), "no flag is set"


async def test_a_mailbox_that_refuses_or_is_away_is_told_in_one_line(open_parts: Opening, imap: Imap) -> None:
    parts = await open_parts(**reached(imap, PASSWORD="wrong"))
    with pytest.raises(MailboxFailed, match="wrong password"):
        await mailbox.poll(parts)


async def test_a_password_is_not_sent_in_the_open_and_without_a_host_nothing_is_asked(open_parts: Opening) -> None:
    parts = await open_parts()
    with pytest.raises(MailboxFailed, match=r"mailbox\.host is empty"):
        await mailbox.poll(parts)
    away = parts.settings.mailbox.model_copy(update={"host": "mail.example.org", "tls": "none"})
    away = away.model_copy(update={"password": type(away.password)("secret")})
    with pytest.raises(MailboxFailed, match="would show the password"):
        mailbox._Connection(away)


async def test_a_mail_that_claims_to_be_from_another_time_starts_its_clock_now(open_parts: Opening) -> None:
    parts = await open_parts()
    complaint_id = await submitted(parts)
    data = mail("Counter-notice", "CMP-7", 1).replace(b"05 Jan 2026", b"05 Jan 2001")
    await mailbox.take_in(parts, data, "file")
    async with parts.database.read() as session:
        (counter,) = await counters_of(session, complaint_id)
    assert parts.clock.now() - counter.received_at < timedelta(minutes=1)
