"""What a process remembers of the pictures that it judged, and what changes that."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from sqlalchemy import delete, update

from config.errors import ConfigError
from config.settings import DetectionSettings
from detectors import embedding
from detectors.decode import decode_image
from detectors.describe import describe, describe_reference
from detectors.glance import glance
from detectors.model import Confidence, Match
from detectors.works import WorksIndex
from monitor.demo.edits import EDITS
from monitor.innocents import jpeg
from monitor.models import Models
from monitor.works import Works
from storage.arrays import KeptArrays
from storage.blobs import Blobs
from storage.database import Database
from storage.errors import NotFound
from storage.negatives import add_negative, remove_negative
from storage.rights import add_right
from storage.tables import Negative, Reference, Right, Threshold
from storage.thresholds import set_thresholds
from storage.works import add_reference, add_work, references, remove_work, set_owner
from tests.storage.making import NOW


class Here:
    """A sandbox without walls that counts what it describes."""

    def __init__(self):
        self.described = 0

    async def describe(self, data, *, reference=False):
        self.described += 1
        return describe_reference(data) if reference else describe(data)

    async def glance(self, data):
        return glance(data)

    async def pixels(self, data, side_px):
        return np.asarray(decode_image(data, side_px))


def detection(**changes):
    plain = {"embedding_model": "", "embedding_threshold": 0.5, "read_text": False, "find_logos": False}
    return DetectionSettings(**{**plain, "references_whole": 50_000, **changes})


@pytest.fixture
async def known(sqlite_url, tmp_path, art):
    database = Database(sqlite_url)
    works = Works(database, Blobs(tmp_path / "blobs"), Here())
    async with database.write("test") as session:
        owner = await set_owner(session, NOW, "mira", "Mira Moss", {})
        for number, (_, picture) in enumerate(art[:2]):
            work = await add_work(session, NOW, "mira", owner.id, f"Work {number}")
            description = describe_reference(picture).to_bytes()
            await add_reference(session, work.id, f"{number:064x}", f"{number}.png", description, NOW, "mira")
    yield works, database
    await database.close()


async def _negative(database: Database, picture: bytes, work_id: int | None = None) -> int:
    row = Negative(work_id=work_id, sha256="f" * 64, file_name="stock.jpg", reason="stock background")
    row.description, row.added_at, row.added_by = describe_reference(picture).to_bytes(), NOW, "mira"
    async with database.write("test") as session:
        return (await add_negative(session, row)).id


@pytest.mark.slow
async def test_bytes_judged_before_are_judged_again_only_when_the_works_change(known, art):
    works, database = known
    copy = jpeg(EDITS["pad"](art[0][0], Random(1)))
    first = await works.findings("a", copy)
    assert first.shows(1)
    before = works._sandbox.described
    assert (await works.findings("a", copy)).matches == first.matches
    assert works._sandbox.described == before
    async with database.write("test") as session:
        await add_work(session, NOW, "mira", 1, "Another")
    await works.findings("a", copy)
    assert works._sandbox.described == before + 1


@pytest.mark.parametrize("shown", ["a copy", "nothing of ours"])
async def test_a_picture_compressed_anew_takes_over_what_was_found_and_says_on_which_bytes(known, art, shown):
    works, _ = known
    picture = EDITS["inset"](art[0][0], Random(2)) if shown == "a copy" else EDITS["recut"](art[2][0], Random(3))
    first = await works.findings("a", jpeg(picture, 88))
    before = works._sandbox.described
    again = await works.findings("b", jpeg(picture, 60))
    assert works._sandbox.described == before
    assert (again.matches, again.judged) == (first.matches, "a")
    assert bool(await works.judge(first.matches)) is (shown == "a copy")


async def test_a_design_added_to_a_judged_innocent_picture_is_found(known, art):
    works, _ = known
    innocent = EDITS["pad"](art[2][0], Random(4))
    assert not await works.judge((await works.findings("a", jpeg(innocent))).matches)
    small = art[0][0].resize((300, 300))
    innocent.paste(small, (10, 10), small)
    (verdict,) = await works.judge((await works.findings("b", jpeg(innocent))).matches)
    assert verdict.work_id == 1


@pytest.mark.slow
async def test_a_negative_reference_explains_what_is_nearer_to_it_and_nothing_else(known, art):
    works, database = known
    stock = EDITS["recut"](art[2][0], Random(5))
    both = art[0][0].resize((500, 500))
    lookalike = EDITS["recolor"](art[0][0], Random(6))
    number = await _negative(database, jpeg(lookalike))
    licensed = await works.findings("licensed", jpeg(lookalike, 70))
    assert licensed.shows(1)
    assert licensed.explained == {1: f"nearer to the negative reference {number}: stock background"}
    other = await works.findings("other", jpeg(EDITS["pad"](art[1][0], Random(7))))
    assert other.shows(2)
    assert 2 not in other.explained
    async with database.write("test") as session:
        await remove_negative(session, number, NOW, "mira")
    number = await _negative(database, jpeg(stock))
    stock.paste(both, (150, 150), both)
    beside = await works.findings("beside", jpeg(stock))
    assert beside.shows(1)
    assert beside.explained == {}, "a copy that lies on a stock background is a copy"


@pytest.mark.slow
async def test_a_negative_of_one_work_says_nothing_of_others(known, art):
    works, database = known
    await _negative(database, jpeg(EDITS["recolor"](art[0][0], Random(6))), work_id=2)
    assert (await works.findings("a", jpeg(EDITS["recolor"](art[0][0], Random(6)), 70))).explained == {}


@pytest.mark.slow
async def test_a_work_whose_innocents_come_near_asks_for_more(known, art):
    works, database = known
    found = await works.findings("a", jpeg(EDITS["pad"](art[0][0], Random(1))))
    (verdict,) = await works.judge(found.matches)
    async with database.write("test") as session:
        row = Threshold(work_id=1, score=1.1, unmatched=9, provisional=True, measured_at=NOW)
        await set_thresholds(session, [row], {}, NOW, "mira")
    assert verdict.work_id == 1
    assert await works.judge(found.matches) == []


class Model:
    """A model to which all pictures look alike."""

    def __init__(self, path, threshold):
        self.held, self.asked = [], (str(path), threshold)

    def add(self, work_id, reference_id, pixels):
        self.held.append((work_id, reference_id))

    def matches(self, pixels):
        return [Match(*self.held[0], "embedding", 1, self.asked[1], score=0.9)]


@pytest.mark.slow
async def test_a_model_that_the_operator_names_says_its_part(known, art, monkeypatch, tmp_path):
    works, database = known
    assert await works.models([]) == Models(), "none is used unless one is named"
    monkeypatch.setattr(embedding, "Embedder", Model)
    blobs = Blobs(tmp_path / "blobs")
    async with database.write("test") as session:
        for row in await references(session):
            row.sha256 = await blobs.put(art[row.id - 1][1])
    found = await Works(database, blobs, Here(), detection(embedding_model="model.onnx")).findings(
        "a", jpeg(EDITS["pad"](art[0][0], Random(1)))
    )
    assert [(m.work_id, m.score, m.threshold) for m in found.matches if m.detector == "embedding"] == [(1, 0.9, 0.5)]


READING = detection(read_text=True)


@pytest.mark.slow
async def test_a_trade_mark_is_read_in_pictures_from_its_registration_on(known, tmp_path):
    pytest.importorskip("rapidocr", reason="the extra `ocr` is not installed")
    _, database = known
    works = Works(database, Blobs(tmp_path / "blobs"), Here(), READING)
    sheet = Image.new("RGB", (600, 300), "white")
    ImageDraw.Draw(sheet).text((60, 100), "MOTHWING shop", fill="black", font=ImageFont.load_default(60))
    assert (await works.findings("a", jpeg(sheet))).matches == []
    async with database.write("test") as session:
        mark = Right(owner_id=1, kind="trademark", title="Mothwing", number="7", facts={"title": "Mothwing"})
        await add_right(session, NOW, "mira", mark, [2])
    (found,) = (await works.findings("a", jpeg(sheet))).matches
    assert (found.work_id, found.detector) == (2, "lettering")
    assert (await works.judge([found]))[0].work_id == 2


@pytest.mark.slow
async def test_a_work_under_a_trade_mark_is_sought_on_small_parts_of_pictures(known, art, tmp_path):
    _, database = known
    works = Works(database, Blobs(tmp_path / "blobs"), Here(), detection(find_logos=True))
    ground, mark = art[2][0].convert("RGB").resize((800, 800)), art[1][0].resize((72, 72))
    ground.paste(mark, (500, 600), mark)
    picture = jpeg(ground)
    assert "logo" not in {match.detector for match in (await works.findings("a", picture)).matches}
    async with database.write("test") as session:
        mark = Right(owner_id=1, kind="trademark", title="Mothwing", number="7", facts={"title": "Mothwing"})
        await add_right(session, NOW, "mira", mark, [2])
    (found,) = [match for match in await works.matches(picture) if match.detector == "logo"]
    assert found.work_id == 2
    assert found in (await works.findings("a", picture)).matches
    assert 2 in {verdict.work_id for verdict in await works.judge([found])}


@pytest.mark.slow
async def test_works_beyond_what_is_held_whole_are_found_by_hashes_and_verified_by_all(known, art, tmp_path):
    whole, database = known
    works = Works(database, Blobs(tmp_path / "blobs"), Here(), detection(references_whole=1))
    assert (await works.index()).held_whole == 1
    padded, cropped = (jpeg(EDITS[edit](art[1][0], Random(1))) for edit in ("pad", "crop"))
    of_both = [[match for match in await one.matches(padded) if match.work_id == 2] for one in (whole, works)]
    assert {"phash", "features", "outline"} <= {match.detector for match in of_both[1]}
    assert {match.detector for match in of_both[0]} == {match.detector for match in of_both[1]}
    assert (await works.judge(of_both[1]))[0].confidence is Confidence.HIGH
    assert (await whole.findings("c", cropped)).shows(2)
    assert not (await works.findings("c", cropped)).shows(2), "what no hash is near to is not found"
    await _negative(database, art[1][1])
    assert 2 in (await whole.findings("p", padded)).explained
    assert 2 not in (await works.findings("p", padded)).explained, "its points are not held to be compared with"


async def test_a_reader_that_is_not_installed_is_named_with_what_installs_it(known, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    _, database = known
    with pytest.raises(ConfigError, match=r"pip install 'bazaarwatch\[ocr\]'"):
        await Works(database, Blobs(tmp_path / "blobs"), Here(), READING).findings("a", b"")


async def test_a_change_of_the_works_changes_the_index_and_does_not_build_it_anew(known, art):
    works, database = known
    index, copies = await works.index(), [jpeg(EDITS["pad"](art[at][0], Random(1))) for at in (0, 2)]
    assert works.version is not None
    async with database.write("test") as session:
        work = await add_work(session, NOW, "mira", 1, "A third")
        description = describe_reference(art[2][1]).to_bytes()
        await add_reference(session, work.id, "e" * 64, "third.png", description, NOW, "mira")
        await remove_work(session, 1, NOW, "mira")
    before = works.version
    await works.refresh()
    assert works.version > before
    assert await works.index() is index
    assert 1 not in {match.work_id for match in (await works.findings("gone", copies[0])).matches}
    assert (await works.findings("new", copies[1])).shows(work.id)
    async with database.write("test") as session:
        await add_work(session, NOW, "mira", 1, "Work 0")  # it comes back
    assert (await works.findings("back", copies[0])).shows(1)
    assert await works.index() is index


async def test_an_index_that_could_not_be_changed_is_built_anew(known, art, monkeypatch):
    works, database = known
    index, before = await works.index(), works.version
    async with database.write("test") as session:
        await add_reference(session, 1, "d" * 64, "again.png", b"unreadable", NOW, "mira")
    with pytest.raises(NotFound):  # of a version that is no more, and its picture is missing
        await works.index()
    assert works.version == before, "it is seen to be behind"
    async with database.write("test") as session:
        await session.execute(delete(Reference).where(Reference.sha256 == "d" * 64))
    assert await works.index() is not index
    assert (await works.findings("a", jpeg(EDITS["pad"](art[0][0], Random(1))))).shows(1)


# The file that processes share


@pytest.fixture
def sharing(known, tmp_path, monkeypatch):
    """Makes further processes' views of the same works, each of which keeps a file for any two references."""
    monkeypatch.setattr("monitor.works._WORTH_A_FILE", 1)
    _, database = known
    return lambda: Works(database, Blobs(tmp_path / "blobs"), Here(), folder=tmp_path / "index")


