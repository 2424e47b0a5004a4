"""What each adapter says it can do is what it can, and what the documentation says."""

from pathlib import Path

import pytest

from monitor.marketplaces import MARKETPLACES
from monitor.marketplaces.base import WAYS, Query
from monitor.marketplaces.overview import markdown, overview

PAGE = Path(__file__).parents[3] / "docs" / "marketplaces.md"
SHOP = "https://shop.example/?q={keyword}"


def test_the_documentation_holds_the_table():
    assert markdown(MARKETPLACES.values()) in PAGE.read_text("utf-8"), (
        "print it anew: bazaarwatch marketplaces list --markdown"
    )


@pytest.mark.parametrize("site", MARKETPLACES.values(), ids=lambda site: site.name)
def test_a_site_can_be_searched_by_plain_requests_just_where_it_says_so(site):
    asked = [Query("moth"), Query("moth", shop=SHOP), Query("moth", shop="https://shop.example")]
    assert ("http" in site.abilities.keyword.split()) == any(map(site.query_request, asked))


@pytest.mark.parametrize("row", overview(MARKETPLACES.values()), ids=lambda row: row["name"])
def test_every_site_can_be_read_in_some_known_way_and_says_what_to_expect(row):
    ways = [way for key in ("keyword_search", "picture_search", "detail", "seller") for way in row[key]]
    assert ways
    assert set(ways) <= set(WAYS)
    assert row["note"]
