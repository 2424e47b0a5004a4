"""Files of arrays: what comes back is what was kept, or nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from storage.arrays import KeptArrays

SOME = {"a": np.arange(10, dtype=np.int64), "none": np.zeros((0, 4), np.float32), "b": np.array([b"xy", b"z"])}
IN_PIECES = {name: [array] for name, array in SOME.items()}
kinds = st.sampled_from([np.dtype(kind) for kind in ("u1", "<u2", "<i8", "<f4", "<c8")])


def _same(found, kept):
    return found is not None and all(np.array_equal(found[name], array) for name, array in kept.items())


@given(
    st.dictionaries(st.text(min_size=1, max_size=5), arrays_of.arrays(kinds, arrays_of.array_shapes())),
    st.lists(st.integers(0, 10), max_size=4).map(sorted),
)
def test_every_kind_of_array_comes_back_as_it_was_and_cannot_be_changed(tmp_path_factory, several, cuts):
    files = KeptArrays(tmp_path_factory.mktemp("arrays"), "test")
    files.keep(1, {name: np.split(array, cuts) for name, array in several.items()})
    found = files.newest()
    assert list(found) == list(several)
    for name, array in several.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes()
        with pytest.raises(ValueError, match="read-only"):
            found[name][...] = 0


@pytest.mark.parametrize("damage", ["cut", "flipped", "hash", "empty", "longer"])
def test_a_damaged_file_is_not_believed_and_the_one_before_is_taken(tmp_path: Path, damage: str) -> None:
    KeptArrays(tmp_path, "test").keep(4, IN_PIECES)
    files = KeptArrays(tmp_path, "test")
    files.keep(7, {"a": [np.ones(1000, np.uint8)]})
    path = tmp_path / "arrays-7"
    stored = bytearray(path.read_bytes())
    if damage == "flipped":
        stored[-500] ^= 1
    elif damage == "hash":
        stored[3] ^= 1
    stored = {"cut": stored[:-64], "empty": b"", "longer": stored + b"\0"}.get(damage, stored)
    path.write_bytes(stored)
    assert _same(files.newest(), SOME)
    assert not path.exists()


def test_what_another_program_made_is_not_taken(tmp_path: Path) -> None:
    KeptArrays(tmp_path, "version 1").keep(1, IN_PIECES)
    assert KeptArrays(tmp_path, "version 2").newest() is None


def test_a_number_that_is_taken_is_not_given_again_and_old_files_go_when_nobody_maps_them(tmp_path: Path) -> None:
    KeptArrays(tmp_path, "test").keep(9, IN_PIECES)
    mapped = KeptArrays(tmp_path, "test").newest()
    KeptArrays(tmp_path, "test").keep(3, {"a": [np.zeros(1)]})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["arrays-10", "arrays-9"]
    assert _same(mapped, SOME)
    os.utime(tmp_path / "arrays-9", (0, 0))
    files = KeptArrays(tmp_path, "test")
    files.keep(12, {"a": [np.ones(1)]})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["arrays-10", "arrays-12"]
    between = files.newest()
    files.keep(12, {"a": [np.ones(2)]})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["arrays-10", "arrays-13"], "nobody else can have it"
    assert _same(between, {"a": np.ones(1)})


@pytest.mark.skipif(sys.platform == "win32", reason="Windows bounds no file's size")
def test_a_file_that_the_disk_does_not_take_leaves_nothing_behind(tmp_path: Path) -> None:
    import resource

    files, before = KeptArrays(tmp_path, "test"), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            files.keep(1, {"a": [np.ones(200_000, np.uint8)]})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []
    assert files.newest() is None
