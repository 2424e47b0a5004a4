"""Findings on one picture, looked up in threads."""

import asyncio

import pytest

from detectors.describe import describe, describe_reference
from detectors.works import WorksIndex
from monitor.compare import find_matches
from monitor.demo.catalogue import make_catalogue


class Here:
    """A sandbox without walls."""

    async def describe(self, data, *, reference=False):
        return describe(data)


@pytest.fixture(scope="module")
def art():
    catalogue = make_catalogue(1, works=3, listings=10, sellers=8)
    return [catalogue.reference(work) for work in catalogue.works]


@pytest.mark.soak
async def test_pictures_looked_up_at_once_in_a_new_index_all_find_the_same(art):
    described = [describe_reference(data) for data in art]
    for _ in range(3):
        index = WorksIndex()
        for number, description in enumerate(described):
            index.add(number, number, description)
        found = await asyncio.gather(*(find_matches(Here(), index, art[0]) for _ in range(6)))
        assert {tuple(sorted(match.detector for match in matches)) for matches in found} == {
            tuple(sorted(match.detector for match in found[0]))
        }
        assert {match.detector for match in found[0]} >= {"phash", "features"}
