"""Webhooks to a receiver on this machine that checks every signature: in order, once by id, whatever breaks between."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stamina
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from monitor.complaints.base import TargetState
from monitor.daemon import Parts
from monitor.desk import following, webhooks
from monitor.errors import WebhookRefused
from storage.errors import NotFound, Refused
from storage.webhooks import forget_told, get_webhook, list_webhooks, open_webhooks, remove_webhook
from tests.conftest import FakeClock
from tests.monitor.apis import serving
from tests.monitor.desk.conftest import Opening, handed_in


class Receiver:
    """Another program: refuses what is not signed, forgets answers when told to, keeps what it took by id."""

    url: str

    def __init__(self) -> None:
        self.secret, self.status, self.taken, self.tries = "", 204, dict[str, list[dict[str, Any]]](), 0
        self.app = Starlette(routes=[Route("/hook", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        self.tries += 1
        body, key, at = await request.body(), request.headers["webhook-id"], request.headers["webhook-timestamp"]
        signed = hmac.digest(base64.b64decode(self.secret[6:]), f"{key}.{at}.".encode() + body, hashlib.sha256)
        if request.headers["webhook-signature"] != f"v1,{base64.b64encode(signed).decode()}":
            return Response(status_code=401)
        if self.status < 300 or self.status == 500:  # 500: taken, but the answer says otherwise
            self.taken[key] = json.loads(body)["data"].get("events", [])
        return Response(status_code=self.status)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every event it took, each once, in the order of the messages."""
        return list({event["id"]: event for events in self.taken.values() for event in events}.values())


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    with stamina.set_testing(True, attempts=1, cap=True):
        async with serving(Receiver()) as receiver:
            yield receiver


@pytest.fixture
async def parts(receiver: Receiver, open_parts: Opening) -> Parts:
    """A desk that may send to the receiver, with two listings decided infringing."""
    return await open_parts(
        right="verified",
        BAZAARWATCH_FETCH__CONTACT="owner@example.org",
        BAZAARWATCH_FETCH__OWN_ADDRESSES=json.dumps([receiver.url.removeprefix("http://")]),
    )


async def tell(parts: Parts, receiver: Receiver, *kinds: str, name: str = "tool") -> None:
    receiver.secret = await webhooks.add(parts, name, f"{receiver.url}/hook", kinds, "mira")


async def to_removed(parts: Parts) -> None:
    """A complaint is drafted, confirmed, handed in, and one listing of it removed."""
    named = await handed_in(parts)
    await following.record_outcome(parts, 1, TargetState.REMOVED, "mira", alert_ids=named[:1])


def test_a_signature_is_the_one_of_the_specifications_own_example() -> None:
    secret, at = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", datetime.fromtimestamp(1614265330, UTC)
    signed = webhooks.sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_every_step_from_then_on_arrives_signed_in_order_and_once(parts: Parts, receiver: Receiver) -> None:
    await tell(parts, receiver)
    assert (await webhooks.deliver(parts))[0].sent == 0, "what was before is not told"
    await to_removed(parts)
    await webhooks.deliver(parts)
    kinds = [event["kind"] for event in receiver.events]
    assert kinds == [
        *("complaint.validate", "complaint.request_review", "complaint.approve", "complaint.submit"),
        *("listing.report", "listing.report"),
        "listing.remove",
    ]
    last = receiver.events[-1]
    assert (last["before"], last["after"], last["complaint"]["external_ref"]) == ("reported", "removed", "CMP-7")
    assert last["listing"]["marketplace"] == "aliexpress"
    await webhooks.deliver(parts)
    assert receiver.tries == 1
    assert "status 204" in await webhooks.try_out(parts, "tool")


async def test_a_receiver_that_is_down_for_an_hour_loses_nothing_and_gets_no_step_twice(
    parts: Parts, receiver: Receiver, clock: FakeClock
) -> None:
    await tell(parts, receiver, "complaint.submit", "listing")
    receiver.status = 500
    await to_removed(parts)
    (done,) = await webhooks.deliver(parts)
    assert "status 500" in done.waits
    await webhooks.deliver(parts)
    assert receiver.tries == 1, "it is not asked again before its time"
    clock.advance(60)
    await webhooks.deliver(parts)
    await following.record_outcome(parts, 1, TargetState.REMOVED, "mira", alert_ids=[2])
    receiver.status = 204
    clock.advance(3600)
    (done,) = await webhooks.deliver(parts)
    assert (done.sent, done.waits) == (2, "")
    kinds = [event["kind"] for event in receiver.events]
    assert kinds == ["complaint.submit", "listing.report", "listing.report", "listing.remove", "listing.remove"]
    assert len(receiver.taken) == 2, "a repeat came under the same id"
    clock.advance(3 * 86_400)
    async with parts.database.write("test") as session:
        await forget_told(session, await open_webhooks(session), clock.now() - timedelta(days=1))
    await webhooks.deliver(parts)
    assert len(receiver.taken) == 2, "what is forgotten was told"


async def test_an_address_that_never_answers_is_given_up_after_days_and_taken_up_by_a_person(
    parts: Parts, receiver: Receiver, clock: FakeClock
) -> None:
    await tell(parts, receiver)
    receiver.status = 422
    await to_removed(parts)
    for pause in (timedelta(0), *webhooks.PAUSES):
        clock.advance(pause.total_seconds())
        await webhooks.deliver(parts)
    async with parts.database.read() as session:
        (load,) = await list_webhooks(session)
    assert (load.waiting, load.answer, receiver.tries) == (1, "status 422", 10)
    assert load.webhook.stopped.startswith("status 422, 10 tries")
    assert await webhooks.deliver(parts) == []
    receiver.status = 204
    await webhooks.resume(parts, "tool")
    assert [(one.sent, one.waits) for one in await webhooks.deliver(parts)] == [(1, "")]
    receiver.status = 410
    await following.record_outcome(parts, 1, TargetState.REMOVED, "mira", alert_ids=[2])
    await webhooks.deliver(parts)
    assert await webhooks.deliver(parts) == [], "one that says that it is gone is not asked again"


@pytest.mark.parametrize(
    "url",
    [
        "http://tool.example/hook",
        "ftp://tool.example/",
        "https://me:secret@tool.example/",
        "https://",
        "//x",
        "nonsense",
    ],
)
async def test_only_addresses_that_can_be_told_safely_are_taken(parts: Parts, url: str) -> None:
    with pytest.raises(WebhookRefused):
        await webhooks.add(parts, "tool", url, (), "mira")


async def test_a_private_address_that_nobody_named_as_own_is_not_told(parts: Parts, receiver: Receiver) -> None:
    await webhooks.add(parts, "inside", "https://127.0.0.1:9/hook", (), "mira")
    with pytest.raises(WebhookRefused, match=r"127\.0\.0\.1"):
        await webhooks.try_out(parts, "inside")
    with pytest.raises(Refused, match="exists"):
        await webhooks.add(parts, "inside", "https://tool.example/", (), "mira")
    async with parts.database.write("test") as session:
        await remove_webhook(session, parts.clock.now(), "mira", "inside")
    with pytest.raises(NotFound):
        async with parts.database.read() as session:
            await get_webhook(session, "inside")
