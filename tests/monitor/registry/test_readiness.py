"""What keeps complaints from leaving, and what waits behind a right."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from config.settings import load
from detectors.model import Answer
from detectors.rights import RightKind
from monitor.complaints.base import RightState
from monitor.complaints.packs import policy
from monitor.daemon import build
from monitor.registry.readiness import Progress, Standing, blockers, readiness, recorded_as, standing_of
from monitor.registry.rights import new_right, publication
from storage.accounts import add_account, set_identity, suspend
from storage.alerts import raise_alert, record_matches
from storage.cases import decide
from storage.database import Database
from storage.listings import Link, link_pictures, pictures_of, record_listings
from storage.rights import add_right, set_right_state
from storage.tables import Document, Owner
from tests.storage.making import NOW, PRIORITY, SHA, add_a_work, listing, match, verdict

IPP = policy("alibaba_ipp")
TODAY = NOW.date()
PORTAL = next(name for name, route in IPP.routes.items() if route.right_must_be_verified.value)
OPEN = next(name for name, route in IPP.routes.items() if not route.right_must_be_verified.value)


@pytest.fixture
async def desk(sqlite_url):
    """A database with all tables."""
    database = Database(sqlite_url)
    yield database
    await database.close()


async def artwork(session):
    """A work and its unregistered copyright."""
    work, reference = await add_a_work(session)
    owner = await session.get_one(Owner, work.owner_id)
    first = publication(None, {"on": date(2024, 5, 1), "place": "my shop"})
    row = new_right(RightKind.COPYRIGHT_UNREGISTERED, owner, [work], {"first_publication": first})
    return work, reference, await add_right(session, NOW, "mira", row, [work.id])


async def fields(session, right, account="", route=PORTAL, today=TODAY):
    return [one.field for one in await blockers(session, IPP, right.id, account, route, today)]


def power(owner_id, until):
    facts = {"grantor": "Mira Moss", "grantee": "Guard", "platforms": ["alibaba_ipp"]}
    row = Document(owner_id=owner_id, kind="power_of_attorney", valid_to=until, facts=facts, sha256=SHA, size=1)
    row.sealed_name, row.mark, row.added_at, row.language = b"", SHA, NOW, ""
    return row


async def test_a_right_that_nobody_said_is_approved_leaves_by_no_route_that_asks_for_it(desk):
    async with desk.write("test") as session:
        _, _, right = await artwork(session)
        assert await fields(session, right) == ["right_state"]
        assert await fields(session, right, route=OPEN) == []
        await set_right_state(session, right.id, "alibaba_ipp", "verified", "", NOW, "mira")
        assert await fields(session, right) == []
        assert await fields(session, right, "main") == []
        await add_account(session, NOW, "mira", "alibaba_ipp", "second", right.owner_id)
        assert await fields(session, right, "second") == ["right_state"]


async def test_nothing_leaves_by_a_suspended_account_or_while_the_identity_waits(desk):
    async with desk.write("test") as session:
        _, _, right = await artwork(session)
        account = await add_account(session, NOW, "mira", "alibaba_ipp", "main", right.owner_id)
        await set_identity(session, account, NOW, "mira", "pending", "")
        assert await fields(session, right, route=OPEN) == ["right_state"]
        await set_identity(session, account, NOW, "mira", "approved", "")
        await suspend(session, account, NOW, "mira", "too many counter-notices")
        assert await fields(session, right, route=OPEN) == ["account"]


async def test_an_agents_complaint_needs_a_power_of_attorney_in_force(desk):
    async with desk.write("test") as session:
        _, _, right = await artwork(session)
        await add_account(session, NOW, "guard", "alibaba_ipp", "agency", None, "agent")
        assert await fields(session, right, "agency", OPEN) == ["authorisation"]
        session.add(power(right.owner_id, TODAY))
        await session.flush()
        assert await fields(session, right, "agency", OPEN) == []
        assert await fields(session, right, "agency", OPEN, TODAY + timedelta(days=1)) == ["authorisation"]


async def test_the_checklist_names_how_many_alerts_wait_behind_a_right(sqlite_url, tmp_path, clock):
    async with build(load(tmp_path, {"BAZAARWATCH_DATABASE__URL": sqlite_url}), clock=clock) as parts:
        async with parts.database.write("test") as session:
            work, reference, _ = await artwork(session)
            for number, host in ((1, "www.aliexpress.com"), (2, "shop.example")):
                offered = listing(number, url=f"https://{host}/item/100500{number}.html")
                (key,) = (await record_listings(session, [offered], None, NOW)).seen
                (picture,) = await pictures_of(session, key)
                await link_pictures(session, [Link(picture.id, SHA, "fetched", NOW)], NOW)
                found = match(work.id, reference.id)
                await record_matches(session, key, SHA, [found], NOW)
                alert, _ = await raise_alert(session, key, verdict(found), PRIORITY, None, NOW)
                await decide(session, alert.id, Answer.INFRINGING, "mira", NOW)
            await add_account(session, NOW, "mira", "alibaba_ipp", "main", work.owner_id)
        (one,) = await readiness(parts)
        assert (one.platform, one.account, one.standing, one.alerts) == ("alibaba_ipp", "main", Standing.NONE, 1)
        last = one.steps[-1]
        assert (last.name, last.progress, last.command) == ("complaints", Progress.LATER, "")
        assert "1 decided alerts wait behind this right" in last.text
        assert await readiness(parts, owner_ids=[99]) == []


@pytest.mark.parametrize(
    ("word", "state", "standing"),
    [
        ("none", None, Standing.NONE),
        ("pending", RightState.PENDING_VERIFICATION, Standing.PENDING),
        ("approved", RightState.VERIFIED, Standing.APPROVED),
        ("denied", RightState.REJECTED, Standing.DENIED),
        ("submitted", RightState.SUBMITTED, Standing.PENDING),
        ("expired", RightState.EXPIRED, Standing.DENIED),
    ],
)
def test_a_persons_word_and_a_platforms_finer_one_are_recorded(word, state, standing):
    assert recorded_as(word) is state
    assert standing_of(state) is standing
