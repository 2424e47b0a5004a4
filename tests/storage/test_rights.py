"""Rights, their states at accounts, and proofs of publication."""

from __future__ import annotations

from datetime import date

import pytest

from storage.accounts import add_account, list_accounts, set_identity, suspend, the_account
from storage.audit import entries
from storage.database import Database
from storage.errors import NotFound, Refused
from storage.rights import (
    account_for,
    add_publication,
    add_right,
    edit_right,
    list_rights,
    publications_of,
    right_states,
    rights_of,
    set_right_state,
    states_by_account,
    works_of,
)
from storage.tables import Publication, Right
from storage.works import add_work, set_owner
from tests.storage.making import HOUR, NOW, SHA, add_a_work


def trademark(owner_id: int, number: str = "1234567") -> Right:
    return Right(
        owner_id=owner_id, kind="trademark", title="MOTH", number=number, facts={"title": "MOTH", "office": "USPTO"}
    )


async def test_a_right_protects_works_and_its_number_is_unique_for_the_owner(database: Database) -> None:
    async with database.write("test") as session:
        work, _ = await add_a_work(session)

        def right() -> Right:
            return Right(owner_id=work.owner_id, kind="trademark", title="MOTH", number="1234567", facts={"a": 1})

        stored = await add_right(session, NOW, "mira", right(), [work.id])
        with pytest.raises(Refused, match="already has the number"):
            await add_right(session, NOW, "mira", right(), [work.id])
        assert [one.id for one in await rights_of(session, work.id)] == [stored.id]
        ((listed, protected),) = await list_rights(session)
    assert (listed.facts, [one.title for one in protected]) == ({"a": 1}, ["Moth"])


async def test_a_right_over_an_unknown_work_is_refused(database: Database) -> None:
    async with database.write("test") as session:
        work, _ = await add_a_work(session)
        right = Right(owner_id=work.owner_id, kind="trademark", title="MOTH", number="1", facts={})
        with pytest.raises(NotFound, match="no work 99"):
            await add_right(session, NOW, "mira", right, [99])


async def test_an_edited_right_keeps_what_stood_there_before_in_the_log(database: Database) -> None:
    async with database.write("test") as session:
        work, _ = await add_a_work(session)
        other = await add_work(session, NOW, "mira", work.owner_id, "Fox")
        right = await add_right(session, NOW, "mira", trademark(work.owner_id), [work.id])
        await add_right(session, NOW, "mira", trademark(work.owner_id, "7"), [])
        facts = {"title": "MOTHS", "office": "USPTO"}
        await edit_right(session, right.id, NOW, "ben", facts, "1234567", [other.id], why="misread")
        with pytest.raises(Refused, match="already has the number '7'"):
            await edit_right(session, right.id, NOW, "ben", facts, "7")
        (newest, *_) = await entries(session, 1)
        assert [one.title for one in await works_of(session, right.id)] == ["Fox"]
    assert (right.title, right.facts) == ("MOTHS", facts)
    assert (newest.actor, newest.facts) == (
        "ben",
        {
            "why": "misread",
            "before": {"title": "MOTH", "works": [work.id]},
            "after": {"title": "MOTHS", "works": [other.id]},
        },
    )


async def test_no_right_protects_another_owners_work(database: Database) -> None:
    async with database.write("test") as session:
        work, _ = await add_a_work(session)
        ben = await set_owner(session, NOW, "ben", "Ben", {})
        with pytest.raises(Refused, match="another owner's"):
            await add_right(session, NOW, "ben", trademark(ben.id), [work.id])
        own = await add_right(session, NOW, "ben", trademark(ben.id), [])
        with pytest.raises(Refused, match="another owner's"):
            await edit_right(session, own.id, NOW, "ben", own.facts, own.number, [work.id])
        assert [right.id for right, _ in await list_rights(session, [work.owner_id])] == []
        assert [right.id for right, _ in await list_rights(session, [ben.id])] == [own.id]


