"""Whole stories in a real browser, before the program as a process of its own.

An artist's first evening, from an empty console to what a scan of the demo bazaar found; and an analyst's hour, from a
hundred cards to a complaint's outcome.
"""

import asyncio
import base64
import json
import socket
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import pytest

from monitor.demo import server as demo
from monitor.demo.catalogue import Kind, make_catalogue
from tests.monitor.console.test_pages_in_chromium import Watch, chromium, pytestmark
from tests.stories.conftest import truth_of

__all__ = ["chromium", "pytestmark"]
_PROGRAM = Path(__file__).with_name("program.py")
_DROP = """([files]) => {
    const carried = new DataTransfer();
    for (const [name, data] of files) {
        const bytes = Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0));
        carried.items.add(new File([bytes], name, { type: "image/png" }));
    }
    document.querySelector(".drop").dispatchEvent(new DragEvent("drop", { dataTransfer: carried, bubbles: true }));
}"""


@pytest.fixture
def start():
    """Starts the program with its console, and waits until that answers; ends it with the test."""
    running = []
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]

    def starting(desk, command):
        for process in running:
            process.terminate()
            assert process.wait(30) == 0
        running.clear()
        environ = {"BAZAARWATCH_SCHEDULE__TICK_S": "1", "BAZAARWATCH_CONSOLE__PORT": str(port)}
        order = desk.order(command, **environ)
        process = subprocess.Popen([sys.executable, "-W", "error", str(_PROGRAM), "once", json.dumps(order)])
        running.append(process)
        for _ in range(600):
            assert process.poll() is None, Path(order["err"]).read_text("utf-8")
            try:
                with urlopen(f"http://127.0.0.1:{port}/health", timeout=10):
                    return f"http://127.0.0.1:{port}"
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the console never answered")

    yield starting
    for process in running:
        process.kill()
        process.wait()


async def rows(desk, question):
    """What the database answers, asked beside this test's own event loop."""
    return await asyncio.to_thread(desk.rows, question)


@pytest.mark.parametrize(
    ("command", "width"), [("serve", 390), pytest.param("run", 1280, marks=pytest.mark.soak)], ids=["serve", "run"]
)
@pytest.mark.slow
async def test_the_artists_first_evening(shop_desk, catalogue, planted, start, chromium, command, width):
    """Empty folder, one command: her name, designs dropped in, a right that waits, a search, what the bazaar sells."""
    desk, page = shop_desk, await chromium.new_page(viewport={"width": width, "height": 844})
    watch = await Watch(page, start(desk, command)).begin()
    await she_says_who_she_is(watch, desk)
    await she_drops_her_designs(watch, catalogue)
    await she_registers_a_right(watch, catalogue.works[0].title)
    await she_searches(watch, ("pin", "sticker"))
    for _ in range(300):
        await watch.visit("/inbox")
        found = await rows(desk, "SELECT count(*) FROM crawls WHERE finished_at IS NOT NULL AND outcome = 'ok'")
        waiting = await rows(desk, "SELECT count(*) FROM listings WHERE examine_at IS NOT NULL")
        if await page.locator(".tile").count() and found[0][0] >= 2 and waiting == [(0,)]:
            break
        await page.wait_for_timeout(300)
    await she_decides_the_first_card(watch, desk, planted | truth_of(catalogue, Kind.LICENSED))  # her shop is not named
    assert watch.noted == []


async def she_says_who_she_is(watch, desk):
    page = watch.page
    await watch.visit("/")
    assert page.url.endswith("/start")
    assert "let a platform verify you" in await page.inner_text("main")
    await page.get_by_label("Your legal name").fill("Mira Moss")
    await page.get_by_label("E-mail").fill("mira@example.org")
    await page.get_by_label("Country").fill("DE")
    await page.get_by_label("Postal address").fill("1 Lane\nUlm")
    await page.get_by_role("button", name="Go on").click()
    assert await page.get_by_label("E-mail address or web page").input_value() == "mira@example.org"
    await page.get_by_role("button", name="That is where I can be reached").click()
    await page.get_by_text("Marketplaces can reach you at mira@example.org.").wait_for()
    assert 'contact = "mira@example.org"' in (desk.data / "bazaarwatch.toml").read_text("utf-8")


