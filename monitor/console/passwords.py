"""Passwords: hashed by argon2id, tried no faster than a person types, the same for names that nobody has."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import datetime, timedelta

import pyotp
import segno
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from pyotp.exceptions import OTPVerificationError

SHORTEST = 12
LONGEST = 1000  # of a password: more only costs our time
_hasher = PasswordHasher()  # argon2id with RFC 9106's second recommendation
_NOBODY = _hasher.hash("nobody has this password")  # verified for unknown names, so that they take as long
_AT_ONCE = asyncio.Semaphore(2)  # each takes 64 MB
_TRIES, _WINDOW = 10, timedelta(minutes=1)
_LONGEST_WAIT = timedelta(hours=1)
_MOST_KNOWN = 10_000


def hash_password(password: str) -> str:
    """The argon2id hash that is stored."""
    return _hasher.hash(password)


async def is_right(hashed: str | None, password: str) -> bool:
    """Whether a password fits; takes the same time where there is no hash to compare with."""
    if len(password) > LONGEST:
        return False
    async with _AT_ONCE:
        fits = await asyncio.to_thread(_verify, hashed or _NOBODY, password)
    return fits and hashed is not None


def _verify(hashed: str, password: str) -> bool:
    try:
        return _hasher.verify(hashed, password)
    except (Argon2Error, InvalidHashError):
        return False


def step_of_code(secret: str, code: str, now: datetime) -> int | None:
    """The half minute since 1970 whose six-digit code this is (RFC 6238), the present one or a neighbour; else None."""
    try:
        return pyotp.TOTP(secret).verify_and_get_timecode(code.replace(" ", ""), for_time=now, valid_window=1)
    except OTPVerificationError:
        return None


def secret_as_qr(secret: str, name: str) -> str:
    """The secret as an SVG image of a QR code, as authenticator apps scan it."""
    uri = pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="Bazaarwatch")
    return segno.make(uri, micro=False).svg_inline(scale=4, light="white", svgclass="qr", lineclass=None)


class Attempts:
    """Counts wrong passwords by account and address: after ten a minute each further ten double the wait.

    Others, and the same person from elsewhere, are not kept out.
    """

    def __init__(self) -> None:
        self._wrong: OrderedDict[tuple[str, str], tuple[int, datetime]] = OrderedDict()

    def wait(self, name: str, address: str, now: datetime) -> timedelta:
        """How long this one has to wait before the next try; zero if not at all."""
        count, last = self._wrong.get((name, address), (0, now))
        if count < _TRIES:
            return timedelta(0)
        return max(last + self._pause(count) - now, timedelta(0))

    def wrong(self, name: str, address: str, now: datetime) -> None:
        """Remember a wrong password."""
        count, last = self._wrong.pop((name, address), (0, now))
        fresh = now - last > max(_WINDOW, 2 * self._pause(count))
        self._wrong[name, address] = (1 if fresh else count + 1, now)
        while len(self._wrong) > _MOST_KNOWN:
            self._wrong.popitem(last=False)

    def right(self, name: str, address: str) -> None:
        """Forget the wrong ones."""
        self._wrong.pop((name, address), None)

    @staticmethod
    def _pause(count: int) -> timedelta:
        if count < _TRIES:
            return timedelta(0)
        return min(_WINDOW * 2.0 ** min(count - _TRIES, 10), _LONGEST_WAIT)
