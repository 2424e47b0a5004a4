import csv
import io
import json
import zipfile

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from detectors.model import Answer
from monitor.errors import EvidenceRefused
from monitor.evidence import verify
from monitor.evidence.counsel import write_counsel_pack
from storage import tables
from storage.cases import decide
from storage.errors import NotFound
from storage.subjects import alerts_of_case, case_seller, find_seller

from .conftest import HOSTILE, plant


@pytest.mark.slow
async def test_a_counsel_pack_tells_the_sellers_story_in_order_and_checks_itself(sqlite_parts, tmp_path, clock):
    parts = sqlite_parts
    first, second = await plant(parts, ("Cat pin", HOSTILE))
    clock.advance(3600)
    async with parts.database.write("test") as session:
        await decide(session, first, Answer.INFRINGING, "Mira Moss", clock.now())
        case = (await session.scalars(select(tables.Case))).one()
    async with parts.database.read() as session:
        assert await alerts_of_case(session, case.id) == [first]
        seller = await case_seller(session, case.id)
        for name in ("bazaar:s1", "s1", "Магазин 1"):
            assert (await find_seller(session, name)).id == seller.id
        with pytest.raises(NotFound):
            await find_seller(session, "nobody")
    clock.advance(3600)
    written = await write_counsel_pack(parts, seller, tmp_path / "seller.zip", "mira")
    assert verify.check(str(written.path)).faults == []
    with zipfile.ZipFile(written.path) as file:
        told = list(csv.DictReader(io.StringIO(file.read("chronology.csv").decode("utf-8-sig"))))
        listings = list(csv.DictReader(io.StringIO(file.read("listings.csv").decode("utf-8-sig"))))
        assert file.read("counsel.pdf").startswith(b"%PDF-")
        draft = PdfReader(io.BytesIO(file.read("certificate-draft.pdf")))
        items = json.loads(file.read(f"alert-{first}/items.json"))
        custody = file.read(f"alert-{first}/custody.jsonl").decode().splitlines()
    certified = "".join("".join(page.extract_text() for page in draft.pages).split())
    assert "signedbynobody" in certified
    assert all(item["record"]["sha256"] in certified for item in items)
    assert json.loads(custody[-1])["hash"] in certified
    assert [row["at"] for row in told] == sorted(row["at"] for row in told)
    what = [row["what"] for row in told]
    assert what[0] == "seller first seen"
    assert what.index("alert raised") < what.index("decided infringing") < what.index("evidence handed out")
    assert {row["alert"] for row in listings} == {str(first), str(second)}
    assert [row["decision"] for row in listings] == ["infringing", ""]
    assert listings[1]["title"] == f"'{HOSTILE}", "no live formula"


async def test_a_seller_without_alerts_has_no_pack(sqlite_parts, tmp_path, clock):
    seller = tables.Seller(id=9, marketplace="bazaar", seller_id="s9", name="Nine", first_seen_at=clock.now())
    with pytest.raises(EvidenceRefused, match="has no alerts"):
        await write_counsel_pack(sqlite_parts, seller, tmp_path / "seller.zip", "mira")
