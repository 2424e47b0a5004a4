"""asyncpg's own connections, for the queue's statements and for notifications; loaded where PostgreSQL is used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from storage.database import Database
from storage.errors import StoreAway

_AWAY = ("08", "53", "57P")  # SQLSTATEs: no connection, no resources, shutting down or starting


def keeping_no_session(url: URL, options: Mapping[str, Any]) -> AsyncEngine:
    """An engine for a pooler that gives a connection for a transaction (PgBouncer): nothing outlives one.

    Statements have no name, so that none is sought on another connection; what asks for one and then runs it does both
    in one transaction.
    """

    unnamed = {"statement_cache_size": 0, "prepared_statement_cache_size": 0, "prepared_statement_name_func": str}
    return create_async_engine(url, **options, connect_args=unnamed | {"connection_class": _Pooled})


class _Pooled(asyncpg.Connection):  # type: ignore[misc]
    async def set_type_codec(self, *arguments: Any, **options: Any) -> None:
        async with self.transaction():  # SQLAlchemy calls it outside of one, and it asks for the type
            await super().set_type_codec(*arguments, **options)


@asynccontextmanager
async def alone(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the pool for single statements."""
    async with raw(database.engine) as connection:
        if not database.pooled:
            yield connection
            return
        async with connection.transaction():  # else a statement could be sent to another server than it was prepared on
            yield connection


@asynccontextmanager
async def raw(engine: AsyncEngine) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the pool, without a transaction around its statements.

    One that was left in the middle of a statement goes: SQLAlchemy does not see that it did, and would hand it on.
    """
    async with engine.connect() as connection:
        try:
            yield cast("asyncpg.Connection", (await connection.get_raw_connection()).driver_connection)
        except (asyncio.CancelledError, OSError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            await connection.invalidate()
            raise


@asynccontextmanager
async def direct(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """A connection of its own, past any pooler that cannot keep a session: for LISTEN and for session locks."""
    engine = create_async_engine(database.listen_url, poolclass=NullPool)
    try:
        async with raw(engine) as connection:
            yield connection
    finally:
        await engine.dispose()


@asynccontextmanager
async def listening(database: Database, channel: str, told: Callable[[str], None]) -> AsyncIterator[asyncpg.Connection]:
    """Be told what is notified on a channel for as long as the block runs and the connection holds."""

    def pass_on(_connection: Any, _pid: int, _channel: str, payload: object) -> None:
        told(str(payload))

    async with direct(database) as connection:
        await connection.add_listener(channel, pass_on)
        try:
            yield connection
        finally:
            if not connection.is_closed():
                await connection.remove_listener(channel, pass_on)


def is_away(error: BaseException) -> bool:
    """Whether the database or the object store cannot be reached for now: nothing is wrong with what was asked."""
    if isinstance(error, StoreAway):
        return True
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or (error.orig is not None and is_away(error.orig))
    state = getattr(error, "sqlstate", None)
    if state is not None:
        return str(state).startswith(_AWAY)
    if isinstance(error, FileNotFoundError):
        return error.filename is None  # the server's socket; a file that is missing has a name
    return isinstance(error, ConnectionError | asyncpg.InterfaceError | asyncpg.InternalClientError)
