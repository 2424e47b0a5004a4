"""An evening at the command line with one complaint: looked at, walked through, handed in, answered by mail."""

from pathlib import Path

import pytest

from monitor.demo.faults import Fault, FaultPlan, Faulty
from tests.stories.complaining import QUESTIONS, confirm

pytestmark = pytest.mark.slow


@pytest.fixture
def drafted(shop_desk, catalogue, bazaar):
    """A desk with a drafted complaint of one work, its right approved, an unanswered alert beside."""
    desk = shop_desk
    desk.begin(catalogue)
    desk("rights", "state", "1", "demo", "verified")
    desk("scan")
    work = desk.json("works", "list")[0]["title"]
    alerts = [row["id"] for row in desk.json("alerts", "list", "--work", work)]
    desk("alerts", "decide", "infringing", *alerts, "--as", "Mira Moss")
    desk("complaints", "draft", work, "--platform", "demo")
    return desk


def _listings(desk, complaint=1):
    return {one["listing"]: one for one in desk.json("complaints", "show", complaint)["listings"]}


def test_a_complaint_is_walked_through_handed_in_and_followed_by_mail(drafted, tmp_path):
    desk = drafted
    first, *rest = _listings(desk)
    answers = tmp_path / "answers"
    answers.write_text("perhaps\nx\nmy own shop's picture\n" + "feal\nside by side\n" * len(rest) + "y\n", "utf-8")
    desk("complaints", "confirm", 1, "--as", "Mira Moss", "--walk", stdin=answers)
    shown = desk.json("complaints", "show", 1)
    assert (shown["state"], shown["confirmed_by"]) == ("approved", "Mira Moss")
    listings = _listings(desk)
    assert (listings[first]["state"], listings[first]["note"]) == ("excluded", "my own shop's picture")
    assert all(listings[number]["considered"] for number in rest)
    assert {listings[number]["live_by"] for number in rest} == {"Mira Moss"}

    desk("scan")
    assert desk.rows("SELECT count(*) > 0 FROM drawings") == [(1,)], "its evidence is drawn before it leaves"
    pack = Path(desk("complaints", "export", 1).strip())
    assert desk.rows("SELECT count(*) FROM drawings") == [(0,)]
    assert len((pack / "urls-1.txt").read_text("utf-8").splitlines()) == len(rest)
    checked = desk.json("evidence", "verify", pack / "evidence.zip")
    assert (checked["faults"], "complaint 1" in checked["made_here"]) == ([], True)
    assert "does not go by mail" in desk.refused("complaints", "send", 1)[1]
    told = " ".join(desk.run("complaints", "submitted", 1, "--receipt", "CMP-77").err.split())
    assert "complaint 1 is submitted: the platform has the word" in told
    assert "act by" in told
    (row,) = desk.json("complaints", "list")
    assert (row["state"], row["external_ref"], row["waits_for"]) == ("submitted", "CMP-77", "acknowledge")
    assert row["left"]

    mail = tmp_path / "unknown.eml"
    mail.write_text("From: desk@bazaar.example\nSubject: News of CMP-77\n\nThe seller objects.\n", "utf-8")
    (taken,) = desk.json("mailbox", "import", mail)
    assert (taken["state"], desk.json("mailbox", "import", mail)[0]["new"]) == ("waiting", False)
    (waiting,) = desk.json("mailbox", "list")
    assert desk.json("mailbox", "show", waiting["id"])["text"].strip() == "The seller objects."
    desk("mailbox", "assign", waiting["id"], "counter_notice", "--complaint", 1, "--as", "Mira Moss")
    assert desk.json("mailbox", "list") == []
    (open_one,) = desk.json("complaints", "desk")
    assert (open_one["complaint"], open_one["listings"]) == (1, len(rest))
    digest = Path(desk("digest").strip()) / "digest.txt"
    assert "COUNTER-NOTICE" in "\n".join(digest.read_text("utf-8").splitlines()[:8])
    kit = Path(desk("complaints", "kit", 1).strip())
    assert (kit / f"listing-{rest[0]}.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert (kit / "work-1.jpg").exists()
    desk("complaints", "answer", 1, "refuse", "--as", "Mira Moss", "--note", "proof of 2025")
    desk("complaints", "status", 1, "Listing removed", "--listing", rest[0])
    for number in rest[1:]:
        desk("complaints", "outcome", 1, "removed", "--listing", number)
    (row,) = desk.json("complaints", "list", "--state", "upheld")
    assert row["outcome"] == "upheld"
    cases = desk.json("cases", "list")
    assert sum(one["taken_down"] for one in cases) == len(rest)
    case = next(one for one in cases if one["taken_down"])
    assert [one["outcome"] for one in desk.json("cases", "show", case["id"])["complaints"]] == ["upheld"]
    assert desk.refused("cases", "show", 99)[0] == 2
    assert "upheld" in desk("complaints", "show", 1)
    assert desk.is_well()


@pytest.mark.soak
def test_a_listing_that_is_gone_is_left_out_and_one_whose_site_refuses_us_is_neither(drafted, bazaar):
    desk = drafted
    confirm(desk, 1)
    gone, *others = _listings(desk).values()
    bazaar.server.end(gone["url"].rpartition("/")[2])
    found = {one["listing"]: (one["found"], one["state"]) for one in desk.json("complaints", "recheck", 1)}
    assert found.pop(gone["listing"]) == ("gone", "void_gone")
    assert set(found.values()) == {("live", "selected")}
    shown = desk.json("complaints", "show", 1)
    assert shown["state"] == "ready", "what changed goes back to the person"
    bazaar.server._app = Faulty(bazaar.server._app, FaultPlan(1.0, kinds=(Fault.CAPTCHA,)))
    before = {number: one["live_at"] for number, one in _listings(desk).items()}
    looks = desk.json("complaints", "recheck", 1, "--listing", others[0]["listing"])
    assert [(one["found"], one["state"]) for one in looks] == [("unknown", "selected")]
    assert {number: one["live_at"] for number, one in _listings(desk).items()} == before, "refused is not seen"
    desk("complaints", "seen", 1, "--listing", others[0]["listing"], "--as", "Mira Moss")
    assert _listings(desk)[others[0]["listing"]]["live_by"] == "Mira Moss"
    confirm(desk, 1)
    pack = Path(desk("complaints", "export", 1).strip())
    assert gone["url"] not in (pack / "urls-1.txt").read_text("utf-8")
    assert desk.is_well()


@pytest.mark.soak
def test_what_is_gone_when_it_is_looked_at_before_it_leaves_goes_back_to_the_person(drafted, bazaar):
    desk = drafted
    confirm(desk, 1)
    gone, *others = _listings(desk).values()
    old = "'2020-01-01 00:00:00.000000'"
    desk.rows(f"UPDATE evidence SET seen_at = {old} WHERE kind = 'page'")
    desk.rows(f"UPDATE captures SET captured_at = {old}")
    bazaar.server.end(gone["url"].rpartition("/")[2])
    assert desk.refused("complaints", "export", 1)[0] == 1
    assert (desk.json("complaints", "show", 1)["state"], _listings(desk)[gone["listing"]]["state"]) == (
        "ready",
        "void_gone",
    )
    confirm(desk, 1)
    pack = Path(desk("complaints", "export", 1).strip())
    assert len((pack / "urls-1.txt").read_text("utf-8").splitlines()) == len(others)
    for number in (one["listing"] for one in others):
        kinds = [item["kind"] for item in desk.json("evidence", "list", f"alert-{number}")]
        assert kinds.count("page") == 2, "each was captured again"


@pytest.mark.soak
def test_what_is_said_to_be_removed_is_looked_at_and_what_comes_back_is_told(drafted, bazaar):
    desk = drafted
    confirm(desk, 1)
    desk("complaints", "export", 1, "--no-evidence")
    desk("complaints", "submitted", 1, "--receipt", "CMP-1")
    first = next(iter(_listings(desk).values()))
    bazaar.server.end(first["url"].rpartition("/")[2])
    desk("complaints", "outcome", 1, "removed_unconfirmed")
    assert desk.json("complaints", "list")[0]["outcome"] is None
    first_look = "(SELECT min(id) FROM complaint_timers WHERE kind = 'recrawl')"
    desk.rows(f"UPDATE complaint_timers SET due_at = '2026-01-01 00:00:00' WHERE id = {first_look}")
    desk("complaints", "follow")
    states = {number: one["state"] for number, one in _listings(desk).items()}
    assert states.pop(first["listing"]) == "removed"
    assert set(states.values()) == {"still_up"}
    assert _listings(desk)[first["listing"]]["verified_gone_at"]
    assert desk.json("complaints", "list")[0]["outcome"] == "partially_upheld"
    bazaar.server._ended.clear()
    (look,) = desk.json("complaints", "recheck", 1, "--listing", first["listing"])
    assert (look["found"], look["state"]) == ("live", "reappeared")
    desk("complaints", "draft", desk.json("works", "list")[0]["title"], "--platform", "demo")
    assert list(_listings(desk, 2)) == [first["listing"]], "what came back may be complained of again"
    assert desk.is_well()


@pytest.mark.soak
def test_a_filled_sheet_confirms_and_two_people_have_to_look_where_the_setting_says_so(drafted, tmp_path):
    desk = drafted
    sheet = tmp_path / "sheet.csv"
    desk("complaints", "sheet", 1, sheet)
    text = sheet.read_text("utf-8-sig").replace('"","","","","",""', '"yes","yes","yes","yes","","compared"')
    sheet.write_text(text, "utf-8")
    second = {"BAZAARWATCH_COMPLAINTS__SECOND_PERSON": "true"}
    desk("complaints", "confirm", 1, "--as", "Mira Moss", "--sheet", sheet, "--affirm", **second)
    assert desk.json("complaints", "show", 1)["state"] == "in_review"
    assert desk.refused("complaints", "export", 1)[0] == 1
    assert "a second person" in desk.refused("complaints", "approve", 1, "--as", "mira moss")[1]
    desk("complaints", "return", 1, "--as", "Bo Chen", "--note", "once more")
    desk("complaints", "confirm", 1, "--as", "Mira Moss", "--affirm", **second)
    desk("complaints", "approve", 1, "--as", "Bo Chen")
    assert Path(desk("complaints", "export", 1).strip()).is_dir()
    assert desk.is_well()


@pytest.mark.soak
def test_a_complaint_confirmed_by_one_person_does_not_leave_once_two_have_to_look(drafted):
    desk = drafted
    confirm(desk, 1)
    second = {"BAZAARWATCH_COMPLAINTS__SECOND_PERSON": "true"}
    code, line = desk.refused("complaints", "export", 1, **second)
    assert (code, "a second person has to approve it" in line) == (1, True)
    assert desk.json("complaints", "show", 1)["state"] == "draft"
    assert (
        desk.refused("complaints", "confirm", 1, "--as", "x", "--listing", 1, "--considered", f"{QUESTIONS},luck")[0]
        == 2
    )
