"""Complaints handed in by a platform's own interface, and what it says of them: asked for, never pushed by itself."""

from __future__ import annotations

from collections.abc import Collection

from monitor.complaints.api import AcceptPapers, ComplaintApi, EbayVero, MercadoLibre, RefusePapers
from monitor.complaints.errors import ApiRefused
from monitor.complaints.lifecycle import ComplaintState
from monitor.daemon import Parts
from monitor.desk.dossier import Stored, load, rules_of
from monitor.desk.following import answer_counter, hand_back, hand_in, record_status
from monitor.errors import NoticeRefused
from storage.complaints import events_of, get_complaint, move

_SENDING = "api_sending"  # kept before anything is sent, so that a crash is known to have had the chance to send
_REFUSED = "api_refused"


def api_of(parts: Parts, platform: str) -> ComplaintApi:
    """The interface of a platform, with the token of the settings.

    Raises:
        NoticeRefused: The platform has none, or no token is set.
    """
    rules, settings = rules_of(parts, platform), parts.settings.complaints
    fetcher = parts.reader.fetcher
    tokens = {"mercadolibre": settings.mercadolibre_token, "ebay_vero": settings.ebay_token}
    if platform not in tokens:
        raise NoticeRefused(f"{rules.title} has no documented interface; its pack is handed in by a person")
    token = tokens[platform].get_secret_value()
    if not token:
        key = "mercadolibre_token" if platform == "mercadolibre" else "ebay_token"
        raise NoticeRefused(f"no token: set BAZAARWATCH_COMPLAINTS__{key.upper()}, the member's own OAuth token")
    if platform == "mercadolibre":
        return MercadoLibre(fetcher, rules, token, settings.api_requests_per_day)
    return EbayVero(fetcher, rules, token, settings.api_requests_per_day, sandbox=settings.ebay_sandbox)


async def send(parts: Parts, complaint_id: int, actor: str) -> str:
    """Hand in an exported complaint by the platform's interface, once; its number there.

    Raises:
        NoticeRefused: It was not exported for the interface, or an earlier try may have arrived unasked.
        ApiRefused: The platform would not take it: it is handed back, with the platform's words kept.
        ApiUnclear: No answer came; the next call looks whether it arrived before it sends anything.
    """
    stored = await load(parts, complaint_id)
    _require_ready(stored)
    api = api_of(parts, stored.row.platform)
    if await _may_have_arrived(parts, complaint_id):
        found = await api.find(stored.draft)
        if found is not None:
            await hand_in(parts, complaint_id, actor, found.reference, found.raw)
            return found.reference
        if not api.can_find:
            raise NoticeRefused(
                f"complaint {complaint_id}: an earlier try may have arrived and the platform cannot be asked; look "
                "there, then note its number, or that there is none, with `bazaarwatch complaints`"
            )
    await _note(parts, complaint_id, _SENDING, actor)
    try:
        receipt = await api.submit(stored.draft)
    except ApiRefused as refusal:
        await _note(parts, complaint_id, _REFUSED, actor, refusal.raw)
        await hand_back(parts, complaint_id, actor, str(refusal), refusal.raw)
        raise
    await hand_in(parts, complaint_id, actor, receipt.reference, receipt.raw)
    return receipt.reference


async def ask(parts: Parts, complaint_id: int, actor: str) -> list[str]:
    """Ask the platform what became of a complaint and record its words; what a person should know.

    Raises:
        NoticeRefused: It was not handed in by the interface.
        ApiRefused: The platform would not say.
        ApiUnclear: It gave no usable answer.
    """
    stored = await load(parts, complaint_id)
    if not stored.row.external_ref:
        raise NoticeRefused(f"complaint {complaint_id} has no number at the platform; hand it in first")
    notes = []
    for told in await api_of(parts, stored.row.platform).statuses(stored.row.external_ref):
        alert_ids = [target.alert_id for target in stored.draft.targets if target.listing_id == told.listing_id]
        if told.listing_id and not alert_ids:
            notes.append(f"{told.words} of {told.listing_id}, which is not in complaint {complaint_id}")
            continue
        chosen: Collection[int] | None = alert_ids if told.listing_id else None
        notes += await record_status(
            parts, complaint_id, told.words, actor, alert_ids=chosen, reason=told.reason, due=told.due
        )
    return notes


def _require_ready(stored: Stored) -> None:
    rules = stored.rules
    route = rules.routes.get(stored.row.route)
    if route is None or route.channel.value != "api":
        raise NoticeRefused(f"complaint {stored.row.id} goes by {stored.row.route or 'no route'}, not by an interface")
    if stored.row.state != ComplaintState.EXPORTED:
        raise NoticeRefused(f"complaint {stored.row.id} is {stored.row.state}: only an exported one is sent")


async def _may_have_arrived(parts: Parts, complaint_id: int) -> bool:
    """Whether something was sent of which neither a receipt nor a refusal came."""
    async with parts.database.read() as session:
        steps = [event.event for event, _ in await events_of(session, complaint_id)]
    last = max((place for place, step in enumerate(steps) if step == _SENDING), default=-1)
    return last >= 0 and _REFUSED not in steps[last:]


async def _note(parts: Parts, complaint_id: int, event: str, actor: str, raw: str = "") -> None:
    async with parts.database.write("complaint sent by an interface") as session:
        row = await get_complaint(session, complaint_id, lock=True)
        if row.state != ComplaintState.EXPORTED:
            raise NoticeRefused(f"complaint {complaint_id} is {row.state} meanwhile; nothing was sent")
        await move(session, row, event, row.state, parts.clock.now(), actor, raw=raw)


async def answer(parts: Parts, complaint_id: int, person: str, decision: AcceptPapers | RefusePapers) -> None:
    """Send a named person's answer to a seller's papers, and record it.

    Raises:
        NoticeRefused: The platform's interface takes no answers, or nobody is named.
        ApiRefused: The case does not wait for one, or the platform refused it.
        ApiUnclear: No answer came: look at the case before answering again.
    """
    stored = await load(parts, complaint_id)
    api = api_of(parts, stored.row.platform)
    if not isinstance(api, MercadoLibre) or not stored.row.external_ref:
        raise NoticeRefused(f"{stored.rules.title} takes no answer of complaint {complaint_id} by an interface")
    if not person.strip():
        raise NoticeRefused("a counter-notice is answered by a person, by name")
    await api.answer(stored.row.external_ref, decision)
    refused = isinstance(decision, RefusePapers)
    note = decision.explanation if isinstance(decision, RefusePapers) else "the seller's papers were accepted"
    await answer_counter(parts, complaint_id, person, accept=not refused, note=note)
