from hypothesis import given
from hypothesis import strategies as st

from detectors.index import FingerprintIndex
from detectors.model import Fingerprint
from detectors.twins import apart

codes = st.binary(min_size=32, max_size=32)


def _print(bits: bytes) -> Fingerprint:
    return Fingerprint("phash", 1, bits)


@given(st.lists(codes, min_size=1, max_size=20), codes, st.integers(0, 256))
def test_the_index_finds_exactly_what_lies_within_the_radius(stored, query, radius):
    index: FingerprintIndex[int] = FingerprintIndex()
    for owner, bits in enumerate(stored):
        index.add(owner, [_print(bits)])
    found = {(owner, distance) for _, owner, _, _, distance in index.near([_print(query)], radius)}
    distances = [apart(query, bits) for bits in stored]
    assert found == {(owner, distance) for owner, distance in enumerate(distances) if distance <= radius}


@given(st.lists(st.tuples(st.integers(0, 3), codes), min_size=1, max_size=20), st.integers(0, 3))
def test_a_removed_owner_is_found_no_more_and_the_others_still_are(entries, gone):
    index: FingerprintIndex[int] = FingerprintIndex()
    for owner, bits in entries:
        index.add(owner, [_print(bits)])
    index.remove(lambda owner: owner == gone)
    for owner, bits in entries:
        assert (owner in {held for _, held, *_ in index.near([_print(bits)], 0)}) == (owner != gone)
    assert len(index) == sum(owner != gone for owner, _ in entries)


def test_an_empty_index_finds_nothing():
    index: FingerprintIndex[int] = FingerprintIndex()
    index.add(1, [])
    index.remove(lambda owner: True)
    assert list(index.near([_print(b"\0" * 32)], 256)) == []
