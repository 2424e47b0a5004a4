"""The claim statement of an unregistered copyright, to be signed: platforms ask for it in place of a certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from detectors.rights import Owner, OwnershipBasis, Right, RightKind
from monitor.daemon import Parts
from monitor.desk.dossier import owner_of
from monitor.pdf import Document
from storage.errors import Refused
from storage.rights import get_right, publications_of, works_of
from storage.tables import Publication
from storage.works import references

_BASES = {
    OwnershipBasis.AUTHOR: "I am the author of the work.",
    OwnershipBasis.EMPLOYER: "The work was made in the course of employment; as the employer we hold the copyright.",
    OwnershipBasis.ASSIGNMENT: "The copyright was assigned to the copyright owner.",
    OwnershipBasis.EXCLUSIVE_LICENCE: "The copyright owner holds an exclusive licence.",
}
_SIDE_PX = 600
_PICTURES = 20


@dataclass(frozen=True, slots=True)
class Proof:
    """A dated proof that the work was public."""

    where: str
    on: str  # the day stated, else the day seen, and which of the two


async def statement_of(parts: Parts, right_id: int) -> bytes:
    """The claim statement of a stored right, with a small picture of each work.

    Raises:
        NotFound: There is no such right.
        Refused: It is registered: its certificate proves it.
    """
    async with parts.database.read() as session:
        row = await get_right(session, right_id)
        if row.kind != RightKind.COPYRIGHT_UNREGISTERED:
            raise Refused(f"right {right_id} is no unregistered copyright: its certificate proves it")
        owner = await owner_of(session, row.owner_id)
        works = await works_of(session, right_id)
        proofs = [proof for work in works for proof in await publications_of(session, work.id)]
        firsts = [pictures[0] for work in works if (pictures := await references(session, work.id))]
    small = [await parts.sandbox.thumbnail(await parts.blobs.get(one.sha256), _SIDE_PX) for one in firsts[:_PICTURES]]
    return claim_statement(
        Right.from_wire(row.facts), owner, [_proof(proof) for proof in proofs], small, parts.clock.now()
    )


def _proof(row: Publication) -> Proof:
    day = f"{row.stated_on.isoformat()}, as stated" if row.stated_on else f"{row.seen_at.date().isoformat()}, as seen"
    return Proof(row.url or f"{row.place}: {row.file_name}", day)


def claim_statement(
    right: Right, owner: Owner, proofs: Sequence[Proof], pictures: Sequence[bytes], at: datetime
) -> bytes:
    """The statement as PDF, with room for the signature; it states nothing that was not recorded.

    Args:
        proofs: The earliest first.
        pictures: Of the work, as PNG or JPEG of our own making.
    """
    made = Document(f"Copyright Claim Statement {right.stated_number}", at)
    made.heading("Copyright Claim Statement")
    made.facts(
        [
            ("Title of the work", right.title),
            ("Claim number", right.stated_number),
            ("Copyright owner", right.holder),
            ("Address", ", ".join(owner.address)),
            ("Author", right.author or ""),
            ("First published", _published(right)),
            ("Territory", ", ".join(right.jurisdictions) or "not limited"),
        ]
    )
    basis = _BASES[right.ownership_basis] if right.ownership_basis else ""
    made.paragraph(
        f"The copyright in this work is not registered. {basis} The claim number above was generated for this work "
        "alone and is no registration number."
    )
    made.paragraph("I declare that this statement is true and that I am entitled to make it.")
    if proofs:
        made.heading("Proof of publication", 2)
        made.table(("Where", "When"), [(proof.where, proof.on) for proof in proofs])
    made.paragraph("\n\nPlace and date: ______________________________\n\n")
    made.paragraph(f"Signature or seal: ______________________________\n{right.holder}")
    if pictures:
        made.heading("The work", 2)
    for picture in pictures:
        made.picture(picture, alt=right.title, width_mm=80)
    return made.to_bytes()


def _published(right: Right) -> str:
    first = right.first_publication
    return ", ".join(filter(None, (first.on.isoformat(), first.place, first.url or ""))) if first else ""
