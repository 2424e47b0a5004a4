"""The extension as a person uses it: settings, one click on the button, and what arrives."""

import json
import shutil
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sqlalchemy import text

pytestmark = pytest.mark.slow

EXTENSION = Path(__file__).parents[2] / "extension"


def port_of(url):
    return int(url.rpartition(":")[2])


async def rows(parts, question):
    async with parts.database.read() as session:
        return [tuple(row) for row in await session.execute(text(question))]


@pytest.mark.timeout(240)
async def test_a_click_on_a_page_brings_its_listings_with_their_pictures(
    open_browser, bazaar, parts, endpoint, token, tmp_path
):
    listing = bazaar.catalogue.listings[0]
    async with open_browser(shop_example=port_of(bazaar.base_url)) as browser:
        assert "anna's browser" in await browser.set_up(endpoint, token)
        page = await browser.open(f"http://shop.example/item/{listing.listing_id}")
        asked_before = len(bazaar.requests)
        said, badge = await browser.press_the_button(page)
    assert badge == "1", said
    assert "demo-bazaar" in said
    assert "1 (1 new)" in said
    assert await rows(parts, "SELECT marketplace, listing_id, title FROM listings") == [
        ("demo-bazaar", listing.listing_id, listing.title)
    ]
    kept = await rows(parts, "SELECT url, sha256, how FROM listing_pictures ORDER BY position, id")
    assert {url for url, _, _ in kept} == {
        f"http://shop.example/full/{picture.picture_id}.jpg" for picture in listing.pictures
    }
    for url, sha256, how in kept:
        picture_id = url.rpartition("/")[2].removesuffix(".jpg")
        assert await parts.blobs.get(sha256) == bazaar.catalogue.full(picture_id)
        assert how == "imported"
    ((url, outcome, sha256),) = await rows(parts, "SELECT url, outcome, sha256 FROM captures")
    assert (url, outcome) == (f"http://shop.example/item/{listing.listing_id}", "ok")
    assert listing.title.encode() in await parts.blobs.get(sha256)
    assert not [one.path for one in bazaar.requests[asked_before:]], "pictures come from the browser's cache"


@pytest.mark.timeout(240)
async def test_a_click_on_a_search_page_brings_every_card_with_the_picture_it_shows(
    open_browser, bazaar, parts, endpoint, token
):
    found = [one for one in bazaar.catalogue.listings if "pin" in one.title.lower().split()]
    assert len(found) > 1
    async with open_browser(shop_example=port_of(bazaar.base_url)) as browser:
        await browser.set_up(endpoint, token)
        said, badge = await browser.press_the_button(await browser.open("http://shop.example/search?q=pin"))
    assert badge == str(len(found)), said
    different = {one.pictures[0].picture_id for one in found}  # listings of one design share pictures
    assert f"{len(found)} kept with listings; the page shows {len(different)} different ones" in said
    kept = await rows(
        parts, "SELECT p.sha256, l.listing_id FROM listing_pictures p JOIN listings l ON p.listing_key = l.id"
    )
    shown = {one.listing_id: bazaar.catalogue.thumb(one.pictures[0].picture_id) for one in found}
    assert {listing_id: await parts.blobs.get(sha256) for sha256, listing_id in kept} == shown


@pytest.mark.soak
@pytest.mark.timeout(240)
async def test_the_button_says_what_went_wrong(open_browser, bazaar, parts, endpoint, token):
    async with open_browser(shop_example=port_of(bazaar.base_url)) as browser:
        page = await browser.open("http://shop.example/search?q=pin")
        said, badge = await browser.press_the_button(page)
        assert badge == "!"
        assert "No token is set" in said
        said = await browser.set_up(endpoint, "bw_wrong")
        assert said == "This token is unknown or was revoked: “bazaarwatch token add NAME” makes one."
        said, badge = await browser.press_the_button(page)
        assert badge == "!"
        assert "unknown or was revoked" in said
        assert "https://" in await browser.set_up("http://elsewhere.example", token)
        assert "serve" in await browser.set_up("http://127.0.0.1:9", token)
    assert await rows(parts, "SELECT count(*) FROM captures") == [(0,)]


class _Shop(BaseHTTPRequestHandler):
    """A page filled by a script, with pictures on servers that do and do not let pages read them."""

    picture = b""
    page = b"""<!doctype html><title>Shop</title>
      <form><input type="hidden" name="csrf" value="session-secret"><input type="password" value="pass-secret"></form>
      <main data-bazaar="item" data-id="5"><h1 class="title">Moon</h1></main>
      <script nonce="nonce-secret">
        for (const [source, side] of [["http://open.example/a.png", 200], ["http://shut.example/b.png", 200],
                                      ["/same.png", 200], ["/icon.png?small", 20]]) {
          const image = document.createElement("img");
          image.className = "picture"; image.src = source; image.width = side;
          document.querySelector("main").append(image);
        }
      </script>"""

    def do_GET(self):
        is_page = not self.path.partition("?")[0].endswith(".png")
        body = self.page if is_page else self.small if "small" in self.path else self.picture
        self.send_response(200)
        self.send_header("content-type", "text/html" if is_page else "image/png")
        if self.headers["host"].startswith("open."):
            self.send_header("access-control-allow-origin", "*")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def shop():
    from io import BytesIO

    from PIL import Image

    for name, side in (("picture", 200), ("small", 20)):
        kept = BytesIO()
        Image.effect_noise((side, side), 90).save(kept, "PNG")
        setattr(_Shop, name, kept.getvalue())
    with ThreadingHTTPServer(("127.0.0.1", 0), _Shop) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.soak
