"""Full-text search over alerts, sellers and works: FTS5 on SQLite, a GIN index over tsvector on PostgreSQL.

An alert is found by its listing's title and number and its seller's name and number, as of the last examination; a
seller with an alert by the latter two; a work by its title. Both databases are given words that were cut here, so that
they find the same: folded, without accents, and runs of scripts that put no spaces between words as pairs of signs.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Select,
    String,
    TextClause,
    any_,
    cast,
    column,
    false,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncSession

from storage.tables import Alert, Listing, Seller, Work
from storage.upsert import dialect_of

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"  # Thai to Han
_RUN = re.compile(f"[{_UNSPACED}]+|[^\\W_{_UNSPACED}]+")
_TABLES: Final[dict[Any, str]] = {Alert: "alert_search", Seller: "seller_search", Work: "work_search"}


@cache
def _keep(dialect: str, noun: Any) -> TextClause:
    if dialect == "sqlite":
        return text(f"INSERT OR REPLACE INTO {_TABLES[noun]} (rowid, words) VALUES (:id, :words)")  # noqa: S608
    return text(
        f"INSERT INTO {_TABLES[noun]} (id, words) VALUES (:id, array_to_tsvector(string_to_array(:words, ' '))) "  # noqa: S608
        "ON CONFLICT (id) DO UPDATE SET words = excluded.words"
    )


@cache
def _find(dialect: str, noun: Any) -> TextClause:
    name = _TABLES[noun]
    if dialect == "sqlite":
        return text(f"SELECT rowid AS id FROM {name} WHERE {name} MATCH :sought")  # noqa: S608
    return text(f"SELECT id FROM {name} WHERE words @@ CAST(:sought AS tsquery)")  # noqa: S608


def words_of(said: str) -> list[str]:
    """The words of a text as they are kept and sought, each once, in order.

    Folded (NFKD, case) and without accents; of scripts without spaces every pair of neighbouring signs.
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", said).casefold())
    found: list[str] = []
    for run in _RUN.findall("".join(sign for sign in plain if not unicodedata.combining(sign))):
        unspaced = re.match(f"[{_UNSPACED}]", run) is not None and len(run) > 1
        found += [run[at : at + 2] for at in range(len(run) - 1)] if unspaced else [run]
    return list(dict.fromkeys(found))


async def note_words(session: AsyncSession, alert: Alert) -> None:
    """Let an alert be found by what its listing and seller are called now, and the seller too."""
    of_alert = (
        select(Listing.title, Listing.listing_id, Seller.name, Seller.seller_id, Seller.id)
        .outerjoin(Seller, Seller.id == Listing.seller_key)
        .where(Listing.id == alert.listing_key)
    )
    title, listing_id, name, seller_id, seller_key = (await session.execute(of_alert)).one()
    await _note(session, Alert, alert.id, title, listing_id, name, seller_id)
    if seller_key is not None:
        await _note(session, Seller, seller_key, name, seller_id)


async def note_title(session: AsyncSession, work: Work) -> None:
    """Let a work be found by its title."""
    await _note(session, Work, work.id, work.title)


async def _note(session: AsyncSession, noun: Any, number: int, *said: str | None) -> None:
    words = " ".join(words_of(" ".join(filter(None, said))))
    await session.execute(_keep(dialect_of(session), noun), {"id": number, "words": words})


def ids_found(session: AsyncSession, noun: Any, said: str) -> Select[int]:
    """The ids of alerts, sellers or works that have every word of a text, or words that begin so."""
    words, dialect = words_of(said), dialect_of(session)
    if not words:
        return select(noun.id).where(false())
    join, prefix = (" ", '"{}"*') if dialect == "sqlite" else (" & ", "'{}':*")
    sought = join.join(prefix.format(word) for word in words)
    found = _find(dialect, noun).bindparams(sought=sought).columns(column("id", BigInteger))
    return select(found.subquery().c.id)


async def all_found(session: AsyncSession, noun: Any, said: str) -> set[int]:
    """The same as a set; they come as one value, for a word may be in every name."""
    found = ids_found(session, noun, said).subquery()
    together = select(func.aggregate_strings(cast(found.c.id, String), ","))
    return {int(number) for number in (await session.scalar(together) or "").split(",") if number}


def is_among(session: AsyncSession, number: Any, numbers: Collection[int]) -> Any:
    """The condition that a column is one of many numbers, which go as one value: a statement takes some thousands."""
    if not numbers:
        return false()  # known before anything is read
    if dialect_of(session) == "sqlite":
        return number.in_(select(func.json_each(json.dumps(list(numbers))).table_valued("value").c.value))
    return number == any_(literal(list(numbers), ARRAY(BigInteger)))


def found_by(session: AsyncSession, noun: Any, said: str) -> Any:
    """The condition that lets by what has every word of a text, or words that begin so."""
    return noun.id.in_(ids_found(session, noun, said))
