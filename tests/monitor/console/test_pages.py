"""Pages beside the inbox and the desk: mails, rules, readiness, works."""

from sqlalchemy import select

from storage import tables
from storage.cases import allowed_reason
from tests.monitor.console.planting import plant_parked


async def state_of(parts, table, key):
    async with parts.database.read() as session:
        return await session.get_one(table, key)


async def test_a_mail_that_waits_is_read_and_set_aside_with_a_reason(parts, seat, world):
    assert "About Mira Moss" in (await seat.get("/mails")).text
    page = (await seat.get(f"/mails/{world.mail}")).text
    assert "Dear Mira Moss, we looked at it." in page
    assert (await seat.post(f"/mails/{world.mail}", {"kind": "nonsense"})).status_code == 422
    done = await seat.post(f"/mails/{world.mail}", {"aside": "1", "note": "an advertisement"})
    assert done.status_code == 303, done.text
    row = await state_of(parts, tables.Mail, world.mail)
    assert (row.state, row.note) == ("set-aside", "an advertisement")
    assert (await seat.post(f"/mails/{world.mail}", {"aside": "1"})).status_code == 409
    assert "About Mira Moss" not in (await seat.get("/mails")).text
    assert "About Mira Moss" in (await seat.get("/mails?state=all")).text


async def test_a_mail_that_fits_nothing_keeps_waiting_and_says_why(parts, seat, world):
    refused = await seat.post(f"/mails/{world.mail}", {"kind": "removed", "complaint": "77"})
    assert refused.status_code == 404
    assert (await state_of(parts, tables.Mail, world.mail)).state == "waiting"


async def test_a_seller_is_allowed_for_a_reason_that_can_change_and_allowed_no_longer(parts, seat, world):
    seller = await state_of(parts, tables.Seller, world.sellers[0])
    form = {"marketplace": seller.marketplace, "seller": seller.seller_id}
    await seat.get("/rules")
    for reason in ("own shop", "licence of May 2026"):
        assert (await seat.post("/rules", form | {"reason": reason})).status_code == 303
        page = (await seat.get("/rules")).text
        assert page.count('name="seller"') == 3  # the row's two forms, and the one for a new row
        assert reason in page
    assert 'class="tile"' not in (await seat.get("/inbox")).text
    assert (await seat.post("/rules/remove", form)).status_code == 303
    assert (await seat.get("/inbox")).text.count('class="tile"') == 3
    assert (await seat.post("/rules/remove", form)).status_code == 404
    async with parts.database.read() as session:
        assert await allowed_reason(session, seller.marketplace, seller.seller_id) is None
        said = list(await session.scalars(select(tables.Audit.action).where(tables.Audit.subject.like("seller %"))))
    assert said == ["seller allowed", "seller allowed", "seller no longer allowed"]


async def test_what_must_not_match_and_what_was_measured_is_told(parts, seat, world):
    now = parts.clock.now()
    async with parts.database.write("rules") as session:
        session.add(tables.Negative(sha256="a" * 64, file_name="stock.png", reason="a stock background",
                                    description=b"", added_at=now, added_by="mira"))  # fmt: skip
        session.add(tables.Threshold(work_id=world.works[0], score=0.37, unmatched=812, provisional=False,
                                     measured_at=now))  # fmt: skip
    page = (await seat.get("/rules")).text
    assert all(text in page for text in ("stock.png", "a stock background", "every work", "0.37", "812 pictures"))


async def test_pictures_by_which_little_can_be_told_are_flagged(parts, seat, world):
    assert "weak" not in (await seat.get("/works")).text
    async with parts.database.write("weak") as session:
        reference = await session.get_one(tables.Reference, world.references[0])
        reference.weak = "hardly any structure"
    assert "weak pictures only" in (await seat.get("/works")).text
    assert "hardly any structure" in (await seat.get(f"/works/{world.works[0]}")).text


async def test_readiness_says_what_a_platform_asks_for_next(parts, seat, world):
    assert "choose a platform" in (await seat.get("/readiness")).text
    page = (await seat.get("/readiness?platform=demo")).text
    assert "Moth of Mira Moss" in page
    assert 'class="next"' in page
    assert "bazaarwatch " in page


