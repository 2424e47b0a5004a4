"""A complaint as a notice in the words of its legal basis: text, PDF and mail from one set of blocks. Pure.

The wording follows complaint-platforms.md, section C: one template per legal basis, typed values only, addresses in
full and numbered, no word of a listing but its address and number, no threat, no accusation beyond the reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr

from detectors.rights import RightKind
from monitor.complaints.base import Confirmation, Draft, Target
from monitor.complaints.form import fill, recipient
from monitor.complaints.policy import LegalBasis, Policy
from monitor.text import clip, utc, visible

_TITLES: dict[LegalBasis, str] = {
    "dmca_512c3": "Notice of claimed copyright infringement, 17 U.S.C. § 512(c)(3)",
    "dsa_16": "Notice under Article 16 of Regulation (EU) 2022/2065 (Digital Services Act)",
    "prc_ecommerce_42": "Notice under Article 42 of the E-Commerce Law of the People's Republic of China",
    "platform_policy": "Notice of infringement of intellectual property rights",
    "contract": "Notice of infringement of intellectual property rights",
}
_OPENINGS: dict[LegalBasis, str] = {
    "dmca_512c3": "This is a notification of claimed infringement to your designated agent. We ask you to remove, or "
    "disable access to, the material identified below.",
    "dsa_16": "We notify you of the items of information below, which we consider to be illegal content because they "
    "infringe the right described here.",
    "prc_ecommerce_42": "We notify you of the infringement described below, with prima facie evidence, and ask you to "
    "take the necessary measures, such as deleting, blocking or disconnecting the links.",
    "platform_policy": "We report what is listed below under your rules on intellectual property and ask you to "
    "remove it.",
    "contract": "We report what is listed below under our agreement and ask you to remove it.",
}
_CLOSINGS: Mapping[LegalBasis, str] = {
    "dsa_16": "Please confirm receipt of this notice, and notify us without undue delay of your decision on each "
    "address and of the redress that is open to us (Article 16(4) and (5)).",
    "prc_ecommerce_42": "Should the seller make a declaration of non-infringement, please forward it to the address "
    "above at once.",
}
_NUMBER_LABELS = {RightKind.COPYRIGHT_UNREGISTERED: "Our claim number"}
_PDF_LINE_CHARS = 2_000  # an address of a stranger beyond it makes pages, not sense; the text notice holds all


@dataclass(frozen=True, slots=True)
class Section:
    """A numbered part of a notice: paragraphs, then facts, then numbered addresses."""

    heading: str
    paragraphs: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    addresses: tuple[tuple[str, str], ...] = ()  # of a target: its number there and its address


@dataclass(frozen=True, slots=True)
class Letter:
    """A notice before it becomes text or pages."""

    title: str
    reference: str
    at: datetime
    opening: str
    sections: tuple[Section, ...]
    language: str = "en"


def letter(draft: Draft, confirmation: Confirmation, policy: Policy) -> Letter:
    """The notice that a confirmed draft makes under its route's legal basis, dated by the confirmation."""
    basis = policy.routes[draft.route].legal_basis.value
    closing = (_CLOSINGS[basis],) if basis in _CLOSINGS else ()
    stated = tuple(_stated(draft, policy))
    report = (Section("Test purchase and authentication", facts=stated),) if stated else ()
    sections = (
        Section("The right", facts=tuple(_right_facts(draft, policy))),
        Section("What is complained of", (draft.explanation,)),
        *report,
        Section(
            "Where it is" if basis != "dsa_16" else "Exact electronic location",
            addresses=tuple((_number(target), target.url) for target in draft.targets),
        ),
        Section("Who notifies", closing, tuple(_contact(draft))),
        Section("Statements", tuple(statement.text for statement in draft.statements)),
        Section("Signature", (f"/s/ {confirmation.person}",), (("Signed", utc(confirmation.at)),)),
    )
    return Letter(_TITLES[basis], draft.number, confirmation.at, _OPENINGS[basis], sections, draft.language)


def _number(target: Target) -> str:
    """By which number the platform knows a target: a shop's is its seller's."""
    return (target.seller_id or "") if target.kind == "storefront" else target.listing_id


def to_text(notice: Letter) -> str:
    """The notice as plain text, whole, every line free of hidden characters."""
    return "\n".join(visible(line) for line in _lines(notice)) + "\n"


def to_pdf(notice: Letter) -> bytes:
    """The notice as PDF pages, each with its number; the same notice gives the same bytes."""
    from monitor.pdf import Document  # loads fpdf, which every other command does without

    document = Document(notice.title, notice.at, language=notice.language)
    document.heading(notice.title)
    document.facts([("Our reference", notice.reference), ("Date", utc(notice.at))])
    document.paragraph(notice.opening)
    for number, section in enumerate(notice.sections, start=1):
        document.heading(f"{number}. {section.heading}", level=2)
        if section.addresses:
            document.addresses(clip(line, _PDF_LINE_CHARS) for line in _address_lines(section.addresses))
        if section.facts:
            document.facts(list(section.facts))
        for paragraph in section.paragraphs:
            document.paragraph(paragraph)
    return document.to_bytes()


