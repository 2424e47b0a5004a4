"""Every page in a real browser: hostile texts stay texts, nothing leaves our origin, axe-core finds nothing serious."""

import shutil
from importlib import resources

import cv2
import numpy as np
import pyotp
import pytest
from sqlalchemy import select

from monitor.console.server import listening
from storage import tables
from storage.users import add_user
from tests.monitor.console.conftest import HASHED, PASSWORD
from tests.monitor.console.planting import HOSTILE, drawing, plant
from tests.monitor.console.routes import PAGES, filled
from tests.monitor.console.test_access import full

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: apt-get install chromium)"),
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
_NO_PAGE = (".csv", ".zip", ".json", "/picture", "/comparison", "{sha256}", "/inbox/card", "/health", "/metrics")
_STATES = (  # of pages that look different by what they are asked
    *("/inbox?state=all", "/inbox?state=licensed&text=pin", "/inbox?text=%3Cscript%3Ealert(1)%3C/script%3E"),
    *("/inbox?marketplace=%22onload%3D", "/inbox/review?state=all", "/inbox/review?text=nothing+has+this"),
    *("/dashboard/open/rows", "/dashboard/watched/rows", "/dashboard/infringing/rows", "/readiness?platform=demo"),
    *("/complaints?state=draft", "/works?text=moth", "/sellers?text=shop", "/rules?marketplace=ebay&seller=%3Cb%3E"),
)
VISITED = [
    path
    for (method, path), who in PAGES.items()
    if method == "GET" and who not in ("open", "closed") and not path.endswith(_NO_PAGE)
]


@pytest.fixture
async def chromium():
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture
async def served(parts):
    async def examine(_):
        pass

    async with listening(parts, examine, 0) as address:
        yield address


class Watch:
    """A page whose every complaint is noted."""

    def __init__(self, page, address):
        self.page, self.address, self.noted = page, address, []

    async def begin(self):
        async def close(dialog):
            self.noted.append(f"dialog {dialog.message}")
            await dialog.dismiss()

        self.page.on("dialog", close)
        self.page.on("console", lambda said: said.type in ("error", "warning") and self.noted.append(said.text))
        self.page.on("pageerror", lambda error: self.noted.append(str(error)))
        self.page.on("request", self._asked)
        await self.page.add_init_script(
            "addEventListener('securitypolicyviolation', (e) => console.error('csp ' + e.violatedDirective))"
        )
        await self.page.goto(f"{self.address}/login")
        return self

    def _asked(self, request):
        if not request.url.startswith((self.address, "data:")):
            self.noted.append(f"asked {request.url}")

    async def visit(self, path):
        answer = await self.page.goto(f"{self.address}{path}", wait_until="load")
        assert answer.status == 200, (path, answer.status)


AXE = resources.files("axe_core_python").joinpath("axe.min.js").read_text("utf-8")