async def she_drops_her_designs(watch, catalogue):
    page = watch.page
    await page.get_by_role("link", name="Add pictures").click()
    files = [[f"{work.title}.png", base64.b64encode(catalogue.reference(work)).decode()] for work in catalogue.works]
    files.append(["letter.png", base64.b64encode(b"no picture").decode()])
    await page.evaluate(_DROP, [files])
    await page.get_by_text("letter.png: ").wait_for()
    await page.reload()
    for work in catalogue.works:
        await page.get_by_role("link", name=work.title, exact=True).last.wait_for()


async def she_registers_a_right(watch, title):
    page = watch.page
    await page.get_by_role("link", name=title, exact=True).last.click()
    await page.get_by_label("First shown on").fill("2024-05-01")
    await page.get_by_label("Where").fill("my own shop")
    await page.get_by_role("button", name="Register the copyright").click()
    await page.get_by_label("Platform").select_option("demo")
    await page.locator("select[name=state]").select_option("pending_verification")
    await page.get_by_role("button", name="Record", exact=True).click()
    await watch.visit("/readiness?platform=demo")
    assert "the right is being checked" in await page.inner_text("main")


async def she_searches(watch, keywords):
    page = watch.page
    await watch.visit("/start")
    await page.get_by_role("link", name="Add searches").click()
    for keyword in keywords:
        await page.get_by_label("Marketplace").select_option("demo-bazaar")
        await page.get_by_label("Keyword").fill(keyword)
        await page.get_by_role("button", name="Add", exact=True).click()
        await page.get_by_role("cell", name=keyword).wait_for()
    await watch.visit("/start")
    assert "While you wait: decide what the searches find" in await page.inner_text("main")


async def she_decides_the_first_card(watch, desk, shown_works):
    page = watch.page
    await watch.visit("/")
    assert page.url.endswith("/inbox")
    await page.get_by_role("link", name="Review one by one").click()
    await page.wait_for_function(
        "() => [...document.querySelectorAll('.frame img')].every((one) => one.naturalWidth > 0)"
    )
    shown = await page.inner_text("h1")
    await page.get_by_role("button", name="Infringing").click()
    await page.get_by_text("Infringing: ").wait_for()
    decided = await rows(
        desk,
        "SELECT l.listing_id, w.title, l.title FROM alerts a JOIN listings l ON l.id = a.listing_key"
        " JOIN works w ON w.id = a.work_id WHERE a.answer = 'infringing'",
    )
    assert {(number, work) for number, work, _ in decided} <= shown_works
    assert shown in {title for *_, title in decided}


_ANSWERS = {"i": "infringing", "l": "licensed", "n": "not-a-match", "u": "unsure"}


@pytest.fixture
def market(request, catalogue, monkeypatch):
    """The small catalogue, or one whose copies make more than a hundred cards."""
    if request.param == "some cards":
        return catalogue
    monkeypatch.setattr(demo, "PAGE_SIZE", 400)
    return make_catalogue(1, works=12, listings=1200, sellers=40)