def to_mail(
    draft: Draft,
    confirmation: Confirmation,
    policy: Policy,
    now: datetime,
    attachments: Mapping[str, tuple[str, bytes]],
) -> bytes:
    """The notice as a mail to send, with a Message-ID that stays while its content does.

    Args:
        attachments: Media type and bytes by file name; none go with a route whose mail is its form as text.
    """
    route = policy.routes[draft.route]
    as_form = route.mail == "form"
    message = EmailMessage(policy=SMTP.clone(max_line_length=200, cte_type="7bit"))
    domain = draft.owner.email_public.rpartition("@")[2]
    message["From"] = formataddr((visible(draft.owner.legal_name), draft.owner.email_public))
    message["To"] = recipient(draft, policy)
    message["Subject"] = visible(f"{_TITLES[route.legal_basis.value]} (our reference {draft.number})")
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{_plain(draft.number)}.{draft.content_sha256[:24]}@{domain}>"
    text = form_text(draft, policy, confirmation.person) if as_form else to_text(letter(draft, confirmation, policy))
    message.set_content(text.encode("utf-8", "replace").decode(), cte="quoted-printable")
    for name, (kind, data) in {} if as_form else attachments.items():
        main, _, sub = kind.partition("/")
        message.add_attachment(data, maintype=main, subtype=sub, filename=name)
    if message.is_multipart():
        message.set_boundary(f"part-{hashlib.sha256(draft.content_sha256.encode()).hexdigest()[:32]}")
    return message.as_bytes()


def form_text(draft: Draft, policy: Policy, signer: str) -> str:
    """The route's form as plain text: each label, then what goes there, in the form's order."""
    parts = (f"{field.rule.label}:\n{_block(field.value)}" for field in fill(draft, policy, signer) if field.value)
    return "\n\n".join(parts) + "\n"


def _block(text: str) -> str:
    return "\n".join(visible(line) for line in text.split("\n"))


def _plain(number: str) -> str:
    return "".join(char if char.isascii() and (char.isalnum() or char == "-") else "_" for char in number)


def _lines(notice: Letter) -> Iterator[str]:
    yield from (notice.title, "", f"Our reference: {notice.reference}", f"Date: {utc(notice.at)}", "", notice.opening)
    for number, section in enumerate(notice.sections, start=1):
        yield from ("", f"{number}. {section.heading}", "")
        yield from _address_lines(section.addresses)
        yield from _fact_lines(section.facts)
        for paragraph in section.paragraphs:
            yield from paragraph.split("\n")


def _address_lines(addresses: Iterable[tuple[str, str]]) -> Iterator[str]:
    for place, (number, address) in enumerate(addresses, start=1):
        yield f"{place:>4}. {address}" + (f"  ({number})" if number else "")


def _fact_lines(facts: Iterable[tuple[str, str]]) -> Iterator[str]:
    for label, value in facts:
        if value:
            yield f"{label}: {value}"


def _right_facts(draft: Draft, policy: Policy) -> Iterator[tuple[str, str]]:
    right, first = draft.right, draft.right.first_publication
    rule = policy.rights.get(right.kind)
    yield "Kind", rule.value.label if rule else right.kind.value
    yield "Title", right.title
    yield "Our work", draft.work.title if draft.work.title != right.title else ""
    yield "Holder", right.holder
    yield _NUMBER_LABELS.get(right.kind, "Number"), right.stated_number
    yield "Register", right.office or ""
    yield "Holds in", ", ".join(right.jurisdictions)
    yield "Classes", ", ".join(map(str, right.nice_classes or right.locarno_classes))
    yield "Valid until", right.expires_on.isoformat() if right.expires_on else ""
    yield "First published", ", ".join(filter(None, (first.on.isoformat(), first.place, first.url))) if first else ""
    yield "SHA-256 of our pictures", " ".join(draft.work.reference_sha256)


def _stated(draft: Draft, policy: Policy) -> Iterator[tuple[str, str]]:
    """What the reason needs stated, under plain labels."""
    for need in policy.reasons[draft.reason].value.needs:
        yield need.replace("_", " ").capitalize(), draft.reason_facts.get(need, "")


def _contact(draft: Draft) -> Iterator[tuple[str, str]]:
    owner = draft.owner
    yield "Name", owner.legal_name
    yield "As", "owner of the right" if draft.role == "owner" else "agent of the owner of the right"
    yield "Address", ", ".join((*owner.address, owner.country))
    yield "Telephone", owner.phone or ""
    yield "E-mail", owner.email_public
