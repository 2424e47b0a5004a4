from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from detectors.model import Answer, Priority, PriorityLevel
from storage.alerts import (
    changed_since,
    count_open,
    get_alert,
    list_alerts,
    matches_of,
    raise_alert,
    record_matches,
    rejections,
    suppressed_since,
    view_alert,
)
from storage.cases import allow_seller, allowed_reason, decide, list_allowed, seller_history
from storage.database import Database
from storage.errors import NotFound
from storage.listings import get_listing
from storage.tables import Alert
from storage.works import add_reference
from tests.storage.making import HOUR, NOW, PRIORITY, SHA, add_a_work, add_alert_of, add_an_alert, match, verdict

OTHER = "cd" * 32


async def test_an_alert_is_raised_once_however_often_a_listing_is_examined(database: Database) -> None:
    async with database.write("test") as session:
        alert = await add_an_alert(session)
        found = match(alert.work_id, (await matches_of(session, alert))[0].reference_id)
        await record_matches(session, alert.listing_key, SHA, [found], NOW + HOUR)
        again, changed = await raise_alert(session, alert.listing_key, verdict(found), PRIORITY, None, NOW + HOUR)
        assert (again.id, changed, again.changed_at) == (alert.id, False, NOW)
        assert len(await matches_of(session, alert)) == 1


async def test_new_numbers_change_an_alert_but_never_its_decision(database: Database) -> None:
    async with database.write("test") as session:
        alert = await add_an_alert(session)
        found = match(alert.work_id, (await matches_of(session, alert))[0].reference_id)
        await decide(session, alert.id, Answer.LICENSED, "mira", NOW)
        urgent = Priority(PriorityLevel.URGENT, 90, ("+90",))
        again, changed = await raise_alert(session, alert.listing_key, verdict(found), urgent, None, NOW + HOUR)
        assert (changed, again.priority, again.answer, again.changed_at) == (True, "urgent", "licensed", NOW + HOUR)


async def test_a_match_keeps_every_number_that_explains_it(database: Database) -> None:
    async with database.write("test") as session:
        alert = await add_an_alert(session)
        (row,) = await matches_of(session, alert)
    assert (row.detector, row.version, row.threshold, row.distance_bits) == ("phash", 1, 62.0, 4)
    assert row.facts["region"] == ["whole", 0.0, 0.0, 1.0, 1.0]


async def test_alerts_come_most_pressing_first_and_by_state(database: Database) -> None:
    async with database.write("test") as session:
        work, reference = await add_a_work(session)
        keys = [(await add_alert_of(session, work.id, reference.id, number, f"{number:064x}")) for number in (1, 2, 3)]
        levels = [Priority(PriorityLevel.LOW, 10, ()), Priority(PriorityLevel.URGENT, 80, ()), PRIORITY]
        for alert, level in zip(keys, levels, strict=True):
            await raise_alert(session, alert.listing_key, verdict(match(work.id, reference.id)), level, None, NOW)
        await decide(session, keys[2].id, Answer.INFRINGING, "mira", NOW)

        async def ids(**chosen: object) -> list[int]:
            return [view.alert.id for view in await list_alerts(session, NOW, **chosen)]  # type: ignore[arg-type]

        assert await ids() == [keys[1].id, keys[0].id]
        assert await ids(state="all") == [keys[1].id, keys[2].id, keys[0].id]
        assert await ids(state="infringing") == [keys[2].id]
        assert await ids(priority="low") == [keys[0].id]
        assert await ids(work_id=work.id + 1) == []
        assert await ids(limit=1) == [keys[1].id]
        assert await count_open(session, NOW) == {"urgent": 1, "low": 1}


async def test_an_unsure_decision_comes_back_on_its_day(database: Database) -> None:
    async with database.write("test") as session:
        alert = await add_an_alert(session)
        await decide(session, alert.id, Answer.UNSURE, "mira", NOW, ask_again_at=NOW + 24 * HOUR)
        assert await list_alerts(session, NOW) == []
        assert [view.alert.id for view in await list_alerts(session, NOW + 24 * HOUR)] == [alert.id]


async def test_the_first_infringing_decision_opens_the_sellers_case_and_the_second_joins_it(database: Database) -> None:
    async with database.write("test") as session:
        work, reference = await add_a_work(session)
        one = await add_alert_of(session, work.id, reference.id, 1)
        two = await add_alert_of(session, work.id, reference.id, 2)
        for alert in (one, two):
            await decide(session, alert.id, Answer.INFRINGING, "mira", NOW)
        assert one.case_id == two.case_id is not None
        await decide(session, two.id, Answer.NOT_A_MATCH, "mira", NOW)
        assert two.case_id is None


