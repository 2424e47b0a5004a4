"""Tokens: shown once, kept as hashes, gone when revoked."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from storage import tokens
from storage.audit import entries
from storage.errors import NotFound, Refused

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


async def add(database, name="anna's browser"):
    async with database.write("token") as session:
        return await tokens.add_token(session, NOW, "anna", name)


async def find(database, secret):
    async with database.read() as session:
        return await tokens.find_token(session, secret)


async def revoke(database, name="anna's browser"):
    async with database.write("token") as session:
        await tokens.revoke_token(session, NOW, "anna", name)


async def test_a_token_is_found_by_its_secret_and_by_nothing_else(database):
    secret = await add(database)
    other = await add(database, "other")
    assert (await find(database, secret)).name == "anna's browser"
    assert (await find(database, other)).name == "other"
    for wrong in ("", secret[:-1], secret + "x", secret.swapcase(), "anna's browser"):
        assert await find(database, wrong) is None


async def test_no_secret_is_stored(database):
    secret = await add(database)
    async with database.read() as session:
        stored = [repr(tuple(row)) for row in await session.execute(text("SELECT * FROM api_tokens"))]
        logged = [repr((one.action, one.subject, one.facts)) for one in await entries(session, 10)]
    assert stored
    assert logged
    assert not any(secret in one or secret.removeprefix("bw_") in one for one in stored + logged)


async def test_a_revoked_token_opens_nothing_but_stays_listed(database):
    secret = await add(database)
    await revoke(database)
    await revoke(database)
    assert await find(database, secret) is None
    async with database.read() as session:
        (listed,) = await tokens.list_tokens(session)
        assert listed.revoked_at == NOW
        assert [one.action for one in await entries(session, 10)] == ["token revoked", "token added"]


async def test_a_name_is_never_given_twice(database):
    await add(database)
    await revoke(database)
    with pytest.raises(Refused, match="another name"):
        await add(database)


async def test_revoking_what_is_not_there_says_so(database):
    with pytest.raises(NotFound, match="token list"):
        await revoke(database, "nobody")