async def serious(page):
    """What axe-core finds serious on a page."""
    await page.evaluate(AXE)
    report = await page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']})")
    assert len(report["passes"]) > 5
    return [
        (page.url, rule["id"], node["html"][:200])
        for rule in report["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.soak)])
@pytest.mark.slow
async def test_no_hostile_text_becomes_code_and_axe_finds_nothing_serious_on_any_page(parts, served, chromium, scheme):
    world = await full(parts, "Mira", hostile="".join(HOSTILE[:7]))
    watch = await Watch(await chromium.new_page(color_scheme=scheme), served).begin()
    found, page = [], watch.page
    for path in (*VISITED, *_STATES):
        address = filled(path, world).replace("/complaints/1", f"/complaints/{world.complaint}")
        await watch.visit(address.replace("/dashboard/alerts/rows", "/dashboard/sites/rows?key0=demo-bazaar"))
        found += await serious(page)
    await watch.visit(f"/alerts/{world.alerts[0]}")
    assert "⟨U+202E⟩" in await page.inner_text("h1")
    found += await what_forms_answer(watch)
    assert watch.noted == []
    assert found == []


async def what_forms_answer(watch):
    """What axe-core finds on pages that only a form leads to: a preview, a refusal, a new token, signing in."""
    page, found = watch.page, []
    await watch.visit("/inbox")
    await page.get_by_label("All on this page").check()
    await page.get_by_role("button", name="Preview the decision").click()
    await page.wait_for_url("**/inbox/bulk")
    found += await serious(page)
    await page.goto(f"{watch.address}/rules")
    await page.get_by_label("Seller's exact id").fill("*")
    await page.get_by_label("Reason").last.fill("<b>all of them</b>")
    await page.get_by_role("button", name="Allow", exact=True).last.click()
    await page.get_by_text("one row allows one seller").wait_for()
    found += await serious(page)
    watch.noted = [said for said in watch.noted if "422" not in said]  # the browser notes that it was refused
    await watch.visit("/settings")
    await page.locator("form[action='/settings/tokens'] [name=name]").fill(HOSTILE[0])
    await page.locator("form[action='/settings/tokens'] [name=scope]").first.check()
    await page.get_by_role("button", name="Make it").click()
    await page.locator(".secret").wait_for()
    found += await serious(page)
    await watch.visit("/settings")
    await page.locator("form[action='/settings/users'] [name=name]").fill("anna")
    await page.locator("form[action='/settings/users'] [name=password]").fill("correct horse battery")
    await page.locator("form[action='/settings/users'] button").last.click()
    await page.wait_for_url("**/login")
    return found + await serious(page)


@pytest.mark.slow
async def test_an_analyst_works_by_keyboard_alone(parts, served, chromium):
    """Cards answered by single keys, one taken back, and no page reloaded in between; all of it can be turned off."""
    await plant(parts, listings=10)
    watch = await Watch(await chromium.new_page(), served).begin()
    page = watch.page
    await watch.visit("/inbox/review")
    await page.evaluate("window.stayed = true")
    first = await page.get_attribute(".card", "data-alert")
    for key in "iilnu":
        shown = await page.get_attribute(".card", "data-alert")
        await page.keyboard.press(key)
        await page.wait_for_function("(shown) => document.querySelector('.card').dataset.alert !== shown", arg=shown)
    assert await page.evaluate("window.stayed")
    async with parts.database.read() as session:
        given = list(await session.scalars(select(tables.Decision.answer).order_by(tables.Decision.id)))
        assert given == ["infringing", "infringing", "licensed", "not-a-match", "unsure"]
        assert (await session.get_one(tables.Alert, int(first))).answer == "infringing"
    await page.keyboard.press("z")
    await page.wait_for_url("**/alerts/*")
    async with parts.database.read() as session:
        assert (await session.get_one(tables.Decision, 5)).undone_at is not None
    await watch.visit("/inbox/review")
    for mode in ("Slider", "Flicker", "Points", "Side by side"):
        await page.get_by_role("button", name=mode).click()
    await page.get_by_role("button", name="Single-key shortcuts").click()
    shown = await page.get_attribute(".card", "data-alert")
    await page.keyboard.press("i")
    assert await page.get_attribute(".card", "data-alert") == shown
    assert watch.noted == []


@pytest.mark.slow
async def test_without_javascript_forms_do_it(parts, served, chromium):
    """Cards answered and taken back, several at once after a preview, a design added: no control that does nothing."""
    await plant(parts, listings=6)
    page = await chromium.new_page(java_script_enabled=False)
    await page.goto(f"{served}/inbox/review")
    for hidden in (".modes", ".keys", "kbd"):
        assert not await page.locator(hidden).first.is_visible()
    await page.get_by_role("button", name="Infringing").click()
    await page.get_by_text("Decided: infringing.").wait_for()
    await page.get_by_role("button", name="Undo").click()
    await page.wait_for_url("**/decisions/1")
    await page.goto(f"{served}/inbox?text=pin")
    assert not await page.get_by_label("All on this page").is_visible()
    boxes = await page.get_by_role("checkbox").all()
    for box in boxes[:3]:
        await box.check()
    await page.get_by_label("Answer").select_option("licensed")
    await page.get_by_role("button", name="Preview the decision").click()
    await page.locator("form[action='/inbox/bulk/decide'] button").click()
    await page.wait_for_url("**/decisions/2")
    async with parts.database.read() as session:
        answers = list(await session.scalars(select(tables.Alert.answer).order_by(tables.Alert.id)))
        assert answers.count("licensed") == 3
        assert answers.count(None) == 3
        works = len(list(await session.scalars(select(tables.Work.id))))
    await page.goto(f"{served}/works")
    picture = {"name": "moth.png", "mimeType": "image/png", "buffer": drawing(77, 400)}
    await page.get_by_label("or choose files").set_input_files([picture])
    await page.get_by_role("button", name="Add them").click()
    await page.get_by_text("moth").first.wait_for()
    async with parts.database.read() as session:
        assert len(list(await session.scalars(select(tables.Work.id)))) == works + 1


@pytest.mark.slow
async def test_an_authenticator_app_scans_the_second_factor(parts, served, chromium):
    """The QR code read from the screen, in dark too, and the code that it leads to signs in, once."""
    async with parts.database.write("user") as session:
        await add_user(session, parts.clock.now(), "root", "ann <b>", "analyst", HASHED, None)
    watch = await Watch(await chromium.new_page(color_scheme="dark"), served).begin()
    page = watch.page
    await sign_in(page)
    await watch.visit("/account")
    assert await serious(page) == []
    pixels = np.frombuffer(await page.locator("svg.qr").screenshot(), np.uint8)
    said = cv2.QRCodeDetector().detectAndDecode(cv2.imdecode(pixels, cv2.IMREAD_COLOR))[0]
    totp = pyotp.parse_uri(said)
    assert (totp.issuer, totp.name) == ("Bazaarwatch", "ann <b>")
    form = page.locator("form[action='/account/second-factor']")
    await form.get_by_label("Code", exact=True).fill(totp.at(parts.clock.now()))
    await form.get_by_label("Present password").fill(PASSWORD)
    await form.get_by_role("button", name="Turn it on").click()
    await page.get_by_text("Signing in asks for a code").wait_for()
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await sign_in(page, totp.at(parts.clock.now(), counter_offset=1))
    assert watch.noted == []


async def sign_in(page, code=""):
    """Send the form to sign in."""
    await page.wait_for_url("**/login*")
    await page.get_by_label("Name").fill("ann <b>")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_label("Code").fill(code)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(lambda url: "/login" not in url)
