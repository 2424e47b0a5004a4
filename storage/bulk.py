"""Many rows at once, in the driver's own form.

SQLAlchemy takes three times as long to make a row's parameters as a database to store the row. So what runs for every
listing of a page is compiled once, and its parameters are made column by column.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import chain, repeat
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    Integer,
    Table,
    any_,
    bindparam,
    func,
    literal,
    select,
    union_all,
)

_TOGETHER = 20  # rows of one INSERT on SQLite: it takes 0.6 of their time one by one, and more than 20 no less


class Prepared:
    """An INSERT or UPDATE of one row, its values all bound by name, that is run for many."""

    def __init__(self, statement: Any, dialect: Dialect, same: Sequence[str]) -> None:
        """Take the names of what is the same in all rows, too."""
        compiled = statement.compile(dialect=dialect)
        self._text: str = compiled.string
        self._order: Sequence[str] = compiled.positiontup
        self._same = [name for name in self._order if name in same]
        self._own = [name for name in self._order if name not in same]
        types = {name: compiled.binds[name].type.dialect_impl(dialect) for name in self._order}
        self._converters = {name: kind.bind_processor(dialect) for name, kind in types.items()}
        self._several = self._of_several() if dialect.name == "sqlite" and compiled.isinsert else ""

    def run(self, connection: Connection, columns: Mapping[str, Sequence[Any]], same: Mapping[str, Any]) -> None:
        """Run it once for each row; ``columns`` holds what differs, one value a row, and ``same`` what does not."""
        own = {name: self._converted(name, columns[name]) for name in self._own}
        alike = dict(zip(self._same, (self._converted(name, [same[name]])[0] for name in self._same), strict=True))
        count, together = len(next(iter(columns.values()))), 0
        if self._several and count >= _TOGETHER:
            together = count - count % _TOGETHER
            values = list(chain.from_iterable(zip(*own.values(), strict=True)))
            step = _TOGETHER * len(own)
            ends = range(step, together * len(own) + 1, step)
            connection.exec_driver_sql(self._several, [(*alike.values(), *values[end - step : end]) for end in ends])
        if together < count:
            order = [repeat(alike[name]) if name in alike else own[name][together:] for name in self._order]
            connection.exec_driver_sql(self._text, list(zip(*order, strict=False)))  # what is alike never ends

    def _converted(self, name: str, values: Sequence[Any]) -> Sequence[Any]:
        convert = self._converters[name]
        return [convert(value) for value in values] if convert else values

    def _of_several(self) -> str:
        """The same for several rows: first what they share, then what is each one's own."""
        row = f"({', '.join('?' * len(self._order))})"
        before, _, behind = self._text.partition(row)
        shared = {name: number for number, name in enumerate(self._same, 1)}
        places = {name: number for number, name in enumerate(self._own, 1 + len(shared))}
        rows = (
            ", ".join(f"?{shared.get(name) or places[name] + at * len(places)}" for name in self._order)
            for at in range(_TOGETHER)
        )
        return f"{before}({'), ('.join(rows)}){behind}"


def reserve_ids(connection: Connection, counts: Mapping[Table, int]) -> list[Sequence[int]]:
    """Ids for so many new rows of each table, ascending; on SQLite the caller is the only writer until it commits."""
    if connection.dialect.name == "postgresql":
        rows = connection.execute(_next_ids(tuple(counts)), {t.name: n for t, n in counts.items()}).all()
        return [sorted(number for name, number in rows if name == table.name) for table in counts]
    last = connection.execute(_last_ids(tuple(counts))).one()
    return [range((end or 0) + 1, (end or 0) + 1 + count) for end, count in zip(last, counts.values(), strict=True)]


@cache
def _last_ids(tables: tuple[Table, ...]) -> Any:
    return select(*(select(func.max(table.c.id)).scalar_subquery() for table in tables))


@cache
def _next_ids(tables: tuple[Table, ...]) -> Any:
    numbers = (func.nextval(func.pg_get_serial_sequence(table.name, "id")) for table in tables)
    series = (func.generate_series(1, bindparam(table.name, type_=Integer)).table_valued() for table in tables)
    named = zip((literal(table.name) for table in tables), numbers, series, strict=True)
    return union_all(*(select(name, number).select_from(one) for name, number, one in named))


def is_among(dialect: str, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether a column is one of many texts, which are one parameter: `many` of them."""
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import ARRAY, TEXT  # brings asyncpg, 9 MB

        return column == any_(bindparam(name, type_=ARRAY(TEXT)))
    return column.in_(select(func.json_each(bindparam(name)).table_valued("value").c.value))


def many(dialect: str, values: Sequence[str]) -> Any:
    """Texts as `is_among` takes them."""
    return list(values) if dialect == "postgresql" else json.dumps(list(values))
