"""The only door to the database: one engine, short reads, named write transactions."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from importlib import resources
from pathlib import Path
from typing import Any

from sqlalchemy import event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from storage import sqlite
from storage.errors import DatabaseAway, SchemaOutdated

# Serialization failure, deadlock detected, and a page whose month was made while it waited to come in.
_CONFLICTS = frozenset({"40001", "40P01", "23514"})
# The console alone asks some 300 questions. Compiling one (jit) takes PostgreSQL half a second where it estimates much
# work, as it does for taking a job of many that wait, which takes it 10 ms.
_NAMED = {"connect_args": {"prepared_statement_cache_size": 500, "server_settings": {"jit": "off"}}}
POOL_SIZE = 10  # connections to PostgreSQL that a process keeps open, and as many again for a while
BUSY_TIMEOUT_S = 30  # another process may hold the write lock of an embedded database this long


Guard = Callable[[AsyncSession], Awaitable[None]]
_guard: ContextVar[Guard | None] = ContextVar("guard", default=None)


@contextmanager
def guarded(guard: Guard) -> Iterator[None]:
    """Have every write transaction begun in the block, and in tasks begun there, pass a guard or be refused by it."""
    token = _guard.set(guard)
    try:
        yield
    finally:
        _guard.reset(token)


class CommitPoints:
    """Counts commit points; kills the process at the n-th, so that tests can crash it everywhere.

    Each write transaction and each stored blob is two points: just before and just after it becomes durable.
    """

    def __init__(self, crash_at: int = 0) -> None:
        self._left = crash_at

    def reached(self, name: str) -> None:
        """Pass one point, or die there."""
        if self._left == 0:
            return
        self._left -= 1
        if self._left == 0:
            os.write(2, f"crash at commit point: {name}\n".encode())
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


class Database:
    """An engine and its rules. On SQLite one writer at a time, which begins by taking the lock."""

    def __init__(
        self,
        url: str,
        commit_points: CommitPoints | None = None,
        *,
        listen_url: str = "",
        pool_size: int = POOL_SIZE,
    ) -> None:
        self.url = make_url(url)
        self.listen_url = make_url(listen_url or url)
        self.embedded = self.url.get_backend_name() == "sqlite"
        self.pooled = not self.embedded and self.listen_url != self.url  # by a pooler that keeps no session
        self.commit_points = commit_points or CommitPoints()
        self._one_writer = asyncio.Lock()
        if self.embedded and self.url.database:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        embedded = {"connect_args": {"timeout": BUSY_TIMEOUT_S, "async_creator_fn": sqlite.connect}}
        pooled = {"pool_size": pool_size, "max_overflow": pool_size}
        if self.pooled:
            from storage.postgres import keeping_no_session

            self.engine = keeping_no_session(self.url, pooled)
        else:
            self.engine = _create_engine(self.url, embedded if self.embedded else pooled | _NAMED)
        if not self.embedded:
            event.listen(self.engine.sync_engine, "checkout", _ask_before_use)
            event.listen(self.engine.sync_engine, "handle_error", _know_the_lost)
        # The same connections, told what they are for. PostgreSQL sees a state of its own for each statement anyway:
        # without BEGIN and ROLLBACK a brief reader makes two trips less. A pooler needs them to keep the connection.
        brief = {} if self.embedded or self.pooled else {"isolation_level": "AUTOCOMMIT"}
        self._brief = self.engine.execution_options(brief=True, **brief)
        self._writing = self.engine.execution_options(begin_immediate=True)
        self._brief_writing = self.engine.execution_options(begin_immediate=True, brief=True)

    @asynccontextmanager
    async def read(self, *, brief: bool = False) -> AsyncIterator[AsyncSession]:
        """A session that sees one state of the database and changes nothing.

        Args:
            brief: Each of its statements reads a few rows by an index; SQLite runs them at once, in this thread.
        """
        async with AsyncSession(self._brief if brief else self.engine, expire_on_commit=False) as session:
            yield session

    @asynccontextmanager
    async def write(self, name: str, *, brief: bool = False) -> AsyncIterator[AsyncSession]:
        """A session whose changes become durable together at the end, or not at all.

        Args:
            name: What is being made durable, for the crash tests and for error messages.
            brief: As for `read`; hundreds of rows at most, given by the caller.
        """
        engine = self._brief_writing if brief else self._writing
        async with self._writer(), AsyncSession(engine, expire_on_commit=False) as session:
            if guard := _guard.get():
                await guard(session)
            yield session
            self.commit_points.reached(f"before {name}")
            await session.commit()
            self.commit_points.reached(f"after {name}")

    @asynccontextmanager
    async def _writer(self) -> AsyncIterator[None]:
        if not self.embedded:
            yield
            return
        async with self._one_writer:
            yield

    async def close(self) -> None:
        """Give every connection back."""
        await self.engine.dispose()


def _create_engine(url: Any, options: dict[str, Any]) -> AsyncEngine:
    engine = create_async_engine(url, **options)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, see _begin_sqlite
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # A deferred transaction that first reads and then writes fails at once when another wrote in between,
    # whatever the busy timeout; so writers take the lock at the beginning.
    options = connection.get_execution_options()
    connection.connection.driver_connection.brief = bool(options.get("brief"))
    connection.exec_driver_sql(sqlite.TAKING_THE_LOCK if options.get("begin_immediate") else "BEGIN")


def _ask_before_use(connection: Any, _record: Any, _proxy: Any) -> None:
    """After a restart of the server no unit of work fails for a connection that is gone: the pool makes another.

    SQLAlchemy's own way asks in three trips.
    """
    try:
        connection.ping()
    except (connection.dbapi.Error, OSError) as error:
        raise DisconnectionError from error


def _know_the_lost(context: Any) -> None:
    """A connection that the server gave up a moment ago says that another operation is in progress."""
    if isinstance(context.original_exception, context.dialect.dbapi.InternalClientError):
        context.is_disconnect = True


async def upgrade_schema(database: Database) -> None:
    """Bring the tables to the newest version; one process at a time, all steps or none."""
    if await _present_version(database) == newest_version():
        return
    from alembic import command  # slow to load, and seldom needed
    from alembic.config import Config

    def upgrade(connection: Any) -> None:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", "migrations:")
        command.upgrade(config, "head")

    async with database.engine.connect() as connection:
        if database.embedded:
            connection = await connection.execution_options(begin_immediate=True)
        async with connection.begin():
            await connection.run_sync(upgrade)


async def check_schema(database: Database) -> None:
    """Make sure that program and database are of one version.

    Raises:
        DatabaseAway: It cannot be asked; the message names it, without its password.
        SchemaOutdated: They are not; the message names both versions and the command that mends it.
    """
    try:
        present, newest = await _present_version(database), newest_version()
    except (OSError, DBAPIError) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        raise DatabaseAway(
            f"{database.url.render_as_string()} does not answer ({reason}): is it running, and is database.url right?"
        ) from None
    if present != newest:
        raise SchemaOutdated(
            f"the database is of version {present}, the program of {newest}: run `bazaarwatch db upgrade`"
        )


def is_conflict(error: BaseException) -> bool:
    """Whether a transaction came to nothing for another's sake, or for a lost connection: done again, it may pass."""
    if not isinstance(error, DBAPIError):
        return False
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _CONFLICTS


def newest_version() -> str:
    """The version that the newest migration brings: the number its file name begins with."""
    names = (file.name for file in (resources.files("migrations") / "versions").iterdir())
    return max(name.partition("_")[0] for name in names if name.endswith(".py"))


async def _present_version(database: Database) -> str | None:
    async with database.engine.connect() as connection:
        if not await connection.run_sync(lambda sync: inspect(sync).has_table("alembic_version")):
            return None
        version: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
        return version
