"""What happens to a task whose input breaks its child, and to the next one."""

import asyncio
import io
import os
import re
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from config.settings import SandboxSettings
from detectors.decode import decode_image
from detectors.describe import Description, describe, describe_reference
from detectors.errors import ImageTooSmall, UndecodableImage
from detectors.glance import glance
from detectors.model import Listing, Outcome, Seller
from monitor import marketplaces, posix, wire
from monitor import sandbox as sandbox_module
from monitor.errors import SandboxError
from monitor.marketplaces.base import Page, ParsedPage
from monitor.sandbox import Sandbox

pytestmark = pytest.mark.slow

HOSTILE = (sys.executable, "-P", str(Path(__file__).with_name("hostile_child.py")))
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="this limit is held on Linux only")
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="this limit is held on POSIX only")


def settings(**changes):
    values = {
        "children": 2,
        "memory_mb": 2048,
        "rss_mb": 400,
        "picture_timeout_s": 20,
        "page_timeout_s": 10,
        "idle_s": 60,
        "tasks_per_child": 200,
    }
    return SandboxSettings(**{**values, **changes})


@pytest.fixture
async def make():
    made = []

    def build(command=HOSTILE, **changes):
        made.append(Sandbox(settings(**changes), command))
        return made[-1]

    yield build
    for sandbox in made:
        await sandbox.close()


async def act(sandbox, action, timeout_s=10.0):
    return (await sandbox._run("describe", {}, action.encode(), timeout_s))[0]


async def test_a_result_crosses_with_its_arrays(make):
    result, arrays = await make()._run("describe", {}, b"arrays one two", 10)
    assert result == "one two"
    assert arrays[0].tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert arrays[1].shape == (0, 4)


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("hang", "longer than 0.3 s"),
        ("silence", "longer than 0.3 s"),
        pytest.param("crash", "SIGSEGV", marks=POSIX),
        ("exit", "died .code"),
        ("lie", "too large"),
        ("nonsense", "nonsense"),
        ("deep", "nonsense"),
        ("object", "nonsense"),
        ("flood", "longer than 0.3 s"),
    ],
)
async def test_a_child_that_misbehaves_costs_its_own_task_only(make, action, words):
    sandbox = make(children=1)
    before = await act(sandbox, "pid")
    with pytest.raises(SandboxError, match=words):
        await act(sandbox, action, timeout_s=0.3)
    assert await act(sandbox, "pid") != before


@LINUX
async def test_a_child_that_spins_is_ended_by_its_cpu_limit(make):
    sandbox = make(children=1)
    with pytest.raises(SandboxError, match="SIGXCPU"):
        await sandbox._run("describe", {"cpu_s": 1}, b"spin", 10)


@LINUX
async def test_a_child_that_grows_is_killed_when_it_passes_the_watched_memory(make):
    with pytest.raises(SandboxError, match="more than 64 MB"):
        await act(make(rss_mb=64), "grow 300")


@LINUX
async def test_an_allocation_beyond_the_address_space_fails_at_once(make):
    sandbox = make(memory_mb=1024)
    before = await act(sandbox, "pid")
    with pytest.raises(SandboxError, match="MemoryError"):
        await sandbox.describe(b"allocate 1500")
    assert await act(sandbox, "pid") != before


@POSIX
async def test_a_child_can_write_no_file(make, tmp_path):
    assert await act(make(), f"write {tmp_path / 'file'}") == "OSError"


@POSIX
async def test_a_child_can_open_only_few_files(make):
    with pytest.raises(SandboxError, match="OSError"):
        await make().describe(b"socketpair")


@LINUX
async def test_a_child_can_gain_no_privileges(make):
    assert await act(make(), "no_new_privileges") == "1"


async def test_a_child_sees_no_secret_and_starts_no_threads(make, monkeypatch):
    monkeypatch.setenv("BAZAARWATCH_DATABASE__URL", "secret")
    environment = await act(make(), "environment")
    assert "secret" not in environment.values()
    assert environment["OMP_NUM_THREADS"] == environment["OPENCV_FOR_THREADS_NUM"] == "1"


