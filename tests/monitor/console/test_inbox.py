"""The inbox: cards by priority, decisions on whole clusters, undo, leases."""

import asyncio
import json
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from detectors.model import Answer
from storage import tables
from storage.decisions import decide_together
from storage.inbox import Filters, free_cards, list_heads, take_card
from tests.monitor.console.planting import plant


async def answers(parts):
    async with parts.database.read() as session:
        return dict((await session.execute(select(tables.Alert.id, tables.Alert.answer))).all())


def fields(page):
    """The hidden fields of the page's decision form."""
    form = page.partition('action="/inbox/decide"')[2].partition("</form>")[0]
    found = {}
    for part in form.split('<input type="hidden" name="')[1:]:
        name, _, rest = part.partition('"')
        found[name] = rest.partition('value="')[2].partition('"')[0]
    return found


async def test_one_picture_in_many_listings_is_one_card_and_one_decision(parts, seat):
    world = await plant(parts, listings=40, clusters=1)
    page = (await seat.get("/inbox")).text
    assert page.count('class="tile"') == 1
    assert "40 listings" in page
    card = (await seat.get("/inbox/review")).text
    form = fields(card) | {"answer": "infringing"}
    decided = await seat.post("/inbox/decide", form)
    assert decided.status_code == 303, decided.text
    assert set((await answers(parts)).values()) == {"infringing"}
    one = world.alerts[7]
    undone = await seat.post("/decisions/1/undo", {"alert": one})
    assert undone.status_code == 303
    left = await answers(parts)
    assert left.pop(one) is None
    assert set(left.values()) == {"infringing"}
    await seat.post("/decisions/1/undo")
    assert set((await answers(parts)).values()) == {None}


async def test_listings_left_out_of_a_decision_stay_open(parts, seat, world):
    card = (await seat.get("/inbox/review")).text
    form = fields(card) | {"answer": "not-a-match", "leave_out": [world.alerts[3]]}
    await seat.post("/inbox/decide", form)
    found = await answers(parts)
    assert (found[world.alerts[0]], found[world.alerts[3]]) == ("not-a-match", None)


async def test_a_listing_that_came_after_the_card_was_shown_is_not_decided_with_it(parts, seat):
    world = await plant(parts, listings=2, clusters=1)
    form = fields((await seat.get("/inbox/review")).text) | {"answer": "infringing"}
    assert form["up_to"] == str(max(world.alerts))
    form["up_to"] = str(min(world.alerts))
    await seat.post("/inbox/decide", form)
    assert sorted((await answers(parts)).values(), key=str) == [None, "infringing"]


async def test_what_somebody_else_decided_first_is_not_overwritten(parts, seat, world):
    form = fields((await seat.get("/inbox/review")).text)
    await seat.post("/inbox/decide", form | {"answer": "infringing"})
    again = await seat.post("/inbox/decide", form | {"answer": "licensed"})
    assert again.status_code == 409
    assert "decided this first" in again.text


async def test_unsure_comes_back_on_its_day(parts, seat, world):
    now = parts.clock.now()
    day = (now + timedelta(days=3)).date().isoformat()
    form = fields((await seat.get("/inbox/review")).text) | {"answer": "unsure", "until": day}
    await seat.post("/inbox/decide", form)
    async with parts.database.read() as session:
        before = await list_heads(session, Filters(), None, now, None, 10)
        after = await list_heads(session, Filters(), None, now + timedelta(days=4), None, 10)
    assert (len(before), len(after)) == (2, 3)


@pytest.mark.slow
async def test_the_label_chooses_the_right(parts, seat, world):
    card = (await seat.get("/inbox/review")).text
    form = fields(card) | {"answer": "infringing", "label": f"copied-picture:{world.rights[0]}"}
    await seat.post("/inbox/decide", form)
    async with parts.database.read() as session:
        made = await session.get_one(tables.Decision, 1)
    assert (made.label, made.right_id) == ("copied-picture", world.rights[0])


async def test_an_answer_without_javascript_leads_to_the_next_card_and_with_it_is_json(seat, world):
    form = fields((await seat.get("/inbox/review")).text) | {"answer": "infringing"}
    told = await seat.post("/inbox/decide", form, headers={"accept": "application/json"})
    assert told.json() == {"decision": 1, "alerts": 2, "answer": "infringing"}
    form = fields((await seat.get("/inbox/review")).text) | {"answer": "infringing"}
    sent_on = await seat.post("/inbox/decide", form)
    assert sent_on.headers["location"].startswith("/inbox/review?after=")
    assert "done=2" in sent_on.headers["location"]


async def test_the_card_behind_can_be_loaded_ahead_while_the_present_one_stays_ours(parts, seat, world):
    present = fields((await seat.get("/inbox/review")).text)["alert"]
    ahead = (await seat.get(f"/inbox/card?after=90.{present}&keep={present}")).text
    assert "<html" not in ahead
    assert fields(ahead)["alert"] != present
    async with parts.database.read() as session:
        assert len(list(await session.scalars(select(tables.Lease)))) == 2


