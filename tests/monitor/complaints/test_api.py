"""Complaints by interfaces, from a stored complaint to a twin that refuses what the documents do not know."""

from dataclasses import replace
from datetime import timedelta

import pytest
import stamina
from sqlalchemy import select

from config.settings import load
from monitor.complaints.api import AcceptPapers, RefusePapers, vero_report
from monitor.complaints.base import picture_ids
from monitor.complaints.errors import ApiRefused, ApiUnclear
from monitor.complaints.notice import batch, draft_notice
from monitor.complaints.packs import policy
from monitor.daemon import build
from monitor.desk import filing, submitting
from monitor.desk.dossier import load as load_complaint
from monitor.errors import NoticeRefused
from storage import tables
from storage.complaints import counters_of, get_complaint, timers_of
from storage.rights import set_right_state
from tests.monitor.apis import serving
from tests.monitor.complaints.twins import TOKEN, Twins
from tests.stories.complaining import add_infringing, add_right_to, add_works, listing_of

PERSON, CLAIM = "Mira Moss", "UC-MIRAMOSS-01J9ZQ4X7M3V8T2K5N6P0R1S4W"
PICTURE = "666591-MLA26622267232_012016"
OWN = """
extends: {name}
platform: {name}
version: 2
sources: {{twin: {{title: a twin on this machine, read_on: 2026-11-21}}}}
endpoints:
  base: {{value: "{url}", source: twin, confidence: seen}}
reasons:
  cr_image_copied: {{value: {{label: Copied image, codes: {{noci: "4.2", api: "7777"}}, right_kinds:
    [copyright_unregistered], proposed_for: [copyright_unregistered]}}, source: twin, confidence: seen}}
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("monitor.complaints.export.to_pdf", lambda _: b"%PDF")
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


@pytest.fixture
async def twins():
    async with serving(Twins()) as twins:
        yield twins


@pytest.fixture
async def parts(twins, tmp_path, sqlite_url, clock):
    """An artist with an account at both interfaces, whose packs lead to the twins."""
    folder = tmp_path / "data" / "policies"
    folder.mkdir(parents=True)
    ml = OWN.partition("reasons:")[0].format(name="mercadolibre", url=f"{twins.url}/ml")
    (folder / "mercadolibre.yaml").write_text(ml, "utf-8")
    (folder / "ebay_vero.yaml").write_text(OWN.format(name="ebay_vero", url=f"{twins.url}/vero"), "utf-8")
    environ = {
        "BAZAARWATCH_DATABASE__URL": sqlite_url,
        "BAZAARWATCH_FETCH__CONTACT": "owner@example.org",
        "BAZAARWATCH_FETCH__OWN_ADDRESSES": f'["{twins.url.removeprefix("http://")}"]',
        "BAZAARWATCH_COMPLAINTS__MERCADOLIBRE_TOKEN": TOKEN,
        "BAZAARWATCH_COMPLAINTS__EBAY_TOKEN": TOKEN,
    }
    async with build(load(tmp_path / "data", environ), clock=clock) as parts:
        yield parts


async def exported(parts, platform, pages, route=None):
    """A complaint about some pages, exported; its id."""
    now = parts.clock.now()
    async with parts.database.write("test") as session:
        works = await add_works(session, ["Moth"], now)
        right = await add_right_to(session, works["Moth"][0], "Moth", now, "verified", CLAIM)
        await set_right_state(session, right.id, platform, "verified", "", now, "mira")
        base = listing_of("aliexpress", 1)
        listings = [
            ("Moth", base._replace(marketplace=platform, listing_id=listing_id, url=url)) for listing_id, url in pages
        ]
        alert_ids = await add_infringing(session, parts.blobs, works, listings, now)
        for alert_id in alert_ids:  # the picture's address, as Mercado Libre writes it
            alert = await session.get_one(tables.Alert, alert_id)
            seen = await session.scalar(
                select(tables.Match.sha256).where(tables.Match.listing_key == alert.listing_key)
            )
            session.add(
                tables.ListingPicture(
                    listing_key=alert.listing_key,
                    url=f"https://http2.mlstatic.com/D_NQ_NP_2X_{PICTURE}-F.webp",
                    position=9,
                    sha256=seen,
                    head={},
                )
            )
    drafting = await filing.draft_complaints(parts, 1, platform, "mira", route=route)
    (complaint_id,) = drafting.complaint_ids
    await filing.consider(parts, complaint_id, PERSON, alert_ids, "")
    await filing.confirm(parts, complaint_id, PERSON)
    await filing.export(parts, complaint_id, "mira")
    return complaint_id


ITEM = [("MLA123", "https://articulo.mercadolibre.com.ar/MLA-123-x")]
ITEMS = [("110001", "https://www.ebay.com/itm/110001"), ("110002", "https://www.ebay.com/itm/110002")]


async def state(parts, complaint_id):
    async with parts.database.read() as session:
        return (await get_complaint(session, complaint_id)).state


async def test_a_report_to_mercado_libre_goes_through_with_the_pictures_own_ids(parts, twins):
    complaint_id = await exported(parts, "mercadolibre", ITEM)
    assert await submitting.send(parts, complaint_id, "mira") == "37072543"
    draft = (await load_complaint(parts, complaint_id)).draft
    assert twins.denounced == {
        37072543: (
            "MLA123",
            {"report_reason_id": "PPPI17", "comment": draft.explanation, "photos_denounced": [PICTURE]},
        )
    }
    assert await state(parts, complaint_id) == "submitted"


async def test_the_course_of_a_case_is_recorded_and_the_platforms_date_counts(parts, twins, clock):
    complaint_id = await exported(parts, "mercadolibre", ITEM)
    await submitting.send(parts, complaint_id, "mira")
    for words, expected in (
        ("PENDING_MODERATION", "acknowledged"),
        ("WAITING_DOCUMENTATION", "paused"),
        ("DOCUMENTATION_PRESENTED", "countered"),
    ):
        twins.status = words
        twins.due = (clock.now() + timedelta(hours=40)).isoformat()
        await submitting.ask(parts, complaint_id, "mira")
        assert await state(parts, complaint_id) == expected
    async with parts.database.read() as session:
        due = [one.due_at for one in await timers_of(session, complaint_id) if one.kind == "holder_answer"]
    assert due
    assert min(due) == clock.now() + timedelta(hours=40)
    decision = RefusePapers("The papers are for another drawing.", "1")
    await submitting.answer(parts, complaint_id, PERSON, decision)
    assert twins.answers == [
        {
            "documentation_approved": "false",
            "member_quittance": "The papers are for another drawing.",
            "reject_member_id": "1",
        }
    ]
    async with parts.database.read() as session:
        (counter,) = await counters_of(session, complaint_id)
    assert counter.state == "refused"
    await submitting.ask(parts, complaint_id, "mira")
    assert "removed" in {view.target.state for view in (await load_complaint(parts, complaint_id)).targets}


def test_only_refused_papers_keep_a_listing_down():
    assert AcceptPapers().body()["documentation_approved"] == "true"
    assert RefusePapers("No.", "2").body()["documentation_approved"] == "false"


@pytest.mark.soak
async def test_true_gives_the_listing_back_and_is_sent_for_accept_alone(parts, twins):
    complaint_id = await exported(parts, "mercadolibre", ITEM)
    await submitting.send(parts, complaint_id, "mira")
    with pytest.raises(ApiRefused, match="CREATED"):
        await submitting.answer(parts, complaint_id, PERSON, AcceptPapers())
    twins.status = "DOCUMENTATION_PRESENTED"
    await submitting.ask(parts, complaint_id, "mira")
    with pytest.raises(NoticeRefused, match="by a person"):
        await submitting.answer(parts, complaint_id, " ", AcceptPapers())
    await submitting.answer(parts, complaint_id, PERSON, AcceptPapers())
    assert twins.answers == [{"documentation_approved": "true", "member_quittance": None}]
    assert twins.status == "DOCUMENTATION_APPROVED"


async def test_a_lost_answer_of_mercado_libre_is_never_followed_by_a_second_report(parts, twins):
    complaint_id = await exported(parts, "mercadolibre", ITEM)
    twins.lose = 1
    with pytest.raises(ApiUnclear):
        await submitting.send(parts, complaint_id, "mira")
    with pytest.raises(NoticeRefused, match="may have arrived"):
        await submitting.send(parts, complaint_id, "mira")
    assert len(twins.denounced) == 1


async def test_a_lost_answer_of_ebay_is_looked_for_and_the_report_found(parts, twins):
    complaint_id = await exported(parts, "ebay_vero", ITEMS, route="api")
    twins.lose = 1
    with pytest.raises(ApiUnclear):
        await submitting.send(parts, complaint_id, "mira")
    assert await submitting.send(parts, complaint_id, "mira") == "item 110001"
    assert len(twins.reports) == 1
    assert await state(parts, complaint_id) == "submitted"


async def test_a_report_to_ebay_holds_every_item_and_its_words_come_back_item_by_item(parts, twins):
    complaint_id = await exported(parts, "ebay_vero", ITEMS, route="api")
    assert await submitting.send(parts, complaint_id, "mira") == "R1"
    (report,) = twins.reports
    assert [one["itemId"] for one in report["reportItems"]] == ["110001", "110002"]
    assert {one["veroReasonCodeId"] for one in report["reportItems"]} == {"7777"}
    with pytest.raises(NoticeRefused, match="only an exported one"):
        await submitting.send(parts, complaint_id, "mira")
    twins.items = {
        "110001": {"status": "REMOVED"},
        "110002": {"status": "CLARIFICATION_REQUIRED", "reasonForFailure": "Which picture?"},
    }
    await submitting.ask(parts, complaint_id, "mira")
    views = (await load_complaint(parts, complaint_id)).targets
    told = {view.listing.listing_id: (view.target.platform_status, view.target.platform_reason) for view in views}
    assert told == {"110001": ("REMOVED", ""), "110002": ("CLARIFICATION_REQUIRED", "Which picture?")}
    assert {view.listing.listing_id: view.target.state for view in views}["110001"] == "removed_unconfirmed"


@pytest.mark.soak
async def test_what_the_platform_refuses_comes_back_with_its_words(parts, twins, monkeypatch):
    complaint_id = await exported(parts, "mercadolibre", ITEM)
    monkeypatch.setattr("monitor.complaints.api.denouncement", lambda *_: {"report_reason_id": "PPPI17", "comment": ""})
    with pytest.raises(ApiRefused, match="status 400"):
        await submitting.send(parts, complaint_id, "mira")
    assert await state(parts, complaint_id) == "draft"
    assert twins.denounced == {}


async def test_the_members_reasons_are_listed(parts, twins):
    assert (await submitting.api_of(parts, "mercadolibre").reasons("mlb"))[0]["site"] == "MLB"
    assert (await submitting.api_of(parts, "ebay_vero").reasons("ebay_de"))[0]["veroReasonCodeId"] == "9037"


async def test_nothing_is_sent_without_a_token_by_another_route_or_to_a_platform_without_interface(
    parts, twins, tmp_path, sqlite_url, clock
):
    with pytest.raises(NoticeRefused, match="no documented interface"):
        submitting.api_of(parts, "etsy")
    complaint_id = await exported(parts, "ebay_vero", ITEMS)
    with pytest.raises(NoticeRefused, match="goes by noci"):
        await submitting.send(parts, complaint_id, "mira")
    environ = {"BAZAARWATCH_DATABASE__URL": sqlite_url, "BAZAARWATCH_FETCH__CONTACT": "owner@example.org"}
    async with build(load(tmp_path / "other", environ), clock=clock) as bare:
        with pytest.raises(NoticeRefused, match="EBAY_TOKEN"):
            submitting.api_of(bare, "ebay_vero")
    assert twins.seen == []


def test_every_documented_condition_of_ebay_is_met_by_a_draft(trademark, owner, work, target):
    """Unlawful importation names its countries, a patent its number, other reasons their explanation."""
    import jsonschema

    from tests.monitor.complaints.twins import VERO_REPORT

    rules = policy("ebay_vero")
    one = target(1, url="https://www.ebay.com/itm/1", listing_id="1")
    for kind, reason, facts in (
        ("trademark", "import_unlawful", {"countries": "US, CA"}),
        ("patent", "patent_product", {"patent_number": "US1234567"}),
        ("other", "other", {"message_to_seller": "Please write to us."}),
    ):
        right = replace(trademark, kind=type(trademark.kind)(kind))
        (listings,) = batch([one], rules, right, reason, route="api").batches
        draft = draft_notice("C-1", listings, rules, work=work, right=right, owner=owner, reason=reason)
        report = vero_report(replace(draft, reason_facts=facts), rules)
        jsonschema.validate(report, VERO_REPORT)
        if reason == "import_unlawful":
            assert report["reportItems"][0]["countries"] == ["US", "CA"]


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (f"https://http2.mlstatic.com/D_NQ_NP_{PICTURE}-O.webp", (PICTURE,)),
        (f"https://http2.mlstatic.com/D_NQ_NP_2X_{PICTURE}-F.webp", (PICTURE,)),
        (f"https://http2.mlstatic.com/D_{PICTURE}-O.jpg", (PICTURE,)),
        (f"https://evil.example/D_{PICTURE}-O.jpg", ()),
        ("https://ae01.alicdn.com/kf/S1.jpg", ()),
    ],
)
def test_a_pictures_own_id_is_read_from_its_address(url, found):
    assert picture_ids([url]) == found