async def test_a_sellers_history_counts_its_other_listings_only(database: Database) -> None:
    async with database.write("test") as session:
        work, reference = await add_a_work(session)
        one = await add_alert_of(session, work.id, reference.id, 1)
        two = await add_alert_of(session, work.id, reference.id, 2)
        await decide(session, one.id, Answer.INFRINGING, "mira", NOW)
        history = await seller_history(session, await get_listing(session, two.listing_key))
        assert (history.alerts, history.infringing, history.licensed) == (1, 1, 0)
        own = await seller_history(session, await get_listing(session, one.listing_key))
        assert (own.alerts, own.infringing) == (1, 0)


async def test_allowing_a_seller_sets_open_alerts_aside_and_holds_for_exactly_that_id(database: Database) -> None:
    async with database.write("test") as session:
        alert = await add_an_alert(session)
        assert await allow_seller(session, NOW, "mira", "bazaar", "s1", "own shop") == 1
        assert await list_alerts(session, NOW) == []
        assert [view.alert.id for view in await list_alerts(session, NOW, state="suppressed")] == [alert.id]
        assert await allowed_reason(session, "bazaar", "s1") == "own shop"
        for marketplace, seller_id in (("bazaar", "s10"), ("bazaar", "S1"), ("other", "s1"), ("bazaar", None)):
            assert await allowed_reason(session, marketplace, seller_id) is None
        await allow_seller(session, NOW, "mira", "bazaar", "s1", "licensee")
        assert [row.reason for row in await list_allowed(session)] == ["licensee"]
        reasons = await suppressed_since(session, NOW - HOUR, NOW + HOUR)
        assert sum(reasons.values()) == 1


async def _is_rejected(session: AsyncSession, alert: Alert) -> bool:
    said = await rejections(session, alert.listing_key, alert.work_id)
    return said.matched <= said.rejected


async def test_a_picture_that_a_person_rejected_stays_rejected_elsewhere(database: Database) -> None:
    async with database.write("test") as session:
        work, reference = await add_a_work(session)
        one = await add_alert_of(session, work.id, reference.id, 1)
        two = await add_alert_of(session, work.id, reference.id, 2)
        three = await add_alert_of(session, work.id, reference.id, 3, OTHER)
        assert not await _is_rejected(session, two)
        await decide(session, one.id, Answer.NOT_A_MATCH, "mira", NOW)
        assert await _is_rejected(session, two)
        assert not await _is_rejected(session, three)
        await record_matches(session, two.listing_key, OTHER, [match(work.id, reference.id)], NOW)
        assert not await _is_rejected(session, two), "it shows another picture of the work too"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("answer", [Answer.INFRINGING, Answer.LICENSED])
async def test_a_picture_with_contradictory_answers_suppresses_nothing(database: Database, answer, order) -> None:
    async with database.write("test") as session:
        work, reference = await add_a_work(session)
        alerts = [await add_alert_of(session, work.id, reference.id, number) for number in (1, 2, 3)]
        answers = [Answer.NOT_A_MATCH, answer]
        for at in order:
            await decide(session, alerts[at].id, answers[at], "mira", NOW)
        assert not any([await _is_rejected(session, alert) for alert in alerts])


async def test_a_rejection_holds_until_the_works_references_change(database: Database) -> None:
    async with database.write("test") as session:
        work, reference = await add_a_work(session)
        one = await add_alert_of(session, work.id, reference.id, 1)
        two = await add_alert_of(session, work.id, reference.id, 2)
        await decide(session, one.id, Answer.NOT_A_MATCH, "mira", NOW)
        await add_reference(session, work.id, OTHER, "another.png", b"", NOW + HOUR, "mira")
        assert not await _is_rejected(session, two)


async def test_a_digests_period_holds_each_alert_once(database: Database) -> None:
    async with database.write("test") as session:
        alert = await add_an_alert(session)
        assert [view.alert.id for view in await changed_since(session, NOW - HOUR, NOW)] == [alert.id]
        assert await changed_since(session, NOW, NOW + HOUR) == []


async def test_what_does_not_exist_is_named_with_the_list_that_shows_what_does(database: Database) -> None:
    async with database.read() as session:
        with pytest.raises(NotFound, match=r"no alert 7; `bazaarwatch alerts list`"):
            await get_alert(session, 7)
        with pytest.raises(NotFound):
            await view_alert(session, 7)
