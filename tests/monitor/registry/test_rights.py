"""Rights as they are made and as they end."""

from __future__ import annotations

from datetime import date

import pytest

from detectors.rights import OwnershipBasis, Right, RightKind
from monitor.errors import RightRefused
from monitor.registry.rights import changed_right, ending_rights, new_right, publication
from storage.rights import add_right
from storage.tables import Owner, Work
from storage.works import set_owner
from tests.storage.making import NOW

MIRA = Owner(id=1, name="Mira Moss", kind="person", created_at=NOW)
GUILD = Owner(id=2, name="Moth Guild GmbH", kind="company", created_at=NOW)
MOTH, FOX = Work(id=1, title="Moth"), Work(id=2, title="Fox")
PUBLISHED = {"first_publication": publication(None, {"on": date(2024, 5, 1), "place": "my shop"})}


def facts(owner, works, **given):
    row = new_right(RightKind.COPYRIGHT_UNREGISTERED, owner, works, PUBLISHED | given)
    return Right.from_wire(row.facts)


def test_no_two_works_get_one_claim_number_and_one_work_always_the_same():
    numbers = [facts(owner, works).claim_number for owner in (MIRA, GUILD) for works in ([MOTH], [FOX], [MOTH, FOX])]
    assert len(set(numbers)) == 6
    assert facts(MIRA, [FOX, MOTH]).claim_number == facts(MIRA, [MOTH, FOX]).claim_number
    with pytest.raises(RightRefused, match="say in which"):
        facts(MIRA, [])


def test_a_person_is_the_author_unless_another_is_named_and_a_company_never_is():
    assert (facts(MIRA, [MOTH]).author, facts(MIRA, [MOTH]).ownership_basis) == ("Mira Moss", OwnershipBasis.AUTHOR)
    assert facts(MIRA, [MOTH], author="Ada").ownership_basis is None
    assert facts(GUILD, [MOTH]).author is None


def test_what_is_given_of_a_publication_is_laid_over_what_is_known():
    right = facts(MIRA, [MOTH])
    assert publication(right, {}) == right.first_publication
    changed = publication(right, {"url": "https://shop.example/1"})
    assert (changed.on, changed.place, changed.url) == (date(2024, 5, 1), "my shop", "https://shop.example/1")
    with pytest.raises(RightRefused, match="--published"):
        publication(None, {"place": "my shop"})


def test_a_changed_right_must_be_whole_again():
    row = new_right(RightKind.COPYRIGHT_UNREGISTERED, MIRA, [MOTH], PUBLISHED)
    changed, number = changed_right(row, {"title": "Luna Moth"})
    assert (changed["title"], number) == ("Luna Moth", row.number)
    with pytest.raises(RightRefused, match="jurisdictions: 'XX'"):
        changed_right(row, {"jurisdictions": ("XX",)})


async def test_a_digest_tells_each_stage_once_and_the_last_week_every_day(database):
    async with database.write("test") as session:
        owner = await set_owner(session, NOW, "test", "Mira Moss", {})
        given = {
            "number": "5123456",
            "office": "USPTO",
            "jurisdictions": ("US",),
            "nice_classes": (14,),
            "title": "FOX",
            "expires_on": date(2026, 6, 1),
        }
        await add_right(session, NOW, "test", new_right(RightKind.TRADEMARK, owner, [], given), [])

        async def told(today, since=None):
            return bool(await ending_rights(session, today, since))

        day = date
        assert not await told(day(2026, 4, 1))
        assert await told(day(2026, 4, 2), day(2026, 4, 1))  # 60 days
        assert not await told(day(2026, 4, 3), day(2026, 4, 2))
        assert await told(day(2026, 4, 3))
        assert await told(day(2026, 5, 2), day(2026, 5, 1))  # 30 days
        assert await told(day(2026, 5, 20), day(2026, 4, 1))  # also where digests were missed
        assert await told(day(2026, 5, 26), day(2026, 5, 25))  # 6 days
        assert await told(day(2026, 6, 1), day(2026, 5, 31))  # the end
        assert not await told(day(2026, 6, 2), day(2026, 6, 1))
        (sentence,) = await ending_rights(session, day(2026, 6, 2))
    assert sentence.startswith("right 1 (FOX) ended 1 day ago: no complaint leaves on it")
