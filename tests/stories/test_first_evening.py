"""The artist's first evening, by the command line."""

import json
from pathlib import Path

import pytest

from monitor.demo.catalogue import Kind
from tests.stories.complaining import QUESTIONS, confirm, confirmation


def _alerts(desk, *options):
    return {(row["listing_id"], row["work"]) for row in desk.json("alerts", "list", *options)}


@pytest.mark.slow
def test_the_first_evening_ends_with_a_pack_of_exactly_the_listings_decided(shop_desk, catalogue, planted, bazaar):
    desk = shop_desk
    desk.begin(catalogue)
    licensed = next(one for one in catalogue.listings if one.kind is Kind.LICENSED)
    desk("sellers", "allow", "demo-bazaar", licensed.seller.seller_id, "--reason", "own shop")
    desk("rights", "state", "1", "demo", "verified")
    rows = a_scan_finds_what_was_planted(desk, catalogue, planted, licensed)
    digest = Path(desk("digest").strip())
    assert all(row["title"] in (digest / "digest.txt").read_text("utf-8") for row in rows)
    assert (digest / "digest.html").read_text("utf-8").count("data:image/jpeg") >= 2 * len(rows)

    work = desk.json("works", "list")[0]["title"]
    wanted = [row for row in rows if row["work"] == work]
    assert len(wanted) >= 2
    kept, other = wanted[:-1], wanted[-1]
    desk("alerts", "decide", "infringing", *(row["id"] for row in kept), "--as", "Mira Moss")
    desk("alerts", "decide", "unsure", other["id"], "--as", "Mira Moss")
    assert _alerts(desk) == planted - {(row["listing_id"], work) for row in wanted}
    a_complaint_leaves_only_confirmed(desk, work, kept)
    assert desk.refused("alerts", "decide", "not-a-match", kept[0]["id"])[0] == 1

    before = _alerts(desk)
    shop = ("demo-bazaar", licensed.seller.seller_id)
    assert desk.run("sellers", "disallow", *shop).err == "no longer allowed; 1 alerts ask for you again\n"
    assert {number for number, _ in _alerts(desk) - before} == {licensed.listing_id}
    assert (desk.json("alerts", "list", "--state", "suppressed"), desk.json("sellers", "list")) == ([], [])
    assert desk.refused("sellers", "disallow", *shop)[0] == 2
    assert desk.is_well()


def a_scan_finds_what_was_planted(desk, catalogue, planted, licensed):
    scanned = desk.json("scan")
    assert scanned["listings_examined"] >= len(catalogue.listings)
    assert scanned["not_ok"] == []
    assert _alerts(desk) == planted
    (aside,) = desk.json("alerts", "list", "--state", "suppressed")
    assert (aside["listing_id"], aside["state"]) == (licensed.listing_id, "set aside")
    rows = desk.json("alerts", "list")
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    assert all(row["reasons"] and row["priority"] in ("urgent", "high", "normal", "low") for row in rows)
    return rows


def a_complaint_leaves_only_confirmed(desk, work, kept):
    """Drafted, refused until a named person considered each listing, written once, and the same files again."""
    drafted = desk.json("complaints", "draft", work, "--platform", "demo")
    assert drafted == {"complaints": [1], "left_out": []}
    shown = desk.json("complaints", "show", "1")
    assert (shown["state"], len(shown["listings"]), len(shown["statements"])) == ("ready", len(kept), 3)
    assert shown["in_the_way"] == ["confirmation: no person has confirmed this complaint yet"]
    assert desk.refused("complaints", "export", "1")[0] == 1
    for wrong in (
        ("--considered", QUESTIONS),
        ("--as", " ", "--affirm"),
        ("--as", "Mira Moss"),
        ("--as", "Mira Moss", "--listing", kept[0]["id"]),
        ("--as", "Mira Moss", "--listing", kept[0]["id"], "--considered", "fair-use,exhaustion"),
    ):
        assert desk.refused("complaints", "confirm", "1", *wrong)[0] == 2
    assert desk.refused("complaints", "confirm", "1", "--as", "Mira Moss", "--affirm")[0] == 1
    assert desk.json("complaints", "show", "1")["confirmed_by"] is None
    confirm(desk, 1)
    pack = Path(desk("complaints", "export", "1").strip())
    assert sorted((pack / "urls-1.txt").read_text("utf-8").splitlines()) == sorted({row["url"] for row in kept})
    files = {file.name: file.read_bytes() for file in pack.iterdir()}
    assert Path(desk("complaints", "export", "1").strip()) == pack
    assert {file.name: file.read_bytes() for file in pack.iterdir()} == files
    assert json.loads(files["fields.json"])["confirmation"]["person"] == "Mira Moss"


@pytest.mark.soak
def test_running_every_command_twice_neither_loses_nor_doubles_anything(shop_desk, catalogue, bazaar):
    desk = shop_desk
    folder = desk.begin(catalogue)
    desk("rights", "state", "1", "demo", "verified")
    desk("scan")
    rows = [row for row in desk.json("alerts", "list") if row["work"] == desk.json("works", "list")[0]["title"]]
    steps = (
        ("init", "--owner", "Mira Moss", "--email", "mira@example.org", "--country", "DE"),
        ("works", "add", folder),
        ("rights", "state", "1", "demo", "verified"),
        ("scan",),
        ("alerts", "decide", "infringing", *(row["id"] for row in rows)),
        ("complaints", "draft", rows[0]["work"], "--platform", "demo"),
        confirmation,
        ("complaints", "export", "1"),
    )
    tables = ("owners", "works", "work_references", "rights", "searches", "listings", "pictures", "matches", "alerts")
    tables += ("evidence", "complaints", "complaint_targets", "cases")

    def counts():
        return {table: desk.rows(f"SELECT count(*) FROM {table}") for table in tables}

    for made in steps:
        step = made(desk, 1) if callable(made) else made
        desk(*step)
        once, found = counts(), desk.content()
        again = desk.run(*step)
        assert again.code in (0, 1), again
        assert (counts(), desk.content()) == (once, found), step
    assert desk.refused("search", "add", "demo-bazaar", "pin")[0] == 1
    first, second = (Path(desk("digest").strip()) for _ in range(2))
    assert rows[0]["title"] not in (second / "digest.txt").read_text("utf-8")
    assert first != second
    assert desk.is_well()
