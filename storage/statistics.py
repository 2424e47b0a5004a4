"""Numbers for people: each is the answer to one plain SQL query, which is shown beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from storage.inbox import Owners
from storage.tables import Utc


@dataclass(frozen=True, slots=True)
class Question:
    """A query with the names of its columns, bounded by ``since`` and ``until``; in a stacked one the second is a kind.

    ``rows`` is the address behind a row, with the row's columns to be put in by name; empty where there is none.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    sql: str
    chart: str  # stacked, bars, survival or none
    rows: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """A question, its rows, and the query as it was run."""

    question: Question
    rows: Sequence[tuple[Any, ...]]
    sql: str


_QUESTIONS = (
    Question(
        "alerts",
        "Alerts raised",
        ("week", "priority", "alerts"),
        "SELECT {week:a.raised_at} AS week, a.priority, count(*) FROM alerts a "
        "WHERE a.suppressed IS NULL AND a.raised_at > :since AND a.raised_at <= :until{own} "
        "GROUP BY 1, 2 ORDER BY 1, 2",
        "stacked",
        "/inbox?state=all&priority={priority}",
    ),
    Question(
        "decisions",
        "Decisions",
        ("week", "answer", "alerts"),
        "SELECT {week:a.decided_at} AS week, a.answer, count(*) FROM alerts a "
        "WHERE a.answer IS NOT NULL AND a.decided_at > :since AND a.decided_at <= :until{own} "
        "GROUP BY 1, 2 ORDER BY 1, 2",
        "stacked",
        "/inbox?state={answer}",
    ),
    Question(
        "reviewers",
        "Decisions by person",
        ("person", "alerts", "taken back"),
        "SELECT d.actor, count(*), sum(CASE WHEN i.undone_at IS NULL THEN 0 ELSE 1 END) FROM decision_items i "
        "JOIN decisions d ON d.id = i.decision_id JOIN alerts a ON a.id = i.alert_id "
        "WHERE d.at > :since AND d.at <= :until{own} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 50",
        "bars",
        "/decisions",
    ),
    Question(
        "complaints",
        "Complaints by state",
        ("state", "complaints"),
        "SELECT c.state, count(*) FROM complaints c "
        "WHERE c.drafted_at > :since AND c.drafted_at <= :until{own_complaints} GROUP BY 1 ORDER BY 2 DESC, 1",
        "bars",
        "/complaints?state={state}",
    ),
    Question(
        "removal",
        "Days from handing in to removal",
        ("days", "listings"),
        "SELECT {days:c.submitted_at:t.verified_gone_at} AS days, count(*) FROM complaint_targets t "
        "JOIN complaints c ON c.id = t.complaint_id WHERE t.verified_gone_at > :since "
        "AND t.verified_gone_at <= :until AND c.submitted_at IS NOT NULL{own_complaints} GROUP BY 1 ORDER BY 1",
        "bars",
        "/complaints?state=upheld",
    ),
    Question(
        "staydown",
        "Removed listings that stay down",
        ("days", "came back", "listings"),
        "SELECT {days:t.verified_gone_at:COALESCE(t.reappeared_at, {until})} AS days, "
        "CASE WHEN t.reappeared_at IS NULL THEN 0 ELSE 1 END, count(*) FROM complaint_targets t "
        "JOIN complaints c ON c.id = t.complaint_id WHERE t.verified_gone_at > :since "
        "AND t.verified_gone_at <= :until{own_complaints} GROUP BY 1, 2 ORDER BY 1, 2",
        "survival",
        "/complaints?state=upheld",
    ),
    Question(
        "sellers",
        "Sellers with most infringing listings",
        ("seller", "name", "marketplace", "infringing"),
        "SELECT s.id, s.name, s.marketplace, count(*) FROM alerts a JOIN listings l ON l.id = a.listing_key "
        "JOIN sellers s ON s.id = l.seller_key WHERE a.answer = 'infringing' "
        "AND a.decided_at > :since AND a.decided_at <= :until{own} GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1 LIMIT 10",
        "bars",
        "/sellers/{seller}",
    ),
    Question(
        "sites",
        "Marketplaces with most infringing listings",
        ("marketplace", "infringing"),
        "SELECT l.marketplace, count(*) FROM alerts a JOIN listings l ON l.id = a.listing_key "
        "WHERE a.answer = 'infringing' AND a.decided_at > :since AND a.decided_at <= :until{own} "
        "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10",
        "bars",
        "/inbox?state=infringing&marketplace={marketplace}",
    ),
    Question(
        "works",
        "Works copied most",
        ("work", "title", "infringing"),
        "SELECT w.id, w.title, count(*) FROM alerts a JOIN works w ON w.id = a.work_id WHERE a.answer = 'infringing' "
        "AND a.decided_at > :since AND a.decided_at <= :until{own} GROUP BY 1, 2 ORDER BY 3 DESC, 1 LIMIT 10",
        "bars",
        "/works/{work}",
    ),
)
_OF_INSTALLATION = (
    Question(
        "coverage",
        "Pages asked, by outcome",
        ("week", "outcome", "pages"),
        "SELECT {week:c.captured_at} AS week, c.outcome, count(*) FROM captures c "
        "WHERE c.captured_at > :since AND c.captured_at <= :until GROUP BY 1, 2 ORDER BY 1, 2",
        "stacked",
        "/searches",
    ),
)
_FIGURES = {
    "open": "SELECT count(*) FROM alerts a WHERE a.answer IS NULL AND a.suppressed IS NULL{own}",
    "infringing": "SELECT count(*) FROM alerts a WHERE a.answer = 'infringing' "
    "AND a.decided_at > :since AND a.decided_at <= :until{own}",
    "complaints": "SELECT count(*) FROM complaints c WHERE c.exported_at > :since AND c.exported_at <= :until"
    "{own_complaints}",
    "works": "SELECT count(*) FROM works w WHERE w.removed_at IS NULL{own_works}",
}


