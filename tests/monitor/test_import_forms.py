"""Every form in which a person can save what a marketplace shows, down to the rows it leaves."""

import base64
import io
import json
import zipfile
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from functools import cache

import pytest
from openpyxl import Workbook
from PIL import Image
from sqlalchemy import select

from config.settings import load
from detectors.model import Outcome
from monitor.daemon import build
from monitor.importing import import_file, page_files
from storage.tables import Capture, Listing, ListingPicture

pytestmark = pytest.mark.slow

SITE = "https://demo.example"
PAGE = f"{SITE}/search?q=moth"
REMOTE = "https://img.demo.example/full/{}.png"


@cache
def picture(number):
    data = io.BytesIO()
    Image.effect_noise((96, 96), 50 + number).save(data, "PNG")
    return data.getvalue()


def html(sources, address=PAGE):
    cards = "".join(
        f'<article class="listing" data-id="{number}"><a class="title" href="/item/{number}">Moth pin {number}</a>'
        f'<img src="{source}"><span class="price" data-amount="5.00" data-currency="EUR">€5</span></article>'
        for number, source in enumerate(sources, start=1)
    )
    link = f'<link rel="canonical" href="{address}">'
    return f"<html><head>{link}</head><body><main data-bazaar=search data-total=9>{cards}</main></body></html>".encode()


def save_complete(folder):
    (folder / "moth_files").mkdir(parents=True)
    (folder / "moth.html").write_bytes(html(["./moth_files/1.png", "./moth_files/2.png"]))
    for number in (1, 2):
        (folder / "moth_files" / f"{number}.png").write_bytes(picture(number))
    return folder / "moth.html"


def save_singlefile(folder):
    data = [f"data:image/png;base64,{base64.b64encode(picture(number)).decode()}" for number in (1, 2)]
    note = f"<!DOCTYPE html> <html><!--\n Page saved with SingleFile \n url: {PAGE} \n saved date: today\n-->".encode()
    (folder / "single.html").write_bytes(note + html(data, "").removeprefix(b"<html>"))
    return folder / "single.html"


def save_mhtml(folder):
    whole = MIMEMultipart("related", type="text/html")
    whole["Snapshot-Content-Location"] = PAGE
    whole.attach(MIMEText(html([REMOTE.format(1), REMOTE.format(2)]).decode(), "html", "utf-8"))
    for number in (1, 2):
        part = MIMEImage(picture(number), "png")
        part["Content-Location"] = REMOTE.format(number)
        whole.attach(part)
    (folder / "moth.mhtml").write_bytes(whole.as_bytes())
    return folder / "moth.mhtml"


def save_har(folder):
    entries = [("https://statistics.example/x", "application/json", '{"clicks": 5}', None)]
    entries.append(("https://ads.example/frame", "text/html", "<html><body>buy this</body></html>", None))
    entries.append((PAGE, "text/html", html([REMOTE.format(1), REMOTE.format(2)]).decode(), None))
    entries += [
        (REMOTE.format(number), "image/png", base64.b64encode(picture(number)).decode(), "base64") for number in (1, 2)
    ]
    recorded = [
        {
            "request": {"url": url},
            "response": {"status": 200, "content": {"mimeType": kind, "text": text, "encoding": encoding}},
        }
        for url, kind, text, encoding in entries
    ]
    (folder / "visit.har").write_text(json.dumps({"log": {"entries": recorded}}))
    return folder / "visit.har"


def save_zip(folder):
    inner = folder / "inside"
    inner.mkdir()
    file = save_complete(inner)
    with zipfile.ZipFile(folder / "moth.zip", "w", zipfile.ZIP_DEFLATED) as opened:
        for path in (file, *(inner / "moth_files").iterdir()):
            opened.write(path, path.relative_to(inner))
    return folder / "moth.zip"


@pytest.fixture
async def parts(tmp_path):
    async with build(load(tmp_path / "data", {})) as parts:
        yield parts


async def take(parts, *files, marketplace=None):
    return [one for file in files async for one in import_file(parts, file, marketplace, None, "mira")]


async def rows(parts, *columns):
    async with parts.database.read() as session:
        return [tuple(row) for row in await session.execute(select(*columns))]


@pytest.mark.parametrize("save", [save_complete, save_singlefile, save_mhtml, save_har, save_zip])
async def test_every_form_gives_its_listings_with_their_own_pictures(parts, tmp_path, save):
    (done,) = await take(parts, save(tmp_path))
    assert (done.outcome, done.marketplace, done.new, done.pictures) == (Outcome.OK, "demo-bazaar", 2, 2)
    kept = {number: await parts.blobs.put(picture(number)) for number in (1, 2)}
    by_listing = {}
    async with parts.database.read() as session:
        joined = select(Listing.listing_id, ListingPicture.sha256).join(
            ListingPicture, ListingPicture.listing_key == Listing.id
        )
        for listing_id, sha256 in await session.execute(joined):
            by_listing.setdefault(listing_id, set()).add(sha256)
    assert {number: by_listing[str(number)] - {None} for number in (1, 2)} == {1: {kept[1]}, 2: {kept[2]}}


async def test_one_item_saved_in_every_form_is_one_listing(parts, tmp_path):
    for number, save in enumerate([save_complete, save_singlefile, save_mhtml, save_har]):
        folder = tmp_path / str(number)
        folder.mkdir()
        await take(parts, save(folder))
    assert len(await rows(parts, Listing.id)) == 2


async def test_the_page_is_kept_as_it_was_saved(parts, tmp_path):
    file = save_singlefile(tmp_path)
    await take(parts, file)
    ((sha256, url),) = await rows(parts, Capture.sha256, Capture.url)
    assert url == PAGE
    assert await parts.blobs.get(sha256) == file.read_bytes()


