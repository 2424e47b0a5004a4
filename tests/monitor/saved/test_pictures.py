"""Pictures beside a page are found by path, name and list; nothing outside its folder ever is."""

import os

import pytest

from detectors.model import Listing, Outcome
from monitor.errors import ImportRefused
from monitor.marketplaces.base import ParsedPage
from monitor.saved.containers import Part
from monitor.saved.pictures import CarriedPictures, SavedPictures, pictures_for


@pytest.fixture
def page(tmp_path):
    folder = tmp_path / "saved"
    for name in ("search_files/a b.jpg", "search_files/x/same.jpg", "search_files/y/same.jpg", "other_files/c.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (folder / "search.html").write_bytes(b"<p>")
    return folder / "search.html"


def found(page, source):
    path = SavedPictures.beside(page).find(source)
    return path and path.relative_to(page.parent.resolve()).as_posix()


def test_a_picture_is_found_by_its_path_and_by_a_name_that_occurs_once(page):
    assert found(page, "./search_files/a%20b.jpg") == "search_files/a b.jpg"
    assert found(page, "https://img.example/5/a%20b.jpg?w=1") == "search_files/a b.jpg"
    assert found(page, "https://img.example/same.jpg") is None
    assert found(page, "https://img.example/c.jpg") is None


@pytest.mark.parametrize(
    "source",
    [
        "../secret.jpg",
        "./search_files/../../secret.jpg",
        "/etc/passwd",
        "%2e%2e/secret.jpg",
        "a\0b",
        "x" * 5000,
        "http://[",
    ],
)
def test_no_source_leads_out_of_the_pages_folder(page, source):
    assert found(page, source) is None


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_out_of_the_folder_is_not_followed(page):
    (page.parent / "search_files" / "link.jpg").symlink_to(page.parent.parent / "secret.jpg")
    assert found(page, "./search_files/link.jpg") is None
    assert found(page, "https://img.example/link.jpg") is None


def test_a_list_names_pictures_by_their_addresses(page):
    (page.parent / "pictures.csv").write_text("url,file\nhttps://img.example/1.jpg,search_files/x/same.jpg\n")
    assert found(page, "https://img.example/1.jpg") == "search_files/x/same.jpg"


@pytest.mark.parametrize("file", ["../secret.jpg", "missing.jpg", "/etc/passwd"])
def test_a_list_that_names_a_file_elsewhere_is_refused(page, file):
    (page.parent / "pictures.csv").write_text(f"https://img.example/1.jpg,{file}\n")
    with pytest.raises(ImportRefused, match="line 1"):
        SavedPictures.beside(page)


def test_carried_pictures_are_found_by_address_also_without_a_query_that_changes_nothing():
    parts = [
        Part("https://i.example/1.jpg?x=1", "image/jpeg", b"one"),
        Part("https://i.example/2.jpg?x=1", "image/jpeg", b"small"),
        Part("https://i.example/2.jpg?x=2", "image/jpeg", b"large"),
        Part("https://i.example/gone.jpg", "image/jpeg", b"error", 404),
        Part("https://i.example/page", "text/html", b"<p>"),
    ]
    carried = CarriedPictures.of_parts("https://shop.example/search", parts)
    assert carried.find("//i.example/1.jpg#top") == b"one"
    assert carried.find("https://i.example/1.jpg?x=7") == b"one"
    assert carried.find("https://i.example/2.jpg?x=2") == b"large"
    assert carried.find("https://i.example/2.jpg?x=7") is None
    assert carried.find("https://i.example/gone.jpg") is None
    assert carried.find("https://i.example/page") is None
    assert carried.find("http://[") is None


def test_a_thumbnails_bytes_are_kept_under_the_full_pictures_address():
    listing = Listing("ebay", "1", "", "pin", image_urls=("https://i.example/full.jpg", "https://i.example/b.jpg"))
    shown = {"1": ("./files/thumb.jpg", "./files/b.jpg", "./files/c.jpg", "./files/none.jpg")}
    parsed = ParsedPage(Outcome.OK, "ebay", (listing,), local_pictures=shown)
    known = {"./files/thumb.jpg": b"1", "./files/c.jpg": b"3", "https://i.example/b.jpg": b"2"}
    assert pictures_for(listing, parsed, known.get) == {
        "https://i.example/full.jpg": b"1",
        "./files/c.jpg": b"3",
        "https://i.example/b.jpg": b"2",
    }


def test_a_name_that_ends_many_addresses_says_nothing_of_whose_picture_it_is(page):
    listings = tuple(
        Listing("ebay", number, "", "pin", image_urls=(f"https://i.example/{number}/{name}",))
        for number, name in (("1", "s-l500.webp"), ("2", "s-l500.webp"), ("3", "alone.jpg"))
    )
    parsed = ParsedPage(Outcome.OK, "ebay", listings)
    folder = page.parent / "search_files"
    for name in ("s-l500.webp", "alone.jpg"):
        (folder / name).write_bytes(b"picture")
    beside = SavedPictures.beside(page).told_apart_by_name(parsed)
    assert [len(pictures_for(listing, parsed, beside.find)) for listing in listings] == [0, 0, 1]
