"""Takes a picture of every page of the console, on the data of `make demo`: two widths, light and dark.

.venv/bin/python docs/screenshots/take.py DEMO_FOLDER [PAGE ...]

The settings page shows the folder's path: make the demo in one that reads well, as /var/lib/bazaarwatch.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

from playwright.async_api import async_playwright
from sqlalchemy import select, update

from config.settings import load
from monitor.console.server import listening
from monitor.daemon import Parts, build
from monitor.desk.mailbox import take_in
from storage.known import add_known
from storage.tables import Alert, ComplaintTarget, Listing

HERE = Path(__file__).parent
PAGES = {
    "start": "/start",
    "inbox": "/inbox",
    "review": "/inbox/review",
    "alert": "/alerts/1",
    "decisions": "/decisions",
    "complaints": "/complaints",
    "complaint": "/complaints/1",
    "mails": "/mails",
    "mail": "/mails/1",
    "works": "/works",
    "work": "/works/1",
    "shop": "/works/shop",
    "readiness": "/readiness?platform=demo",
    "sellers": "/sellers",
    "seller": "/sellers/1",
    "searches": "/searches",
    "marketplaces": "/marketplaces",
    "jobs": "/jobs",
    "rules": "/rules",
    "reviewers": "/reviewers",
    "audit": "/audit",
    "settings": "/settings",
    "dashboard": "/dashboard",
    "rows": "/dashboard/infringing/rows",
    "account": "/account",
}
SIZES = {"desktop": (1280, 860), "phone": (390, 844)}


LETTER = b"""From: Demo Bazaar <reports@bazaar.example>
Subject: Your report of 3 listings
Message-ID: <pictures@bazaar.example>

Dear rights holder,

thank you for your report. Two of the listings were removed; about the third we
would like to hear from you where the design was first published.
"""


async def make_ready(parts: Parts) -> None:
    """Leave some of the demo's decisions unmade, so that the inbox has cards; a mail, parked work, a known case."""
    await take_in(parts, LETTER, "file")
    async with parts.database.write("made ready for pictures") as session:
        decided = select(Alert.id).where(Alert.answer == "infringing").order_by(Alert.id).limit(1)
        await add_known(session, (await session.scalars(decided)).one(), parts.clock.now(), "Mira Moss")
        parked = {"failure": "a picture: nothing came within 20 s", "attempts": 3, "examine_at": parts.clock.now()}
        await session.execute(update(Listing).where(Listing.id.in_((4, 9))).values(**parked))
        named = select(ComplaintTarget.alert_id)
        undecided = {"answer": None, "decided_at": None, "decided_by": None, "case_id": None}
        await session.execute(update(Alert).where(Alert.id.not_in(named), Alert.id % 3 > 0).values(**undecided))


async def main(data: Path, wanted: list[str]) -> None:
    """Serve the console on the data folder and walk through it."""

    async def examine(_: object) -> None:
        return None

    async with build(load(data, {})) as parts:
        await make_ready(parts)
        async with listening(parts, examine, 0) as address, async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium") or shutil.which("chromium-browser"), args=["--no-sandbox"]
            )
            for size, (width, height) in SIZES.items():
                for scheme in ("light", "dark"):
                    page = await browser.new_page(
                        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
                    )
                    await page.goto(f"{address}/login")
                    for name, path in PAGES.items():
                        if wanted and name not in wanted:
                            continue
                        await page.goto(f"{address}{path}", wait_until="networkidle")
                        file = HERE / f"{name}-{size}-{scheme}.jpg"
                        await page.screenshot(path=file, type="jpeg", quality=70)
                    await page.close()
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).absolute(), sys.argv[2:]))
