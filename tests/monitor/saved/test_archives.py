"""What an archive may hold, and that nothing in it reaches beyond the folder it is unpacked into."""

import io
import os
import stat
import struct
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import ImportRefused
from monitor.saved import archives
from monitor.saved.archives import is_zip, unzip


def packed(path, entries, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as opened:
        for name, content in entries:
            opened.writestr(name, content)
    return path


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "room" / "inner"
    made.mkdir(parents=True)
    return made


def everything_below(path):
    return sorted(str(one.relative_to(path)) for one in path.rglob("*") if one.is_file())


def test_files_and_folders_come_out_as_they_went_in(tmp_path, folder):
    archive = packed(tmp_path / "a.zip", [("page.html", b"<p>"), ("page_files/ä 1.jpg", b"12"), ("empty/", b"")])
    assert is_zip(archive)
    unzip(archive, folder)
    assert everything_below(folder) == ["page.html", "page_files/ä 1.jpg"]
    assert (folder / "page_files/ä 1.jpg").read_bytes() == b"12"


@pytest.mark.parametrize(
    "name",
    [
        "../out.html",
        "a/../../out.html",
        "/etc/out.html",
        "..\\out.html",
        "C:\\out.html",
        "c:out.html",
        "\\\\server\\share\\out.html",
        "..",
        ".",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, folder, name):
    archive = packed(tmp_path / "a.zip", [("fine.html", b"1"), (name, b"2")])
    with pytest.raises(ImportRefused, match="leads out of its folder"):
        unzip(archive, folder)
    assert everything_below(tmp_path) in (["a.zip"], ["a.zip", "room/inner/fine.html"])


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_links_and_devices_are_refused(tmp_path, folder, kind):
    entry = zipfile.ZipInfo("page.html")
    entry.external_attr = (kind | 0o777) << 16
    archive = packed(tmp_path / "a.zip", [(entry, b"/etc/passwd")])
    with pytest.raises(ImportRefused, match="a link or a device"):
        unzip(archive, folder)
    assert everything_below(folder) == []


def test_a_name_that_occurs_twice_is_refused(tmp_path, folder):
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive = packed(tmp_path / "a.zip", [("page.html", b"1"), ("page.html", b"2")])
    with pytest.raises(ImportRefused):
        unzip(archive, folder)
    assert (folder / "page.html").read_bytes() == b"1"


def test_an_archive_that_swells_more_than_a_hundredfold_is_refused_before_anything_is_written(tmp_path, folder):
    archive = packed(tmp_path / "a.zip", [("page.html", bytes(20_000_000))])
    with pytest.raises(ImportRefused, match="100 times"):
        unzip(archive, folder)
    assert everything_below(folder) == []


def test_a_small_archive_may_swell(tmp_path, folder):
    unzip(packed(tmp_path / "a.zip", [("page.html", bytes(900_000))]), folder)
    assert (folder / "page.html").stat().st_size == 900_000


def test_an_entry_that_is_larger_than_it_says_is_refused(tmp_path, folder):
    archive = packed(tmp_path / "a.zip", [("page.html", b"x" * 50_000)], zipfile.ZIP_STORED)
    body = archive.read_bytes().replace(struct.pack("<LL", 50_000, 50_000), struct.pack("<LL", 50_000, 10))
    archive.write_bytes(body)
    with pytest.raises(ImportRefused):
        unzip(archive, folder)
    assert sum((folder / name).stat().st_size for name in everything_below(folder)) <= 10


def test_entries_that_share_their_bytes_are_refused(tmp_path, folder):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_STORED) as opened:
        opened.writestr("a.html", b"x" * 400_000)
        first = opened.infolist()[0]
        for number in range(30):  # directory entries that all point to the first file
            twin = zipfile.ZipInfo(f"{number:04}.html")
            twin.compress_size = twin.file_size = first.file_size
            twin.CRC, twin.header_offset = first.CRC, 0
            opened.filelist.append(twin)
            opened.NameToInfo[twin.filename] = twin
    archive = tmp_path / "a.zip"
    archive.write_bytes(data.getvalue())
    with pytest.raises(ImportRefused, match="overlap"):
        unzip(archive, folder)


def test_more_than_five_thousand_files_are_refused(tmp_path, folder):
    archive = packed(tmp_path / "a.zip", [(f"{number}.html", b"") for number in range(5001)])
    with pytest.raises(ImportRefused, match="more than 5000 files"):
        unzip(archive, folder)
    assert everything_below(folder) == []


def test_a_directory_that_lies_about_its_length_is_refused(tmp_path, folder):
    archive = packed(tmp_path / "a.zip", [(f"{number}.html", b"") for number in range(5001)])
    body = bytearray(archive.read_bytes())
    at = body.rfind(b"PK\x05\x06")
    body[at + 8 : at + 12] = struct.pack("<HH", 1, 1)
    archive.write_bytes(body)
    with pytest.raises(ImportRefused, match="more than 5000 files"):
        unzip(archive, folder)


def test_content_beyond_the_limit_is_refused_while_it_is_written(tmp_path, folder, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST_CONTENT", 1000)
    archive = packed(tmp_path / "a.zip", [("a.html", b"x" * 600), ("b.html", b"y" * 600)])
    with pytest.raises(ImportRefused, match="unpacks to more than"):
        unzip(archive, folder)


def test_an_archive_beyond_the_limit_is_refused(tmp_path, folder, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST_ARCHIVE", 50)
    with pytest.raises(ImportRefused, match="larger than"):
        unzip(packed(tmp_path / "a.zip", [("a.html", b"x" * 600)]), folder)


def test_encrypted_entries_and_rare_methods_are_refused(tmp_path, folder):
    rare = packed(tmp_path / "rare.zip", [("a.html", b"x" * 600)], zipfile.ZIP_LZMA)
    with pytest.raises(ImportRefused, match="other than deflate"):
        unzip(rare, folder)
    secret = packed(tmp_path / "secret.zip", [("a.html", b"x" * 600)])
    body = bytearray(secret.read_bytes())
    body[body.rfind(b"PK\x01\x02") + 8] |= 1
    secret.write_bytes(body)
    with pytest.raises(ImportRefused, match="encrypted"):
        unzip(secret, folder)


@pytest.mark.parametrize("body", [b"", b"PK\x03\x04", b"PK\x05\x06", b"PK\x05\x06" + bytes(18), b"no archive at all"])
def test_what_is_no_archive_is_refused_or_empty(tmp_path, folder, body):
    archive = tmp_path / "a.zip"
    archive.write_bytes(body)
    if body == b"PK\x05\x06" + bytes(18):
        unzip(archive, folder)
    else:
        with pytest.raises(ImportRefused):
            unzip(archive, folder)
    assert everything_below(folder) == []


_opened: list[str] = []
_watching = False


def _watch(event, args):
    if _watching and event == "open" and isinstance(args[0], str | bytes | os.PathLike):
        flags = args[2] if isinstance(args[2], int) else 0
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            _opened.append(os.fsdecode(args[0]))


sys.addaudithook(_watch)


@given(
    names=st.lists(
        st.text(st.sampled_from("ab./\\:~ \x01é\u202e"), min_size=1, max_size=12).filter(lambda name: "\0" not in name),
        min_size=1,
        max_size=4,
        unique=True,
    )
)
def test_no_name_opens_a_file_outside_for_writing(tmp_path_factory, names):
    global _watching
    room = tmp_path_factory.mktemp("room")
    folder = room / "one" / "two"
    folder.mkdir(parents=True)
    archive = packed(room / "a.zip", [(name, b"x") for name in names])
    _opened.clear()
    _watching = True
    try:
        unzip(archive, folder)
    except ImportRefused:
        pass
    finally:
        _watching = False
    assert all(Path(name).resolve().is_relative_to(folder) for name in _opened)
    assert {one.name for one in room.iterdir()} == {"a.zip", "one"}
    assert {one.name for one in (room / "one").iterdir()} == {"two"}
