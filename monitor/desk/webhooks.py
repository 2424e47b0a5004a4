"""Other programs are told of complaints' steps: signed, in order, tried again until they arrive, each under one id.

As the Standard Webhooks specification (standardwebhooks.com) has it: the receiver checks `webhook-signature` with the
secret, refuses an old `webhook-timestamp`, and takes an id that it has seen for a repeat.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.ext.asyncio import AsyncSession

from detectors.model import Outcome
from monitor.daemon import Parts
from monitor.errors import FetchError, TryLater, WebhookRefused
from monitor.marketplaces.base import Api, Page, Request
from storage import tables
from storage.errors import NotFound
from storage.webhooks import (
    Step,
    add_webhook,
    forget_told,
    get_webhook,
    next_message,
    open_webhooks,
    put_message,
    untold_steps,
)

_logger = logging.getLogger(__name__)
_API = Api("an address that the operator set up to be told by this program", requests_per_day=100_000)
_PREFIX = "whsec_"
_SECRET_BYTES = 32
_STEPS = 100  # in one message
_TOLD_FOR = timedelta(days=2)  # how long it is remembered, one by one, what was told
# Standard Webhooks proposes these pauses; together some three days, after which a person has to look.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 300, 600, 840, 1200, 1440))


@dataclass(frozen=True, slots=True)
class Delivered:
    """What came of what waited for one address."""

    name: str
    sent: int
    waits: str  # why the rest waits; empty: nothing does


def sign(secret: str, key: str, at: datetime, body: bytes) -> str:
    """The signature of a message: HMAC-SHA-256 over its id, time and bytes, as ``v1,`` and base64.

    Args:
        secret: ``whsec_`` and base64.
    """
    content = f"{key}.{int(at.timestamp())}.".encode() + body
    digest = hmac.new(base64.b64decode(secret.removeprefix(_PREFIX)), content, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def told(step: Step) -> dict[str, Any]:
    """A step as receivers and the API get it."""
    event, complaint, listing = step.event, step.complaint, step.listing
    return {
        "id": f"evt_{event.id}",
        "kind": kind_of(step),
        "at": event.at.isoformat(),
        "by": event.actor,
        "before": event.before,
        "after": event.after,
        "note": event.note,
        "platform_words": event.raw,
        "complaint": {
            "id": complaint.id,
            "platform": complaint.platform,
            "site": complaint.site,
            "reason": complaint.reason,
            "external_ref": complaint.external_ref,
            "work_id": complaint.work_id,
        },
        "listing": listing
        and {
            "alert_id": step.alert_id,
            "marketplace": listing.marketplace,
            "listing_id": listing.listing_id,
            "url": listing.url,
        },
    }


def kind_of(step: Step) -> str:
    """Such as ``complaint.submit`` or ``listing.remove``."""
    return f"{'complaint' if step.event.target_id is None else 'listing'}.{step.event.event}"


async def add(parts: Parts, name: str, url: str, kinds: Sequence[str], actor: str) -> str:
    """Record an address that is told from now on; the secret that both sides hold.

    Raises:
        WebhookRefused: It is no address that can be told.
    """
    place = urlsplit(url)
    host = place.hostname or ""
    own = place.netloc in parts.settings.fetch.own_addresses
    if place.username or place.fragment or not host or place.scheme not in ("https", "http"):
        raise WebhookRefused(f"{url!r} is no plain https address")
    if place.scheme == "http" and not own:
        raise WebhookRefused(f"{url!r}: use https; http only for an ip:port that fetch.own_addresses names")
    secret = _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    row = tables.Webhook(name=name, url=url, secret=secret, kinds=list(kinds), created_at=parts.clock.now(), stopped="")
    async with parts.database.write("webhook added") as session:
        await add_webhook(session, actor, row)
    return secret


async def resume(parts: Parts, name: str) -> None:
    """Go on with an address that was given up; what waits for it is sent next.

    Raises:
        NotFound: There is none of that name.
    """
    async with parts.database.write("webhook resumed") as session:
        webhook = await get_webhook(session, name)
        webhook.stopped = ""
        message = await next_message(session, webhook.id)
        if message is not None:
            message.attempts, message.due_at = 0, parts.clock.now()


async def try_out(parts: Parts, name: str) -> str:
    """Send a message that says nothing, at once; what the receiver answered.

    Raises:
        WebhookRefused: It did not take it.
    """
    async with parts.database.read() as session:
        webhook = await get_webhook(session, name)
    body = _body("test", parts.clock.now(), {})
    answer, arrived, _ = await _post(parts, webhook, f"msg_test_{secrets.token_hex(8)}", body)
    if not arrived:
        raise WebhookRefused(f"{webhook.url}: {answer}")
    return answer


async def deliver(parts: Parts) -> list[Delivered]:
    """Put new steps on their way and send what is due, for each address in order; safe to run twice.

    A crash after a receiver took a message sends it again, under the same id.
    """
    async with parts.database.read() as session:
        if not await open_webhooks(session):
            return []
    async with parts.database.write("webhook messages made") as session:
        webhooks = await open_webhooks(session)
        for webhook in webhooks:
            await _enclose(session, webhook, parts.clock.now())
        await forget_told(session, webhooks, parts.clock.now() - _TOLD_FOR)
    return [await _send_waiting(parts, webhook) for webhook in webhooks]


async def _enclose(session: AsyncSession, webhook: tables.Webhook, now: datetime) -> None:
    """Every step that the address was not told yet, in messages of at most `_STEPS`."""
    while steps := await untold_steps(session, webhook, _STEPS):
        wanted = [step for step in steps if _wants(webhook, kind_of(step))]
        message = None
        if wanted:
            body = _body("complaint.events", now, {"events": [told(step) for step in wanted]})
            message = tables.WebhookMessage(
                webhook_id=webhook.id,
                key=f"msg_{webhook.id}_{wanted[0].event.id}_{secrets.token_hex(4)}",
                body=body.decode(),
                created_at=now,
                due_at=now,
            )
        await put_message(session, message, webhook, steps)


def _wants(webhook: tables.Webhook, kind: str) -> bool:
    return not webhook.kinds or any(kind == wish or kind.startswith(f"{wish}.") for wish in webhook.kinds)


def _body(kind: str, at: datetime, data: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "timestamp": at.isoformat(), "data": data}, ensure_ascii=False).encode()


async def _send_waiting(parts: Parts, webhook: tables.Webhook) -> Delivered:
    """Send an address's messages one after the other until one does not arrive."""
    sent = 0
    while True:
        async with parts.database.read() as session:
            message = await next_message(session, webhook.id)
        if message is None:
            return Delivered(webhook.name, sent, "")
        if message.due_at > parts.clock.now():
            return Delivered(webhook.name, sent, f"{message.answer}; tried again {message.due_at:%Y-%m-%d %H:%M} UTC")
        try:
            answer, arrived, gone = await _post(parts, webhook, message.key, message.body.encode())
        except TryLater as later:  # no network: no fault of theirs
            return Delivered(webhook.name, sent, str(later))
        waits = await _note(parts, message.id, answer, arrived=arrived, gone=gone)
        if not arrived:
            return Delivered(webhook.name, sent, waits)
        sent += 1


