"""Whole stories in a real browser: an artist's first evening, and an analyst's way from an alert to its outcome."""

import pytest
from sqlalchemy import select

from monitor.sandbox import Sandbox
from storage import tables
from tests.monitor.console.planting import drawing, plant
from tests.monitor.console.test_complaints import world
from tests.monitor.console.test_pages_in_chromium import Watch, chromium, pytestmark, served
from tests.monitor.registry.test_ownshop import Described

__all__ = ["chromium", "pytestmark", "served", "world"]


@pytest.mark.slow
async def test_the_artists_first_evening(parts, served, chromium, tmp_path, monkeypatch):
    """From an empty program to her first decided card: owner, designs, a right, a search, and what it found."""

    async def describe(self, data, *, reference=False):
        return Described()

    monkeypatch.setattr(Sandbox, "describe", describe)
    monkeypatch.setattr("detectors.calibration.weak_at_sight", lambda description: "one flat colour")
    watch = await Watch(await chromium.new_page(viewport={"width": 390, "height": 844}), served).begin()
    page = watch.page
    await watch.visit("/")
    assert page.url.endswith("/start")
    await page.get_by_label("Your legal name").fill("Mira Moss")
    await page.get_by_label("E-mail").fill("mira@example.org")
    await page.get_by_role("button", name="Go on").click()
    await page.get_by_role("link", name="Add pictures").click()
    file = tmp_path / "moth.png"
    file.write_bytes(drawing(1))
    async with page.expect_navigation():
        await page.set_input_files("input[type=file]", file)
    await page.get_by_role("link", name="moth").first.click()
    assert "one flat colour" in await page.inner_text("main")
    await page.get_by_label("First shown on").fill("2024-05-01")
    await page.get_by_label("Where").fill("my own shop")
    await page.get_by_role("button", name="Register the copyright").click()
    assert "recorded at no platform yet" in await page.inner_text("main")
    await watch.visit("/searches")
    await page.get_by_label("Marketplace").select_option("aliexpress")
    await page.get_by_label("Keyword").fill("moth pin")
    await page.get_by_role("button", name="Add", exact=True).click()
    assert "moth pin" in await page.inner_text("table")
    await watch.visit("/")
    assert "The first run takes some minutes" in await page.inner_text("main")
    await plant(parts, "Another holder", listings=1)  # as a run finds a copy
    await watch.visit("/")
    assert page.url.endswith("/inbox")
    await page.get_by_role("link", name="Review one by one").click()
    await page.get_by_role("button", name="Infringing").click()
    await page.get_by_text("All looked at").wait_for()
    async with parts.database.read() as session:
        assert list(await session.scalars(select(tables.Alert.answer))) == ["infringing"]
    assert watch.noted == []


@pytest.mark.slow
async def test_an_analyst_takes_decided_copies_to_their_outcome(parts, served, chromium, world):
    """Drafts, considers each listing, confirms by name, exports, downloads, and says what became of it."""
    watch = await Watch(await chromium.new_page(), served).begin()
    page = watch.page
    await watch.visit("/complaints")
    await page.get_by_label("Platform").select_option("demo")
    await page.get_by_label("Right").select_option(str(world.right))
    await page.get_by_role("button", name="Draft").click()
    for box in await page.locator(".listing fieldset input[type=checkbox]").all():
        await box.check()
    await page.get_by_role("button", name="Record what I considered").click()
    for box in await page.locator("input[name=statement]").all():
        await box.check()
    await page.get_by_role("button", name="I affirm this, by name").click()
    await page.get_by_role("button", name="Export the pack").click()
    async with page.expect_download() as told:
        await page.get_by_role("link", name="Download the pack").click()
    assert (await told.value).suggested_filename == "complaint-1.zip"
    await page.get_by_label("The platform's number of it").fill("D-77")
    await page.get_by_role("button", name="Record it").first.click()
    await page.locator("select[name=what]").first.select_option("outcome")
    await page.get_by_label("Outcome").select_option("removed")
    await page.get_by_role("button", name="Record it").first.click()
    async with parts.database.read() as session:
        states = list(await session.scalars(select(tables.ComplaintTarget.state)))
        complaint = (await session.scalars(select(tables.Complaint))).one()
    assert (complaint.external_ref, states) == ("D-77", ["removed", "removed"])
    assert watch.noted == []
