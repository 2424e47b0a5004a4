"""What a platform's mail says: read with limits, recognised by phrases that are data. Pure; a mail is hostile input."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from email.utils import parseaddr, parsedate_to_datetime
from enum import StrEnum
from functools import cache
from importlib import resources
from itertools import islice
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field

_HEADER_CHARS = 1000
_TEXT_CHARS = 200_000
_PARTS = 100
_WORDS = 2000  # looked up as numbers and addresses
_TAG = re.compile(r"<[^<>]{0,2000}>")
_NUMBER = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{0,8}[-_]?\d[\w-]{0,40}(?![A-Za-z0-9])")
_OURS = re.compile(r"(?<![\w-])C-(\d{1,9})(?![\w-])")
_WITHIN = re.compile(r"\([^()]{0,60}\)|(?<![\w#/-])[\w#/-]{0,60}\d[\w/-]*")  # "complaint CMP-8 was", "IPR (No. 7) has"
_ADDRESS = re.compile(r"https?://[^\s<>\"']{1,500}")
_EARLIER = re.compile(r"^-{2,}\s*(original message|forwarded message|原始邮件)", re.IGNORECASE)


class Kind(StrEnum):
    """What a mail is about."""

    IDENTITY_APPROVED = "identity_approved"
    IDENTITY_DENIED = "identity_denied"
    RIGHT_APPROVED = "right_approved"
    RIGHT_DENIED = "right_denied"
    RECEIVED = "received"
    REPORT_WANTED = "report_wanted"  # an authentication report
    INFORMATION_WANTED = "information_wanted"
    COUNTER_NOTICE = "counter_notice"
    REMOVED = "removed"
    REJECTED = "rejected"
    REINSTATED = "reinstated"


@dataclass(frozen=True, slots=True)
class MailText:
    """A mail as far as it was read.

    Attributes:
        sender: The address in From, lower case; anybody can write anything there.
        vouched: Whether the operator's own mail server says that the sender's domain sent it.
        text: Of its text parts, without quoted earlier mails; attachments are not opened.
        cut: Whether there was more than is read.
    """

    message_id: str
    sender: str
    subject: str
    text: str
    sent_at: datetime | None = None
    vouched: bool = False
    attachments: int = 0
    cut: bool = False

    def to_wire(self) -> dict[str, Any]:
        """Its facts for another process."""
        return asdict(self) | {"sent_at": self.sent_at.isoformat() if self.sent_at else None}

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Self:
        """The mail that ``to_wire`` took apart; the sender is not trusted, a hostile mail may have won it.

        Raises:
            ValueError: It is not as ``to_wire`` makes it.
        """
        try:
            return cls(
                message_id=str(data["message_id"])[:_HEADER_CHARS],
                sender=str(data["sender"])[:_HEADER_CHARS],
                subject=str(data["subject"])[:_HEADER_CHARS],
                text=str(data["text"])[:_TEXT_CHARS],
                sent_at=datetime.fromisoformat(data["sent_at"]).astimezone(UTC) if data["sent_at"] else None,
                vouched=data["vouched"] is True,
                attachments=int(data["attachments"]),
                cut=data["cut"] is True,
            )
        except (KeyError, TypeError, OverflowError) as error:
            raise ValueError(f"not a mail that was read: {error!r}") from None

    @property
    def domain(self) -> str:
        """The sender's domain."""
        return self.sender.rpartition("@")[2]

    @property
    def numbers(self) -> frozenset[str]:
        """What may be a platform's number or a listing's id."""
        found = islice(_NUMBER.findall(f"{self.subject}\n{self.text}"), _WORDS)
        return frozenset(found)

    @property
    def addresses(self) -> frozenset[str]:
        """The web addresses in it."""
        return frozenset(one.rstrip(".,;)") for one in islice(_ADDRESS.findall(self.text), _WORDS))

    @property
    def our_numbers(self) -> frozenset[int]:
        """The complaints it names by our number, such as C-17."""
        return frozenset(int(number) for number in _OURS.findall(f"{self.subject}\n{self.text}"))


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Phrases(_Strict):
    """Words by which one kind of mail is known: any of ``any``, none of ``without``. Lower case, blanks as one."""

    any: tuple[str, ...] = Field(min_length=1)
    without: tuple[str, ...] = ()


class Senders(_Strict):
    """Who writes for a platform: domains, themselves and their subdomains."""

    domains: tuple[str, ...] = Field(min_length=1)
    platforms: tuple[str, ...] = Field(min_length=1)
    source: str
    read_on: date
    confidence: Literal["seen", "reported", "known", "assumed"]
    phrases: Mapping[Kind, Phrases] = {}  # go before the common ones of the same kind