def questions(owners: Owners) -> dict[str, Question]:
    """What can be asked by somebody who sees these owners' data."""
    asked = _QUESTIONS if owners is not None else (*_QUESTIONS, *_OF_INSTALLATION)
    return {question.name: question for question in asked}


async def answer(
    session: AsyncSession, question: Question, owners: Owners, since: datetime, until: datetime
) -> Answered:
    """A question's rows in a period."""
    sql = _written(session, question.sql, owners)
    rows = await session.execute(*_bound(sql, since, until))
    return Answered(question, [tuple(row) for row in rows], _readable(sql, since, until))


async def figures(
    session: AsyncSession, owners: Owners, since: datetime, until: datetime
) -> Mapping[str, tuple[int, str]]:
    """Single numbers by name, each with its query."""
    found = {}
    for name, query in _FIGURES.items():
        sql = _written(session, query, owners)
        found[name] = (await session.scalar(*_bound(sql, since, until)) or 0, _readable(sql, since, until))
    return found


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
    while "{week:" in sql:
        before, _, rest = sql.partition("{week:")
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
        last, _, after = rest.partition("} AS")
        last = last.replace("{until}", ":until" if embedded else "CAST(:until AS timestamptz)")
        days = (
            f"CAST(julianday({last}) - julianday({first}) AS INTEGER)"
            if embedded
            else f"CAST(floor(extract(epoch FROM {last} - {first}) / 86400) AS integer)"
        )
        sql = f"{before}{days} AS{after}"
    return sql


def _bound(sql: str, since: datetime, until: datetime) -> tuple[Any, dict[str, datetime]]:
    given = {name: at for name, at in (("since", since), ("until", until)) if f":{name}" in sql}
    return text(sql).bindparams(*(bindparam(name, type_=Utc()) for name in given)), given


def _readable(sql: str, since: datetime, until: datetime) -> str:
    for name, at in (("since", since), ("until", until)):
        sql = sql.replace(f":{name}", f"'{at:%Y-%m-%d %H:%M:%S.%f}'")
    return sql
