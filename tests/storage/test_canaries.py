"""Canary runs are remembered in order, per marketplace."""

from datetime import UTC, datetime, timedelta

from storage.audit import first_broken
from storage.canaries import CanaryRun, add_canary_run, canary_runs, newest_canary_runs

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def test_runs_come_back_newest_first_and_one_for_each_marketplace(database):
    async with database.write("test") as session:
        for hours, marketplace, lost in ((0, "ebay", ""), (1, "etsy", ""), (2, "ebay", "price in 0 of 5 listings")):
            run = CanaryRun(marketplace, "moth", NOW + timedelta(hours=hours), "ok", 5, {"price": 5}, lost)
            await add_canary_run(session, "mira", run, "ab" * 32)
    async with database.read() as session:
        runs = await canary_runs(session, "ebay", 5)
        assert [run.at.hour for run in runs] == [14, 12]
        assert runs[0].lost == "price in 0 of 5 listings"
        assert runs[1] == CanaryRun("ebay", "moth", NOW, "ok", 5, {"price": 5}, "")
        assert len(await canary_runs(session, "ebay", 1)) == 1
        assert {run.marketplace: run.at.hour for run in await newest_canary_runs(session)} == {"ebay": 14, "etsy": 13}
        assert await first_broken(session) is None
