"""Every recorded response ends in its outcome and parses to its ground truth, over every registered marketplace."""

from __future__ import annotations

import json
import unicodedata
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from detectors.model import Listing, Outcome
from monitor.marketplaces import MARKETPLACES, parse
from monitor.marketplaces.base import Page
from monitor.marketplaces.images import full_size

_FOLDER = Path(__file__).parents[4] / "shared" / "fixtures" / "marketplaces"


def _rows() -> list[dict[str, Any]]:
    index = _FOLDER / "index.jsonl"
    lines = index.read_text(encoding="utf-8").splitlines() if index.is_file() else []
    return [row for row in map(json.loads, lines) if row["outcome"] is not None]


_ROWS = _rows()
_COUNTS = {"walmart/search-items-1.json": 35}  # of its 40 elements 5 are advertising widgets without an item id
_READABLE = [row for row in _ROWS if row["outcome"] == "ok" and row["site"] in MARKETPLACES]
_WALLS = [row for row in _ROWS if row["outcome"] != "ok"]


@pytest.fixture(scope="module")
def recordings(shared: Path) -> Path:
    return shared / "fixtures" / "marketplaces"


def _page(folder: Path, row: dict[str, Any], url: str = "") -> Page:
    return Page(url, (folder / row["file"]).read_bytes())


@pytest.mark.parametrize("row", _READABLE, ids=lambda row: row["file"])
def test_a_recording_parses_to_its_ground_truth(recordings: Path, row: dict[str, Any]) -> None:
    answer = parse(_page(recordings, row), row["site"])
    assert (answer.outcome, answer.reason) == (Outcome.OK, "")
    if row["listings"] is not None:
        assert len(answer.listings) == _COUNTS.get(row["file"], row["listings"])
    by_id = {listing.listing_id: listing for listing in reversed(answer.listings)}
    for position, truth in enumerate(row["ground_truth"]):
        listing = by_id[truth["id"]] if truth["id"] else answer.listings[position]
        _assert_same(listing, truth)


def _assert_same(listing: Listing, truth: dict[str, Any]) -> None:
    assert listing.title == truth["title"]
    if "price" not in truth.get("unchecked", ()):
        assert listing.price == Decimal(truth["price"])
    assert listing.currency == truth["currency"]
    if truth["seller"] is not None:
        assert listing.seller is not None
        assert listing.seller.name == truth["seller"]
    if truth.get("seller_id") is not None:
        assert listing.seller is not None
        assert listing.seller.seller_id == truth["seller_id"]
    if truth.get("price_raw") is not None:
        assert listing.price_raw == str(truth["price_raw"])
    wanted = truth.get("image_full") or truth["image"]
    if wanted:
        assert listing.image_urls[0].startswith(full_size(wanted))
    url = truth.get("canonical_url") or truth["url"]
    known = MARKETPLACES[listing.marketplace].canonical(url) if url else None
    if url and urlsplit(url).netloc:
        assert listing.url in {url, known[1] if known else url}


@pytest.mark.parametrize("row", _READABLE, ids=lambda row: row["file"])
def test_a_recording_is_recognised_without_being_named(recordings: Path, row: dict[str, Any]) -> None:
    answer = parse(_page(recordings, row))
    assert (answer.marketplace, answer.outcome) == (row["site"], Outcome.OK)


@pytest.mark.parametrize("row", _READABLE, ids=lambda row: row["file"])
def test_what_a_recording_yields_is_clean(recordings: Path, row: dict[str, Any]) -> None:
    for listing in parse(_page(recordings, row), row["site"]).listings:
        assert not {unicodedata.category(letter) for letter in listing.title} & {"Cc", "Cs"}
        assert all(urlsplit(url).scheme in {"http", "https"} and urlsplit(url).hostname for url in listing.image_urls)
        assert listing.price is None or listing.price.is_finite()


@pytest.mark.parametrize("name", sorted(MARKETPLACES))
@pytest.mark.parametrize("row", _WALLS, ids=lambda row: row["file"])
def test_a_recorded_wall_or_shell_never_counts_as_zero_results(
    recordings: Path, row: dict[str, Any], name: str
) -> None:
    answer = parse(_page(recordings, row), name)
    assert (answer.outcome, answer.listings) == (row["outcome"], ())
    assert answer.reason
