"""What is decided together comes from the database: no process need remember a picture to know it again."""

import asyncio
import io

import pytest
from PIL import Image
from sqlalchemy import func, select

from detectors.glance import glance
from detectors.twins import apart, bands
from storage.pictures import Seen, remember
from storage.tables import ClusterBand
from tests.monitor.console.planting import drawing
from tests.storage.making import HOUR, NOW, add_a_work, add_alert_of


def seen(number: int, picture: Image.Image, quality: int) -> Seen:
    """A picture as an examination remembers it, under a hash that tells its number."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    at_first_sight = glance(file.getvalue())
    names = (f"https://bazaar.example/{name}" for name in (f"item/{number}", f"{number}.jpg"))
    return Seen(f"{number:064x}", *at_first_sight.hashes(), at_first_sight.thumbnail(), "bazaar", str(number), *names)


@pytest.fixture(scope="module")
def pictures():
    """A copy, the same compressed anew three times, and another picture."""
    one, other = (Image.open(io.BytesIO(drawing(seed, 500))) for seed in (3, 4))
    copies = [seen(number, one, quality) for number, quality in enumerate((90, 75, 60, 50), start=1)]
    return [*copies, seen(5, other, 75)]


async def raised(database, work, picture, later=0 * HOUR):
    """Examine a listing that shows the picture, as any process may; the cluster it comes to."""
    async with database.write("examined") as session:
        await remember(session, [picture], NOW + later, NOW + later - HOUR)
        return (await add_alert_of(session, *work, int(picture.listing_id), picture.sha256)).cluster


@pytest.fixture
async def work(database):
    async with database.write("work") as session:
        work, reference = await add_a_work(session)
    return work.id, reference.id


async def test_a_picture_compressed_anew_joins_the_first_ones_cluster(database, work, pictures):
    clusters = [await raised(database, work, picture) for picture in pictures]
    assert clusters == [pictures[0].sha256] * 4 + [pictures[4].sha256]
    assert [await raised(database, work, picture) for picture in reversed(pictures)] == clusters[::-1]


async def test_twins_examined_at_once_come_to_one_cluster(database, work, pictures):
    each_repeats_each = pictures[:3]  # the fourth is too far from the second, which may come first
    clusters = await asyncio.gather(*(raised(database, work, picture) for picture in each_repeats_each))
    assert len(set(clusters)) == 1
    assert clusters[0] in {picture.sha256 for picture in pictures}


async def test_another_works_alerts_are_decided_apart(database, work, pictures):
    async with database.write("work") as session:
        other, reference = await add_a_work(session, "Fox")
    assert await raised(database, work, pictures[0]) == pictures[0].sha256
    assert await raised(database, (other.id, reference.id), pictures[1]) == pictures[1].sha256


async def test_what_began_a_cluster_is_forgotten_with_its_picture(database, work, pictures):
    await raised(database, work, pictures[0])
    await raised(database, work, pictures[4], later=3 * HOUR)
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(ClusterBand)) == 13
    assert await raised(database, work, pictures[1], later=3 * HOUR) == pictures[1].sha256


def test_hashes_as_far_apart_as_twins_may_be_share_a_band():
    for first in range(20):
        whole = bytes(range(first, first + 32))
        changed = bytearray(whole)
        for bit in range(12):
            place = (first + 21 * bit) % 256
            changed[place // 8] ^= 1 << place % 8
        assert apart(whole, bytes(changed)) == 12
        assert set(bands(whole)) & set(bands(bytes(changed)))
