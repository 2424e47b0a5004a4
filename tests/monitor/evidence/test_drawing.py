import zipfile

import pytest
from sqlalchemy import func, select

from monitor.desk.drawing import draw_evidence
from monitor.desk.enclosing import enclose, title_of
from monitor.evidence import bundle, sections, verify
from monitor.evidence.bundle import write_bundle
from storage import tables
from storage.drawings import due_drawings
from storage.retention import forget_evidence

from .conftest import TITLES, plant, protect


@pytest.fixture(autouse=True)
def smaller_sections(monkeypatch):
    """Two listings a section, and each file stored apart once it holds a little."""
    monkeypatch.setattr(sections, "PER_SECTION", 2)
    monkeypatch.setattr(sections, "_PIECE", 60_000)


async def confirmed(parts, alert_ids):
    """A complaint about alerts, confirmed as if by hand: what leads there is tested elsewhere."""
    now = parts.clock.now()
    async with parts.database.write("complaint") as session:
        await protect(session, 1, 1, now)
        said = {"confirmed_by": "Mira Moss", "confirmation": {}, "approved_by": "Mira Moss"}
        row = tables.Complaint(
            platform="demo", site="demo", work_id=1, right_id=1, reason="r", explanation="e", state="approved",
            state_since=now, drafted_at=now, confirmed_at=now, **said,
        )  # fmt: skip
        session.add(row)
        await session.flush()
        session.add_all(
            tables.ComplaintTarget(complaint_id=row.id, alert_id=alert_id, position=place, state_since=now)
            for place, alert_id in enumerate(alert_ids)
        )
        return row.id


async def stored(parts):
    async with parts.database.read() as session:
        return await session.scalar(select(func.count()).select_from(tables.Drawing))


def files_of(written):
    assert verify.check(str(written.path), written.manifest_sha256).faults == []
    with zipfile.ZipFile(written.path) as file:
        assert file.testzip() is None
        return {name: file.read(name) for name in file.namelist()}


def cannot_draw(*_):
    raise AssertionError("what is stored was drawn again")


async def test_what_was_drawn_ahead_is_copied_and_is_the_zip_that_is_drawn_at_once(parts, tmp_path, monkeypatch):
    alert_ids = await plant(parts)
    complaint_id = await confirmed(parts, alert_ids)
    await draw_evidence(parts, complaint_id)
    count = await stored(parts)
    assert count > len(sections.sections("", TITLES)), "a large section lies in several files"
    async with parts.database.read() as session:
        assert await due_drawings(session) == []
    await draw_evidence(parts, complaint_id)
    assert await stored(parts) == count

    with monkeypatch.context() as patch:
        patch.setattr(bundle, "draw", cannot_draw)
        ahead = await write_bundle(parts, title_of(complaint_id), alert_ids, tmp_path / "1.zip", "mira")
    at_once = await write_bundle(parts, "another title", alert_ids, tmp_path / "2.zip", "mira")
    one, other = files_of(ahead), files_of(at_once)
    assert list(one) == list(other)
    titled = {"README.txt", "index.html", "manifest.json", *(name for name in one if name.startswith("sheets-"))}
    assert {name for name in one if one[name] != other[name]} == titled | {
        f"alert-{number}/custody.jsonl" for number in alert_ids
    }


async def test_what_came_after_the_drawing_is_in_the_zip_all_the_same(parts, tmp_path, clock):
    alert_ids = await plant(parts, TITLES[:3])
    complaint_id = await confirmed(parts, alert_ids)
    await draw_evidence(parts, complaint_id)
    async with parts.database.write("decided anew") as session:
        alert = await session.get_one(tables.Alert, alert_ids[2])
        alert.answer, alert.decided_by, alert.decided_at = "infringing", "Ann Other", clock.now()
    files = files_of(await write_bundle(parts, title_of(complaint_id), alert_ids, tmp_path / "1.zip", "mira"))
    assert "by Ann Other" in files["sheets-2.html"].decode()
    assert b"Ann Other" in files[f"alert-{alert_ids[2]}/findings.json"]


async def test_a_stored_drawing_that_is_lost_is_drawn_anew(sqlite_parts, tmp_path):
    parts = sqlite_parts
    alert_ids = await plant(parts, TITLES[:2])
    complaint_id = await confirmed(parts, alert_ids)
    await draw_evidence(parts, complaint_id)
    async with parts.database.read() as session:
        rows = list(await session.scalars(select(tables.Drawing).order_by(tables.Drawing.position)))
    whole = files_of(await write_bundle(parts, title_of(complaint_id), alert_ids, tmp_path / "1.zip", "mira"))
    parts.blobs.remove(rows[-1].sha256)
    files = files_of(await write_bundle(parts, title_of(complaint_id), alert_ids, tmp_path / "2.zip", "mira"))
    assert list(files) == list(whole)


async def test_what_is_missing_is_not_stored_as_if_it_were_all(sqlite_parts, tmp_path):
    parts = sqlite_parts
    alert_ids = await plant(parts, TITLES[:1])
    complaint_id = await confirmed(parts, alert_ids)
    async with parts.database.read() as session:
        page = (await session.scalars(select(tables.Evidence.sha256).where(tables.Evidence.kind == "page"))).one()
    parts.blobs.remove(page)
    await draw_evidence(parts, complaint_id)
    written = await write_bundle(parts, title_of(complaint_id), alert_ids, tmp_path / "1.zip", "mira")
    assert (await stored(parts), len(written.missing)) == (0, 1)


async def test_drawings_go_once_they_are_enclosed_or_when_their_evidence_is_purged(parts):
    alert_ids = await plant(parts, TITLES[:2])
    complaint_id = await confirmed(parts, alert_ids)
    await draw_evidence(parts, complaint_id)
    assert await stored(parts)
    async with parts.database.write("purged") as session:
        query = select(tables.Alert.id).where(tables.Alert.id == alert_ids[0])
        await forget_evidence(session, query, "bazaarwatch", parts.clock.now(), 9)
    assert await stored(parts) == 0

    async with parts.database.write("confirmed anew") as session:
        (await session.get_one(tables.Complaint, complaint_id)).drawn_at = None
    await draw_evidence(parts, complaint_id)
    assert await stored(parts)
    async with parts.database.write("exported") as session:
        row = await session.get_one(tables.Complaint, complaint_id)
        row.state, row.exported_at, row.pack, row.pack_sha256 = "exported", parts.clock.now(), "packs/c", "0" * 64
    (parts.settings.data_dir / "packs" / "c").mkdir(parents=True)
    assert verify.check(str(await enclose(parts, complaint_id, "mira"))).faults == []
    assert await stored(parts) == 0
    await draw_evidence(parts, complaint_id)
    assert await stored(parts) == 0, "it has left"
