from __future__ import annotations

from datetime import date

import pytest

from detectors.documents import (
    DocumentKind,
    Paper,
    authorisation_problem,
    identity_kinds,
    missing_papers,
    validate_paper,
)
from detectors.rights import PartyKind

TODAY = date(2026, 3, 1)
POWER = Paper(
    DocumentKind.POWER_OF_ATTORNEY,
    valid_from=date(2026, 1, 1),
    valid_to=date(2026, 12, 31),
    grantor="Mira Moss",
    grantee="Guard Ltd.",
)


@pytest.mark.parametrize(
    ("paper", "file", "fields"),
    [
        (POWER, "power.pdf", []),
        (Paper(DocumentKind.POWER_OF_ATTORNEY), "power.pdf", ["grantor", "grantee", "valid_to"]),
        (Paper(DocumentKind.IDENTITY), "passport.jpg", []),
        (Paper(DocumentKind.IDENTITY, right_id=3), "passport.jpg", ["right"]),
        (Paper(DocumentKind.CERTIFICATE), "certificate.pdf", ["right"]),
        (Paper(DocumentKind.CERTIFICATE, 3), "certificate.pdf", []),
        (Paper(DocumentKind.TRANSLATION), "translation.pdf", []),
        (Paper(DocumentKind.CLAIM_STATEMENT, 3), "statement.PDF", []),
        (Paper(DocumentKind.CLAIM_STATEMENT, 3), "statement.DOCX", ["file"]),
        (Paper(DocumentKind.IDENTITY, valid_from=TODAY, valid_to=date(2026, 2, 1)), "passport.jpg", ["valid_to"]),
    ],
)
def test_a_paper_must_state_what_its_kind_needs(paper: Paper, file: str, fields: list[str]) -> None:
    assert [problem.field for problem in validate_paper(paper, file)] == fields


def test_an_agent_acts_only_by_a_power_of_attorney_in_force() -> None:
    def problem(*papers: Paper, platform: str = "p", today: date = TODAY) -> str | None:
        return authorisation_problem(papers, "Mira Moss", 3, platform, today)

    assert problem(POWER) is None
    assert problem(POWER, today=date(2026, 12, 31)) is None
    assert problem(POWER, today=date(2027, 1, 1)) == "the power of attorney ended on 2026-12-31: add the renewed one"
    assert problem(POWER, today=date(2025, 1, 1)) == "the power of attorney holds from 2026-01-01 on"
    assert "needs a power of attorney of Mira Moss" in (problem() or "")
    assert problem(Paper(DocumentKind.IDENTITY)) is not None
    elsewhere = Paper(DocumentKind.POWER_OF_ATTORNEY, valid_to=date(2027, 1, 1), platforms=("q",))
    assert problem(elsewhere, platform="q") is None
    assert problem(elsewhere, platform="p") is not None
    assert problem(Paper(DocumentKind.POWER_OF_ATTORNEY, right_id=4, valid_to=date(2027, 1, 1))) is not None


def test_papers_that_exist_only_sometimes_are_never_missing() -> None:
    asked = ["certificate", "class_pages", "renewal", "assignment", "work_image", "first_publication_proof"]
    papers = [Paper(DocumentKind.CERTIFICATE, 3), Paper(DocumentKind.CLASS_PAGES, 4)]
    assert missing_papers(asked, papers, 3, published=False) == ["class_pages", "first_publication_proof"]
    assert missing_papers(asked, papers, 3, published=True) == ["class_pages"]


def test_a_person_shows_an_identity_paper_and_a_company_its_incorporation() -> None:
    assert identity_kinds(PartyKind.PERSON) == (DocumentKind.IDENTITY,)
    assert identity_kinds(PartyKind.COMPANY) == (DocumentKind.INCORPORATION,)
