import io
from collections import Counter
from decimal import Decimal

import pytest
from PIL import Image

from monitor.demo.catalogue import BRAND, KEYWORDS, REFERENCE_PRICES, Catalogue, Kind, make_catalogue
from monitor.demo.edits import EDITS


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return make_catalogue()


def test_the_default_catalogue_has_at_least_three_copies_by_every_edit(catalogue: Catalogue) -> None:
    assert (len(catalogue.works), len(catalogue.listings), len(catalogue.sellers)) == (12, 320, 40)
    kinds = Counter(listing.kind for listing in catalogue.listings)
    assert kinds == {Kind.COPY: 60, Kind.LICENSED: 15, Kind.SHARES_MOTIF: 16, Kind.INNOCENT: 229}
    edits = Counter(listing.edit for listing in catalogue.listings if listing.kind is Kind.COPY)
    assert set(edits) == set(EDITS)
    assert min(edits.values()) >= 3


def test_exactly_one_picture_of_a_copy_shows_the_work_and_it_is_not_always_the_first(catalogue: Catalogue) -> None:
    works = {work.work_id: work.design for work in catalogue.works}
    places = []
    for listing in catalogue.listings:
        shown = [picture.design in works.values() for picture in listing.pictures]
        if listing.work is None:
            assert not any(shown)
            continue
        place = shown.index(True)
        assert shown.count(True) == 1
        assert listing.pictures[place].design == works[listing.work]
        assert listing.pictures[place].edit == listing.edit
        places.append((place, len(listing.pictures)))
    assert set(places) == {(0, 1), (0, 2), (1, 3)}


def test_motif_sharers_share_a_motif_or_a_piece_of_clip_art(catalogue: Catalogue) -> None:
    motifs = {work.design.motif for work in catalogue.works}
    clip_arts = {work.design.stock for work in catalogue.works} - {None}
    designs = {kind: [li.pictures[0].design for li in catalogue.listings if li.kind is kind] for kind in Kind}
    assert all(d.motif in motifs or d.stock in clip_arts for d in designs[Kind.SHARES_MOTIF])
    assert any(d.stock in clip_arts for d in designs[Kind.SHARES_MOTIF])
    assert not any(d.motif in motifs or d.stock for d in designs[Kind.INNOCENT])


def test_only_authorised_sellers_offer_licensed_goods_and_no_one_of_them_a_copy(catalogue: Catalogue) -> None:
    for listing in catalogue.listings:
        assert listing.seller in catalogue.sellers
        assert listing.seller.authorised == (listing.kind is Kind.LICENSED)


def test_copies_cost_less_than_the_genuine_article_and_most_do_not_name_the_brand(catalogue: Catalogue) -> None:
    products = {work.work_id: work.design.product for work in catalogue.works}
    copies = [listing for listing in catalogue.listings if listing.kind is Kind.COPY]
    for listing in copies:
        assert Decimal(0) < listing.price < REFERENCE_PRICES[products[listing.work or ""]]
    branded = sum(BRAND in listing.title for listing in copies)
    assert 0 < branded < len(copies) / 2


def test_every_listing_is_found_by_some_keyword_and_ids_are_unique(catalogue: Catalogue) -> None:
    assert all(any(keyword in listing.title.lower() for keyword in KEYWORDS) for listing in catalogue.listings)
    assert len({listing.listing_id for listing in catalogue.listings}) == 320
    pictures = {picture for listing in catalogue.listings for picture in listing.pictures}
    assert len({picture.picture_id for picture in pictures}) == len(pictures)


def test_a_catalogue_repeats_itself_by_seed() -> None:
    one, again, other = make_catalogue(2, 3, 30, 6), make_catalogue(2, 3, 30, 6), make_catalogue(3, 3, 30, 6)
    assert (one.works, one.sellers, one.listings) == (again.works, again.sellers, again.listings)
    assert one.listings != other.listings
    picture = one.listings[0].pictures[0].picture_id
    assert one.full(picture) == again.full(picture)
    assert one.full(picture) != other.full(picture)


def test_pictures_are_jpeg_and_references_are_cut_out_png(catalogue: Catalogue) -> None:
    listing = next(li for li in catalogue.listings if li.edit == "promo")
    full, thumb = (show(listing.pictures[-1].picture_id) for show in (catalogue.full, catalogue.thumb))
    assert full is not None
    assert thumb is not None
    large, small = Image.open(io.BytesIO(full)), Image.open(io.BytesIO(thumb))
    reference = Image.open(io.BytesIO(catalogue.reference(catalogue.works[0])))
    assert (large.format, small.format, reference.format, reference.mode) == ("JPEG", "JPEG", "PNG", "RGBA")
    assert max(small.size) == 220
    assert catalogue.full("p9999a") is None


@pytest.mark.parametrize(("works", "listings", "sellers"), [(1, 4, 3), (30, 40, 5)])
def test_catalogues_of_other_sizes_can_be_made(works: int, listings: int, sellers: int) -> None:
    made = make_catalogue(1, works, listings, sellers)
    assert (len(made.works), len(made.listings), len(made.sellers)) == (works, listings, sellers)


def test_a_catalogue_needs_a_work_and_three_sellers() -> None:
    for works, sellers in ((0, 40), (12, 2)):
        with pytest.raises(ValueError, match="at least one work and three sellers"):
            make_catalogue(1, works, 10, sellers)