async def _post(parts: Parts, webhook: tables.Webhook, key: str, body: bytes) -> tuple[str, bool, bool]:
    """Send one message: the answer in words, whether it arrived, whether the address says that it is no more.

    Raises:
        TryLater: This machine has no network.
    """
    at = parts.clock.now()
    headers = {
        "content-type": "application/json",
        "webhook-id": key,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": sign(webhook.secret, key, at, body),
    }
    request = Request(webhook.url, headers=headers, method="POST", body=body, repeatable=False, api=_API)
    try:
        page: Page = await parts.reader.fetcher.get(request)
    except TryLater:
        raise
    except FetchError as error:
        return str(error), False, False
    arrived = page.outcome is None and 200 <= page.status < 300
    return page.reason or f"status {page.status}", arrived, page.outcome is Outcome.GONE and page.status == 410


async def _note(parts: Parts, message_id: int, answer: str, *, arrived: bool, gone: bool) -> str:
    """Record what came of a try; why the message waits."""
    now = parts.clock.now()
    async with parts.database.write("webhook message tried") as session:
        message = await session.get(tables.WebhookMessage, message_id)
        if message is None:
            raise NotFound("the webhook was removed meanwhile")
        message.attempts, message.answer = message.attempts + 1, answer
        if arrived:
            message.delivered_at = now
            return ""
        if gone or message.attempts > len(PAUSES):
            webhook = await session.get_one(tables.Webhook, message.webhook_id)
            webhook.stopped = f"{answer}, {message.attempts} tries; last {now:%Y-%m-%d %H:%M} UTC"
            _logger.warning("webhook given up", extra={"webhook": webhook.name, "reason": webhook.stopped})
            return webhook.stopped
        message.due_at = now + PAUSES[message.attempts - 1]
        return f"{answer}; tried again {message.due_at:%Y-%m-%d %H:%M} UTC"
