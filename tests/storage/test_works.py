from __future__ import annotations

from decimal import Decimal

import pytest

from storage.audit import entries
from storage.database import Database
from storage.errors import NotFound, Refused
from storage.works import (
    add_reference,
    add_work,
    edit_work,
    find_work,
    list_works,
    references,
    remove_work,
    set_owner,
    the_owner,
    works_version,
)
from tests.storage.making import NOW, SHA, add_a_work


async def test_the_only_owner_is_meant_when_none_is_named(database: Database) -> None:
    async with database.write("test") as session:
        with pytest.raises(NotFound, match="bazaarwatch init"):
            await the_owner(session, None)
        mira = await set_owner(session, NOW, "mira", "Mira Moss", {"email": "a@b.org"})
        assert (await the_owner(session, None)).id == mira.id
        await set_owner(session, NOW, "mira", "Other GmbH", {})
        with pytest.raises(NotFound, match="known: Mira Moss, Other GmbH"):
            await the_owner(session, None)
        again = await set_owner(session, NOW, "mira", "Mira Moss", {"country": "DE"})
    assert (again.id, again.email, again.country) == (mira.id, "a@b.org", "DE")


async def test_adding_the_same_picture_again_adds_nothing(database: Database) -> None:
    async with database.write("test") as session:
        work, _ = await add_a_work(session)
        assert (await add_work(session, NOW, "mira", work.owner_id, "Moth")).id == work.id
        assert await add_reference(session, work.id, SHA, "again.png", b"d", NOW, "mira") is None
        (summary,) = await list_works(session)
    assert (summary.references, summary.rights, summary.open_alerts) == (1, 0, 0)


async def test_the_version_changes_with_every_change_of_the_watched_references(database: Database) -> None:
    async with database.write("test") as session:
        versions = [await works_version(session)]
        work, _ = await add_a_work(session)
        versions.append(await works_version(session))
        await add_reference(session, work.id, "cd" * 32, "two.png", b"d", NOW, "mira")
        versions.append(await works_version(session))
        await remove_work(session, work.id, NOW, "mira")
        versions.append(await works_version(session))
        await add_work(session, NOW, "mira", work.owner_id, work.title)
        versions.append(await works_version(session))
    assert versions == sorted(set(versions))


async def test_a_removed_work_is_watched_no_more_and_comes_back_with_its_references(database: Database) -> None:
    async with database.write("test") as session:
        work, _ = await add_a_work(session)
        await remove_work(session, work.id, NOW, "mira")
        assert await references(session) == []
        with pytest.raises(NotFound):
            await find_work(session, "Moth")
        await add_work(session, NOW, "mira", work.owner_id, "Moth")
        assert [reference.work_id for reference in await references(session)] == [work.id]


async def test_a_work_is_found_by_title_or_id_and_edited(database: Database) -> None:
    async with database.write("test") as session:
        work, _ = await add_a_work(session)
        other = await add_work(session, NOW, "mira", work.owner_id, "Bee")
        assert (await find_work(session, "Moth")).id == (await find_work(session, str(work.id))).id
        edited = await edit_work(
            session, work.id, NOW, "mira", title="Luna Moth", reference_price=Decimal("12.50"), currency="EUR"
        )
        assert (edited.title, edited.reference_price, edited.currency) == ("Luna Moth", Decimal("12.50"), "EUR")
        with pytest.raises(Refused, match="already called 'Bee'"):
            await edit_work(session, work.id, NOW, "mira", title=other.title)
        newest = (await entries(session, 1))[0]
    assert newest.facts["after"] == {"title": "Luna Moth", "reference_price": "12.50", "currency": "EUR"}
