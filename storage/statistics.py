"""Numbers for people: each is the answer to one plain SQL query, which is shown beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from storage.errors import NotFound
from storage.inbox import Owners
from storage.tables import Utc


@dataclass(frozen=True, slots=True)
class Key:
    """A column by which a question's rows are told apart; ``of`` is the type of its values."""

    name: str
    sql: str
    of: type[int] | type[str] = str


@dataclass(frozen=True, slots=True)
class Question:
    """What is counted by what, bounded by ``since`` and ``until``; in a stacked chart the second key is a kind.

    Attributes:
        source: FROM and WHERE, the same for the numbers and for the rows behind each.
        measures: Column names of the numbers, with their SQL.
        order: ORDER BY, and a LIMIT where only the first are of interest.
        chart: stacked, bars, survival, or figure for a single number.
        subject: What a row behind a number is: alert, complaint, capture or work; ``subject_id`` is the SQL of its id.
    """

    name: str
    title: str
    keys: tuple[Key, ...]
    source: str
    chart: str
    subject: str
    subject_id: str
    order: str
    measures: tuple[tuple[str, str], ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns of its rows."""
        return (*(key.name for key in self.keys), *(name for name, _ in self.measures))

    @property
    def sql(self) -> str:
        """The query of its numbers."""
        if not self.keys:
            return f"SELECT {self.measures[0][1]} FROM {self.source}"  # noqa: S608 - all of it stands here
        columns = [f"{key.sql} AS {_plain(key.name)}" for key in self.keys]
        columns += [f"{sql} AS {_plain(name)}" for name, sql in self.measures]
        groups = ", ".join(str(place + 1) for place in range(len(self.keys)))
        return f"SELECT {', '.join(columns)} FROM {self.source} GROUP BY {groups} ORDER BY {self.order}"  # noqa: S608 - as above


@dataclass(frozen=True, slots=True)
class Answered:
    """A question, its rows, and the query as it was run."""

    question: Question
    rows: Sequence[tuple[Any, ...]]
    sql: str


def _plain(name: str) -> str:
    return name.replace(" ", "_")


def _of_alerts(
    name: str, title: str, keys: tuple[Key, ...], source: str, chart: str, order: str, counted: str = "alerts"
) -> Question:
    return Question(name, title, keys, source, chart, "alert", "a.id", order, ((counted, "count(*)"),))


def _figure(name: str, title: str, subject: str, subject_id: str, source: str) -> Question:
    return Question(name, title, (), source, "figure", subject, subject_id, "", (("count", "count(*)"),))


_WEEK = "{week:"  # a column follows, and a brace
_INFRINGING = "a.answer = 'infringing' AND a.decided_at > :since AND a.decided_at <= :until{own}"
_GONE = (
    "complaint_targets t JOIN complaints c ON c.id = t.complaint_id "
    "WHERE t.verified_gone_at > :since AND t.verified_gone_at <= :until"
)
_QUESTIONS = (
    _of_alerts(
        "alerts",
        "Alerts raised",
        (Key("week", "{week:a.raised_at}"), Key("priority", "a.priority")),
        "alerts a WHERE a.suppressed IS NULL AND a.raised_at > :since AND a.raised_at <= :until{own}",
        "stacked",
        "1, 2",
    ),
    _of_alerts(
        "decisions",
        "Decisions",
        (Key("week", "{week:a.decided_at}"), Key("answer", "a.answer")),
        "alerts a WHERE a.answer IS NOT NULL AND a.decided_at > :since AND a.decided_at <= :until{own}",
        "stacked",
        "1, 2",
    ),
    Question(
        "reviewers",
        "Decisions by person",
        (Key("person", "d.actor"),),
        "decision_items i JOIN decisions d ON d.id = i.decision_id JOIN alerts a ON a.id = i.alert_id "
        "WHERE d.at > :since AND d.at <= :until{own}",
        "bars",
        "alert",
        "a.id",
        "2 DESC, 1 LIMIT 50",
        (("alerts", "count(*)"), ("taken back", "sum(CASE WHEN i.undone_at IS NULL THEN 0 ELSE 1 END)")),
    ),
    Question(
        "complaints",
        "Complaints drafted, by what became of them",
        (Key("week", "{week:c.drafted_at}"), Key("state", "c.state")),
        "complaints c WHERE c.drafted_at > :since AND c.drafted_at <= :until{own_complaints}",
        "stacked",
        "complaint",
        "c.id",
        "1, 2",
        (("complaints", "count(*)"),),
    ),
    Question(
        "removal",
        "Days from handing in to removal",
        (Key("days", "{days:c.submitted_at:t.verified_gone_at}", int),),
        _GONE + " AND c.submitted_at IS NOT NULL{own_complaints}",
        "bars",
        "alert",
        "t.alert_id",
        "1",
        (("listings", "count(*)"),),
    ),
    Question(
        "staydown",
        "Removed listings that stay down",
        (
            Key("days", "{days:t.verified_gone_at:COALESCE(t.reappeared_at, @until)}", int),
            Key("came back", "CASE WHEN t.reappeared_at IS NULL THEN 0 ELSE 1 END", int),
        ),
        _GONE + "{own_complaints}",
        "survival",
        "alert",
        "t.alert_id",
        "1, 2",
        (("listings", "count(*)"),),
    ),
    _of_alerts(
        "sellers",
        "Sellers with most infringing listings",
        (Key("seller", "s.id", int), Key("name", "s.name"), Key("marketplace", "s.marketplace")),
        "alerts a JOIN listings l ON l.id = a.listing_key JOIN sellers s ON s.id = l.seller_key WHERE " + _INFRINGING,
        "bars",
        "4 DESC, 1 LIMIT 10",
        "infringing",
    ),
    _of_alerts(
        "sites",
        "Marketplaces with most infringing listings",
        (Key("marketplace", "l.marketplace"),),
        "alerts a JOIN listings l ON l.id = a.listing_key WHERE " + _INFRINGING,
        "bars",
        "2 DESC, 1 LIMIT 10",
        "infringing",
    ),
    _of_alerts(
        "works",
        "Works copied most",
        (Key("work", "w.id", int), Key("title", "w.title")),
        "alerts a JOIN works w ON w.id = a.work_id WHERE " + _INFRINGING,
        "bars",
        "3 DESC, 1 LIMIT 10",
        "infringing",
    ),
)
_OF_INSTALLATION = (
    Question(
        "coverage",
        "Pages asked, by outcome",
        (Key("week", "{week:c.captured_at}"), Key("outcome", "c.outcome")),
        "captures c WHERE c.captured_at > :since AND c.captured_at <= :until",
        "stacked",
        "capture",
        "c.id",
        "1, 2",
        (("pages", "count(*)"),),
    ),
)
_FIGURES = (
    _figure("open", "open alerts", "alert", "a.id", "alerts a WHERE a.answer IS NULL AND a.suppressed IS NULL{own}"),
    _figure("infringing", "found infringing", "alert", "a.id", "alerts a WHERE " + _INFRINGING),
    _figure(
        "exported",
        "complaints exported",
        "complaint",
        "c.id",
        "complaints c WHERE c.exported_at > :since AND c.exported_at <= :until{own_complaints}",
    ),
    _figure("watched", "works watched", "work", "w.id", "works w WHERE w.removed_at IS NULL{own_works}"),
)


def questions(owners: Owners) -> dict[str, Question]:
    """What can be asked by somebody who sees these owners' data: tables, and figures of one number each."""
    asked = (*_FIGURES, *_QUESTIONS) if owners is not None else (*_FIGURES, *_QUESTIONS, *_OF_INSTALLATION)
    return {question.name: question for question in asked}


async def answer(
    session: AsyncSession, question: Question, owners: Owners, since: datetime, until: datetime
) -> Answered:
    """A question's rows in a period."""
    sql = _written(session, question.sql, owners)
    rows = await session.execute(*_bound(sql, since, until))
    return Answered(question, [tuple(row) for row in rows], _readable(sql, since, until))


async def rows_behind(
    session: AsyncSession,
    question: Question,
    keys: Sequence[str],
    owners: Owners,
    since: datetime,
    until: datetime,
    limit: int,
    below: int = 0,
) -> list[int]:
    """Ids of the question's subjects that a number counts, the newest first.

    Args:
        keys: The values of the row's keys, as text.
        below: Only ids below this one; 0: all.

    Raises:
        NotFound: These are no keys of the question.
    """
    same, values = "", dict[str, Any]()
    try:
        for place, (key, value) in enumerate(zip(question.keys, keys, strict=True)):
            condition, bound = _is(key, value, f"key{place}")
            same += f" AND {condition}"
            values |= bound
    except ValueError:
        raise NotFound(f"{question.name} has no such row") from None
    if below:
        same += f" AND {question.subject_id} < {below:d}"
    plain = f"SELECT {question.subject_id} FROM {question.source}{same} ORDER BY 1 DESC LIMIT {limit:d}"  # noqa: S608 - as above
    statement, given = _bound(_written(session, plain, owners), since, until)
    weeks = [bindparam(name, type_=Utc()) for name, value in values.items() if isinstance(value, datetime)]
    return list(await session.scalars(statement.bindparams(*weeks), given | values))


def _is(key: Key, value: str, name: str) -> tuple[str, dict[str, Any]]:
    """The condition that a row has a key's value, and what it binds. A week is its days: those an index has in order.

    Raises:
        ValueError: The key has no such value.
    """
    if not key.sql.startswith(_WEEK):
        return f"{key.sql} = :{name}", {name: key.of(value)}
    monday = datetime.fromisoformat(value).replace(tzinfo=UTC)
    if monday.weekday() or len(value) != len("2026-12-28"):
        raise ValueError(value)
    column = key.sql.removeprefix(_WEEK).removesuffix("}")
    condition = f"{column} >= :{name}_begin AND {column} < :{name}_end"
    return condition, {f"{name}_begin": monday, f"{name}_end": monday + timedelta(days=7)}


def _written(session: AsyncSession, sql: str, owners: Owners) -> str:
    """The query for this database and these owners; ids are numbers of ours, never a stranger's text."""
    of_owners = ""
    if owners is not None:
        ids = ", ".join(str(int(owner)) for owner in sorted(owners)) or "NULL"
        of_owners = f"(SELECT id FROM works WHERE owner_id IN ({ids}))"  # noqa: S608 - integers alone
    put_in = {
        "{own}": f" AND a.work_id IN {of_owners}" if of_owners else "",
        "{own_complaints}": f" AND c.work_id IN {of_owners}" if of_owners else "",
        "{own_works}": f" AND w.id IN {of_owners}" if of_owners else "",
    }
    for place, words in put_in.items():
        sql = sql.replace(place, words)
    embedded = session.get_bind().dialect.name == "sqlite"
    while _WEEK in sql:
        before, _, rest = sql.partition(_WEEK)
        column, _, after = rest.partition("}")
        # The Monday that the week begins with.
        week = (
            f"date({column}, '-6 days', 'weekday 1')"
            if embedded
            else f"to_char(date_trunc('week', {column} AT TIME ZONE 'UTC'), 'YYYY-MM-DD')"
        )
        sql = before + week + after
    while "{days:" in sql:
        before, _, rest = sql.partition("{days:")
        first, _, rest = rest.partition(":")
        last, _, after = rest.partition("}")
        last = last.replace("@until", ":until" if embedded else "CAST(:until AS timestamptz)")
        days = (
            f"CAST(julianday({last}) - julianday({first}) AS INTEGER)"
            if embedded
            else f"CAST(floor(extract(epoch FROM {last} - {first}) / 86400) AS integer)"
        )
        sql = f"{before}{days}{after}"
    return sql


def _bound(sql: str, since: datetime, until: datetime) -> tuple[Any, dict[str, Any]]:
    given: dict[str, Any] = {name: at for name, at in (("since", since), ("until", until)) if f":{name}" in sql}
    return text(sql).bindparams(*(bindparam(name, type_=Utc()) for name in given)), given


def _readable(sql: str, since: datetime, until: datetime) -> str:
    for name, at in (("since", since), ("until", until)):
        sql = sql.replace(f":{name}", f"'{at:%Y-%m-%d %H:%M:%S.%f}'")
    return sql