async def test_what_is_parked_is_shown_with_its_reason_and_tried_again_one_or_all(parts, seat, seated):
    keys = [await plant_parked(parts, f"parked {number}") for number in range(3)]
    page = (await seat.get("/jobs")).text
    assert page.count("UndecodableImage: not a picture") == 3
    assert 'href="http://127.0.0.1/item/parked"' in page
    assert (await seat.post("/jobs/retry", {"id": f"listing:{keys[1]}"})).status_code == 303
    row = await state_of(parts, tables.Listing, keys[1])
    assert (row.failure, row.attempts, row.examine_at <= parts.clock.now()) == (None, 0, True)
    assert (await seat.get("/jobs")).text.count("not a picture") == 2
    for wrong, status in (({"id": f"listing:{keys[1]}"}, 404), ({"id": "work:1"}, 422), ({}, 422)):
        assert (await seat.post("/jobs/retry", wrong)).status_code == status
    viewer = await seated("vera", "viewer")
    assert "Try again" not in (await viewer.get("/jobs")).text
    analyst = await seated("ann", "analyst")
    assert (await analyst.post("/jobs/retry", {"all": "1"})).status_code == 303
    assert "Nothing is parked" in (await analyst.get("/jobs")).text
    async with parts.database.read() as session:
        entries = select(tables.Audit).where(tables.Audit.subject == "jobs").order_by(tables.Audit.id)
        said = [(one.actor == "ann", one.facts["tried again"]) for one in await session.scalars(entries)]
    assert said == [(False, 1), (True, 2)]


async def test_a_search_by_shop_or_seller_is_added_and_what_cannot_be_asked_is_said(parts, seat):
    await seat.get("/searches")
    for form in (
        {"marketplace": "shopify", "keyword": "moth", "shop": "https://shop.example"},
        {"marketplace": "shopify", "shop": "https://other.example/"},
        {"marketplace": "ebay", "seller": "copycat"},
    ):
        answer = await seat.post("/searches", form)
        assert answer.status_code == 303, answer.text
    async with parts.database.read() as session:
        asked = [(one.keyword, one.seller, one.shop) for one in await session.scalars(select(tables.Search))]
    assert asked == [("moth", "", "https://shop.example"), ("", "", "https://other.example"), ("", "copycat", "")]
    for form, why in (
        ({"marketplace": "shopify", "keyword": "moth"}, "shopify cannot be searched"),
        ({"marketplace": "ebay", "keyword": "moth", "shop": "https://shop.example"}, "answers on its own hosts"),
        ({"marketplace": "shopify", "keyword": "a", "shop": "https://shop.example/products/1"}, "is a page"),
        ({"marketplace": "ebay"}, "say what to look for"),
        ({"marketplace": "ebay", "keyword": "moth", "work": "1"}, "by themselves"),
    ):
        refused = await seat.post("/searches", form)
        assert (refused.status_code, why in refused.text) == (422, True), refused.text


async def test_the_first_steps_ask_for_a_contact_and_go_by_it_at_once(parts, seat):
    await seat.get("/start")
    await seat.post("/start/owner", {"name": "Mira Moss", "email": "mira@example.org"})
    assert 'value="mira@example.org"' in (await seat.get("/start")).text
    assert (await seat.post("/start/contact", {"contact": "ü@example.org"})).status_code == 422
    assert not parts.contact_given.is_set()
    assert (await seat.post("/start/contact", {"contact": "mira@example.org"})).status_code == 303
    assert parts.contact_given.is_set()
    assert "Marketplaces can reach you at mira@example.org." in (await seat.get("/start")).text
    assert "mira@example.org" in (parts.settings.data_dir / "bazaarwatch.toml").read_text("utf-8")
    settings = (await seat.get("/settings")).text
    assert "bazaarwatch.toml" in settings.partition("fetch.contact")[2][:200]
    assert (await seat.post("/start/contact", {"contact": "other@example.org"})).status_code == 409


async def test_a_search_runs_at_once_where_the_console_runs_searches_and_only_with_a_contact(parts, seat, app, world):
    begun = []

    async def search(search_ids):
        begun.extend(search_ids)

    app.state.search = search
    await seat.get("/searches")
    assert (await seat.post(f"/searches/{world.searches[0]}/run")).status_code == 409
    parts.settings = parts.settings.with_contact("mira@example.org", parts.settings.data_dir)
    assert (await seat.post(f"/searches/{world.searches[0]}/run")).status_code == 303
    await seat.post("/searches", {"marketplace": "ebay", "keyword": "moth pin"})
    assert begun == [world.searches[0], world.searches[0] + 1]
