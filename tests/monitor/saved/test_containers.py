"""MHTML and HAR files, and what is no such file."""

import base64
import gzip
import io
import json
from contextlib import suppress
from email.message import EmailMessage
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import ImportRefused
from monitor.saved import containers
from monitor.saved.containers import Part, har_parts, mhtml_parts, parts_from_wire, unpack

PAGE = "https://www.pins.example/search?q=moth"
PICTURE = b"\x89PNG" + bytes(500)


def mhtml():
    whole = MIMEMultipart("related", type="text/html")
    whole["From"] = "<Saved by Blink>"
    whole["Snapshot-Content-Location"] = PAGE
    page = MIMEText("<p>Motte für 5 €", "html", "utf-8")
    page["Content-Location"] = "https://www.pins.example/other"
    frame = MIMEText("<p>advertisement", "html", "utf-8")
    frame["Content-Location"] = "cid:frame-1@mhtml.blink"
    picture = MIMEImage(PICTURE, "png")
    picture["Content-Location"] = "https://img.pins.example/" + "long/" * 30 + "1.png"
    picture["Content-ID"] = "<picture-1>"
    for part in (page, frame, picture):
        whole.attach(part)
    return whole.as_bytes()


def har(*entries):
    return json.dumps({"log": {"version": "1.2", "entries": list(entries)}}).encode()


def read(body):
    return list(har_parts(io.TextIOWrapper(io.BytesIO(body), "utf-8-sig", "replace")))


def entry(url, kind, body, status=200, encoding=None):
    content = {"mimeType": kind, "text": body, **({"encoding": encoding} if encoding else {})}
    return {"request": {"url": url}, "response": {"status": status, "content": content}}


def test_an_mhtml_file_gives_its_page_under_its_address_and_its_pictures():
    page, picture, by_id = mhtml_parts(mhtml())
    assert (page.url, page.is_document) == (PAGE, True)
    assert page.body.decode() == "<p>Motte für 5 €"
    assert page.content_type == "text/html; charset=utf-8"
    assert picture.url.endswith("long/1.png")
    assert " " not in picture.url
    assert picture.body == PICTURE
    assert (by_id.url, by_id.body) == ("cid:picture-1", PICTURE)


def test_a_message_without_a_page_is_refused():
    letter = EmailMessage()
    letter.set_content("hello")
    with pytest.raises(ImportRefused, match="no page"):
        list(mhtml_parts(letter.as_bytes()))


def test_a_har_file_gives_its_pages_answers_and_pictures():
    encoded = base64.b64encode(PICTURE).decode()
    parts = read(
        har(
            entry(PAGE, "text/html; charset=windows-1251", "<p>Мотылёк"),
            entry("https://api.pins.example/s", "application/json", '{"items": []}', 403),
            entry("https://img.pins.example/1.png", "image/png", encoded, encoding="base64"),
            entry("https://www.pins.example/a.js", "text/javascript", "1"),
            entry("chrome-extension://x/page.html", "text/html", "<p>"),
            entry("https://www.pins.example/nothing", "text/html", ""),
        )
    )
    assert [part.url for part in parts] == [PAGE, "https://api.pins.example/s", "https://img.pins.example/1.png"]
    assert parts[0] == Part(PAGE, "text/html; charset=utf-8", "<p>Мотылёк".encode(), 200, True)
    assert (parts[1].status, parts[1].is_document) == (403, False)
    assert parts[2].is_picture
    assert parts[2].body == PICTURE


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "no HAR file"),
        (b'{"log": {"entries": [', "cut short"),
        (b'{"log": {"entries": [' + b"[" * 100_000, "nests too deep"),
        (har(entry(PAGE, "text/html", "x" * 3_000_000))[:-10], "cut short"),
        (b"[" * 100_000, "no HAR file"),
        (b'{"log": 3}', "no log.entries"),
        (
            b'{"log": {"entries": [1, {"request": 2}, {"request": {"url": 1}, "response": {"content": []}}]}}',
            "no bodies",
        ),
        (har(entry(PAGE, "text/html", None)), "no bodies"),
        (har(entry(PAGE, "image/png", "A", encoding="base64")), "no bodies"),
    ],
)
def test_what_is_no_har_file_is_refused_with_the_reason(body, reason):
    with pytest.raises(ImportRefused, match=reason):
        read(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["request", "response", "url", "content", "text", "mimeType", "status", "encoding"]),
                inner,
            )
        ),
        max_leaves=20,
    )
)
def test_no_shape_of_a_har_entry_raises_anything_else(shape):
    parts = []
    with suppress(ImportRefused):
        parts += read(har(shape))
    assert all(isinstance(part, Part) for part in parts)


@pytest.mark.parametrize(
    ("kind", "body", "found"),
    [
        ("", "<!DOCTYPE html><p>Moth", ("text/html; charset=utf-8", True)),
        ("x-unknown", "\ufeff\n<html><p>Moth", ("text/html; charset=utf-8", True)),
        ("text/plain", '{"name": "Moth"}', ("application/json; charset=utf-8", False)),
        ("application/octet-stream", "[1]", ("application/json; charset=utf-8", False)),
        ("text/plain", "User-agent: *", None),
        ("text/css", "{}", None),
    ],
)
def test_an_answer_whose_kind_was_not_recorded_is_told_by_how_it_begins(kind, body, found):
    picture = entry("https://pins.example/1.png", "image/png", base64.b64encode(PICTURE).decode(), encoding="base64")
    parts = read(har(entry("https://pins.example/x", kind, body), picture))
    assert [(part.content_type, part.is_document) for part in parts[:-1]] == [found] * (found is not None)


def test_a_body_that_was_recorded_as_it_came_is_unpacked_and_a_bomb_is_left_out():
    def packed(body):
        return entry(PAGE, "text/html", base64.b64encode(gzip.compress(body)).decode(), encoding="base64")

    whole, cut = packed(b"<p>Moth"), packed(b"<p>Moth")
    text = cut["response"]["content"]["text"]
    cut["response"]["content"]["text"] = base64.b64encode(base64.b64decode(text)[:-9]).decode()
    assert [part.body for part in read(har(packed(bytes(31_000_000)), cut, whole))] == [b"<p>Moth"]


def test_a_large_container_comes_in_several_answers(tmp_path, monkeypatch):
    monkeypatch.setattr(containers, "_LARGEST_BATCH", 1000)
    monkeypatch.setattr(containers, "_LARGEST_PART", 2000)
    file = tmp_path / "visit.har"
    sizes = (600, 600, 3000, 1500, 10)
    file.write_bytes(har(*(entry(f"{PAGE}&page={size}", "text/html", "x" * size) for size in sizes)))
    parts, start, answers = [], 0, 0
    while start is not None:
        more, start = parts_from_wire(*unpack(str(file), "har", start))
        parts += more
        answers += 1
    assert [len(part.body) for part in parts] == [600, 600, 1500, 10]
    assert answers == 4


@pytest.mark.parametrize(
    ("result", "arrays"),
    [
        (None, []),
        ({"parts": 1}, []),
        ({"parts": [{}], "next": None}, [np.zeros(1, np.uint8)]),
        ({"parts": [], "next": "1"}, []),
        ({"parts": [{"url": 1, "type": "", "status": 1, "document": True}]}, [np.zeros(1, np.uint8)]),
        ({"parts": [{"url": "", "type": "", "status": 1, "document": True}]}, []),
    ],
)
def test_an_answer_of_another_shape_is_not_believed(result, arrays):
    with pytest.raises((TypeError, KeyError, ValueError)):
        parts_from_wire(result, arrays)