@pytest.mark.timeout(240)
async def test_what_is_sent_is_the_page_as_shown_without_the_sessions_secrets(
    open_browser, shop, parts, endpoint, token
):
    async with open_browser(shop_example=shop, open_example=shop, shut_example=shop) as browser:
        await browser.set_up(endpoint, token)
        said, badge = await browser.press_the_button(await browser.open("http://shop.example/thing"))
    assert badge == "1", said
    assert "2 kept with listings; the page shows 3 different ones" in said
    ((sha256, screenshot),) = await rows(parts, "SELECT sha256, screenshot FROM captures")
    assert (await parts.blobs.get(screenshot)).startswith(b"\xff\xd8\xff"), "what the person saw"
    html = await parts.blobs.get(sha256)
    assert b'src="http://shop.example/same.png"' in html, "what a script added, with its whole address"
    for secret in (b"session-secret", b"pass-secret", b'nonce="'):
        assert secret not in html
    kept = await rows(parts, "SELECT url FROM listing_pictures WHERE sha256 IS NOT NULL ORDER BY url")
    assert kept == [("http://open.example/a.png",), ("http://shop.example/same.png",)]


@pytest.fixture
def shop_with_tls(shop, tmp_path):
    """The port of the same shop behind TLS, with a certificate that nobody trusts."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=shut.example"]
    try:
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("openssl is not there to make a certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Shop) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.soak
@pytest.mark.timeout(240)
@pytest.mark.parametrize("allowed", [False, True])
async def test_pictures_that_pages_may_not_read_come_only_where_the_person_allowed_it(
    open_browser, shop, shop_with_tls, parts, endpoint, token, tmp_path, monkeypatch, allowed
):
    monkeypatch.setattr(_Shop, "page", _Shop.page.replace(b"http://shut.example", b"https://shut.example"))
    folder = shutil.copytree(EXTENSION, tmp_path / "extension")
    if allowed:  # nobody can press "Allow" in a browser without a window: the copy asks for it from the start
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        manifest["host_permissions"] += manifest.pop("optional_host_permissions")
        (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    ports = {"shop_example": shop, "open_example": shop, "shut_example": shop_with_tls}
    async with open_browser("--ignore-certificate-errors", folder=folder, **ports) as browser:
        await browser.set_up(endpoint, token)
        said, _ = await browser.press_the_button(await browser.open("http://shop.example/thing"))
    assert f"{3 if allowed else 2} kept with listings; the page shows 3 different ones" in said
    kept = await rows(parts, "SELECT sha256 FROM listing_pictures WHERE url = 'https://shut.example/b.png'")
    assert [await parts.blobs.get(sha256) for (sha256,) in kept if sha256] == ([_Shop.picture] if allowed else [])


def test_the_extension_asks_for_no_more_than_it_needs():
    manifest = json.loads((EXTENSION / "manifest.json").read_text("utf-8"))
    assert manifest["permissions"] == ["activeTab", "scripting", "storage"]
    assert manifest["host_permissions"] == ["http://127.0.0.1/*", "http://localhost/*"]
    assert manifest["optional_host_permissions"] == ["https://*/*"]
    assert "content_scripts" not in manifest
    assert "externally_connectable" not in manifest


def test_no_script_of_the_extension_makes_code_or_markup_of_text():
    scripts = list(EXTENSION.glob("*.js"))
    assert scripts
    for script in scripts:
        for forbidden in ("innerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "import("):
            assert forbidden not in script.read_text("utf-8"), f"{script.name}: {forbidden}"


def test_the_icons_are_the_ones_that_the_script_draws():
    import runpy

    from PIL import Image, ImageChops

    icon = runpy.run_path(str(EXTENSION / "icons" / "draw.py"))["draw"]()
    manifest = json.loads((EXTENSION / "manifest.json").read_text("utf-8"))
    for side, path in manifest["icons"].items():
        with Image.open(EXTENSION / path) as kept:
            drawn = icon.resize((int(side), int(side)), Image.Resampling.LANCZOS)
            assert kept.size == drawn.size
            assert max(high for _, high in ImageChops.difference(kept.convert("RGBA"), drawn).getextrema()) <= 2
