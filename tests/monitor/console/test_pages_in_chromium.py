"""Every page in a real browser: hostile texts stay texts, nothing leaves our origin, axe-core finds nothing serious."""

import asyncio
import shutil
from importlib import resources

import pytest

from monitor.console.server import listening
from tests.monitor.console.planting import HOSTILE
from tests.monitor.console.routes import PAGES, filled
from tests.monitor.console.test_access import full

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: apt-get install chromium)"),
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SHOWN = [path for (method, path), who in PAGES.items() if method == "GET" and who[0] in "vap" or path == "/settings"]
VISITED = [
    path for path in dict.fromkeys(SHOWN)
    if not path.endswith((".csv", ".zip", "/picture", "/comparison", "{sha256}")) and path != "/inbox/card"
]  # fmt: skip


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


async def test_no_hostile_text_becomes_code_on_any_page(parts, served, chromium):
    world = await full(parts, "Mira", hostile="".join(HOSTILE[:7]))
    watch = await Watch(await chromium.new_page(), served).begin()
    for path in VISITED:
        await watch.visit(filled(path, world).replace("/complaints/1", f"/complaints/{world.complaint}"))
    await watch.visit("/inbox?text=%3Cscript%3Ealert(1)%3C/script%3E&marketplace=%22onload%3D")
    assert watch.noted == []
    await watch.visit(f"/alerts/{world.alerts[0]}")
    assert "⟨U+202E⟩" in await watch.page.inner_text("h1")


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.soak)])
async def test_axe_finds_nothing_serious_on_any_page(parts, served, chromium, scheme):
    world = await full(parts, "Mira")
    axe = next(file for file in (resources.files("axe_core_python")).iterdir() if file.name == "axe.min.js")
    source = await asyncio.to_thread(axe.read_text, "utf-8")
    context = await chromium.new_context(bypass_csp=True, color_scheme=scheme)  # axe itself is a stranger's script
    watch = await Watch(await context.new_page(), served).begin()
    found = []
    for path in VISITED:
        await watch.visit(filled(path, world).replace("/complaints/1", f"/complaints/{world.complaint}"))
        await watch.page.evaluate(source)
        report = await watch.page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']})")
        found += [
            (path, rule["id"], node["html"][:200])
            for rule in report["violations"]
            if rule["impact"] in ("serious", "critical")
            for node in rule["nodes"]
        ]
    assert found == []
