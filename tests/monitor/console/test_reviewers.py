"""Known cases tell how well people judge, and what they say of one changes nothing."""

import pytest
from sqlalchemy import select

from detectors.model import Answer
from storage import tables
from storage.decisions import decide_together
from tests.monitor.console.planting import plant
from tests.monitor.console.test_inbox import fields


@pytest.fixture
async def world(parts):
    """Five cards, the first decided by somebody long ago; every card that is asked for is a known one, if there is."""
    console = parts.settings.console.model_copy(update={"known_every": 1})
    object.__setattr__(parts, "settings", parts.settings.model_copy(update={"console": console}))
    world = await plant(parts, listings=5)
    async with parts.database.write("decided") as session:
        await decide_together(session, world.alerts[:1], Answer.INFRINGING, "planter", parts.clock.now())
    return world


async def test_a_known_case_looks_like_any_card_and_its_answer_counts_for_the_person_alone(parts, seated, world):
    chief, known = await seated("chief", "approver"), world.alerts[0]
    await chief.get("/reviewers")
    assert (await chief.post(f"/alerts/{world.alerts[1]}/known")).status_code == 409  # nobody decided it yet
    assert (await chief.post(f"/alerts/{known}/known")).status_code == 303
    assert "Give it to nobody any more" in (await chief.get(f"/alerts/{known}")).text
    said = {}
    for name, answer in (("ann", "infringing"), ("ben", "licensed"), ("ida", "unsure")):
        seat = await seated(name, "analyst")
        card = (await seat.get("/inbox/review")).text
        form = fields(card)
        assert (form["alert"], form["was"], form["after"]) == (str(known), "", "")
        assert "planter" not in card
        sent_on = await seat.post("/inbox/decide", form | {"answer": answer})
        assert sent_on.headers["location"] == "/inbox/review?known=infringing"
        following = (await seat.get("/inbox/review?known=infringing")).text
        assert "was a known case" in following
        said[name] = fields(following)["alert"]
        assert said[name] != str(known)  # each is given one once; then come the open ones
    async with parts.database.read() as session:
        alert = await session.get_one(tables.Alert, known)
        assert (alert.answer, alert.decided_by) == ("infringing", "planter")
        assert len(list(await session.scalars(select(tables.Decision)))) == 1
    rows = [row.split("<td") for row in (await chief.get("/reviewers")).text.split("<tr>")]
    told = {row[1].split("<bdi>")[1].split("<")[0]: row[5].split(">")[1].split("<")[0] for row in rows if len(row) == 6
            and "<bdi>" in row[1]}  # fmt: skip
    assert told == {"ann": "100 %", "ben": "0 %", "ida": "–"}


async def test_the_one_who_decided_and_the_one_who_chose_it_are_not_asked(parts, seated, world):
    chief = await seated("chief", "approver")
    await chief.get("/reviewers")
    await chief.post(f"/alerts/{world.alerts[0]}/known")
    assert fields((await chief.get("/inbox/review")).text)["alert"] != str(world.alerts[0])
    planter = await seated("planter", "analyst")
    assert fields((await planter.get("/inbox/review")).text)["alert"] != str(world.alerts[0])


async def test_a_case_that_is_known_no_longer_is_given_to_nobody(parts, seated, world):
    chief, ann = await seated("chief", "approver"), await seated("ann", "analyst")
    await chief.get("/reviewers")
    await chief.post(f"/alerts/{world.alerts[0]}/known")
    assert (await chief.post(f"/alerts/{world.alerts[0]}/known", {"remove": "1"})).status_code == 303
    assert fields((await ann.get("/inbox/review")).text)["alert"] != str(world.alerts[0])
    assert (await chief.post(f"/alerts/{world.alerts[0]}/known", {"remove": "1"})).status_code == 404


async def test_answered_with_a_script_it_is_told_at_once(parts, seated, world):
    chief, ann = await seated("chief", "approver"), await seated("ann", "analyst")
    await chief.get("/reviewers")
    await chief.post(f"/alerts/{world.alerts[0]}/known")
    form = fields((await ann.get("/inbox/review")).text) | {"answer": "not-a-match"}
    told = await ann.post("/inbox/decide", form, headers={"accept": "application/json"})
    assert told.json() == {"known": "infringing", "alerts": 0}