class Patterns(_Strict):
    """Everything by which mails are recognised."""

    senders: Mapping[str, Senders]
    phrases: Mapping[Kind, Phrases]


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a mail was recognised as; ``why`` says what was missing where it was not."""

    platforms: tuple[str, ...] = ()
    kind: Kind | None = None
    why: str = ""


def read_mail(data: bytes, trusted_server: str = "") -> MailText:
    """A mail's headers and text, whatever bytes it is made of; nothing in it raises.

    Args:
        trusted_server: The name under which the operator's mail server writes Authentication-Results; only its
            topmost such header is believed.
    """
    if data.lower().count(b"boundary") > _PARTS:  # parts within parts cost the parser time for each line of all
        return UNREAD
    try:
        message = BytesParser(policy=compat32).parsebytes(data)
        parts = list(islice(message.walk(), _PARTS + 1))
    except (RecursionError, MessageError, ValueError, TypeError, AssertionError):
        return UNREAD
    texts, attachments = [], 0
    for part in parts[:_PARTS]:
        if part.get_content_maintype() == "text" and part.get_content_disposition() != "attachment":
            texts.append(_text(part))
        elif not part.is_multipart():
            attachments += 1
    whole = "\n".join(texts)
    _, sender = _address(_header(message, "From"))
    return MailText(
        message_id=_header(message, "Message-ID")[:250],
        sender=sender,
        subject=_header(message, "Subject"),
        text="\n".join(_own_lines(whole[:_TEXT_CHARS])),
        sent_at=_date(_header(message, "Date")),
        vouched=_vouched(message, trusted_server, sender),
        attachments=attachments,
        cut=len(whole) > _TEXT_CHARS or len(parts) > _PARTS,
    )


UNREAD = MailText("", "", "", "", cut=True)


def recognise(mail: MailText, patterns: Patterns) -> Recognised:
    """What a mail says, and who says it. Its subject decides, else its text; one that could mean two things waits."""
    known = [
        one
        for one in patterns.senders.values()
        if any(mail.domain == domain or mail.domain.endswith(f".{domain}") for domain in one.domains)
    ]
    if not known:
        return Recognised(why=f"nobody known writes from {mail.domain}" if mail.domain else "it names no sender")
    phrases = {**patterns.phrases, **{kind: one for sender in known for kind, one in sender.phrases.items()}}
    platforms = tuple(dict.fromkeys(name for sender in known for name in sender.platforms))
    for place in (mail.subject, mail.text):
        kinds = sorted(_kinds(place, phrases))
        if len(kinds) == 1:
            return Recognised(platforms, kinds[0])
        if kinds:
            return Recognised(platforms, why=f"could be {' or '.join(kinds).replace('_', ' ')}")
    return Recognised(platforms, why="none of the known phrases is in it")


@cache
def patterns() -> Patterns:
    """The phrases and senders that are installed."""
    text = (resources.files("monitor.complaints") / "mail_patterns.yaml").read_text("utf-8")
    return Patterns.model_validate(yaml.safe_load(text))


def _kinds(text: str, phrases: Mapping[Kind, Phrases]) -> Iterator[Kind]:
    """The kinds whose phrases are in a text, as it stands or without the numbers that may stand within a phrase."""
    plain = " ".join(text.split()).casefold()
    said = plain + "\n" + " ".join(_WITHIN.sub(" ", plain).split())
    for kind, one in phrases.items():
        if any(phrase in said for phrase in one.any) and not any(phrase in said for phrase in one.without):
            yield kind


def _header(message: Message, name: str) -> str:
    """A header on one line, decoded as far as it can be."""
    raw = next((text for key, text in message.raw_items() if key.casefold() == name.casefold()), "")
    try:
        plain = str(raw)[: 4 * _HEADER_CHARS].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        pieces = decode_header(plain)
    except (MessageError, ValueError, TypeError, LookupError):
        return ""
    text = "".join(_decoded(piece, charset) if isinstance(piece, bytes) else piece for piece, charset in pieces)
    return " ".join(text.split())[:_HEADER_CHARS]


def _decoded(data: bytes, charset: str | None) -> str:
    try:
        return data.decode(charset or "utf-8", "replace")
    except (LookupError, ValueError, UnicodeError):
        return data.decode("utf-8", "replace")


def _text(part: Message) -> str:
    try:
        payload = part.get_payload(decode=True)
    except (MessageError, ValueError, TypeError, AssertionError):
        return ""
    if not isinstance(payload, bytes):
        return ""
    charset = part.get_param("charset")
    text = _decoded(payload[: 4 * _TEXT_CHARS], charset if isinstance(charset, str) else None)
    if part.get_content_subtype() == "html":
        text = html.unescape(_TAG.sub(" ", text[:_TEXT_CHARS]))
    return text


def _own_lines(text: str) -> Iterator[str]:
    """The lines that the sender wrote this time: quoted ones, and what follows an earlier mail's mark, left out."""
    for line in text.splitlines():
        if _EARLIER.match(line.strip()):
            return
        if not line.lstrip().startswith(">"):
            yield line


def _address(header: str) -> tuple[str, str]:
    try:
        name, address = parseaddr(header)
    except (ValueError, IndexError, TypeError):
        return "", ""
    return name, address.casefold() if address.count("@") == 1 else ""


def _date(header: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(header)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _vouched(message: Message, server: str, sender: str) -> bool:
    """Whether the operator's own server found the mail to be from the domain that it says: DMARC, or DKIM for it."""
    headers: Iterable[object] = message.get_all("Authentication-Results", [])
    topmost = next((" ".join(str(one).split()).casefold() for one in headers), "")
    name, _, results = topmost.partition(";")
    if not server or name.split(" ")[0] != server.casefold():
        return False
    domain = sender.rpartition("@")[2]
    if "dmarc=pass" in results:
        return True
    signed = re.findall(r"dkim=pass[^;]{0,200}?header\.(?:d|i)=@?([\w.-]{1,250})", results)
    return any(domain == one or domain.endswith(f".{one}") for one in signed)
