"""Ctrl-C in the middle of a scan: one line, exit code 130, and everything is still to be done."""

import asyncio
import json
import os
import signal
import sys
from dataclasses import replace

import pytest

from config.settings import load
from monitor.daemon import build, scan
from monitor.marketplaces import MARKETPLACES
from monitor.marketplaces.demo import DemoBazaar
from storage.database import Database
from storage.listings import count_backlog
from storage.searches import add_search, due_search_ids, list_searches
from tests.faults.server import FaultServer, answer
from tests.monitor.crawling import Here

pytestmark = pytest.mark.slow

CARD = '<article class="listing" data-id="1"><a class="title" href="/item/1">Pin</a><img src="/full/1.jpg"></article>'
PAGE = f'<html><main data-bazaar="search" data-total="1">{CARD}</main></html>'


async def run(folder, *arguments):
    given = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "monitor", "--data", str(folder), *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=given, start_new_session=True,
        preexec_fn=heed_interrupts,
    )  # fmt: skip


def heed_interrupts():
    """What a shell starts in the background, such as this whole test run, ignores Ctrl-C; and so does its child."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


async def interrupted(scanning):
    scanning.cancel()
    await asyncio.wait({scanning}, timeout=20)
    return scanning.done() and scanning.cancelled()


async def test_a_scan_ends_at_once_wherever_it_is_interrupted(tmp_path):
    async with FaultServer() as server:
        server.search = lambda **_: answer(PAGE.encode(), "200 OK", "Content-Type: text/html; charset=utf-8")
        setattr(server, "item/1", server.hang)
        given = {"CONTACT": "o@example.org", "OWN_ADDRESSES": json.dumps([server.address])}
        settings = load(tmp_path, {f"BAZAARWATCH_FETCH__{key}": value for key, value in given.items()})
        async with build(settings, {**MARKETPLACES, "demo-bazaar": DemoBazaar()}) as whole:
            parts = replace(whole, sandbox=Here())
            async with parts.database.write("test") as session:
                await add_search(session, parts.clock.now(), "test", "demo-bazaar", "pin", 24.0, 5, shop=server.url)
            for steps in (1, 8, 30, 60, 120, 250):  # of the loop
                scanning = asyncio.create_task(scan(parts))
                for _ in range(steps):
                    await asyncio.sleep(0)
                assert await interrupted(scanning), steps
            scanning = asyncio.create_task(scan(parts))
            while "/item/1" not in server.pages:
                await asyncio.sleep(0.01)
                assert not scanning.done()
            assert await interrupted(scanning)
            await parts.reader.fetcher.aclose()
            async with parts.database.read() as session:
                backlog = await count_backlog(session)
            assert (backlog.listings, backlog.waiting, backlog.parked) == (1, 1, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent otherwise there")
async def test_a_scan_that_is_interrupted_loses_nothing(tmp_path, clock):
    async with FaultServer() as server:
        server.search = lambda **_: answer(PAGE.encode(), "200 OK", "Content-Type: text/html; charset=utf-8")
        setattr(server, "item/1", server.hang)
        settings = f'[fetch]\ncontact = "o@example.org"\nown_addresses = ["{server.address}"]\n'
        (tmp_path / "bazaarwatch.toml").write_text(settings)
        added = await run(tmp_path, "search", "add", "demo-bazaar", "pin", "--shop", server.url)
        _, said = await added.communicate()
        assert added.returncode == 0, said
        scan = await run(tmp_path, "scan")
        while "/item/1" not in server.pages:
            await asyncio.sleep(0.02)
            assert scan.returncode is None, await scan.communicate()
        scan.send_signal(signal.SIGINT)
        _, said = await asyncio.wait_for(scan.communicate(), 30)
    assert scan.returncode == 130, said
    assert said.decode().strip().splitlines()[-1].endswith("stopped")
    assert b"Traceback" not in said
    assert b"lost" not in said
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'bazaarwatch.db'}")
    try:
        async with database.read() as session:
            backlog = await count_backlog(session)
            ((_, crawl),) = await list_searches(session)
            assert (backlog.listings, backlog.waiting, backlog.parked) == (1, 1, 0)
            assert (crawl.outcome, crawl.listings_seen) == ("ok", 1)
            assert await due_search_ids(session, clock.now()) == []
    finally:
        await database.close()
