"""The endpoint: what it keeps of a page sent in, and whom it refuses."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from monitor.console.guard import EXTENSION
from storage.audit import entries
from storage.tokens import revoke_token

ITEM = """<!doctype html><title>Pin</title><main data-bazaar="item" data-id="77"><h1 class="title">Fox pin</h1>
<span class="price" data-currency="EUR" data-amount="4.50">4,50</span>
<a class="seller" href="/seller/9" data-id="9">Nine</a>
<img class="picture" src="http://shop.example/full/1.jpg"><img class="picture" src="/full/2.jpg"></main>"""
URL = "http://shop.example/item/77"
FIRST, SECOND = "http://shop.example/full/1.jpg", "http://shop.example/full/2.jpg"


def form(html=ITEM, url=URL, pictures=((FIRST, b"first"), (SECOND, b"second")), captured_at=None, **more):
    facts = {
        "url": url,
        "captured_at": captured_at or datetime.now(UTC).isoformat(),
        "user_agent": "Mozilla/5.0 Test",
        "pictures": [address for address, _ in pictures],
        **more,
    }
    parts = [("page", (None, json.dumps(facts))), ("html", ("page.html", html))]
    return parts + [("picture", ("picture", data)) for _, data in pictures]


def bearer(token):
    return {"authorization": f"Bearer {token}"}


async def rows(parts, question):
    async with parts.database.read() as session:
        return [tuple(row) for row in await session.execute(text(question))]


async def test_a_page_is_kept_with_its_pictures_and_who_sent_it(client, parts, token, queued):
    answer = await client.post("/api/v1/pages", files=form(), headers=bearer(token))
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "outcome": "ok", "marketplace": "demo-bazaar", "listings": 1, "new": 1, "pictures": 2, "reason": "",
    }  # fmt: skip
    ((key, listing_id, waits),) = await rows(parts, "SELECT id, listing_id, examine_at FROM listings")
    assert (listing_id, queued) == ("77", [key])
    assert waits
    pictures = await rows(parts, "SELECT url, sha256, how FROM listing_pictures ORDER BY url")
    assert [(url, how) for url, _, how in pictures] == [(FIRST, "imported"), (SECOND, "imported")]
    assert [await parts.blobs.get(sha256) for _, sha256, _ in pictures] == [b"first", b"second"]
    ((capture, how),) = await rows(parts, "SELECT sha256, how FROM captures")
    assert (await parts.blobs.get(capture), how) == (ITEM.encode(), "imported")
    async with parts.database.read() as session:
        newest = (await entries(session, 1))[0]
    assert (newest.actor, newest.action) == ("token anna's browser", "page imported")
    assert newest.facts["user_agent"] == "Mozilla/5.0 Test"
    assert await rows(parts, "SELECT count(*) FROM api_tokens WHERE used_at IS NOT NULL") == [(1,)]


async def test_a_picture_shown_small_belongs_to_the_listing_whose_data_name_it_in_full(client, parts, token):
    product = {
        "@context": "https://schema.org", "@type": "Product", "name": "Fox", "sku": "5", "url": "https://shop.example/5",
        "image": "https://ae01.alicdn.com/kf/Habc.jpg", "offers": {"price": "4", "priceCurrency": "EUR"},
    }  # fmt: skip
    html = f'<title>Fox</title><h1>Fox</h1><script type="application/ld+json">{json.dumps(product)}</script>'
    shown = "https://ae01.alicdn.com/kf/Habc.jpg"
    pictures = [(f"{shown}_50x50.jpg", b"tiny"), (f"{shown}_220x220q75.jpg_.avif", b"larger"), (f"{shown}x", b"other")]
    answer = await client.post(
        "/api/v1/pages", files=form(html, "https://shop.example/5", pictures), headers=bearer(token)
    )
    assert answer.json()["pictures"] == 1, answer.text
    ((url, sha256),) = await rows(parts, "SELECT url, sha256 FROM listing_pictures")
    assert (url, await parts.blobs.get(sha256)) == (shown, b"larger")


async def test_the_same_page_sent_twice_is_one_capture_and_one_listing(client, parts, token):
    seen_at = datetime.now(UTC).isoformat()
    for new in (1, 0):
        answer = await client.post("/api/v1/pages", files=form(captured_at=seen_at), headers=bearer(token))
        assert answer.json()["new"] == new
    for table, count in (("captures", 1), ("listings", 1), ("listing_pictures", 2)):
        assert await rows(parts, f"SELECT count(*) FROM {table}") == [(count,)]


async def test_a_page_that_cannot_be_read_is_kept_and_said_so(client, parts, token, queued):
    html = '<main data-bazaar="search" data-total="7"><p>new layout</p></main>'
    answer = await client.post("/api/v1/pages", files=form(html, pictures=()), headers=bearer(token))
    assert (answer.status_code, answer.json()["outcome"], answer.json()["listings"]) == (200, "drift", 0)
    assert await rows(parts, "SELECT outcome, url FROM captures") == [("drift", URL)]
    assert queued == []


@pytest.mark.parametrize(("hours", "believed"), [(-1, True), (-48, False), (5, False)])
async def test_the_browsers_clock_is_believed_unless_it_is_plainly_wrong(client, parts, token, hours, believed):
    stated = (datetime.now(UTC) + timedelta(hours=hours)).replace(microsecond=0)
    before = datetime.now(UTC)
    await client.post("/api/v1/pages", files=form(captured_at=stated.isoformat()), headers=bearer(token))
    ((stored,),) = await rows(parts, "SELECT captured_at FROM captures")
    kept = datetime.fromisoformat(stored).replace(tzinfo=UTC)
    assert (kept == stated) if believed else (before <= kept <= datetime.now(UTC))


async def test_only_a_valid_token_opens(client, parts, token):
    attempts = [{}, bearer(""), bearer("bw_wrong"), bearer(token + "x"), {"authorization": f"Basic {token}"}]
    for headers in attempts:
        for answer in (
            await client.post("/api/v1/pages", files=form(), headers=headers),
            await client.get("/api/v1/token", headers=headers),
        ):
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "token add" in answer.json()["detail"]
    assert (await client.get("/api/v1/token", headers=bearer(token))).json() == {"name": "anna's browser"}
    async with parts.database.write("revoked") as session:
        await revoke_token(session, parts.clock.now(), "anna", "anna's browser")
    assert (await client.get("/api/v1/token", headers=bearer(token))).status_code == 401
    assert await rows(parts, "SELECT count(*) FROM captures") == [(0,)]


@pytest.mark.parametrize(
    ("files", "status", "what"),
    [
        ([("html", ("page.html", "x"))], 422, "page"),
        (form()[:1], 422, "html"),
        (form() + form()[1:2], 422, "html"),
        (form()[:-1], 422, "picture"),
        (form(url="file:///etc/passwd"), 422, "url"),
        (form(url="javascript:alert(1)"), 422, "url"),
        (form(url="http://user:secret@shop.example/"), 422, "url"),
        (form(captured_at="yesterday"), 422, "captured_at"),
        (form(captured_at="2026-01-01T00:00:00"), 422, "captured_at"),
        (form(marketplace="demo-bazaar"), 422, "marketplace"),
        ([("page", (None, "[" * 10_000)), ("html", ("page.html", "x"))], 422, "page"),
        ([("page", (None, "x" * 2_000_000)), ("html", ("page.html", "x"))], 400, "size"),
        (form(html="x" * 3_100_000), 413, "max_bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_what_is_no_whole_page_is_refused_and_leaves_nothing(client, parts, token, files, status, what):
    answer = await client.post("/api/v1/pages", files=files, headers=bearer(token))
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert what in answer.json()["detail"]
    assert await rows(parts, "SELECT count(*) FROM captures") == [(0,)]


async def test_a_body_that_lies_about_its_length_is_cut_off(client, token):
    sent = 0

    async def endless():
        nonlocal sent
        yield b'--x\r\ncontent-disposition: form-data; name="html"; filename="a"\r\n\r\n'
        while True:
            sent += 100_000
            yield b"x" * 100_000

    headers = bearer(token) | {"content-type": "multipart/form-data; boundary=x"}
    answer = await client.post("/api/v1/pages", content=endless(), headers=headers)
    assert answer.status_code == 413
    assert sent <= 3_200_000


async def test_other_forms_than_multipart_are_refused(client, token):
    answer = await client.post("/api/v1/pages", json={"url": URL}, headers=bearer(token))
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8741", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "[::2]"]
)
async def test_nothing_is_served_under_a_name_that_is_not_ours(client, token, host):
    answer = await client.get("/api/v1/token", headers=bearer(token) | {"host": host})
    assert answer.status_code == 421


@pytest.mark.parametrize("host", ["localhost", "localhost:8741", "LOCALHOST:1", "[::1]:8741", "127.0.0.1"])
async def test_loopback_names_are_ours(client, host):
    assert (await client.get("/health", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://127.0.0.1:9999",
        "chrome-extension://" + "a" * 32,
        "http://localhost:8741",
    ],
)
async def test_no_other_origin_may_ask(client, token, origin):
    for method in ("GET", "OPTIONS"):
        answer = await client.request(method, "/api/v1/token", headers=bearer(token) | {"origin": origin})
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers


async def test_the_extension_alone_may_cross_origins(client, token):
    wanted = {"origin": EXTENSION, "access-control-request-method": "POST"}
    asked = await client.options("/api/v1/pages", headers=wanted)
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, EXTENSION)
    answer = await client.get("/api/v1/token", headers=bearer(token) | {"origin": EXTENSION})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, EXTENSION)
    assert "access-control-allow-credentials" not in answer.headers


async def test_the_extensions_origin_is_the_one_its_key_gives():
    import base64
    import hashlib

    manifest = json.loads((Path(__file__).parents[3] / "extension" / "manifest.json").read_text("utf-8"))
    digest = hashlib.sha256(base64.b64decode(manifest["key"])).hexdigest()[:32]
    identity = "".join(chr(ord("a") + int(sign, 16)) for sign in digest)
    assert f"chrome-extension://{identity}" == EXTENSION


async def test_no_answer_sets_a_cookie_or_may_be_cached_or_framed(client, token):
    for path in ("/health", "/api/v1/token", "/nowhere", "/api/v1/openapi.json"):
        answer = await client.get(path, headers=bearer(token))
        assert "set-cookie" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


async def test_health_names_what_is_wrong(client, parts, monkeypatch):
    assert (await client.get("/health")).json()["status"] == "ok"
    monkeypatch.setattr("monitor.console.health.LEAST_FREE_BYTES", 1 << 62)
    answer = await client.get("/health")
    assert answer.status_code == 503
    assert re.search("free in the data folder", answer.json()["faults"][0])


async def test_a_fault_of_ours_tells_nothing_of_what_was_sent(client, token, monkeypatch):
    async def broken(*_):
        raise RuntimeError(f"secret {token}")

    monkeypatch.setattr("monitor.console.api.extension.take", broken)
    answer = await client.post("/api/v1/pages", files=form(), headers=bearer(token))
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in answer.text


async def test_every_route_but_health_and_the_schema_asks_for_a_token(client):
    schema = (await client.get("/api/v1/openapi.json")).json()
    open_routes = {
        (method, path)
        for path, methods in schema["paths"].items()
        for method in methods
        if (await client.request(method, path)).status_code != 401
    }
    assert open_routes == {("get", "/health")}
