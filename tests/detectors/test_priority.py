from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from detectors.model import Confidence, Listing, PriorityLevel, SellerHistory, Verdict
from detectors.priority import prioritize

RISING = (Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH)
LEVELS = (PriorityLevel.LOW, PriorityLevel.NORMAL, PriorityLevel.HIGH, PriorityLevel.URGENT)


def _listing(priced: bool = True) -> Listing:
    return Listing("bazaar", "1", "https://bazaar.example/1", "A pin", Decimal("3.99") if priced else None, "USD")


def _verdict(confidence: Confidence = Confidence.HIGH, score: float = 0.9) -> Verdict:
    return Verdict(1, confidence, score, (), ())


counts = st.integers(0, 100)
verdicts = st.builds(_verdict, st.sampled_from(RISING), st.floats(0, 1))
listings = st.builds(_listing, st.booleans())
histories = st.builds(SellerHistory, counts, counts, counts)


@given(verdicts, listings, histories)
def test_the_reasons_points_add_up_to_a_score_between_0_and_100(verdict, listing, history):
    priority = prioritize(verdict, listing, history)
    assert sum(int(reason.split()[0]) for reason in priority.reasons) == priority.score
    assert 0 <= priority.score <= 100


@given(verdicts, listings, histories, counts, counts, st.floats(0, 1), st.sampled_from(RISING))
def test_raising_evidence_never_lowers_the_priority(verdict, listing, history, alerts, infringing, score, confidence):
    before = prioritize(verdict, listing, history)
    worse = SellerHistory(history.alerts + alerts, history.infringing + infringing, history.licensed)
    surer = _verdict(max(confidence, verdict.confidence, key=RISING.index), max(score, verdict.score))
    for after in (prioritize(surer, listing, history), prioritize(verdict, listing, worse)):
        assert after.score >= before.score
        assert LEVELS.index(after.level) >= LEVELS.index(before.level)
    assert prioritize(verdict, _listing(priced=True), history).score >= before.score


def test_a_sure_finding_at_a_repeat_infringer_is_urgent_and_a_lone_weak_hint_is_low():
    assert prioritize(_verdict(), _listing(), SellerHistory(3, 2, 0)).level == PriorityLevel.URGENT
    assert prioritize(_verdict(Confidence.LOW, 0.5), _listing(), SellerHistory()).level == PriorityLevel.LOW


def test_a_seller_known_as_licensed_comes_later():
    licensed = prioritize(_verdict(), _listing(), SellerHistory(licensed=2))
    assert licensed.score < prioritize(_verdict(), _listing(), SellerHistory()).score
    assert any("licensed" in reason for reason in licensed.reasons)
