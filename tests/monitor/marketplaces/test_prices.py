from __future__ import annotations

from decimal import Decimal

import pytest

from monitor.marketplaces.prices import read_price, to_decimal


@pytest.mark.parametrize(
    ("raw", "amount", "currency"),
    [
        ("EUR 10,79", "10.79", "EUR"),
        ("Rp12.000", "12000", "IDR"),
        ("US $23.29", "23.29", "USD"),
        ("39\u2009534\u2009\u20bd", "39534", "RUB"),
        ("$6.79 to $9.48", "6.79", None),
        ("\u20ac 97,39 - 128,72", "97.39", "EUR"),
        ("EUR 124,00 bis EUR 174,00", "124.00", "EUR"),
        ("IDR1,614,898.07", "1614898.07", "IDR"),
        ("1.234,56 \u20ac", "1234.56", "EUR"),
        ("R$ 1.299,90", "1299.90", "BRL"),
        ("CHF 1'299.00", "1299.00", "CHF"),
        ("\u20b91,23,456.00", "123456.00", "INR"),
        ("KWD 12.345", "12.345", "KWD"),
        ("\u0663\u0664\u066b\u0665\u0660 SAR", "34.50", "SAR"),
        ("US$0.50-1.20", "0.50", "USD"),
        ("\xa51,980", "1980", None),
        ("From $5", "5", None),
        ("free", None, None),
        ("", None, None),
        (None, None, None),
        ({"price": 1}, None, None),
    ],
)
def test_a_price_reads_as_its_page_means_it(raw: object, amount: str | None, currency: str | None) -> None:
    price = read_price(raw)
    assert (price.amount, price.currency) == (None if amount is None else Decimal(amount), currency)


def test_a_bare_dollar_is_a_currency_only_where_the_marketplace_says_which() -> None:
    assert read_price("$5").currency is None
    assert read_price("$5", signs={"$": "USD"}).currency == "USD"
    assert read_price("C $5", signs={"$": "USD"}).currency == "CAD"


def test_the_currency_that_data_states_wins_over_signs() -> None:
    assert read_price("$5", "AUD", {"$": "USD"}).currency == "AUD"


@pytest.mark.parametrize(
    "value", ["1e999999", "NaN", "-1", "1,5", Decimal("1E+999999"), Decimal("NaN"), True, [], 10**40]
)
def test_amounts_that_no_price_has_are_none(value: object) -> None:
    assert to_decimal(value) is None


def test_minor_units_are_divided() -> None:
    assert to_decimal(5562100, 2) == Decimal("55621.00")
