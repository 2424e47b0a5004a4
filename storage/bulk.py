"""Many rows at once, in the driver's own form.

SQLAlchemy takes three times as long to make a row's parameters as a database to store the row. So what runs for every
listing of a page is compiled once, and its parameters are made column by column.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import repeat
from typing import Any

from sqlalchemy import ColumnElement, Dialect, Table, any_, bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from storage.upsert import dialect_of

_NUMBERS = text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)")


class Prepared:
    """An INSERT or UPDATE of one row, its values all bound by name, that is run for many."""

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self._text: str = compiled.string
        self._order: Sequence[str] = compiled.positiontup
        types = {name: compiled.binds[name].type.dialect_impl(dialect) for name in self._order}
        self._converters = {name: kind.bind_processor(dialect) for name, kind in types.items()}

    async def run(self, session: AsyncSession, columns: Mapping[str, Sequence[Any]], same: Mapping[str, Any]) -> None:
        """Run it once for each row; ``columns`` holds what differs, one value a row, and ``same`` what does not."""
        converted = [self._column(name, columns, same) for name in self._order]
        connection = await session.connection()
        await connection.exec_driver_sql(self._text, list(zip(*converted, strict=False)))  # what is the same never ends

    def _column(self, name: str, columns: Mapping[str, Sequence[Any]], same: Mapping[str, Any]) -> Any:
        convert = self._converters[name]
        if name in same:
            return repeat(convert(same[name]) if convert else same[name])
        return [convert(value) for value in columns[name]] if convert else columns[name]


async def reserve_ids(session: AsyncSession, table: Table, count: int) -> Sequence[int]:
    """Ids for new rows, ascending; on SQLite the caller is the only writer until it commits."""
    connection = await session.connection()
    if dialect_of(session) == "postgresql":
        return sorted(await connection.scalars(_NUMBERS, {"name": table.name, "count": count}))
    last: int = await connection.scalar(_last_id(table)) or 0
    return range(last + 1, last + 1 + count)


@cache
def _last_id(table: Table) -> Any:
    return select(func.max(table.c.id))


def is_among(dialect: str, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether a column is one of many texts, which are one parameter: `many` of them."""
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import ARRAY, TEXT  # brings asyncpg, 9 MB

        return column == any_(bindparam(name, type_=ARRAY(TEXT)))
    return column.in_(select(func.json_each(bindparam(name)).table_valued("value").c.value))


def many(dialect: str, values: Sequence[str]) -> Any:
    """Texts as `is_among` takes them."""
    return list(values) if dialect == "postgresql" else json.dumps(list(values))