@pytest.mark.parametrize(
    "market",
    ["some cards", pytest.param("a hundred", marks=[pytest.mark.soak, pytest.mark.timeout(900)])],
    indirect=True,
)
@pytest.mark.slow
async def test_an_analysts_hour(desk, open_bazaar, market, start, chromium):
    """Cards by keyboard alone, one taken back; a complaint built, confirmed and exported; what became of it."""
    desk = replace(desk, bazaar_url=open_bazaar(market).url)
    desk.begin(market)
    for number in range(1, len(market.works) + 1):
        desk("rights", "state", number, "demo", "verified")
    desk("scan")
    open_cards = "SELECT count(DISTINCT cluster || work_id) FROM alerts WHERE answer IS NULL AND suppressed IS NULL"
    cards = min(100, (await rows(desk, open_cards))[0][0] - 1)
    assert cards == 100 or len(market.works) == 3
    watch = await Watch(await chromium.new_page(), start(desk, "serve")).begin()
    page = watch.page

    await cards_are_answered_by_keyboard(watch, desk, cards)
    most = "SELECT w.title, count(*) FROM alerts a JOIN works w ON w.id = a.work_id WHERE a.answer = 'infringing'"
    ((title, copies),) = await rows(desk, f"{most} GROUP BY w.title ORDER BY 2 DESC, 1 LIMIT 1")
    named = await a_complaint_leaves(watch, title)
    assert len(named) == min(copies, 100) == len(set(named))
    await its_outcome_is_entered(page, "D-77")
    assert await rows(desk, "SELECT external_ref FROM complaints") == [("D-77",)]
    assert {row[0] for row in await rows(desk, "SELECT state FROM complaint_targets")} == {"removed"}
    assert watch.noted == []


async def cards_are_answered_by_keyboard(watch, desk, cards):
    """Every kind of answer, none of which loads a page anew; the last one is taken back and given otherwise."""
    page = watch.page
    await watch.visit("/inbox/review")
    await page.evaluate("window.stayed = true")
    keys = [("iiiiilnu" if cards == 100 else "iii")[number % (8 if cards == 100 else 3)] for number in range(cards)]
    for key in keys:
        shown = await page.get_attribute(".card", "data-alert")
        await page.keyboard.press(key)
        await page.wait_for_function("(shown) => document.querySelector('.card').dataset.alert !== shown", arg=shown)
    assert await page.evaluate("window.stayed"), "no page was loaded in between"
    assert [row[0] for row in await rows(desk, "SELECT answer FROM decisions ORDER BY id")] == [
        _ANSWERS[key] for key in keys
    ]
    await page.keyboard.press("z")
    await page.wait_for_url("**/alerts/*")
    ((back,),) = await rows(desk, "SELECT count(*) FROM decisions WHERE undone_at IS NOT NULL")
    assert back == 1
    await page.keyboard.press("n")  # on second thoughts
    await page.wait_for_url("**/alerts/*")
    await page.get_by_text("not a match").first.wait_for()


async def a_complaint_leaves(watch, title):
    """Drafted, considered listing by listing, confirmed by name, exported; the addresses in the pack."""
    page = watch.page
    await watch.visit("/complaints")
    ready = page.get_by_role("listitem").filter(has_text=title)
    await ready.get_by_label("Platform").select_option("demo")
    await ready.get_by_label("Right").select_option(index=1)
    await ready.get_by_role("button", name="Draft").click()
    for box in await page.locator(".listing fieldset input[type=checkbox]").all():
        await box.check()
    await page.get_by_role("button", name="Record what I considered").click()
    for box in await page.locator("input[name=statement]").all():
        await box.check()
    await page.get_by_role("button", name="I affirm this, by name").click()
    await page.get_by_role("button", name="Export the pack").click()
    async with page.expect_download() as told:
        await page.get_by_role("link", name="Download the pack").click()
    with zipfile.ZipFile(await (await told.value).path()) as pack:
        (addresses,) = [name for name in pack.namelist() if name.endswith("urls-1.txt")]
        return pack.read(addresses).decode().split()


async def its_outcome_is_entered(page, number):
    await page.get_by_label("The platform's number of it").fill(number)
    await page.get_by_role("button", name="Record it").first.click()
    await page.locator("select[name=what]").first.select_option("outcome")
    await page.get_by_label("Outcome").select_option("removed")
    await page.get_by_role("button", name="Record it").first.click()
    await page.get_by_text(number).first.wait_for()
