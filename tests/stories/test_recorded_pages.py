"""Pages of real marketplaces, saved with their pictures as a browser would: from import to complaint pack."""

import csv
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import pytest
from PIL import Image

from monitor.marketplaces import parse
from monitor.marketplaces.base import Page
from tests.stories.complaining import confirm

pytestmark = pytest.mark.slow

_EDITS = ("thumbnail", "recompress", "grayscale")  # what hashes find surely of these designs
_WORKS = ("bunny_01", "flying_spaghetti_monste_01", "lumaca_architetto_france_01")
_STRANGERS = ("chicken_burger", "discordian_sacred_chao_t_01", "note_with_pin_nicu_bucul_01", "hub")
_PAGES = {  # name in the saved folder: recording
    "ebay-1.html": "ebay/search-1.html",
    "page.html": "ebay/search-2.html",
    "ebay-3.html": "ebay/search-3.html",
    "aliexpress-1.json": "aliexpress/search-1.json",
    "aliexpress-2.html": "aliexpress/search-assembled-2.html",
}


class Saved:
    """A folder of saved pages into which pictures are planted."""

    def __init__(self, root, recordings):
        self.root = root
        self.root.mkdir()
        self.planted = {}
        self._pages = {name: (recordings / source).read_bytes() for name, source in _PAGES.items()}
        self._listed = []

    def listings(self, name):
        page = parse(Page("about:blank", self._pages[name]))
        return [(listing, page.local_pictures[listing.listing_id][0]) for listing in page.listings]

    def by_last_segment(self, name, at, picture):
        listing, source = self.listings(name)[at]
        self._save(Path(f"{Path(name).stem}_files") / Path(urlsplit(source).path).name, picture)
        return listing

    def by_list(self, name, at, picture):
        listing, source = self.listings(name)[at]
        assert source.endswith("/s-l500.webp"), "all of these pictures are called alike: only the list tells them apart"
        self._listed.append((source, self._save(Path(f"picture {len(self._listed)}.jpg"), picture)))
        return listing

    def by_rewritten_source(self, name, at, picture):
        listing, source = self.listings(name)[at]
        path = self._save(Path("page_files") / "x(1).webp", picture)
        written = re.compile(rb"\bsrc=(\"?)" + re.escape(source.encode()) + rb"\1(?=[\s>])")
        self._pages[name], count = written.subn(b'src="./%s"' % path.as_posix().encode(), self._pages[name])
        assert count
        return listing

    def _save(self, path, picture):
        (self.root / path).parent.mkdir(exist_ok=True)
        picture.convert("RGB").save(self.root / path, "JPEG", quality=82)
        return path

    def finish(self):
        for name, body in self._pages.items():
            (self.root / name).write_bytes(body)
        with (self.root / "pictures.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("url", "file"), *self._listed])
        return self.root


@pytest.fixture
def make_set(shared):
    spec = importlib.util.spec_from_file_location("make_set", shared / "bench" / "make_set.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Planted:
    """A folder of saved pages, the works, and the listings that show the first work, by site, or the others."""

    folder: Path
    works: list[Path]
    ali: list
    ebay: list
    others: list


@pytest.fixture
def planted(shared, make_set, tmp_path):
    works, strangers = (
        [shared / "designs" / "art" / f"{name}.png" for name in names] for names in (_WORKS, _STRANGERS)
    )
    photo = Image.open(next((shared / "designs" / "photos").iterdir())).convert("RGB")
    edits, rng = make_set.Edits([photo]), Random(1)

    def edited(file, edit):
        return getattr(edits, edit)(make_set.load(file), rng)

    saved = Saved(tmp_path / "saved", shared / "fixtures" / "marketplaces")
    first = [edited(works[0], edit) for edit in _EDITS]
    ali = [saved.by_last_segment("aliexpress-1.json", at, picture) for at, picture in ((0, first[0]), (7, first[1]))]
    ali.append(saved.by_last_segment("aliexpress-2.html", 3, first[2]))
    ebay = [
        saved.by_list("ebay-1.html", 5, edited(works[0], "thumbnail")),
        saved.by_rewritten_source("page.html", 8, edited(works[0], "grayscale")),
    ]
    others = [
        saved.by_list("ebay-1.html", 11, edited(works[1], "recompress")),
        saved.by_last_segment("aliexpress-1.json", 20, edited(works[2], "grayscale")),
    ]
    for at, stranger in enumerate(strangers[:2]):
        saved.by_list("ebay-3.html", 20 + at, edited(stranger, "thumbnail"))
        saved.by_last_segment("aliexpress-1.json", 30 + at, edited(strangers[2 + at], "recompress"))
    return Planted(saved.finish(), works, ali, ebay, others)


def test_saved_pages_of_ebay_and_aliexpress_lead_to_a_complaint_pack(desk, planted):
    works, ali, ebay, others = planted.works, planted.ali, planted.ebay, planted.others
    desk("init", "--owner", "Mira Moss", "--email", "mira@example.org", "--country", "DE", "--address", "1 Lane;Ulm")
    desk("works", "add", *works)
    (title, *_) = [work["title"] for work in desk.json("works", "list")]
    published = ("--published", "2025-05-01", "--published-at", "my shop")
    desk("rights", "add", "copyright_unregistered", "--work", title, *published)
    imported = desk.json("import", planted.folder)
    assert {Path(row["source"]).name: row["outcome"] for row in imported} == dict.fromkeys(_PAGES, "ok")
    assert {row["marketplace"] for row in imported} == {"ebay", "aliexpress"}
    assert sum(row["pictures"] for row in imported) == len(ali + ebay + others) + 4

    alerts = desk.json("alerts", "list")
    wanted = {(one.marketplace, one.listing_id) for one in ali + ebay + others}
    assert {(row["marketplace"], row["listing_id"]) for row in alerts} == wanted
    assert len(alerts) == len(wanted)
    assert all(row["reasons"] and row["priority"] for row in alerts)
    digest = Path(desk("digest").strip())
    assert all(row["url"] in (digest / "digest.txt").read_text("utf-8") for row in alerts)
    again = desk.json("import", planted.folder)
    assert [row["new"] for row in again] == [0] * len(again)
    assert [row["id"] for row in desk.json("alerts", "list")] == [row["id"] for row in alerts]
    complaint_leaves_with_what_its_platform_takes(desk, alerts, title, ali, ebay)


def complaint_leaves_with_what_its_platform_takes(desk, alerts, title, ali, ebay):
    """Only listings of the platform's own sites go into the pack, once the right is verified there."""
    desk("alerts", "decide", "infringing", *(row["id"] for row in alerts if row["work"] == title))
    drafted = desk.json("complaints", "draft", title, "--platform", "alibaba_ipp")
    assert sorted(one["url"] for one in drafted["left_out"]) == sorted(one.url for one in ebay)
    assert all("takes no listings of this host" in one["reason"] for one in drafted["left_out"])
    (complaint,) = drafted["complaints"]
    confirm(desk, complaint)
    desk("rights", "state", "1", "alibaba_ipp", "rejected")
    code, line = desk.refused("complaints", "export", complaint)
    assert (code, "right_state" in line) == (1, True)
    desk("rights", "state", "1", "alibaba_ipp", "verified")
    pack = Path(desk("complaints", "export", complaint).strip())
    assert sorted((pack / "urls-1.txt").read_text("utf-8").splitlines()) == sorted(one.url for one in ali)
    with (pack / "listings.csv").open(encoding="utf-8-sig", newline="") as file:
        assert sorted(row["listing_id"] for row in csv.DictReader(file)) == sorted(one.listing_id for one in ali)
    assert desk.is_well()