async def test_of_a_recorded_visit_only_pages_of_listings_are_kept(parts, tmp_path):
    await take(parts, save_har(tmp_path))
    assert await rows(parts, Capture.url) == [(PAGE,)]


async def test_a_visit_without_listings_says_so(parts, tmp_path):
    answer = {"mimeType": "application/json", "text": '{"clicks": 5}'}
    entry = {"request": {"url": "https://x.example/"}, "response": {"status": 200, "content": answer}}
    (tmp_path / "a.har").write_text(json.dumps({"log": {"entries": [entry]}}))
    (done,) = await take(parts, tmp_path / "a.har")
    assert done.outcome is Outcome.FAILED
    assert "none of them a page of listings" in done.reason


async def test_a_wall_in_a_recorded_visit_is_reported(parts, tmp_path):
    answer = {"mimeType": "text/html", "text": "<html><title>Pardon our interruption</title><body>robot?</body></html>"}
    entry = {"request": {"url": "https://www.ebay.com/sch/i.html"}, "response": {"status": 403, "content": answer}}
    (tmp_path / "a.har").write_text(json.dumps({"log": {"entries": [entry]}}))
    (done,) = await take(parts, tmp_path / "a.har")
    assert (done.outcome, done.marketplace) == (Outcome.BLOCKED, "ebay")


async def test_what_cannot_be_read_is_one_failed_line_and_stops_nothing(parts, tmp_path):
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "broken.har").write_bytes(b"{")
    (tmp_path / "broken.xlsx").write_bytes(b"")
    (tmp_path / "empty.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    files = [tmp_path / name for name in ("broken.zip", "broken.har", "broken.xlsx", "empty.zip", "missing.html")]
    done = await take(parts, *files, save_complete(tmp_path / "fine"))
    assert [one.outcome for one in done] == [Outcome.FAILED] * 5 + [Outcome.OK]
    assert all(one.reason for one in done[:5])


async def test_an_archive_inside_an_archive_is_reported_and_not_opened(parts, tmp_path):
    inner = save_zip(tmp_path)
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as opened:
        opened.write(inner, "inner.zip")
    (done,) = await take(parts, tmp_path / "outer.zip")
    assert done.outcome is Outcome.FAILED
    assert "inside an archive" in done.reason
    assert str(tmp_path / "outer.zip") in done.source


async def test_three_hundred_addresses_in_a_spreadsheet_are_three_hundred_candidates_in_order(parts, tmp_path):
    book = Workbook()
    book.active.append(["note", "address"])
    for number in range(300):
        book.active.append(["", f"https://www.ebay.com/itm/{200000000000 + number}?hash=x"])
    book.active.append(["", "see above"])
    book.save(tmp_path / "list.xlsx")
    done = await take(parts, tmp_path / "list.xlsx")
    assert [one.outcome for one in done] == [Outcome.OK] * 300 + [Outcome.FAILED]
    assert done[-1].reason == "no web address"
    found = await rows(parts, Listing.listing_id)
    assert found == [(str(200000000000 + number),) for number in range(300)]


async def test_a_table_of_addresses_is_read_by_its_column(parts, tmp_path):
    (tmp_path / "list.csv").write_text("seller;url\nanna;www.ebay.com/itm/200000000001\nben;https://x.example/\n")
    done = await take(parts, tmp_path / "list.csv")
    assert [(one.source, one.outcome) for one in done] == [
        ("www.ebay.com/itm/200000000001", Outcome.OK),
        ("https://x.example/", Outcome.FAILED),
    ]


def test_a_folder_gives_its_pages_and_archives_but_not_what_a_browser_saved_with_a_page(tmp_path):
    save_complete(tmp_path)
    (tmp_path / "moth_files" / "frame.html").write_text("<p>")
    for name in ("a.mhtml", "b.har", "c.zip", "d.json", "notes.txt"):
        (tmp_path / name).write_text("x")
    assert [file.name for file in page_files([tmp_path])] == ["a.mhtml", "b.har", "c.zip", "d.json", "moth.html"]


def save_nested_mail(folder):
    body = b"MIME-Version: 1.0\n"
    for number in range(3000):
        body += b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (number, number)
    (folder / "deep.mhtml").write_bytes(body)
    return folder / "deep.mhtml"


def workbook_with(folder, name, content):
    Workbook().save(folder / "plain.xlsx")
    with (
        zipfile.ZipFile(folder / "plain.xlsx") as plain,
        zipfile.ZipFile(folder / "bad.xlsx", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bad,
    ):
        for entry in plain.namelist():
            if entry != name:
                bad.writestr(entry, plain.read(entry))
        bad.writestr(name, content)
    return folder / "bad.xlsx"


def save_swelling_workbook(folder):
    sheet = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row><c t="str"><v>'
    )
    return workbook_with(folder, "xl/worksheets/sheet1.xml", sheet + b"x" * 450_000_000)


def save_laughing_workbook(folder):
    laughs = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
    text = f'<!DOCTYPE sst [<!ENTITY l0 "ha">{laughs}]><sst>&l9;</sst>'
    return workbook_with(folder, "xl/worksheets/sheet1.xml", text)


@pytest.mark.parametrize("save", [save_nested_mail, save_swelling_workbook, save_laughing_workbook])
async def test_a_file_made_to_break_its_reader_is_one_failed_line(parts, tmp_path, save):
    (done,) = await take(parts, save(tmp_path))
    assert done.outcome is Outcome.FAILED
    assert done.reason
    assert not done.listing_keys
