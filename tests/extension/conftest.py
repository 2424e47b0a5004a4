"""The extension in a real Chromium, a shop beside it, and the endpoint it sends to. All on this machine."""

import asyncio
import json
import os
import shutil
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from config.settings import load
from monitor.console.guard import EXTENSION
from monitor.console.server import listening
from monitor.daemon import build
from monitor.demo.catalogue import make_catalogue
from monitor.demo.server import demo_server
from storage.tokens import add_token

FOLDER = Path(__file__).parents[2] / "extension"
SHOP = "shop.example"


@pytest.fixture(scope="session")
def chromium():
    """The path of the system's Chromium."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if found is None:
        reason = "Chromium is not installed (Debian: apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{reason}; with CI=true that is a failure", pytrace=False)
        pytest.skip(reason)
    return found


class Browser:
    """Chromium with the extension, and what a person does with it."""

    def __init__(self, context, devtools):
        self.context = context
        self._devtools = devtools

    async def open(self, url):
        page = await self.context.new_page()
        await page.goto(url)
        await page.wait_for_function("[...document.images].every((image) => image.complete)")
        return page

    async def set_up(self, address, token):
        """Fill in the settings page and save; what it then says."""
        page = await self.open(f"{EXTENSION}/options.html")
        await page.fill("#address", address)
        await page.fill("#token", token)
        await page.click("button[type=submit]")
        await page.wait_for_selector("#state[data-state=done], #state[data-state=failed]")
        said = await page.inner_text("#state")
        await page.close()
        return said

    async def press_the_button(self, page):
        """Click the toolbar's button while the page is in front; what the popup says in the end, and the badge."""
        await page.bring_to_front()
        tabs = await self._targets("tab")
        tab = next(one["targetId"] for one in tabs if one["url"] == page.url)
        await self._devtools.send("Extensions.triggerAction", {"id": EXTENSION.rpartition("/")[2], "targetId": tab})
        async with asyncio.timeout(60):
            while not (popups := [one for one in await self._targets("page") if "/popup.html" in one["url"]]):
                await asyncio.sleep(0.05)
            said = await self._read_popup(popups[0]["targetId"])
        return said, await self._badge(page.url)

    async def _targets(self, kind):
        return (await self._devtools.send("Target.getTargets", {"filter": [{"type": kind}]}))["targetInfos"]

    async def _read_popup(self, target):
        """The popup's text once it has ended its work; Playwright itself knows no popups of extensions."""
        session = (await self._devtools.send("Target.attachToTarget", {"targetId": target, "flatten": False}))[
            "sessionId"
        ]
        answers = asyncio.Queue()
        self._devtools.on("Target.receivedMessageFromTarget", lambda event: answers.put_nowait(event["message"]))
        ended = """["done", "warning", "failed"].includes(document.getElementById("state")?.dataset.state)
          ? document.body.innerText : ''"""
        message = json.dumps({"id": 1, "method": "Runtime.evaluate", "params": {"expression": ended}})
        said = ""
        while not said:
            await asyncio.sleep(0.05)
            await self._devtools.send("Target.sendMessageToTarget", {"sessionId": session, "message": message})
            said = json.loads(await answers.get()).get("result", {}).get("result", {}).get("value", "")
        await self._devtools.send("Target.closeTarget", {"targetId": target})
        return said

    async def _badge(self, url):
        worker = self.context.service_workers[0]
        return await worker.evaluate(
            """async (url) => {
              const [tab] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
              return chrome.action.getBadgeText({ tabId: tab.id });
            }""",
            url,
        )


@pytest.fixture
def open_browser(chromium, tmp_path):
    """Opens Chromium in which ``shop.example`` and others lead to ports of this machine, and other names nowhere."""

    @asynccontextmanager
    async def opening(*more_switches, folder=FOLDER, **ports):
        hosts = [f"MAP {host.replace('_', '.')} 127.0.0.1:{port}" for host, port in ports.items()]
        rules = ", ".join([*hosts, "MAP * ~NOTFOUND", "EXCLUDE 127.0.0.1"])
        switches = (
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-features=DisableLoadExtensionCommandLineSwitch", "--enable-unsafe-extension-debugging",
            f"--load-extension={folder}", f"--host-resolver-rules={rules}", *more_switches,
        )  # fmt: skip
        async with async_playwright() as playwright:
            context = await playwright.chromium.launch_persistent_context(
                tmp_path / "profile",
                executable_path=chromium,
                headless=False,  # Playwright's own headless mode loads no extensions; the switch above does
                args=list(switches),
                ignore_default_args=["--disable-extensions"],
            )
            try:
                if not context.service_workers:
                    await context.wait_for_event("serviceworker")
                yield Browser(context, await context.browser.new_browser_cdp_session())
            finally:
                await context.close()

    return opening


@pytest.fixture
async def parts(tmp_path):
    async with build(load(tmp_path / "data", {})) as parts:
        yield parts


@pytest.fixture
async def token(parts):
    async with parts.database.write("token") as session:
        return await add_token(session, parts.clock.now(), "anna", "anna's browser")


@pytest.fixture
async def endpoint(parts):
    """The address that the extension sends to."""

    async def examine(_):
        pass

    async with listening(parts, examine, 0) as address:
        yield address


@pytest.fixture
async def bazaar():
    """A demo bazaar; its ``base_url`` ends in the port."""
    async with demo_server(make_catalogue(1, works=2, listings=24, sellers=4)) as server:
        yield server