@pytest.fixture
def added(monkeypatch):
    """The references that any index was given one by one, rather than from a file."""
    given: list[int] = []
    add = WorksIndex.add
    monkeypatch.setattr(
        WorksIndex,
        "add",
        lambda self, work, reference, seen, **how: (given.append(reference), add(self, work, reference, seen, **how)),
    )
    return given


async def _add(database: Database, picture: bytes, title: str) -> int:
    async with database.write("test") as session:
        work = await add_work(session, NOW, "mira", 1, title)
        description = describe_reference(picture).to_bytes()
        await add_reference(session, work.id, title.encode().hex().ljust(64, "0"), "x.png", description, NOW, "mira")
        return work.id


def _arrays(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "index").glob("arrays-*"))


async def test_one_process_builds_the_index_and_the_others_map_it_and_find_the_same(
    known, art, sharing, added, tmp_path
):
    alone, _ = known
    copies = [describe(jpeg(EDITS[edit](art[at][0], Random(8)))) for at, edit in enumerate(("pad", "mirror"))]
    expected = [(await alone.index()).matches(copy) for copy in copies]
    assert all(expected)
    added.clear()
    several = await asyncio.gather(*(works.index() for works in (sharing(), sharing(), sharing())))
    assert added == [1, 2], "one of them built it"
    assert len(_arrays(tmp_path)) == 1
    for index in several:
        assert [index.matches(copy) for copy in copies] == expected


