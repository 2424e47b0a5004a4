from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from storage.audit import entries, first_broken, record
from storage.database import Database
from tests.storage.making import NOW


async def fill(database: Database, count: int = 5) -> None:
    async with database.write("test") as session:
        for number in range(count):
            await record(session, NOW, "mira", "alert decided", f"alert {number}", {"before": None, "after": "ünsure"})


async def test_an_untouched_log_holds(database: Database) -> None:
    await fill(database)
    async with database.read() as session:
        assert await first_broken(session) is None
        assert [entry.subject for entry in await entries(session, 2)] == ["alert 4", "alert 3"]


@pytest.mark.parametrize("change", ["UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log"])
async def test_the_database_refuses_to_change_the_log(database: Database, change: str) -> None:
    await fill(database)
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.write("test") as session:
            await session.execute(text(change))


_TAMPERINGS = {
    "UPDATE audit_log SET actor = 'x' WHERE id = 3": 3,
    "UPDATE audit_log SET facts = '{}' WHERE id = 2": 2,
    "DELETE FROM audit_log WHERE id = 2": 3,
    "UPDATE audit_log SET subject = 'alert 9' WHERE id = 5": 5,
}


@pytest.mark.parametrize(("change", "broken"), _TAMPERINGS.items())
async def test_who_gets_around_the_refusal_is_found_out(database: Database, change: str, broken: int) -> None:
    await fill(database)
    async with database.write("test") as session:
        if database.embedded:
            for verb in ("update", "delete"):
                await session.execute(text(f"DROP TRIGGER audit_log_no_{verb}"))
        else:
            await session.execute(text("ALTER TABLE audit_log DISABLE TRIGGER ALL"))
        await session.execute(text(change))
    async with database.read() as session:
        assert await first_broken(session) == broken
