"""What a price says: the amount, the currency where it is stated, and the text itself."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from typing import NamedTuple

from monitor.marketplaces.text import one_line

_LARGEST = Decimal(10) ** 13  # above every real price in every currency; stops 1E+999999
# Signs that name one currency wherever they are shown, the longest first. A bare "$", "¥" or "kr" names several.
_SIGNS: tuple[tuple[str, str], ...] = (
    ("CN¥", "CNY"),
    ("RMB", "CNY"),
    ("JP¥", "JPY"),
    ("MX$", "MXN"),
    ("NZ$", "NZD"),
    ("HK$", "HKD"),
    ("NT$", "TWD"),
    ("AU$", "AUD"),
    ("CA$", "CAD"),
    ("US$", "USD"),
    ("AU $", "AUD"),
    ("US $", "USD"),
    ("NZ $", "NZD"),
    ("HK $", "HKD"),
    ("руб", "RUB"),
    ("грн", "UAH"),
    ("R$", "BRL"),
    ("A$", "AUD"),
    ("C$", "CAD"),
    ("C $", "CAD"),
    ("S$", "SGD"),
    ("zł", "PLN"),
    ("Kč", "CZK"),
    ("Rp", "IDR"),
    ("RM", "MYR"),
    ("Ft", "HUF"),
    ("лв", "BGN"),
    ("€", "EUR"),
    ("£", "GBP"),
    ("₽", "RUB"),
    ("₴", "UAH"),
    ("₩", "KRW"),
    ("₹", "INR"),
    ("₫", "VND"),
    ("₱", "PHP"),
    ("฿", "THB"),
    ("₺", "TRY"),
    ("₪", "ILS"),
    ("₦", "NGN"),
    ("₸", "KZT"),
    ("₾", "GEL"),
    ("₲", "PYG"),
    ("₡", "CRC"),
    ("円", "JPY"),
    ("元", "CNY"),
    ("원", "KRW"),
)
_COMMON_CODES = frozenset(code for _, code in _SIGNS)
_CODE = re.compile(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])")
_NUMBER = re.compile(r"\d(?:[\d.,'’]|[ \u00a0\u2009\u202f](?=\d{3}(?!\d)))*")
_PLAIN_NUMBER = re.compile(r"\s*\d{1,15}(\.\d{1,10})?\s*", re.ASCII)
_LONGEST_CODE = 20  # with the spaces around it
_PARSED_CHARACTERS = 200


class Price(NamedTuple):
    """An amount in units of its currency (not cents); ``currency`` is ISO 4217, None where nothing states it."""

    amount: Decimal | None = None
    currency: str | None = None
    raw: str | None = None


def read_price(raw: object, currency: object = None, signs: Mapping[str, str] | None = None) -> Price:
    """Read a price as a page shows it; of a range the lower end.

    Args:
        raw: Text such as ``EUR 10,79``, ``Rp12.000``, ``$6.79 to $9.48``, or a number.
        currency: The ISO code that the page's data states beside it, if any; it wins over signs in the text.
        signs: What ambiguous signs mean at this marketplace: ``{"$": "USD"}``.
    """
    if isinstance(raw, int | float | Decimal) and not isinstance(raw, bool):
        return Price(to_decimal(raw), iso_code(currency), str(raw)[:40])
    text = one_line(raw)[:_PARSED_CHARACTERS]
    if not text:
        return Price(None, iso_code(currency), None)
    code = iso_code(currency) or stated_currency(text, signs or {})
    amounts = [
        amount
        for amount in (_amount(found, code) for found in _NUMBER.findall(_ascii_digits(text)))
        if amount is not None
    ]
    ends = amounts[:2] if len(amounts) > 1 and _is_range(text) else amounts[:1]
    return Price(min(ends, default=None), code, text)


def to_decimal(value: object, minor_digits: int = 0) -> Decimal | None:
    """A finite amount from data (never from shown text), divided by ``10 ** minor_digits``; None if it is none."""
    if isinstance(value, str):
        plain = Decimal(value.strip()).scaleb(-minor_digits) if _PLAIN_NUMBER.fullmatch(value) else None
        return plain if plain is not None and plain <= _LARGEST else None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    try:
        amount = Decimal(str(value)) if not isinstance(value, int) or abs(value) < 10**20 else None
    except InvalidOperation:
        return None
    if amount is None or not amount.is_finite() or amount < 0 or amount > _LARGEST * 10**minor_digits:
        return None
    if amount.adjusted() < -9:  # 1E-999999 would print a million digits
        return Decimal(0)
    return amount.scaleb(-minor_digits)


def iso_code(value: object) -> str | None:
    """The value as an ISO 4217 code, if it is one."""
    return _iso_code(value) if isinstance(value, str) and len(value) <= _LONGEST_CODE else None


@lru_cache(maxsize=256)
def _iso_code(value: str) -> str | None:
    text = value.strip().upper()
    return text if _is_code(text) else None


def stated_currency(text: str, signs: Mapping[str, str]) -> str | None:
    """The currency that the text names by code or sign; None where it names none or an ambiguous one."""
    for word in _CODE.findall(text):
        if _is_code(word):
            return str(word)
    found = _sign_pattern().search(text)
    if found is not None:
        return dict(_SIGNS)[found[0]]
    return next((code for sign, code in signs.items() if sign in text), None)


@cache
def _sign_pattern() -> re.Pattern[str]:
    letter = r"[^\W\d_]"  # "RM" inside FROM is no ringgit; "руб" and "грн" are stems
    return re.compile(
        "|".join(
            (f"(?<!{letter})" if sign[0].isalpha() else "")
            + re.escape(sign)
            + (f"(?!{letter})" if sign[-1].isascii() and sign[-1].isalpha() else "")
            for sign, _ in _SIGNS
        )
    )


def _is_code(text: str) -> bool:
    return text in _COMMON_CODES or text in _all_codes()


@cache
def _all_codes() -> frozenset[str]:
    from babel.core import get_global  # 3 MB, in every child: only where a page names none of the common ones

    return frozenset(get_global("all_currencies"))


def _is_range(text: str) -> bool:
    between = _NUMBER.sub("#", _ascii_digits(text))
    return (
        re.search(r"#[^#]{0,8}(?:-|–|—|~|～|〜|\bto\b|\bbis\b|\bà\b|\ba\b|\bdo\b|до|至)[^#]{0,8}#", between) is not None
    )


@lru_cache(maxsize=4096)  # a page's prices repeat, and reading one takes as long as the rest of its card
def _amount(number: str, currency: str | None) -> Decimal | None:
    from price_parser.parser import parse_number

    digits = number.rstrip(".,'’")
    odd = currency if re.fullmatch(r"\d+\.\d{3}", digits) else None  # thousands, unless it has three decimals
    decimal_point = "." if odd and minor_digits(odd) == 3 else None
    try:
        amount = parse_number(re.sub(r"['’\s]", "", digits), decimal_separator=decimal_point)
    except (InvalidOperation, ValueError):
        return None
    return amount if amount is not None and amount <= _LARGEST else None


def minor_digits(currency: str) -> int:
    """How many decimals a currency's amounts have (CLDR)."""
    from babel.numbers import get_currency_precision

    return get_currency_precision(currency)


def _ascii_digits(text: str) -> str:
    if text.isascii():
        return text
    text = text.replace("\u066b", ".").replace("\u066c", ",")
    return "".join(
        str(unicodedata.digit(letter)) if letter.isdigit() and not letter.isascii() else letter for letter in text
    )