async def test_what_libraries_print_does_not_disturb_the_answers(make, capfd):
    sandbox = make(children=1)
    await act(sandbox, "print")
    assert await act(sandbox, "echo after") == "after"
    assert capfd.readouterr() == ("", "")


async def test_a_detectors_error_keeps_its_class_and_the_child_its_life(make):
    sandbox = make(children=1)
    before = await act(sandbox, "pid")
    with pytest.raises(ImageTooSmall, match="20 px"):
        await sandbox.describe(b"reject")
    assert await act(sandbox, "pid") == before


async def test_any_other_fault_in_the_child_is_named(make):
    with pytest.raises(SandboxError, match="RuntimeError: a fault of ours"):
        await make().describe(b"fault")


async def test_a_result_that_is_no_description_is_refused(make):
    with pytest.raises(SandboxError, match="nonsense"):
        await make().describe(b"echo x")


async def test_tasks_share_at_most_the_set_number_of_children(make):
    sandbox = make(children=2)
    pids = await asyncio.gather(*(act(sandbox, "pid") for _ in range(20)))
    assert len(set(pids)) == 2


async def test_one_child_does_both_kinds_of_task_when_there_may_be_only_one(make):
    sandbox = make(children=1)
    first, _ = await sandbox._run("parse", {}, b"pid", 10)
    assert await act(sandbox, "pid") == first


async def test_a_child_is_replaced_after_its_number_of_tasks(make):
    sandbox = make(children=1, tasks_per_child=3)
    pids = [await act(sandbox, "pid") for _ in range(6)]
    assert len(set(pids[:3])) == len(set(pids[3:])) == 1
    assert pids[2] != pids[3]


async def test_an_idle_child_ends(make):
    sandbox = make(idle_s=0.05)
    pid = await act(sandbox, "pid")
    for _ in range(100):
        await asyncio.sleep(0.05)
        if not sandbox._idle and not sandbox._endings:
            break
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_child_that_died_while_idle_is_not_used(make):
    sandbox = make(children=1)
    pid = await act(sandbox, "pid")
    posix.kill_group(pid)
    await asyncio.sleep(0.3)
    assert await act(sandbox, "pid") != pid


async def test_a_cancelled_task_does_not_leave_its_answer_to_the_next(make):
    sandbox = make(children=1)
    await act(sandbox, "pid")
    cancelled = asyncio.create_task(act(sandbox, "hang"))
    await asyncio.sleep(0.1)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert await act(sandbox, "echo mine") == "mine"


async def test_a_child_that_cannot_start_is_an_error_that_can_be_repeated(make):
    sandbox = make(command=("/no/such/program",), children=1)
    for _ in range(2):
        with pytest.raises(SandboxError, match="no child process"):
            await sandbox.describe(b"")


async def test_a_child_that_cannot_load_says_why(make, monkeypatch):
    monkeypatch.setitem(sandbox_module._KIND, "describe", "unloadable")
    with pytest.raises(SandboxError, match="ZeroDivisionError"):
        await make().describe(b"")


@pytest.mark.parametrize("action", ["hang", "exit", "fault", "echo"])
async def test_a_page_that_cannot_be_parsed_is_a_failed_page(make, action):
    parsed = await make(page_timeout_s=0.3).parse(Page("https://shop.example/", action.encode()), "shop")
    assert (parsed.outcome, parsed.marketplace, parsed.listings) == (Outcome.FAILED, "shop", ())
    assert parsed.reason.startswith(("parse limit", "parser fault"))


def _picture():
    image = Image.effect_noise((300, 240), 80).convert("RGB")
    image.paste((200, 30, 30), (40, 40, 140, 150))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


async def test_the_real_child_describes_as_this_process_does():
    sandbox = Sandbox(settings(children=1))
    data = _picture()
    try:
        assert await sandbox.describe(data) == describe(data)
        assert await sandbox.describe(data, reference=True) == describe_reference(data)
        assert isinstance(await sandbox.describe(data), Description)
        assert (await sandbox.pixels(data, 300) == np.asarray(decode_image(data, 300))).all()
        assert ((await sandbox.glance(data)).pixels == glance(data).pixels).all()
        with pytest.raises(UndecodableImage):
            await sandbox.describe(b"no picture")
    finally:
        await sandbox.close()


