"""What `benchmarks/console.py` measures the console on: every table a page reads, as full as after a year."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from monitor.console.passwords import hash_password
from monitor.daemon import Parts
from storage import tables
from storage.search import words_of
from storage.users import add_user

WORKS, SELLERS, SEARCHES, COMPLAINTS, DECISIONS, ENTRIES, PEOPLE = 1000, 48_000, 60, 1000, 5000, 100_000, 20
PASSWORD = "correct horse battery"  # of everybody who reads
_CHUNK = 20_000
_WORDS = (
    *("fox", "moth", "pin", "sticker", "enamel", "patch", "moon", "flower", "vintage"),
    *("cute", "set", "kawaii", "laptop", "bottle", "gift", "hare", "owl", "fern"),
    *("lantern", "quilt", "tote", "mug", "print", "poster", "brooch", "charm"),
)
_UNSAID = {"answer": None, "decided_at": None, "decided_by": None, "ask_again_at": None}
Row = dict[str, Any]


class Planted:
    """The rows, the same ones each time. An alert for every listing up to ``alerts``, a tenth of them decided."""

    def __init__(self, listings: int, alerts: int) -> None:
        self.listings, self.alerts = listings, alerts
        self.now = datetime.now(UTC)
        self._chance = random.Random(1)
        self._titles = [" ".join(self._chance.choices(_WORDS, k=7)) for _ in range(5000)]

    def _at(self, days: float) -> datetime:
        return self.now - timedelta(days=self._chance.random() * days)

    def title(self, number: int) -> str:
        """What the listing of that number is called."""
        return f"{self._titles[number % 5000]} {number % 97}"

    @staticmethod
    def _picture(number: int) -> str:
        """Ten clusters of 500 listings, then every listing a picture of its own."""
        return f"{number // 500:064x}" if number < 5000 else f"{number:064x}"

    @staticmethod
    def _work(number: int) -> int:
        return (number // 500 if number < 5000 else number) % WORKS + 1

    def listing(self, number: int) -> Row:
        """A listing of one of the sellers."""
        return {
            "id": number, "marketplace": f"site-{number % 12}", "listing_id": str(number), "price": None,
            "url": f"https://site.example/item/{number}", "title": self.title(number),
            "seller_key": number % SELLERS + 1, "content": "0" * 64, "attempts": 0, "first_seen_at": self._at(90),
            "last_seen_at": self._at(9), "examined_at": self.now,
        }  # fmt: skip

    def alert(self, number: int) -> Row:
        """An alert on the listing of that number."""
        answer = ("infringing", "licensed", "not-a-match")[number % 3] if number % 10 == 0 else None
        return {
            "id": number, "listing_key": number, "work_id": self._work(number), "cluster": self._picture(number),
            "priority": ("urgent", "high", "normal", "low")[number % 4], "score": 20 + number * 7919 % 80,
            "confidence": "high", "reasons": ["features find it"], "raised_at": self._at(90),
            "changed_at": self._at(9), "answer": answer, "decided_at": self._at(60) if answer else None,
            "decided_by": "ann" if answer else None,
        }  # fmt: skip

    def match(self, number: int) -> Row:
        """The finding behind the alert of that number."""
        placed = {"region": ["whole", 0, 0, 1, 1], "reference_region": ["whole", 0, 0, 1, 1], "orientation": 0,
                  "inliers": 30, "placement": [1, 0, 0, 0, 1, 0], "judged": self._picture(number)}  # fmt: skip
        return {
            "listing_key": number, "sha256": self._picture(number), "work_id": self._work(number),
            "reference_id": self._work(number), "detector": "features", "version": 1, "threshold": 0.25, "score": 0.9,
            "facts": placed, "found_at": self.now,
        }  # fmt: skip

    def words(self, number: int) -> Row:
        """What the alert of that number is found by."""
        seller = number % SELLERS + 1
        said = f"{self.title(number)} {number} Shop {seller} {seller}"
        return {"id": number, "words": " ".join(words_of(said))}

    def complaint(self, number: int) -> Row:
        """A complaint in one of the states between draft and end."""
        state = ("draft", "ready", "exported", "submitted", "upheld", "rejected")[number % 6]
        left = self._at(60) if number % 6 > 1 else None
        return {
            "id": number, "platform": "demo", "site": "demo", "route": "portal",
            "work_id": number % WORKS + 1, "right_id": 1,
            "reason": "copy", "explanation": "It shows the work.", "state": state, "state_since": self._at(30),
            "drafted_at": self._at(90), "exported_at": left, "submitted_at": left,
            "confirmation": {} if left else None, "confirmed_by": "ann" if left else None, "confirmed_at": left,
            "approved_by": "ann" if left else None, "approved_at": left,
        }  # fmt: skip

    def target(self, number: int) -> Row:
        """One of the five listings of a complaint: those of alerts decided infringing."""
        gone = self._at(30) if number % 3 == 0 else None
        return {"complaint_id": number // 5 + 1, "alert_id": 5010 + 30 * number, "position": number % 5,
                "state": "removed" if gone else "selected", "state_since": self.now,
                "verified_gone_at": gone}  # fmt: skip

    def timer(self, number: int) -> Row:
        """A deadline that runs."""
        due = self.now + timedelta(days=number % 20)
        return {"complaint_id": number, "kind": "response", "started_at": self._at(9), "due_at": due, "act_by_at": due,
                "zone": "UTC", "basis": "10 d"}  # fmt: skip

    def entry(self, number: int) -> Row:
        """An entry of the audit log; its chain is not a real one."""
        return {"id": number, "at": self._at(90), "actor": ("ann", "ben")[number % 2], "action": "alert decided",
                "subject": f"alert {number % self.alerts + 1}", "facts": {"before": None, "after": "infringing"},
                "previous": f"{number:064x}", "hash": f"{number + 1:064x}"}  # fmt: skip


def _few(planted: Planted) -> Iterator[tuple[Any, Iterator[Row]]]:
    """The tables that stay small: who, what is protected, what is looked for."""
    now = planted.now
    yield tables.Owner, iter([{"id": 1, "name": "Mira", "kind": "person", "country": "DE", "address": "", "phone": "",
                               "email": "", "created_at": now}])  # fmt: skip
    yield (
        tables.Work,
        ({"id": n, "owner_id": 1, "title": f"Work {n}", "created_at": now, "revision": n} for n in range(1, WORKS + 1)),
    )
    yield (
        tables.Reference,
        (
            {"id": n, "work_id": n, "sha256": f"{n:064x}", "file_name": "a.png", "description": b"", "added_at": now}
            for n in range(1, WORKS + 1)
        ),
    )
    yield tables.Right, iter([{"id": 1, "owner_id": 1, "kind": "copyright_unregistered", "title": "Works",
                               "number": "", "created_at": now,
                               "facts": {"kind": "copyright_unregistered", "title": "Works", "holder": "Mira"},
                               }])  # fmt: skip
    yield tables.RightWork, ({"right_id": 1, "work_id": n} for n in range(1, WORKS + 1))
    yield (
        tables.Seller,
        (
            {
                "id": n,
                "marketplace": f"site-{(n - 1) % 12}",
                "seller_id": str(n),
                "name": f"Shop {n}",
                "first_seen_at": now,
            }
            for n in range(1, SELLERS + 1)
        ),
    )
    yield tables.Search, (
        {"id": n, "marketplace": f"site-{n % 12}", "keyword": f"word {n}", "rhythm_h": 24.0, "page_limit": 5,
         "next_run_at": now, "created_at": now}
        for n in range(1, SEARCHES + 1)
    )  # fmt: skip


def _many(planted: Planted) -> Iterator[tuple[Any, Iterator[Row]]]:
    """The tables that grow."""

    def rows(make: Callable[[int], Row], count: int, first: int = 1) -> Iterator[Row]:
        return map(make, range(first, first + count))

    now, alerts = planted.now, planted.alerts
    crawl = {"marketplace": "site", "started_at": now, "finished_at": now, "outcome": "ok", "pages": 5,
             "listings_seen": 100, "listings_new": 3}  # fmt: skip
    yield tables.Crawl, ({"id": n, "search_id": n % SEARCHES + 1, **crawl} for n in range(1, 5001))
    yield tables.Capture, (
        {"crawl_id": n // 5 + 1, "marketplace": "site", "url": f"https://site.example/{n}", "sha256": "0" * 64,
         "status": 200, "outcome": ("ok", "ok", "ok", "blocked")[n % 4], "how": "fetched",
         "captured_at": now - timedelta(minutes=5 * n)}
        for n in range(25_000)
    )  # fmt: skip
    yield tables.Listing, rows(planted.listing, planted.listings)
    pictures = dict.fromkeys(row["sha256"] for row in rows(planted.match, alerts))
    yield tables.Picture, ({"sha256": sha256, "first_seen_at": now} for sha256 in pictures)
    yield tables.Match, rows(planted.match, alerts)
    yield tables.Alert, rows(planted.alert, alerts)
    yield (
        tables.Decision,
        (
            {"id": n, "at": now - timedelta(minutes=n), "actor": "ann", "answer": "infringing"}
            for n in range(1, DECISIONS + 1)
        ),
    )
    yield tables.DecisionItem, ({"decision_id": n // 2 + 1, "alert_id": 10 * n + 10, "before": _UNSAID}
                                for n in range(min(2 * DECISIONS, alerts // 10)))  # fmt: skip
    yield tables.Complaint, rows(planted.complaint, COMPLAINTS)
    yield tables.ComplaintTarget, rows(planted.target, min(5 * COMPLAINTS, (alerts - 5010) // 30), 0)
    yield tables.ComplaintTimer, rows(planted.timer, COMPLAINTS // 2)
    yield tables.Audit, rows(planted.entry, ENTRIES)


async def plant(parts: Parts, planted: Planted) -> None:
    """Fill the tables of an empty database; PostgreSQL counts them, as it does by itself in time."""
    async with parts.database.write("planted") as session:
        for table, rows in itertools.chain(_few(planted), _many(planted)):
            while chunk := list(itertools.islice(rows, _CHUNK)):
                await session.execute(insert(table), chunk)
        await _fit_in(session, planted)
    if parts.database.embedded:
        return
    async with parts.database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("ANALYZE"))


async def _fit_in(session: AsyncSession, planted: Planted) -> None:
    """The words of the searches, people who sign in, and on PostgreSQL the numbers that come next."""
    postgres = session.get_bind().dialect.name == "postgresql"
    id_, words = ("id", "array_to_tsvector(string_to_array(:words, ' '))") if postgres else ("rowid", ":words")
    shops = ({"id": n, "words": " ".join(words_of(f"Shop {n} {n}"))} for n in range(1, SELLERS + 1))
    titles = ({"id": n, "words": f"work {n}"} for n in range(1, WORKS + 1))
    alerts = map(planted.words, range(1, planted.alerts + 1))
    for name, rows in (("alert_search", alerts), ("seller_search", shops), ("work_search", titles)):
        keep = text(f"INSERT INTO {name} ({id_}, words) VALUES (:id, {words})")
        while chunk := list(itertools.islice(rows, _CHUNK)):
            await session.execute(keep, chunk)
    for name, table in tables.Table.metadata.tables.items() if postgres else ():
        if "id" in table.columns and table.columns["id"].autoincrement:
            sequence = await session.scalar(text(f"SELECT pg_get_serial_sequence('{name}', 'id')"))
            if sequence:
                newest = f"(SELECT coalesce(max(id), 0) + 1 FROM {name})"
                await session.execute(text(f"SELECT setval('{sequence}', {newest}, false)"))
    hashed = hash_password(PASSWORD)
    for number in range(PEOPLE):
        await add_user(session, planted.now, "benchmark", f"reader {number}", "admin", hashed, None)
