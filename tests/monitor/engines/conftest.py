"""Units of work that can be watched, and both engines to run them on."""

import asyncio

import pytest

from monitor.engines.local import LocalEngine
from monitor.engines.postgres import PostgresEngine
from monitor.engines.shared import install
from storage.database import Database


class Work:
    """Units of work that can be watched: when they ran, how many at once, and what they raise."""

    def __init__(self, make):
        self._make = make
        self.done = []
        self.lost = []
        self.running = self.most = 0
        self.raises = {}
        self.gate = asyncio.Event()
        self.gate.set()

    async def task(self, number):
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(0.005)
            await self.gate.wait()
            if number in self.raises:
                raise self.raises[number]
            self.done.append(number)
        finally:
            self.running -= 1

    async def note(self, name, number, error):
        self.lost.append((name, number, str(error)))

    def engine(self, concurrency=3, **options):
        return self._make({"one": self.task, "other": self.task}, self.note, concurrency, **options)


@pytest.fixture
async def queue_database(empty_postgres_url):
    """PostgreSQL with the queue's tables and no others."""
    database = Database(empty_postgres_url)
    await install(database)
    yield database
    await database.close()


@pytest.fixture
def shared_work(queue_database):
    """Work on the engine that processes share."""
    return Work(lambda *arguments, **options: PostgresEngine(queue_database, *arguments, **options))


@pytest.fixture(params=["local", "shared"])
def work(request):
    """Work on each engine: the test runs once on both."""
    return Work(LocalEngine) if request.param == "local" else request.getfixturevalue("shared_work")
