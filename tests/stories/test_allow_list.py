"""Who may sell is left alone: no open alert, no complaint, by no command and in no order of commands."""

from dataclasses import replace
from pathlib import Path

import pytest

from monitor.demo.catalogue import Kind
from tests.stories.complaining import confirmation

pytestmark = pytest.mark.slow


@pytest.fixture
def same_bytes(catalogue):
    """One work, offered by an allowed seller and by two others with the very same file, which is the reference."""
    (licensed,) = [one for one in catalogue.listings if one.kind is Kind.LICENSED]
    copies = [one for one in catalogue.listings if one.kind is Kind.COPY and one.seller != licensed.seller][:2]
    copies = [replace(one, pictures=licensed.pictures, work=licensed.work) for one in copies]
    return replace(
        catalogue,
        works=tuple(work for work in catalogue.works if work.work_id == licensed.work),
        listings=(licensed, *(replace(one, title="Same Pin") for one in copies)),
    )


@pytest.fixture
def same_desk(desk, same_bytes, open_bazaar):
    """A desk whose reference is the file on sale: distance 0."""
    desk = replace(desk, bazaar_url=open_bazaar(same_bytes).url)
    (work,) = same_bytes.works
    folder = desk.begin(same_bytes, keywords=("pin",))
    (folder / "as sold.jpg").write_bytes(same_bytes.full(same_bytes.listings[0].pictures[0].picture_id))
    desk("works", "add", folder / "as sold.jpg", "--title", work.title)
    desk("rights", "state", "1", "demo", "verified")
    return desk


def _complain(desk, work):
    """Whatever a person may try; the addresses that left."""
    alerts = [row["id"] for row in desk.json("alerts", "list", "--state", "all")]
    desk.run("alerts", "decide", "infringing", *alerts)
    desk.run("complaints", "draft", work, "--platform", "demo")
    for complaint in desk.json("complaints", "list"):
        desk.run(*confirmation(desk, complaint["id"]))
        desk.run("complaints", "export", complaint["id"], "--no-evidence")
    return {line for file in desk.data.glob("packs/*/urls-1.txt") for line in file.read_text("utf-8").splitlines()}


@pytest.mark.parametrize(
    "when",
    [
        "before the scan",
        pytest.param("after the decision", marks=pytest.mark.soak),
        pytest.param("after the draft", marks=pytest.mark.soak),
        pytest.param("after the confirmation", marks=pytest.mark.soak),
    ],
)
def test_a_listing_of_an_allowed_seller_never_gets_into_a_complaint(same_desk, same_bytes, when):
    desk, (licensed, *others), (work,) = same_desk, same_bytes.listings, same_bytes.works
    allow = ("sellers", "allow", "demo-bazaar", licensed.seller.seller_id, "--reason", "licence of May")
    steps = {
        "before the scan": ("scan",),
        "after the decision": ("alerts", "decide", "infringing", "1", "2", "3"),
        "after the draft": ("complaints", "draft", work.title, "--platform", "demo"),
        "after the confirmation": confirmation,
    }
    for name, step in steps.items():
        if name == when == "before the scan":
            desk(*allow)
        desk(*(step(desk, 1) if callable(step) else step))
        if name == when and name != "before the scan":
            told = desk.run(*allow).err
            assert ("complaints that name them: C-1" in told) == (step in list(steps.values())[2:]), told
        if name == when:
            break
    allowed = {row["listing_id"]: row for row in desk.json("alerts", "list", "--state", "suppressed")}
    assert set(allowed) == {licensed.listing_id}
    assert allowed[licensed.listing_id]["confidence"] == "high", "it shows the very file that is a reference"
    assert licensed.listing_id not in {row["listing_id"] for row in desk.json("alerts", "list")}
    left = _complain(desk, work.title)
    assert not any(url.endswith(f"/{licensed.listing_id}") for url in left)
    if when in ("before the scan", "after the decision"):
        assert {url.rpartition("/")[2] for url in left} == {one.listing_id for one in others}
    assert desk.is_well()


@pytest.mark.soak
def test_a_picture_said_to_be_no_match_stays_silent_when_another_listing_shows_it(same_desk, same_bytes, open_bazaar):
    desk = same_desk
    early = replace(same_bytes, listings=same_bytes.listings[:1])
    first = replace(desk, bazaar_url=open_bazaar(early).url)
    first("scan")
    (alert,) = first.json("alerts", "list")
    first("alerts", "decide", "not-a-match", alert["id"])
    desk("scan")
    assert desk.json("alerts", "list") == []
    aside = desk.json("alerts", "list", "--state", "suppressed")
    assert {row["listing_id"] for row in aside} >= {one.listing_id for one in same_bytes.listings[1:]}
    digest = Path(desk("digest").strip()) / "digest.txt"
    assert "Same Pin" not in digest.read_text("utf-8")
    assert desk.is_well()