async def test_a_right_has_a_state_in_each_account_of_its_owner(database: Database) -> None:
    async with database.write("test") as session:
        work, _ = await add_a_work(session)
        right = await add_right(session, NOW, "mira", trademark(work.owner_id), [work.id])
        await set_right_state(session, right.id, "p", "pending_verification", "", NOW, "mira")
        (main,) = await list_accounts(session)
        await add_account(session, NOW, "mira", "p", "second", work.owner_id)
        with pytest.raises(Refused, match="known: main, second"):
            await set_right_state(session, right.id, "p", "verified", "", NOW, "mira")
        await set_right_state(session, right.id, "p", "verified", "", NOW + HOUR, "mira", "second")
        in_each = {one.label: state.state for one, state in await states_by_account(session, right.id)}
        used = await account_for(session, right.id, "p")
        assert (await right_states(session, right.id))["p"].state == "verified"
        await set_right_state(session, right.id, "p", None, "gone", NOW + HOUR, "mira", "second")
        (newest, *_) = await entries(session, 1)
        left = {one.label: state.state for one, state in await states_by_account(session, right.id)}
    assert (main.label, main.owner_id, main.identity) == ("main", work.owner_id, "none")
    assert in_each == {"main": "pending_verification", "second": "verified"}
    assert used is not None
    assert (used.label, used.identity) == ("second", "approved")
    assert left == {"main": "pending_verification"}
    assert newest.facts == {"platform": "p", "account": "second", "why": "gone", "before": "verified", "after": None}


async def test_a_right_is_not_approved_where_the_identity_waits(database: Database) -> None:
    async with database.write("test") as session:
        work, _ = await add_a_work(session)
        right = await add_right(session, NOW, "mira", trademark(work.owner_id), [work.id])
        account = await add_account(session, NOW, "mira", "p", "main", work.owner_id)
        await set_identity(session, account, NOW, "mira", "pending", "")
        with pytest.raises(Refused, match="accounts identity p approved"):
            await set_right_state(session, right.id, "p", "verified", "", NOW, "mira")
        await set_identity(session, account, NOW, "mira", "approved", "their mail of Monday")
        await set_right_state(session, right.id, "p", "verified", "", NOW, "mira")
        (newest, before) = (await entries(session, 2))[:2]
    assert newest.facts["after"] == "verified"
    assert before.facts == {"before": "pending", "after": "approved", "why": "their mail of Monday"}


async def test_an_account_serves_its_owner_and_an_agents_every_one(database: Database) -> None:
    async with database.write("test") as session:
        mira, ben = [await set_owner(session, NOW, "test", name, {}) for name in ("Mira", "Ben")]
        own = await add_account(session, NOW, "test", "p", "hers", mira.id)
        assert (await add_account(session, NOW, "test", "p", "hers", mira.id)).id == own.id
        with pytest.raises(Refused, match="another owner or role"):
            await add_account(session, NOW, "test", "p", "hers", ben.id)
        assert await the_account(session, "p", ben.id) is None
        with pytest.raises(Refused, match="does not serve"):
            await the_account(session, "p", ben.id, "hers")
        with pytest.raises(NotFound, match="no account 'his' at p"):
            await the_account(session, "p", ben.id, "his")
        agents = await add_account(session, NOW, "test", "p", "agency", None, "agent")
        assert (await the_account(session, "p", ben.id)) is agents
        assert [one.label for one in await list_accounts(session, [ben.id])] == ["agency"]
        await suspend(session, agents, NOW, "test", "closed by the platform")
        (newest, *_) = await entries(session, 1)
    assert (agents.suspended, newest.action) == ("closed by the platform", "account suspended")


async def test_the_earliest_proof_of_publication_comes_first_and_a_page_proves_once(database: Database) -> None:
    async with database.write("test") as session:
        work, _ = await add_a_work(session)

        def proof(url: str, on: date | None, sha256: str = "") -> Publication:
            return Publication(work_id=work.id, url=url, place="shop", stated_on=on, sha256=sha256, seen_at=NOW)

        assert await add_publication(session, NOW, "mira", proof("https://shop.example/1", None))
        assert await add_publication(session, NOW, "mira", proof("https://shop.example/2", date(2024, 5, 1)))
        assert await add_publication(session, NOW, "mira", proof("https://shop.example/1", None, SHA)) is None
        assert await add_publication(session, NOW, "mira", proof("", date(2025, 5, 1), SHA))
        assert await add_publication(session, NOW, "mira", proof("", date(2025, 5, 1), SHA)) is None
        found = await publications_of(session, work.id)
        assert [one.stated_on for one in found] == [date(2024, 5, 1), date(2025, 5, 1), None]
        with pytest.raises(NotFound, match="no work 99"):
            await add_publication(session, NOW, "mira", Publication(work_id=99, place="shop", url="", seen_at=NOW))
