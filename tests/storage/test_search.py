"""Full-text search: the same words are found on both databases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from storage.search import found_by, ids_found, note_words, words_of
from storage.tables import Alert, Listing, Seller, Work
from storage.works import edit_work
from tests.storage.making import NOW, add_a_work, add_alert_of


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Fox-Pin, 2.5 cm!", ["fox", "pin", "2", "5", "cm"]),
        ("Épingle ÉPINGLE straße", ["epingle", "strasse"]),
        ("ｆｏｘ　ﬁn", ["fox", "fin"]),
        ("狐狸徽章", ["狐狸", "狸徽", "徽章"]),
        ("猫 pin猫犬", ["猫", "pin", "猫犬"]),
        ("%_* \"'()&|!:", []),
    ],
)
def test_words_are_folded_and_unspaced_scripts_are_cut_in_pairs(said, words):
    assert words_of(said) == words


@given(st.text())
def test_words_hold_nothing_that_a_query_could_mean_otherwise(said):
    assert all(sign.isalnum() for word in words_of(said) for sign in word)
    assert words_of(" ".join(words_of(said))) == words_of(said) or any(sign > "\u0e00" for sign in said)


@pytest.fixture
async def alerts(database):
    """Four alerts, three of them named, the last by its seller."""
    async with database.write("alerts") as session:
        work, reference = await add_a_work(session)
        made = [await add_alert_of(session, work.id, reference.id, n, f"{n:064x}") for n in range(4)]
        seller = Seller(marketplace="m", seller_id="s-4711", name="Füchse & Co", first_seen_at=NOW)
        session.add(seller)
        await session.flush()
        for alert, title in zip(made, ("Vintage fox pin", "Foxglove print", "狐狸徽章 金属", "Mug"), strict=True):
            listing = await session.get_one(Listing, alert.listing_key)
            listing.title = title
            listing.seller_key = seller.id if title == "Mug" else listing.seller_key
            await session.flush()
            await note_words(session, alert)
    return [alert.id for alert in made]


@pytest.mark.parametrize(
    ("said", "places"),
    [
        ("fox", [0, 1]), ("FOX pin", [0]), ("pin fox", [0]), ("vint", [0]), ("fuchse", [3]), ("4711", [3]),
        ("mug füch", [3]), ("徽章", [2]), ("狐狸徽章", [2]), ("金狐", []), ("fox nothing", []), ("%", []), ("'", []),
        ('fo" OR "mug', []), ("fox:* | mug", []),
    ],
)  # fmt: skip
async def test_an_alert_is_found_by_every_word_or_its_beginning(database, alerts, said, places):
    async with database.read() as session:
        found = select(Alert.id).where(found_by(session, Alert, said)).order_by(Alert.id)
        assert list(await session.scalars(found)) == [alerts[place] for place in places]


async def test_a_seller_with_an_alert_is_found_by_name_and_number_and_a_work_by_its_present_title(database, alerts):
    async with database.write("renamed") as session:
        (work,) = await session.scalars(select(Work))
        await edit_work(session, work.id, NOW, "mira", title="Nachtfalter, grün")

    async def found(noun, name, said):
        async with database.read() as session:
            return list(await session.scalars(select(name).where(noun.id.in_(ids_found(session, noun, said)))))

    assert await found(Seller, Seller.name, "FUCHSE") == await found(Seller, Seller.name, "s 47") == ["Füchse & Co"]
    assert await found(Seller, Seller.name, "mug") == []
    assert await found(Work, Work.title, "grun nacht") == ["Nachtfalter, grün"]
    assert await found(Work, Work.title, "moth") == []
