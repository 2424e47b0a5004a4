"""Faults on purpose: a share of the demo bazaar's answers goes wrong, by seed, the same way for the same requests."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Fault(StrEnum):
    """What can go wrong with one answer."""

    RATE_LIMITED = "rate_limited"  # 429 with Retry-After
    UNAVAILABLE = "unavailable"  # 503
    HANG = "hang"  # nothing for a long time, then the connection ends
    GARBAGE = "garbage"  # 200, text/html, random bytes
    CAPTCHA = "captcha"  # 200 and a page that wants to see a person
    TRUNCATED = "truncated"  # the connection ends halfway through the body


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Which answers go wrong: a share of ``rate`` (0 to 1); robots.txt and the style sheet never do."""

    rate: float
    seed: int = 1
    kinds: tuple[Fault, ...] = tuple(Fault)
    hang_s: float = 60.0
    retry_after_s: int = 1

    def fault(self, path: str, attempt: int) -> Fault | None:
        """What happens to the ``attempt``-th request (from 0) for a path; None if nothing."""
        rng = Random(f"fault {self.seed} {path} {attempt}")
        return rng.choice(self.kinds) if rng.random() < self.rate else None


_CAPTCHA = b"""<!doctype html><html><head><title>Security check</title></head><body>
<h1>Please verify you are a human</h1><p>Unusual traffic was noticed. Complete the captcha to continue.</p>
<form id="captcha-form" method="post"><div class="g-recaptcha"></div></form></body></html>"""
_SPARED = ("/robots.txt", "/style.css")


class Faulty:
    """An ASGI application in front of another, which spoils some of its answers."""

    def __init__(self, app: ASGIApp, plan: FaultPlan) -> None:
        self._app = app
        self._plan = plan
        self._attempts: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] in _SPARED:
            await self._app(scope, receive, send)
            return
        path = f"{scope['path']}?{scope['query_string'].decode('latin-1')}"
        fault = self._plan.fault(path, self._attempts[path])
        self._attempts[path] += 1
        if fault is None:
            await self._app(scope, receive, send)
        elif fault is Fault.TRUNCATED:
            await self._app(scope, receive, _Halved(send))
        elif fault is Fault.HANG:
            await asyncio.sleep(self._plan.hang_s)
            await _answer(send, 504, b"", {})
        elif fault is Fault.RATE_LIMITED:
            await _answer(send, 429, b"slow down", {"retry-after": str(self._plan.retry_after_s)})
        elif fault is Fault.UNAVAILABLE:
            await _answer(send, 503, b"be right back", {})
        elif fault is Fault.CAPTCHA:
            await _answer(send, 200, _CAPTCHA, {"content-type": "text/html; charset=utf-8"})
        else:
            garbage = Random(f"garbage {path}").randbytes(4000)
            await _answer(send, 200, garbage, {"content-type": "text/html; charset=utf-8"})


class Cut(Exception):
    """Raised once half of a body is sent: makes the server drop the connection."""


class _Halved:
    """Sends the headers as they are and half of the body, then cuts."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            body = message.get("body", b"")
            await self._send({**message, "body": body[: len(body) // 2], "more_body": True})
            raise Cut
        await self._send(message)


async def _answer(send: Send, status: int, body: bytes, headers: dict[str, str]) -> None:
    pairs = [(name.encode(), value.encode()) for name, value in {**headers, "content-length": str(len(body))}.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
