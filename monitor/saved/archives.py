"""Unpacks a ZIP archive below a folder of ours, within limits: no name in it decides where anything is written."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from monitor.errors import ImportRefused

MOST_ENTRIES = 5000
LARGEST_ARCHIVE = 256_000_000  # reliability.md, promise S14: these four
LARGEST_CONTENT = 1_000_000_000
LARGEST_RATIO = 100
_SMALL = 1_000_000  # content up to this size is harmless at any ratio
_STEP = 1 << 16
_END = b"PK\x05\x06"
_END_SIZE = 22
_LOCATOR64 = b"PK\x06\x07"
_LOCATOR64_SIZE = 20
_LONGEST_COMMENT = 0xFFFF
_LARGEST_RECORD = 600  # of the directory, on average; a name has 260 characters at most where such archives are made
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1


def is_zip(file: Path) -> bool:
    """Whether the file begins like a ZIP archive."""
    with file.open("rb") as opened:
        return opened.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def unzip(archive: Path, folder: Path) -> None:
    """Write the archive's files below ``folder``, which is empty and ours.

    Raises:
        ImportRefused: It is no ZIP archive, breaks a limit, or holds what must not be unpacked: names that lead
            elsewhere, links, devices, encrypted or doubled entries. What was written until then stays.
    """
    try:
        _check_directory(archive)
        with zipfile.ZipFile(archive) as opened:
            entries = [entry for entry in opened.infolist() if not entry.is_dir()]
            _check_entries(archive, entries)
            room = LARGEST_CONTENT
            for entry in entries:
                room -= _write(opened, entry, _place(folder, entry), room)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, struct.error) as error:  # zipfile's own ways
        raise ImportRefused(f"{archive}: no complete ZIP archive ({error})") from None
    except (OSError, ValueError) as error:  # a name that this system cannot write
        raise ImportRefused(f"{archive}: {error}") from None


def _check_directory(archive: Path) -> None:
    """Refuse a directory that would cost much to read, before the library reads it."""
    size = archive.stat().st_size
    if size > LARGEST_ARCHIVE:
        raise ImportRefused(f"{archive} is larger than {LARGEST_ARCHIVE // 1_000_000} MB")
    with archive.open("rb") as opened:
        opened.seek(max(0, size - _LONGEST_COMMENT - _END_SIZE - _LOCATOR64_SIZE))
        tail = opened.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + _END_SIZE:
        raise ImportRefused(f"{archive}: no complete ZIP archive (its directory is missing)")
    if tail[max(0, at - _LOCATOR64_SIZE) :].startswith(_LOCATOR64):
        raise ImportRefused(f"{archive}: a ZIP64 archive; ours hold at most {MOST_ENTRIES} files")
    count, directory_size = struct.unpack_from("<HL", tail, at + 10)
    if count > MOST_ENTRIES or directory_size > MOST_ENTRIES * _LARGEST_RECORD:
        raise ImportRefused(f"{archive} holds more than {MOST_ENTRIES} files")


def _check_entries(archive: Path, entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MOST_ENTRIES:
        raise ImportRefused(f"{archive} holds more than {MOST_ENTRIES} files")
    packed, content = sum(entry.compress_size for entry in entries), sum(entry.file_size for entry in entries)
    if packed > archive.stat().st_size:
        raise ImportRefused(f"{archive}: its files overlap")
    if content > LARGEST_CONTENT:
        raise ImportRefused(f"{archive} unpacks to more than {LARGEST_CONTENT // 1_000_000} MB")
    if content > max(_SMALL, packed * LARGEST_RATIO):
        raise ImportRefused(f"{archive} unpacks to more than {LARGEST_RATIO} times its size")


def _place(folder: Path, entry: zipfile.ZipInfo) -> Path:
    """Where an entry is written.

    Raises:
        ImportRefused: Its name leads out of the folder, or it is no plain file.
    """
    name = entry.filename.replace("\\", "/")
    parts = PurePosixPath(name).parts
    drive = PureWindowsPath(name).drive
    if not parts or name.startswith("/") or drive or ".." in parts or "\0" in entry.orig_filename:
        raise ImportRefused(f"the archive's entry {entry.orig_filename!r} leads out of its folder")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise ImportRefused(f"the archive's entry {name!r} is a link or a device")
    if entry.flag_bits & _ENCRYPTED:
        raise ImportRefused(f"the archive's entry {name!r} is encrypted")
    if entry.compress_type not in _METHODS:
        raise ImportRefused(f"the archive's entry {name!r} is packed by a method other than deflate")
    return folder.joinpath(*parts)


def _write(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, room: int) -> int:
    """Write one entry; how many bytes it had."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with path.open("xb") as file:
        for piece in _pieces(opened, entry):
            written += len(piece)
            if written > min(room, entry.file_size):
                raise ImportRefused(f"the archive's entry {entry.filename!r} is larger than it says")
            file.write(piece)
    return written


def _pieces(opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    with opened.open(entry) as source:
        while piece := source.read(_STEP):
            yield piece