async def test_what_changes_is_added_to_what_is_mapped_and_comes_into_the_next_file(
    known, art, sharing, added, tmp_path
):
    _, database = known
    first, second = sharing(), sharing()
    await first.index()
    await second.index()
    added.clear()
    number = await _add(database, art[2][1], "a third")
    copy = jpeg(EDITS["pad"](art[2][0], Random(9)))
    for works in (first, second):
        assert (await works.findings("c", copy)).shows(number)
    assert added == [3, 3], "each in memory, as one is not worth a file"
    assert len(_arrays(tmp_path)) == 1
    async with database.write("test") as session:
        await remove_work(session, 1, NOW, "mira")
    for works in (first, second):
        assert not (await works.findings("a", jpeg(EDITS["pad"](art[0][0], Random(1))))).shows(1)
        assert (await works.findings("c", copy)).shows(number)
    assert added == [3, 3]
    assert len(_arrays(tmp_path)) == 2, "the second change was: one process wrote it, the other mapped it"
    assert (await sharing().findings("c", copy)).shows(number)
    assert added == [3, 3]


@pytest.mark.parametrize("damage", ["cut", "flipped", "made by another version"])
async def test_a_damaged_or_older_file_is_built_anew(known, art, sharing, added, tmp_path, monkeypatch, damage):
    await sharing().index()
    (name,) = _arrays(tmp_path)
    path = tmp_path / "index" / name
    stored = bytearray(path.read_bytes())
    stored[len(stored) // 2] ^= damage == "flipped"
    path.write_bytes(stored[: len(stored) - 64 * (damage == "cut")])
    if damage.startswith("made"):
        monkeypatch.setattr("detectors.shape.VERSION", 99)
    added.clear()
    assert (await sharing().findings("a", jpeg(EDITS["pad"](art[0][0], Random(1))))).shows(1)
    assert added == [1, 2]


async def test_many_works_are_written_some_at_a_time_and_a_builder_that_ends_leaves_what_it_did(
    known, art, sharing, added, tmp_path, monkeypatch
):
    _, database = known
    number = await _add(database, art[2][1], "a third")
    for name in ("_UNFILED", "_WORTH_A_FILE"):
        monkeypatch.setattr(f"monitor.works.{name}", 1 if name == "_UNFILED" else 0)
    async with database.write("test") as session:
        await session.execute(update(Reference).where(Reference.id == 3).values(description=b"unreadable"))
    with pytest.raises(NotFound):
        await sharing().index()
    assert (added, len(_arrays(tmp_path))) == ([1, 2], 1), "two are in one file, and the first file is gone"
    async with database.write("test") as session:
        description = describe_reference(art[2][1]).to_bytes()
        await session.execute(update(Reference).where(Reference.id == 3).values(description=description))
    works = sharing()
    copies = [(1, jpeg(EDITS["pad"](art[0][0], Random(1)))), (number, jpeg(EDITS["pad"](art[2][0], Random(9))))]
    assert [(await works.findings(str(work), copy)).shows(work) for work, copy in copies] == [True, True]
    assert added == [1, 2, 3], "only the last was missing"


async def test_another_picture_under_a_number_that_was_given_before_is_compared_with(known, art, sharing):
    _, database = known
    await sharing().index()
    async with database.write("test") as session:
        description = describe_reference(art[2][1]).to_bytes()
        await session.execute(
            update(Reference).where(Reference.id == 1).values(sha256="e" * 64, description=description)
        )
        await add_work(session, NOW, "mira", 1, "Another")
    works = sharing()
    assert await works.judge((await works.findings("c", jpeg(EDITS["pad"](art[2][0], Random(9))))).matches)
    assert not await works.judge((await works.findings("a", jpeg(EDITS["pad"](art[0][0], Random(1))))).matches)


async def test_works_that_are_mostly_removed_leave_the_next_file(known, art, sharing, added, tmp_path):
    _, database = known
    await sharing().index()
    async with database.write("test") as session:
        await remove_work(session, 1, NOW, "mira")
        await remove_work(session, 2, NOW, "mira")
    number = await _add(database, art[2][1], "a third")
    works = sharing()
    assert (await works.findings("c", jpeg(EDITS["pad"](art[2][0], Random(9))))).shows(number)
    assert (await works.index()).wasted < 0.3


async def test_where_no_file_can_be_written_each_process_holds_the_index_itself(
    known, art, sharing, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(KeptArrays, "keep", _full)
    assert (await sharing().findings("a", jpeg(EDITS["pad"](art[0][0], Random(1))))).shows(1)
    assert "works index not shared" in caplog.text


def _full(*_):
    raise OSError(28, "No space left on device")