@pytest.mark.slow
async def test_two_people_never_hold_the_same_card(database):
    """Two reviewers who ask at once, again and again, are never given one card."""
    from datetime import UTC, datetime

    from tests.storage.making import add_a_work, add_alert_of

    now = datetime(2026, 5, 1, tzinfo=UTC)
    async with database.write("alerts") as session:
        work, reference = await add_a_work(session)
        for number in range(24):
            await add_alert_of(session, work.id, reference.id, number, f"{number:064x}")
    given = {"ann": [], "ben": []}

    async def take(name, at=now, after=None):
        async with database.read() as session:
            heads = await free_cards(session, Filters(), None, name, at, after)
        await asyncio.sleep(0)  # somebody else looks here too
        async with database.write("leased") as session:
            return await take_card(session, heads, Filters(), name, at, timedelta(minutes=5))

    async def pull(name):
        after = None
        while True:
            head = await take(name, after=after)
            if head is None:
                return
            given[name].append((head.cluster, after))
            after = head.position
            await asyncio.sleep(0)

    held, other = await take("ann"), await take("ben")
    assert held.cluster != other.cluster
    await asyncio.gather(pull("ann"), pull("ben"))
    assert len(given["ann"]) + len(given["ben"]) >= 24
    late = await take("ben", now + timedelta(minutes=6))
    assert late.cluster == held.cluster


async def test_a_card_decided_between_looking_and_taking_is_not_given(parts, world):
    now, lease = parts.clock.now(), timedelta(minutes=5)
    async with parts.database.read() as session:
        heads = await free_cards(session, Filters(), None, "ann", now)
    async with parts.database.write("decided") as session:
        card = select(tables.Alert.id).where(tables.Alert.cluster == heads[0].cluster[1])
        await decide_together(session, list(await session.scalars(card)), Answer.LICENSED, "ben", now)
    async with parts.database.write("leased") as session:
        head = await take_card(session, heads, Filters(), "ann", now, lease)
    assert head.alert_id == heads[1].alert_id


async def test_bulk_shows_what_it_would_reach_before_it_does_anything(parts, seat, world):
    await seat.get("/inbox")
    preview = await seat.post("/inbox/bulk", {"answer": "infringing", "card": [world.alerts[0], world.alerts[1]]})
    assert preview.status_code == 200
    assert preview.text.count('name="alert"') == 4
    assert set((await answers(parts)).values()) == {None}
    done = await seat.post("/inbox/bulk/decide", {"answer": "infringing", "alert": world.alerts[:4]})
    assert done.headers["location"] == "/decisions/1"
    assert list((await answers(parts)).values()).count("infringing") == 4
    await seat.post("/decisions/1/undo")
    assert set((await answers(parts)).values()) == {None}
    async with parts.database.read() as session:
        logged = list(await session.scalars(select(tables.Audit).where(tables.Audit.subject == "alert 1")))
    assert [(entry.action, entry.facts["before"], entry.facts["after"]) for entry in logged] == [
        ("alert decided", None, "infringing"),
        ("decision taken back", "infringing", None),
    ]


async def test_a_decision_that_a_complaint_rests_on_cannot_be_taken_back(parts, seat, world):
    from tests.monitor.console.planting import plant_complaint

    await seat.get("/inbox")
    await seat.post("/inbox/bulk/decide", {"answer": "infringing", "alert": world.alerts[:2]})
    await plant_complaint(parts, world)
    refused = await seat.post("/decisions/1/undo")
    assert refused.status_code == 409
    assert "complaint" in refused.text


@pytest.mark.parametrize(
    ("query", "cards"),
    [("", 3), ("priority=urgent", 2), ("text=pin", 3), ("text=nowhere", 0), ("text=%25", 0), ("text=Shop", 3),
     ("marketplace=demo-bazaar", 3), ("marketplace=x", 0), ("state=infringing", 0), ("state=all", 3), ("work=1", 3),
     ("work=99", 0), ("seller=1", 3), ("after=1.1", 0), ("after=zzz&priority=zzz&work=-4", 3)],
)  # fmt: skip
async def test_every_state_of_the_inbox_has_an_address(seat, world, query, cards):
    page = await seat.get(f"/inbox?{query}")
    assert page.status_code == 200
    assert page.text.count('class="tile"') == cards


async def test_a_view_is_kept_by_name(seat, world):
    await seat.get("/inbox")
    await seat.post("/inbox/views", {"name": "urgent pins", "priority": "urgent", "text": "pin"})
    page = (await seat.get("/inbox")).text
    assert "urgent pins" in page
    assert "text=pin&amp;priority=urgent" in page
    await seat.post("/inbox/views/1/remove")
    assert "urgent pins" not in (await seat.get("/inbox")).text


async def test_pages_of_cards_follow_each_other_without_gap_or_double(parts):
    await plant(parts, listings=90, clusters=75)
    async with parts.database.read() as session:
        seen, after = [], None
        while True:
            heads = await list_heads(session, Filters(), None, parts.clock.now(), after, 20)
            if not heads:
                break
            seen += [head.cluster for head in heads]
            after = heads[-1].position
    assert len(seen) == len(set(seen)) == 75


async def test_decisions_hold_on_postgres_too(postgres_url):
    """The same questions on the other database: cards, a decision, its undoing."""
    from datetime import UTC, datetime

    from detectors.model import Answer
    from storage.database import Database
    from storage.decisions import decide_together, take_back
    from tests.storage.making import add_a_work, add_alert_of

    database = Database(postgres_url)
    now = datetime(2026, 5, 1, tzinfo=UTC)
    async with database.write("alerts") as session:
        work, reference = await add_a_work(session)
        ids = [(await add_alert_of(session, work.id, reference.id, n, f"{n % 2:064x}")).id for n in range(6)]
    async with database.write("decided") as session:
        heads = await list_heads(session, Filters(text="pin"), None, now, None, 10)
        assert sorted(head.alerts for head in heads) == [3, 3]
        made = await decide_together(session, ids, Answer.INFRINGING, "ann", now)
    async with database.write("undone") as session:
        assert await take_back(session, made.id, "ann", now, None) == 6
        facts = await session.scalar(text("SELECT facts FROM audit_log WHERE action = 'decision taken back' LIMIT 1"))
        assert (facts if isinstance(facts, dict) else json.loads(facts))["before"] == "infringing"
    await database.close()
