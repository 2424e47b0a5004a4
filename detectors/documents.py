"""The papers that prove a right, an identity, an authority: their kinds, and what each must state. Pure vocabulary."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import PurePath

from detectors.rights import FieldProblem, PartyKind


class DocumentKind(StrEnum):
    """What a paper is. The names are those that policy packs ask for."""

    CERTIFICATE = "certificate"
    CLASS_PAGES = "class_pages"
    RENEWAL = "renewal"
    ASSIGNMENT = "assignment"
    CHANGE = "change"
    TERRITORIAL_EXTENSION = "territorial_extension"
    DRAWINGS = "drawings"
    CLAIM_STATEMENT = "claim_statement"
    FIRST_PUBLICATION_PROOF = "first_publication_proof"
    TRANSLATION = "translation"
    IDENTITY = "identity"
    INCORPORATION = "incorporation"
    POWER_OF_ATTORNEY = "power_of_attorney"


_OF_A_PARTY = frozenset({DocumentKind.IDENTITY, DocumentKind.INCORPORATION, DocumentKind.POWER_OF_ATTORNEY})
# Asked for where the right was renewed, assigned, changed or written in another language: nobody can tell from here.
WHERE_THEY_EXIST = frozenset({"renewal", "assignment", "change", "territorial_extension", "translation"})
_EDITABLE = frozenset({".doc", ".docx", ".odt", ".rtf", ".txt"})


@dataclass(frozen=True, slots=True)
class Paper:
    """What is known of a paper without opening it.

    Attributes:
        valid_to: The last day.
        platforms: Where a power of attorney holds; empty: everywhere.
    """

    kind: DocumentKind
    right_id: int | None = None  # none: of the owner, or for all the owner's rights
    valid_from: date | None = None
    valid_to: date | None = None
    grantor: str = ""
    grantee: str = ""
    platforms: tuple[str, ...] = ()

    def holds(self, today: date) -> bool:
        """Whether the paper is in force on a day."""
        return (self.valid_from is None or self.valid_from <= today) and (
            self.valid_to is None or today <= self.valid_to
        )


def validate_paper(paper: Paper, file_name: str) -> list[FieldProblem]:
    """Every missing or wrong fact of a paper that is to be kept; empty when nothing is wrong."""
    problems = []
    if paper.kind in _OF_A_PARTY - {DocumentKind.POWER_OF_ATTORNEY} and paper.right_id is not None:
        problems.append(FieldProblem("right", f"{_words(paper.kind)} belongs to an owner, not to one right"))
    if paper.kind not in _OF_A_PARTY | {DocumentKind.TRANSLATION} and paper.right_id is None:
        problems.append(FieldProblem("right", "say with --right which right it is about"))
    if paper.kind is DocumentKind.POWER_OF_ATTORNEY:
        for name in ("grantor", "grantee"):
            if not getattr(paper, name).strip():
                problems.append(FieldProblem(name, f"name the {name} as in the power of attorney"))
        if paper.valid_to is None:
            problems.append(FieldProblem("valid_to", "say until when it is valid"))
    if paper.valid_from and paper.valid_to and paper.valid_to < paper.valid_from:
        problems.append(FieldProblem("valid_to", f"{paper.valid_to} is before {paper.valid_from}"))
    suffix = PurePath(file_name).suffix.lower()
    if paper.kind is DocumentKind.CLAIM_STATEMENT and suffix in _EDITABLE:
        message = f"a {suffix} file is refused: platforms want the statement signed or sealed, as PDF or picture"
        problems.append(FieldProblem("file", message))
    return problems


def authorisation_problem(
    papers: Iterable[Paper], owner_name: str, right_id: int, platform: str, today: date
) -> str | None:
    """Why an agent may not act for an owner over a right at a platform today; None where a paper lets them."""
    powers = [paper for paper in papers if paper.kind is DocumentKind.POWER_OF_ATTORNEY]
    powers = [one for one in powers if one.right_id in (None, right_id)]
    powers = [one for one in powers if not one.platforms or platform in one.platforms]
    if any(one.holds(today) for one in powers):
        return None
    if not powers:
        return f"an agent's account needs a power of attorney of {owner_name} that covers {platform}"
    ended = [one.valid_to for one in powers if one.valid_to and one.valid_to < today]
    if ended:
        return f"the power of attorney ended on {max(ended).isoformat()}: add the renewed one"
    begins = [one.valid_from for one in powers if one.valid_from]
    return f"the power of attorney holds from {min(begins).isoformat()} on"


def identity_kinds(kind: PartyKind) -> tuple[DocumentKind, ...]:
    """The papers by which an owner shows who it is (complaint-platforms.md, 1.1)."""
    return (DocumentKind.IDENTITY,) if kind is PartyKind.PERSON else (DocumentKind.INCORPORATION,)


def missing_papers(asked: Iterable[str], papers: Collection[Paper], right_id: int, *, published: bool) -> list[str]:
    """The papers that a platform asks for with a right and that are not kept yet, in the platform's order.

    Args:
        asked: Kinds from a policy pack; those that are wanted only where they exist are never missing, pictures of
            the work are its references.
        published: Whether a dated proof of publication of the right's works is kept outside the vault.
    """
    kept = {paper.kind.value for paper in papers if paper.right_id == right_id} | {"work_image"}
    if published:
        kept.add(DocumentKind.FIRST_PUBLICATION_PROOF.value)
    return [kind for kind in asked if kind not in kept and kind not in WHERE_THEY_EXIST]


def _words(kind: DocumentKind) -> str:
    return kind.value.replace("_", " ")
