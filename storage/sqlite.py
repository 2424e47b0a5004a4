"""SQLite's connection for `storage.database`: one trip to its thread for each statement, none for BEGIN and ROLLBACK.

aiosqlite makes four trips (open a cursor, execute, fetch, close); crawling a listing took 190 of them, and more time
than everything else together. A brief transaction's statements make none: a trip takes four times as long as one that
finds a row by its key. What waits for the disk or for another process goes to the thread all the same, and what writes
many rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import aiosqlite

TAKING_THE_LOCK = "BEGIN IMMEDIATE"  # waits while another process writes
_MANY = 4000  # values that a statement carries: writing as many, some 400 rows, takes 4 ms, a trip a tenth of one
_AHEAD = 1000  # rows that come with their statement; the rest is fetched as it is asked for
_T = TypeVar("_T")
_Trip = Callable[[sqlite3.Connection], sqlite3.Cursor]


def connect(database: str, **options: Any) -> aiosqlite.Connection:
    """A connection that its awaiting opens, with the arguments of `sqlite3.connect`."""
    options |= {"check_same_thread": False}  # for brief transactions; there is never more than one thread at work
    connection = _Connection(lambda: sqlite3.connect(database, **options), iter_chunk_size=64)
    connection.patience_ms = int(1000 * options.get("timeout", 5.0))
    connection._thread.daemon = True  # an interrupted program ends without waiting for it
    return connection


class _Connection(aiosqlite.Connection):
    """Hands out cursors that hold their first rows as soon as their statement is done."""

    brief = False  # whether the statements of the transaction under way touch few rows
    patience_ms = 0  # how long it waits while another process writes
    _begin = ""  # the BEGIN that goes with the next statement
    _sent = _done = 0  # what went to the thread, and what it has done of that

    def cursor(self) -> _Cursor:  # type: ignore[override]  # as SQLAlchemy uses it
        return _Cursor(self)

    async def trip(self, work: _Trip, *, values: int = 0) -> tuple[sqlite3.Cursor, list[Any]]:
        """Do something with the connection, with so many values, and fetch the first rows that came of it."""

        begin, self._begin = self._begin, ""
        is_here = self._is_at_hand() and values < _MANY
        if is_here and begin == TAKING_THE_LOCK and self._takes_lock_at_once():
            begin = ""

        def work_and_fetch() -> tuple[sqlite3.Cursor, list[Any]]:
            if begin:
                self._conn.execute(begin)
            cursor = work(self._conn)
            return cursor, cursor.fetchmany(_AHEAD) if cursor.description else []

        if is_here and begin != TAKING_THE_LOCK:
            return work_and_fetch()
        done: tuple[sqlite3.Cursor, list[Any]] = await self._execute(self._counted(work_and_fetch))  # type: ignore[no-untyped-call]
        return done

    def begin(self, statement: str) -> None:
        """Begin a transaction with the next statement."""
        self._begin = statement

    async def commit(self) -> None:
        """Make what was done durable."""
        if self._begin:
            self._begin = ""
        else:
            await super().commit()

    async def rollback(self) -> None:
        """Undo what was done, before the next statement; should that fail, the next BEGIN says so."""
        if self._begin:
            self._begin = ""
        elif self._is_at_hand():
            self._conn.rollback()
        else:
            self._tx.put_nowait((None, self._counted(self._conn.rollback)))

    def _takes_lock_at_once(self) -> bool:
        """Begin to write, if no other process does: that would be waited for."""
        self._conn.execute("PRAGMA busy_timeout = 0")
        try:
            self._conn.execute(TAKING_THE_LOCK)
        except sqlite3.OperationalError:
            return False
        finally:
            self._conn.execute(f"PRAGMA busy_timeout = {self.patience_ms}")
        return True

    def _is_at_hand(self) -> bool:
        """Whether the connection may be used here and now: briefly, and nothing else is under way on it."""
        return self.brief and self._sent == self._done

    def _counted(self, work: Callable[[], _T]) -> Callable[[], _T]:
        """Work for the thread: nothing passes it by while it waits there, as after a cancelled statement."""

        def work_and_count() -> _T:
            try:
                return work()
            finally:
                self._done += 1

        self._sent += 1
        return work_and_count


class _Cursor:
    """The part of a cursor that SQLAlchemy's asyncio connector asks for."""

    arraysize = 1

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._done: sqlite3.Cursor | None = None
        self._rows: list[Any] = []
        self._ended = True

    async def __aenter__(self) -> _Cursor:
        return self

    @property
    def description(self) -> Any:
        """The columns of the last statement's rows."""
        return self._done.description if self._done else None

    @property
    def rowcount(self) -> int:
        """How many rows the last statement changed."""
        return self._done.rowcount if self._done else -1

    @property
    def lastrowid(self) -> int | None:
        """The id of the row that was inserted last."""
        return self._done.lastrowid if self._done else None

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> _Cursor:
        """Run a statement and fetch its first rows."""
        if statement.startswith("BEGIN"):
            self._connection.begin(statement)
        else:
            await self._fetch(lambda raw: raw.execute(statement, parameters), len(parameters))
        return self

    async def executemany(self, statement: str, parameters: Sequence[Sequence[Any]]) -> _Cursor:
        """Run a statement once for each set of parameters."""
        await self._fetch(lambda raw: raw.executemany(statement, parameters), sum(map(len, parameters)))
        return self

    async def fetchall(self) -> list[Any]:
        """The rows that are left."""
        rows = self._rows
        while not self._ended:
            await self._go_on()
            rows += self._rows
        self._rows = []
        return rows

    async def fetchmany(self, size: int) -> list[Any]:
        """The next rows, at most ``size``; none at the end."""
        if not self._rows and not self._ended:
            await self._go_on()
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    async def close(self) -> None:
        """End a statement whose rows were not all fetched: it would hold the database."""
        if not self._ended and self._done:
            await self._connection._execute(self._done.close)  # type: ignore[no-untyped-call]

    async def _fetch(self, work: _Trip, values: int = 0) -> None:
        self._done, self._rows = await self._connection.trip(work, values=values)
        self._ended = len(self._rows) < _AHEAD

    async def _go_on(self) -> None:
        done = self._done
        assert done  # noqa: S101 - only a statement that ran has rows left
        await self._fetch(lambda _: done)