PRODUCT = b"""<html><script type="application/ld+json">{"@context": "https://schema.org", "@type": "Product",
"name": "A pin", "image": "https://shop.example/pin.jpg", "url": "https://shop.example/products/pin", "sku": "7",
"offers": {"@type": "Offer", "price": "9.90", "priceCurrency": "EUR"}}</script><body>A pin</body></html>"""


async def test_the_real_child_parses_as_this_process_does_and_loads_no_picture_library():
    sandbox = Sandbox(settings(children=1))
    page = Page("https://shop.example/products/pin", PRODUCT, headers={"content-type": "text/html"})
    try:
        parsed = await sandbox.parse(page, None)
        assert parsed == marketplaces.parse(page, None)
        assert (parsed.outcome, parsed.listings[0].price) == (Outcome.OK, Decimal("9.90"))
        if sys.platform == "linux":
            maps = Path(f"/proc/{sandbox._idle[0].pid}/maps").read_text()
            assert not re.search("numpy|cv2|faiss", maps)
    finally:
        await sandbox.close()


LISTING = Listing(
    marketplace="shop",
    listing_id="1",
    url="https://shop.example/1",
    title="Pin \u202e\x00 \N{SNOWMAN}",
    price=Decimal("1E+3"),
    currency="EUR",
    price_raw="1.000 €",
    image_urls=("https://shop.example/1.jpg",),
    seller=Seller("s", "Seller", None),
    aliases=("one",),
)


def test_parsed_pages_come_back_from_json_as_they_were():
    parsed = ParsedPage(Outcome.OK, "shop", (LISTING, Listing("shop", "2", "u", "t")), "next", "grid", "", "search")
    data = wire.unpack(wire.pack(wire.parsed_to_json(parsed), 0)[wire.LENGTHS.size :])
    assert wire.parsed_from_json(data) == parsed
    assert data["listings"][0]["price"] == "1000"
    assert data["listings"][0]["seller"] == {"id": "s", "name": "Seller", "url": None}


def test_pages_come_back_from_json_as_they_were():
    now = datetime(2026, 1, 2, tzinfo=UTC)
    page = Page("u", b"body", 429, {"a": "b"}, now, Outcome.RATE_LIMITED, "why", "1.2.3.4", now)
    assert wire.page_from_json(wire.page_to_json(page), b"body") == page


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "splendid"},
        {"listings": None},
        {"listings": [{"listing_id": 1}]},
        {"listings": [wire.listing_to_json(LISTING) | {"price": "NaNa"}]},
        {"listings": [wire.listing_to_json(LISTING) | {"title": None}]},
        {"listings": [wire.listing_to_json(LISTING) | {"image_urls": [[]]}]},
        {"next": 5},
    ],
)
def test_a_parsed_page_of_another_shape_is_refused(change):
    good = wire.parsed_to_json(ParsedPage(Outcome.OK, "shop", (LISTING,)))
    with pytest.raises(wire.BadFrame):
        wire.parsed_from_json(good | change)


async def test_a_page_waits_for_the_child_that_works_and_a_picture_does_not(make):
    sandbox = make(children=2)
    pages = await asyncio.gather(*(sandbox._run("parse", {}, b"pid", 10) for _ in range(4)))
    assert len({result for result, _ in pages}) == 1, "one child reads them all, from its start on"
    pictures = await asyncio.gather(*(act(sandbox, "pid") for _ in range(4)))
    assert len(set(pictures)) == 2


async def test_a_child_that_fails_to_start_keeps_no_page_waiting(make):
    sandbox = make(command=(sys.executable, "-c", "raise SystemExit(1)"), children=2)
    page = Page("https://a.example/", b"<html></html>")
    parsed = await asyncio.wait_for(asyncio.gather(*(sandbox.parse(page, None) for _ in range(3))), 20)
    assert [one.outcome for one in parsed] == [Outcome.FAILED] * 3
