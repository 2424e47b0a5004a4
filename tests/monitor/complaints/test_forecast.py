"""What a batch is likely to yield, and what has to stay out of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitor.complaints.forecast import forecast
from monitor.complaints.policy import Quality
from monitor.complaints.quality import Meter, Standing

RULE = Quality(success_min=0.90, counter_max=0.05, window_months=3, per_reason=True)
METERS = st.builds(
    Meter,
    upheld=st.integers(0, 200),
    rejected=st.integers(0, 20),
    countered=st.integers(0, 8),
    withdrawn=st.integers(0, 5),
)
BATCHES = st.dictionaries(st.integers(1, 500), st.sampled_from(["high", "medium", "low"]), max_size=60)


def test_too_few_decided_listings_say_nothing() -> None:
    assert forecast({"high": Meter(upheld=19)}, {1: "high"}, RULE) is None


def test_a_batch_is_expected_to_fare_as_those_before_it_of_the_same_confidence() -> None:
    past = {"high": Meter(upheld=90), "low": Meter(upheld=5, rejected=5)}
    found = forecast(past, {number: "high" if number <= 8 else "low" for number in range(1, 11)}, RULE)
    assert found is not None
    assert (found.listings, found.upheld, found.decided, found.weakest) == (10, 9.0, 100, ())
    assert 6 <= found.low < 9 < found.high <= 10


def test_what_would_push_a_rate_beyond_its_bound_is_named_and_nothing_else() -> None:
    past = {"high": Meter(upheld=90), "low": Meter(upheld=5, rejected=5)}
    found = forecast(past, dict.fromkeys(range(1, 31), "low") | {99: "high"}, RULE)
    assert found is not None
    assert len(found.weakest) == 18  # (95 + 1 + 12 / 2) of (100 + 1 + 12) are 0.903, one more would make 0.899
    assert 99 not in found.weakest


@given(st.dictionaries(st.sampled_from(["high", "medium", "low"]), METERS), BATCHES)
def test_leaving_the_named_listings_out_clears_the_hold(past: dict[str, Meter], batch: dict[int, str]) -> None:
    found = forecast(past, batch, RULE)
    closed = sum(past.values(), Meter()).standing(RULE) is Standing.CLOSED
    if found is None or closed:
        assert found is None or found.weakest == ()
        return
    assert 0 <= found.low <= found.high <= found.listings
    left = {alert_id: confidence for alert_id, confidence in batch.items() if alert_id not in found.weakest}
    again = forecast(past, left, RULE)
    assert again is None or again.weakest == ()
