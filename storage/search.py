"""Full-text search over the alerts: FTS5 on SQLite, a GIN index over tsvector on PostgreSQL.

An alert is found by its listing's title and number and its seller's name and number, as of the last examination. Both
databases are given words that were cut here, so that they find the same: folded, without accents, and runs of scripts
that put no spaces between words as pairs of signs.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from sqlalchemy import BigInteger, column, false, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from storage.tables import Alert, Listing, Seller
from storage.upsert import dialect_of

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"  # Thai to Han
_RUN = re.compile(f"[{_UNSPACED}]+|[^\\W_{_UNSPACED}]+")
_KEEP = {
    "sqlite": text("INSERT OR REPLACE INTO alert_search (rowid, words) VALUES (:id, :words)"),
    "postgresql": text(
        "INSERT INTO alert_search (id, words) VALUES (:id, array_to_tsvector(string_to_array(:words, ' '))) "
        "ON CONFLICT (id) DO UPDATE SET words = excluded.words"
    ),
}
_FIND = {
    "sqlite": text("SELECT rowid AS id FROM alert_search WHERE alert_search MATCH :sought"),
    "postgresql": text("SELECT id FROM alert_search WHERE words @@ CAST(:sought AS tsquery)"),
}


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
    """Let an alert be found by what its listing and seller are called now."""
    of_alert = (
        select(Listing.title, Listing.listing_id, Seller.name, Seller.seller_id)
        .outerjoin(Seller, Seller.id == Listing.seller_key)
        .where(Listing.id == alert.listing_key)
    )
    said = (await session.execute(of_alert)).one()
    words = " ".join(words_of(" ".join(filter(None, said))))
    await session.execute(_KEEP[dialect_of(session)], {"id": alert.id, "words": words})


def found_by(session: AsyncSession, said: str) -> Any:
    """The condition on `Alert` that lets by what has every word of a text, or words that begin so."""
    words, dialect = words_of(said), dialect_of(session)
    if not words:
        return false()
    join, prefix = (" ", '"{}"*') if dialect == "sqlite" else (" & ", "'{}':*")
    sought = join.join(prefix.format(word) for word in words)
    found = _FIND[dialect].bindparams(sought=sought).columns(column("id", BigInteger))
    return Alert.id.in_(select(found.subquery().c.id))
