"""The inbox in its order, while others decide."""

from sqlalchemy import update

from storage import inbox
from storage.inbox import Filters, list_heads
from storage.tables import Alert
from tests.storage.making import NOW, add_a_work, add_alert_of


async def test_a_card_that_is_decided_while_the_inbox_is_read_breaks_nothing(database, monkeypatch):
    async with database.write("alerts") as session:
        work, reference = await add_a_work(session)
        first, other = [(await add_alert_of(session, work.id, reference.id, n, f"{n:064x}")).id for n in (1, 2)]
    measure = inbox._sizes

    async def decided_first(*asked):
        async with database.write("decided") as session:
            await session.execute(update(Alert).where(Alert.id == first).values(answer="licensed"))
        return await measure(*asked)

    monkeypatch.setattr(inbox, "_sizes", decided_first)
    async with database.read() as session:
        listed = [head.alert_id for head in await list_heads(session, Filters(), None, NOW, None, 10)]
    assert listed in ([other], [other, first])  # as PostgreSQL sees it, as SQLite does
