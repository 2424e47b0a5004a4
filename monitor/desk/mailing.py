"""Notices that leave by mail: once, or at worst again under the same Message-ID."""

from __future__ import annotations

import asyncio
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

from monitor.complaints.lifecycle import ComplaintState
from monitor.daemon import Parts
from monitor.desk.following import hand_in
from monitor.errors import NoticeRefused
from monitor.notifiers.mail import send_mail
from storage.complaints import get_complaint

NOTICE = "notice.eml"


async def send_notice(parts: Parts, complaint_id: int, actor: str) -> str:
    """Mail the notice in a complaint's pack and record it as handed in; what was done, in words.

    A crash after the mail server took it leaves the complaint exported: sent again, it is the same message, by which
    the receiver recognises the repeat.

    Raises:
        NoticeRefused: It has no such notice, was not exported, or no mail server is set.
        MailFailed: The mail server does not take it; it may be tried again.
    """
    async with parts.database.read() as session:
        row = await get_complaint(session, complaint_id)
    if row.state == ComplaintState.SUBMITTED:
        return f"complaint {complaint_id} was sent already: {row.receipt}"
    if row.state != ComplaintState.EXPORTED or not row.pack_sha256:
        raise NoticeRefused(f"complaint {complaint_id} is {row.state}: export it first")
    file = parts.settings.data_dir / (row.pack or "") / NOTICE
    if not await asyncio.to_thread(file.is_file):
        raise NoticeRefused(f"complaint {complaint_id} does not go by mail: its pack says how to hand it in")
    if not parts.settings.mail.host:
        raise NoticeRefused(f"no mail server is set (mail.host); send {file} by your own mail program")
    message = message_from_bytes(await asyncio.to_thread(file.read_bytes), EmailMessage, policy=SMTP)
    await send_mail(message, parts.settings.mail)
    receipt = f"mail {message['Message-ID']} taken by {parts.settings.mail.host}"
    await hand_in(parts, complaint_id, actor, "", receipt)
    return f"sent to {message['To']}; {receipt}"
