"""A notice mailed to a server on this machine by `complaints send`: once, and at worst again as the same message."""

from __future__ import annotations

import email
import email.policy

import pytest

from monitor.complaints.lifecycle import ComplaintState
from monitor.daemon import Parts
from monitor.desk import filing, mailing
from monitor.desk.dossier import load
from monitor.errors import NoticeRefused
from monitor.notifiers.errors import MailFailed
from tests.monitor.desk.conftest import Opening
from tests.monitor.notifiers.smtp import SmtpServer, serving
from tests.stories.complaining import listing_of

PERSON = "Mira Moss"


@pytest.fixture(autouse=True)
def _plain_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.complaints.export.to_pdf", lambda _: b"%PDF")


async def exported(open_parts: Opening, port: int, **environ: str) -> Parts:
    """A complaint to a host about a page of a shop, exported."""
    settings = {"HOST": "127.0.0.1", "PORT": str(port), "TLS": "none", "SENDER": "mira@example.org", **environ}
    page = listing_of("aliexpress", 1)._replace(marketplace="shop", url="https://shop.example/pin")
    environ = {f"BAZAARWATCH_MAIL__{name}": text for name, text in settings.items()}
    parts = await open_parts(pages=[page], **environ)
    facts = {"host_contact": "abuse@host.example"}
    drafting = await filing.draft_complaints(parts, 1, "dmca_host", "mira", facts=facts)
    (complaint_id,) = drafting.complaint_ids
    named = [target.alert_id for target in (await load(parts, complaint_id)).draft.targets]
    await filing.consider(parts, complaint_id, PERSON, named)
    await filing.confirm(parts, complaint_id, PERSON)
    with pytest.raises(NoticeRefused, match="export it first"):
        await mailing.send_notice(parts, complaint_id, "mira")
    await filing.export(parts, complaint_id, "mira")
    return parts


async def test_a_notice_is_mailed_once_to_the_hosts_desk_and_counts_as_handed_in(open_parts: Opening) -> None:
    async with serving(SmtpServer()) as smtp:
        parts = await exported(open_parts, smtp.port)
        told = await mailing.send_notice(parts, 1, "mira")
        again = await mailing.send_notice(parts, 1, "mira")
    (data,) = smtp.messages
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert "RCPT TO:<abuse@host.example>" in smtp.commands
    assert "https://shop.example/pin" in str(message.get_body(("plain",)))
    assert [part.get_filename() for part in message.iter_attachments()] == ["notice.pdf", "xarf-0001.json"]
    stored = await load(parts, 1)
    assert (stored.state, message["Message-ID"] in stored.row.receipt) == (ComplaintState.SUBMITTED, True)
    assert message["Message-ID"] in told
    assert "was sent already" in again


async def test_a_mail_whose_answer_is_lost_is_sent_again_as_the_same_message(open_parts: Opening) -> None:
    async with serving(SmtpServer()) as smtp:
        smtp.answers["."] = b""  # it takes the message and hangs up
        parts = await exported(open_parts, smtp.port)
        with pytest.raises(MailFailed):
            await mailing.send_notice(parts, 1, "mira")
        assert (await load(parts, 1)).state is ComplaintState.EXPORTED
        del smtp.answers["."]
        await mailing.send_notice(parts, 1, "mira")
    ids = {email.message_from_bytes(data)["Message-ID"] for data in smtp.messages}
    assert (len(smtp.messages), len(ids)) == (2, 1)


@pytest.mark.parametrize(
    ("command", "answer", "temporary"),
    [("RCPT", b"550 no such desk\r\n", False), ("MAIL", b"451 later\r\n", True), ("DATA", b"554 spam\r\n", False)],
)
async def test_a_refused_mail_leaves_the_complaint_where_it_was(
    open_parts: Opening, command: str, answer: bytes, temporary: bool
) -> None:
    async with serving(SmtpServer()) as smtp:
        smtp.answers[command] = answer
        parts = await exported(open_parts, smtp.port)
        with pytest.raises(MailFailed) as failure:
            await mailing.send_notice(parts, 1, "mira")
    assert (failure.value.temporary, smtp.messages) == (temporary, [])
    assert (await load(parts, 1)).state is ComplaintState.EXPORTED


async def test_nothing_is_mailed_to_a_server_that_offers_no_starttls_or_where_none_is_set(open_parts: Opening) -> None:
    async with serving(SmtpServer()) as smtp:
        parts = await exported(open_parts, smtp.port, TLS="starttls")
        with pytest.raises(MailFailed):
            await mailing.send_notice(parts, 1, "mira")
    assert smtp.messages == []
    without = parts.settings.model_copy(update={"mail": parts.settings.mail.model_copy(update={"host": ""})})
    object.__setattr__(parts, "settings", without)
    with pytest.raises(NoticeRefused, match="by your own mail program"):
        await mailing.send_notice(parts, 1, "mira")
