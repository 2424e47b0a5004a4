"""Digests by e-mail: composed so that a repeat is recognised, sent over verified TLS."""

from __future__ import annotations

import hashlib
import ipaddress
import logging
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import aiosmtplib

from config.settings import MailSettings
from monitor.digest import Digest
from monitor.notifiers.errors import MailFailed

_logger = logging.getLogger(__name__)
_TEMPORARY_FROM, _PERMANENT_FROM = 400, 500  # SMTP reply codes, RFC 5321, 4.2.1


def compose_mail(digest: Digest, settings: MailSettings) -> EmailMessage:
    """The digest as a mail: text first, then HTML with its pictures inside; nothing remote.

    The same digest key and sender always give the same Message-ID.

    Raises:
        MailFailed: Sender or recipients are missing or no addresses.
    """
    sender = _address(settings.sender, "mail.sender")
    message = EmailMessage(policy=SMTP)
    message["Subject"] = digest.subject
    message["From"] = Address("Bazaarwatch", addr_spec=sender.addr_spec)
    message["To"] = [_address(recipient, "mail.recipients") for recipient in _recipients(settings)]
    message["Date"] = format_datetime(digest.at)
    message["Message-ID"] = f"<{hashlib.sha256(digest.key.encode()).hexdigest()[:32]}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
    message.set_content(digest.text)
    message.add_alternative(digest.mail_html, subtype="html")
    html = list(message.iter_parts())[1]
    assert isinstance(html, EmailMessage)  # noqa: S101 - what add_alternative has just added
    for number, picture in enumerate(digest.pictures, start=1):
        name = f"{number}.{picture.subtype}"
        cid = f"<{picture.cid}>"
        html.add_related(picture.data, "image", picture.subtype, cid=cid, disposition="inline", filename=name)
    return message


async def send_mail(message: EmailMessage, settings: MailSettings, timeout_s: float = 60.0) -> None:
    """Hand a message to the mail server; at most ``timeout_s`` passes before every answer of it.

    When this raises a temporary ``MailFailed`` the server may yet have taken the message: send the same message again.

    Raises:
        MailFailed: The server cannot be reached, is not who it claims to be, or refuses message or recipients.
    """
    password = settings.password.get_secret_value()
    if settings.tls == "none" and password and not _is_this_machine(settings.host):
        raise MailFailed(
            'mail.tls = "none" would show the password to everyone on the way: use "starttls" or "tls"', temporary=False
        )
    try:
        refused, _ = await aiosmtplib.send(
            message,
            hostname=settings.host,
            port=settings.port,
            username=settings.username or None,
            password=password or None,
            use_tls=settings.tls == "tls",
            start_tls=settings.tls == "starttls",
            timeout=timeout_s,
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        codes = [one.code for one in error.recipients]
        raise MailFailed(
            f"{settings.host} refuses every recipient: {error}", temporary=_is_temporary(max(codes))
        ) from error
    except aiosmtplib.SMTPResponseException as error:
        raise MailFailed(f"{settings.host} refuses the mail: {error}", temporary=_is_temporary(error.code)) from error
    except aiosmtplib.SMTPException as error:
        raise MailFailed(f"{settings.host}:{settings.port} did not take the mail: {error}", temporary=True) from error
    except OSError as error:  # ssl.SSLError among them
        raise MailFailed(
            f"{settings.host}:{settings.port} cannot be reached safely: {error}", temporary=True
        ) from error
    for recipient, answer in refused.items():
        _logger.warning("recipient refused", extra={"recipient": recipient, "answer": str(answer)})
    _logger.info("mail sent", extra={"message_id": message["Message-ID"], "recipients": len(settings.recipients)})


def _recipients(settings: MailSettings) -> tuple[str, ...]:
    if not settings.host:
        raise MailFailed("mail.host is empty: name your SMTP server", temporary=False)
    if not settings.recipients:
        raise MailFailed("mail.recipients is empty: say who reads the digest", temporary=False)
    return settings.recipients


def _address(text: str, setting: str) -> Address:
    try:
        address = Address(addr_spec=text)
    except (ValueError, IndexError, MessageError) as error:  # the email package raises all of these
        raise MailFailed(f"{setting}: {text!r} is no e-mail address", temporary=False) from error
    if not address.username or not address.domain:
        raise MailFailed(f"{setting}: {text!r} is no e-mail address", temporary=False)
    return address


def _is_temporary(code: int) -> bool:
    return _TEMPORARY_FROM <= code < _PERMANENT_FROM


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
