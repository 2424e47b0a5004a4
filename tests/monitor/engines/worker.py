"""A worker as a process of its own: `worker.py URL finish|hang|late`. Its units note who did what; some end late."""

import asyncio
import logging
import os
import sys
from datetime import timedelta

from sqlalchemy import text

from monitor.engines.postgres import PostgresEngine
from storage.database import Database

_UNIT_S = {"finish": 0, "late": 2, "hang": 3600}
NOTE = text("INSERT INTO notes VALUES (:who, :number, :what)")


async def main(url, how):
    database = Database(url)

    async def note(number, what):
        async with database.write("note") as session:
            await session.execute(NOTE, {"who": os.getpid(), "number": number, "what": what})

    async def task(number):
        await note(number, "begun")
        await asyncio.sleep(_UNIT_S[how])
        await note(number, "done")

    async def lost(name, number, error):
        await note(number, f"lost: {error}")

    engine = PostgresEngine(database, {"one": task}, lost, 2, dead_after=timedelta(seconds=2))
    logging.basicConfig(level=logging.WARNING, stream=sys.stdout)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await engine.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
