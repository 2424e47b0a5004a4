"""Many works at once: from folders and tables, whatever is wrong with some of them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import Workbook

from config.settings import load
from detectors.errors import UndecodableImage
from monitor.daemon import build
from monitor.errors import ImportRefused
from monitor.registry.intake import COLUMNS, entries_of_folder, entries_of_table, take_in
from monitor.sandbox import Sandbox
from storage.rights import list_rights, publications_of
from storage.works import find_title, list_works, references, set_owner
from tests.storage.making import NOW


class Described:
    """Stands for a description: intake only stores its bytes."""

    def to_bytes(self):
        return b"description"


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    async def describe(self, data, *, reference=False):
        if data.startswith(b"bad"):
            raise UndecodableImage("no picture")
        return Described()

    monkeypatch.setattr(Sandbox, "describe", describe)
    monkeypatch.setattr("detectors.calibration.weak_at_sight", lambda description: None)


@asynccontextmanager
async def desk(database_url, tmp_path, clock):
    async with build(load(tmp_path / "data", {"BAZAARWATCH_DATABASE__URL": database_url}), clock=clock) as parts:
        async with parts.database.write("test") as session:
            owner = await set_owner(session, NOW, "test", "Mira Moss", {"country": "DE", "kind": "person"})
            await set_owner(session, NOW, "test", "Ben", {})
        yield parts, owner


async def taken(parts, owner, entries, **how):
    found = [(one.what, one.work, one.detail) async for one in take_in(parts, owner, entries, "mira", **how)]
    return sorted(found)


def make(folder: Path, **files: bytes) -> Path:
    for name, data in files.items():
        path = folder / name.replace("__", "/").replace("_png", ".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


async def test_sub_folders_are_works_and_a_second_time_adds_nothing(database_url, tmp_path, clock):
    folder = make(
        tmp_path / "designs",
        Moth__front_png=b"1",
        Moth__deep__back_png=b"2",
        Fox__front_png=b"3",
        lone_wolf_png=b"4",
        Fox__broken_png=b"bad",
        Fox__copy_png=b"3",
        Owl__same_as_moth_png=b"1",
        notes__readme=b"no picture",
    )
    async with desk(database_url, tmp_path, clock) as (parts, owner):
        entries = entries_of_folder(folder)
        rehearsed = await taken(parts, owner, entries, dry=True)
        assert [what for what, *_ in rehearsed].count("would be added") == 5
        first = await taken(parts, owner, entries)
        assert [(what, work) for what, work, _ in first] == [
            ("added", "Fox"),
            ("added", "Moth"),
            ("added", "Moth"),
            ("added", "lone wolf"),
            ("duplicate", "Moth"),
            ("known", "Fox"),
            ("refused", "Fox"),
        ]
        again = await taken(parts, owner, entries)
        assert {what for what, *_ in again} == {"known", "duplicate", "refused"}
        async with parts.database.read() as session:
            assert {one.work.title: one.references for one in await list_works(session)} == {
                "Fox": 1,
                "Moth": 2,
                "lone wolf": 1,
            }
            assert len(await references(session)) == 4


TABLE = """\
Work,Picture,Price,Published,Published At,Published URL,Right,Number,Office,Jurisdictions,Expires,Nice classes
Moth,moth.png;moth back.png,12.50 EUR,2024-05-01,my shop,https://shop.example/moth,,,,,,
Fox,fox.png,,,,,trademark,5123456,USPTO,us,2031-01-01,14;25
Owl,owl.png,,,,,,,,,,
,fox.png,,,,,,,,,,
Bat,missing.png,twelve,2024-13-01,,,,,,,,
Elk,fox.txt,,,,,trademark,N/A,USPTO,US,2031-01-01,14
Bee,owl.png,,,somewhere,,,,,,,
"""
PROBLEMS = {
    "row 5": ["work: say which work"],
    "row 6": ["no file", "price: 'twelve' does not fit: what the genuine article costs", "published: '2024-13-01'"],
    "row 7": ["fox.txt is none", "number: 'N/A' is no number"],
    "row 8": ["published: say the day too"],
}


def sheet(folder: Path, form: str) -> Path:
    make(folder, moth_png=b"1", fox_png=b"3", owl_png=b"4")
    (folder / "moth back.png").write_bytes(b"2")
    (folder / "fox.txt").write_bytes(b"text")
    file = folder / f"works.{form}"
    rows = [line.split(",") for line in TABLE.splitlines()]
    if form == "csv":
        file.write_bytes(b"\xef\xbb\xbf" + TABLE.encode())
        return file
    book = Workbook()
    for row in rows:
        book.active.append([date.fromisoformat(cell) if cell == "2024-05-01" else cell or None for cell in row])
    book.active["H3"] = 5123456
    book.save(file)
    return file


@pytest.mark.parametrize("form", ["csv", "xlsx"])
async def test_a_table_registers_works_prices_rights_and_proofs_and_names_each_wrong_row(
    sqlite_url, tmp_path, clock, form
):
    file = sheet(tmp_path, form)
    async with desk(sqlite_url, tmp_path, clock) as (parts, owner):
        entries = await entries_of_table(parts, file, owner)
        wrong = {one.source: "; ".join(one.problems) for one in entries if one.problems}
        assert wrong.keys() == PROBLEMS.keys()
        assert all(part in wrong[row] for row, expected in PROBLEMS.items() for part in expected), wrong
        found = await taken(parts, owner, entries)
        assert [what for what, *_ in found].count("added") == 6  # four pictures, two rights
        async with parts.database.read() as session:
            moth = await find_title(session, owner.id, "Moth")
            assert moth is not None
            assert (moth.reference_price, moth.currency) == (Decimal("12.50"), "EUR")
            (proof,) = await publications_of(session, moth.id)
            assert (proof.url, proof.stated_on) == ("https://shop.example/moth", date(2024, 5, 1))
            rights = {works[0].title: right for right, works in await list_rights(session)}
        assert rights["Moth"].number.startswith("UC-")
        assert (rights["Fox"].number, rights["Fox"].facts["nice_classes"]) == ("5123456", [14, 25])
        again = await taken(parts, owner, await entries_of_table(parts, file, owner))
        assert {what for what, *_ in again} == {"known", "refused"}


async def test_a_table_with_other_columns_is_refused_naming_them(sqlite_url, tmp_path, clock):
    async with desk(sqlite_url, tmp_path, clock) as (parts, owner):
        for text, says in (
            ("work,picture,colour\n", "unknown columns colour; known: work, picture"),
            ("work,price\n", "it needs the columns work and picture"),
            ("", "it needs the columns work and picture"),
        ):
            (tmp_path / "works.csv").write_text(text)
            with pytest.raises(ImportRefused, match=says):
                await entries_of_table(parts, tmp_path / "works.csv", owner)
        (tmp_path / "works.xlsx").write_bytes(b"no book")
        with pytest.raises(ImportRefused, match="no spreadsheet"):
            await entries_of_table(parts, tmp_path / "works.xlsx", owner)


async def test_another_owners_picture_is_no_duplicate(sqlite_url, tmp_path, clock):
    folder = make(tmp_path / "designs", Moth__front_png=b"1")
    async with desk(sqlite_url, tmp_path, clock) as (parts, mira):
        async with parts.database.write("test") as session:
            ben = await set_owner(session, NOW, "test", "Ben", {})
        assert [what for what, *_ in await taken(parts, mira, entries_of_folder(folder))] == ["added"]
        assert [what for what, *_ in await taken(parts, ben, entries_of_folder(folder))] == ["added"]


def test_every_column_is_documented():
    guide = (Path(__file__).parents[3] / "docs" / "rights.md").read_text("utf-8")
    assert [column for column in COLUMNS if f"| `{column}` |" not in guide] == []
