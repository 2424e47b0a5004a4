"""Terms that confirmed listings share, and searches that bring nothing."""

from dataclasses import dataclass
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from monitor.keywords import suggest, to_retire
from storage.keywords import KeywordYield

TITLES = [
    ("ebay", "Luna Moth enamel pin, hot sale"),
    ("etsy", "Handmade luna moth brooch"),
    ("ebay", "LUNA MOTH pin badge 2 pcs"),
    ("ebay", "Death head hawk pin"),
]


def test_a_term_is_proposed_once_three_confirmed_listings_share_it():
    assert [(one.term, one.listings, one.marketplaces) for one in suggest(TITLES, ["enamel pin"])] == [
        ("luna moth", 3, ("ebay", "etsy"))
    ]
    assert suggest(TITLES[1:], ["enamel pin"]) == []


def test_a_term_that_a_search_covers_is_not_proposed():
    assert suggest(TITLES, ["moth luna pin"]) == []


def test_a_word_that_more_listings_share_than_its_pair_stands_alone():
    titles = [*TITLES, ("ebay", "atlas moth"), ("ebay", "emperor moth")]
    assert [(one.term, one.listings) for one in suggest(titles, [])] == [("moth", 5), ("luna moth", 3)]


def test_words_of_the_trade_and_bare_numbers_are_not_proposed():
    assert suggest([("ebay", "2024 hot sale enamel pin free shipping 100")] * 5, []) == []


def test_other_scripts_are_words_too():
    assert {one.term for one in suggest([("taobao", "月蛾 胸针 包邮")] * 3, [])} >= {"月蛾 胸针"}


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b"]), st.text(max_size=30)), max_size=8), st.lists(st.text(max_size=9))
)
def test_whatever_the_titles_each_proposal_is_shared_as_often_as_it_says(titles, keywords):
    for one in suggest(titles, keywords, 2):
        assert one.listings >= 2
        assert one.example in {title for _, title in titles}


@dataclass
class Row:
    paused_at: datetime | None = None


def test_a_search_is_flagged_after_ten_answered_runs_without_an_alert():
    rows = [
        KeywordYield(Row(), runs=10, listings_new=90, alerted=0, confirmed=0),
        KeywordYield(Row(), runs=9, listings_new=90, alerted=0, confirmed=0),
        KeywordYield(Row(), runs=50, listings_new=90, alerted=1, confirmed=0),
        KeywordYield(Row(datetime(2026, 1, 1, tzinfo=UTC)), runs=50, listings_new=0, alerted=0, confirmed=0),
    ]
    assert to_retire(rows) == rows[:1]
    assert to_retire(rows, runs=5) == rows[:2]
