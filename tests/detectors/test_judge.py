import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.judge import SHIPPED, evidence, judge
from detectors.model import Confidence, Match, Region


def _hash(detector: str = "phash", distance: int = 0, work_id: int = 1, **more: object) -> Match:
    return Match(work_id, 5, detector, 1, threshold=60, distance_bits=distance, **more)


def _scored(detector: str, score: float, work_id: int = 1) -> Match:
    return Match(work_id, 5, detector, 1, threshold=0.3, score=score)


hash_matches = st.builds(_hash, st.sampled_from(["phash", "dhash"]), st.integers(0, 60), st.integers(1, 3))
scored_matches = st.builds(_scored, st.sampled_from(["features", "outline"]), st.floats(0.3, 5), st.integers(1, 3))
any_match = hash_matches | scored_matches


@given(st.sampled_from(["phash", "dhash"]), st.lists(st.integers(0, 60), min_size=1))
def test_one_hash_alone_never_asks_a_person_to_look(detector, distances):
    found = [_hash(detector, distance) for distance in distances]
    assert judge(found) == []
    assert judge(found, least=0.0)[0].confidence == Confidence.LOW


def test_two_detectors_that_agree_yield_high():
    (verdict,) = judge([_hash("phash", 4), _hash("dhash", 9), _scored("outline", 0.9)])
    assert verdict.confidence == Confidence.HIGH


@pytest.mark.parametrize(("side", "asks"), [(0.2, False), (0.5, True)])
def test_points_that_lie_far_apart_ask_without_an_outline_as_of_a_bent_copy_and_those_of_a_motif_do_not(side, asks):
    region = Region("part", (0.1, 0.1, 0.1 + side, 0.1 + side))
    points = Match(1, 5, "features", 1, threshold=0.25, score=12.0, inliers=25, reference_region=region)
    assert bool(judge([points])) is asks
    (ranked,) = judge([points], least=0.7)
    assert ranked.confidence == (Confidence.MEDIUM if asks else Confidence.LOW)


@given(st.floats(0.3, 500))
def test_one_detector_alone_never_yields_high(score):
    (verdict,) = judge([_scored("features", score)], least=0.0)
    assert verdict.confidence != Confidence.HIGH


@given(st.lists(any_match, max_size=8), any_match)
def test_more_evidence_never_lowers_a_works_score(matches, another):
    before = {verdict.work_id: verdict for verdict in judge(matches, least=0.0)}
    after = {verdict.work_id: verdict for verdict in judge([*matches, another], least=0.0)}
    order = list(reversed(Confidence))
    for work_id, verdict in before.items():
        assert after[work_id].score >= verdict.score
        assert order.index(after[work_id].confidence) >= order.index(verdict.confidence)


@given(st.lists(any_match, max_size=12))
def test_verdicts_come_best_first_one_a_work_with_a_reason_for_every_match(matches):
    verdicts = judge(matches, least=0.0)
    assert [v.score for v in verdicts] == sorted((v.score for v in verdicts), reverse=True)
    assert {v.work_id for v in verdicts} == {m.work_id for m in matches}
    assert len({v.work_id for v in verdicts}) == len(verdicts)
    assert all(0 <= v.score <= 1 and len(v.reasons) == len(v.matches) > 0 for v in verdicts)


@given(st.lists(any_match, max_size=12))
def test_only_verdicts_from_the_shipped_score_on_are_given(matches):
    assert judge(matches) == [v for v in judge(matches, least=0.0) if v.score >= SHIPPED]


@given(st.randoms(use_true_random=False), st.lists(hash_matches, max_size=8))
def test_the_order_of_findings_does_not_matter(rng, matches):
    shuffled = list(matches)
    rng.shuffle(shuffled)
    assert [(v.work_id, v.score, v.reasons) for v in judge(shuffled, least=0.0)] == [
        (v.work_id, v.score, v.reasons) for v in judge(matches, least=0.0)
    ]


def test_a_reason_says_what_was_found_where_and_how_surely():
    (verdict,) = judge([_hash(distance=12, orientation=5, region=Region("content", (0.1, 0.1, 0.9, 0.9)))], least=0.0)
    assert verdict.reasons == (
        "phash 1 finds reference 5, in the picture's content, mirrored and turned by 90 degrees: "
        "12 of 256 bits differ, up to 60 count",
    )


@pytest.mark.parametrize(("distance", "expected"), [(0, 3.0), (30, 1.5), (60, 0.0)])
def test_a_hashs_evidence_falls_to_nothing_at_its_radius(distance, expected):
    assert evidence(_hash(distance=distance)) == expected
