"""The good-faith meter: what counts, and where the gate closes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.complaints.base import TargetState as T
from monitor.complaints.policy import Quality
from monitor.complaints.quality import LEAST_DECIDED, Standing, meter

RULE = Quality(success_min=0.90, counter_max=0.05, window_months=3, per_reason=True)


@pytest.mark.parametrize(
    ("counts", "standing"),
    [
        ({}, Standing.TOO_FEW),
        ({T.REJECTED: 19}, Standing.TOO_FEW),
        ({T.REMOVED: 18, T.REJECTED: 2}, Standing.LOW),  # 0.90 exactly is not under it
        ({T.REMOVED: 17, T.REJECTED: 3}, Standing.CLOSED),
        ({T.REMOVED: 17, T.WITHDRAWN: 3}, Standing.CLOSED),
        ({T.EDITED: 90, T.REAPPEARED: 4, T.REJECTED: 6}, Standing.GOOD),
        ({T.REMOVED: 92, T.REJECTED: 8}, Standing.LOW),
        ({T.REMOVED: 95, T.REINSTATED: 5}, Standing.LOW),
        ({T.REMOVED: 94, T.REINSTATED: 6}, Standing.CLOSED),
        ({T.REMOVED: 20, T.VOID_GONE: 400}, Standing.GOOD),  # gone before anybody looked: neither way
        ({T.REMOVED: 20, T.UNDER_REVIEW: 50, T.EXCLUDED: 9}, Standing.GOOD),
    ],
)
def test_the_gate_closes_at_the_platforms_bounds_and_warns_before(counts: dict[T, int], standing: Standing) -> None:
    assert meter(counts.items()).standing(RULE) is standing


@given(st.dictionaries(st.sampled_from(T), st.integers(0, 200)))
def test_one_more_refusal_never_betters_a_standing_and_few_decisions_never_close_it(counts: dict[T, int]) -> None:
    before = meter(counts.items())
    after = meter([*counts.items(), (T.REJECTED, 1)])
    assert after.decided == before.decided + 1
    if before.success_rate is not None:
        assert after.success_rate is not None
        assert after.success_rate <= before.success_rate
    if before.standing(RULE) is Standing.CLOSED and (before.counter_rate or 0) <= RULE.counter_max:
        assert after.standing(RULE) is Standing.CLOSED
    if before.decided < LEAST_DECIDED:
        assert before.standing(RULE) is Standing.TOO_FEW
