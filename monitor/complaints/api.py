"""Complaints by the two platforms' interfaces that are documented: Mercado Libre's BPP and eBay's VeRO.

Requests are made from a confirmed draft by pure functions and go out by `monitor.fetch` alone. The fields are those of
the platforms' documents as far as they were read (complaint-platforms.md, sections 2.4 and 12); eBay's were seen for
version 1 and are kept here alone. Nothing is sent twice: an answer that did not come is looked for first where the
platform can be asked, and left to a person where it cannot.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol
from urllib.parse import quote

from detectors.model import Outcome
from monitor.complaints.base import Draft, Target
from monitor.complaints.errors import ApiRefused, ApiUnclear
from monitor.complaints.form import fill, reason_code
from monitor.complaints.policy import Policy
from monitor.fetch import Fetcher
from monitor.marketplaces.base import Api, Page, Request

_TERMS = "the interface's own terms for members of the rights programme; robots.txt is for crawlers of pages"
_WORDS_KEPT = 2_000


@dataclass(frozen=True, slots=True)
class Receipt:
    """That a platform took a complaint: its own number, and its answer word for word."""

    reference: str
    raw: str


@dataclass(frozen=True, slots=True)
class Told:
    """What a platform says: its words for the complaint (no ``listing_id``) or for one listing."""

    words: str
    listing_id: str = ""
    reason: str = ""
    due: datetime | None = None  # aware: until when we have to answer
    raw: Mapping[str, Any] = field(default_factory=dict)


class ComplaintApi(Protocol):
    """What a platform's interface can do; ``can_find``: whether it can be asked for a report whose answer was lost."""

    can_find: bool

    async def reasons(self, site: str) -> list[dict[str, Any]]:
        """The reasons enabled for this member at a site, as the platform lists them."""

    async def find(self, draft: Draft) -> Receipt | None:
        """A report that went through though its answer was lost; None: there is none, or it cannot be asked."""

    async def submit(self, draft: Draft) -> Receipt:
        """Hand in a confirmed draft, once."""

    async def statuses(self, reference: str) -> list[Told]:
        """What became of a report."""


class MercadoLibre:
    """The Brand Protection Program's interface; one item a complaint, the holder decides on the seller's papers."""

    can_find = False  # no call that lists a member's complaints was seen

    def __init__(self, fetcher: Fetcher, policy: Policy, token: str, requests_per_day: int) -> None:
        self._policy = policy
        self._door = _Door(fetcher, policy, "base", token, requests_per_day)

    async def reasons(self, site: str) -> list[dict[str, Any]]:
        """The reasons enabled for this member: id, group, type, description, description_en, sub_text."""
        answer = await self._door.ask("options", SITE_ID=self._policy.sites[site].value.platform_id)
        return [dict(one) for one in _list(answer)]

    async def find(self, draft: Draft) -> Receipt | None:
        """None: the platform cannot be asked."""
        del draft
        return None

    async def submit(self, draft: Draft) -> Receipt:
        """Report the draft's one item."""
        target = draft.targets[0]
        body = denouncement(draft, target, self._policy)
        answer = _mapping(await self._door.ask("report", body, ITEM_ID=target.listing_id))
        return Receipt(str(_needed(answer, "denounce_id")), json.dumps(answer, ensure_ascii=False))

    async def statuses(self, reference: str) -> list[Told]:
        """The case of one report."""
        case = _mapping(await self._door.ask("case", DENOUNCE_ID=reference))
        item = case.get("item_info")
        listing_id = str(item.get("item_id", "")) if isinstance(item, Mapping) else ""
        words = str(_needed(case, "current_status"))
        return [Told(words, listing_id, str(case.get("reason_text") or ""), _time(case.get("due_date")), case)]

    async def answer(self, reference: str, decision: RefusePapers | AcceptPapers) -> None:
        """Answer the seller's papers; only while the case is DOCUMENTATION_PRESENTED.

        Raises:
            ApiRefused: It is not, or the platform refused the answer.
        """
        (told,) = await self.statuses(reference)
        if told.words != "DOCUMENTATION_PRESENTED":
            raise ApiRefused(f"case {reference} is {told.words}: papers are answered while DOCUMENTATION_PRESENTED", "")
        await self._door.ask("answer", decision.body(), DENOUNCE_ID=reference)


@dataclass(frozen=True, slots=True)
class AcceptPapers:
    """The seller is right: the complaint is given up and the listing goes back on sale."""

    def body(self) -> dict[str, Any]:
        """``documentation_approved`` true gives the listing back, though the documents' heading says otherwise."""
        return {"documentation_approved": "true", "member_quittance": None}


@dataclass(frozen=True, slots=True)
class RefusePapers:
    """The seller's papers do not hold; the listing stays down."""

    explanation: str
    reject_id: Literal["1", "2", "3"]  # does not match the product; illegible; not authorised to use this content

    def body(self) -> dict[str, Any]:
        """As the platform wants it."""
        return {
            "documentation_approved": "false",
            "member_quittance": self.explanation,
            "reject_member_id": self.reject_id,
        }


class EbayVero:
    """The VeRO interface; up to 150 items a report."""

    can_find = True

    def __init__(
        self, fetcher: Fetcher, policy: Policy, token: str, requests_per_day: int, *, sandbox: bool = False
    ) -> None:
        self._policy = policy
        self._door = _Door(fetcher, policy, "sandbox" if sandbox else "base", token, requests_per_day)

    async def reasons(self, site: str) -> list[dict[str, Any]]:
        """The reason codes of one national site."""
        headers = {"x-ebay-c-marketplace-id": self._policy.sites[site].value.platform_id}
        answer = _mapping(await self._door.ask("reasons", headers=headers))
        return [dict(one) for one in _list(answer.get("veroReasonCodes", []))]

    async def find(self, draft: Draft) -> Receipt | None:
        """Whether eBay has the draft's first item already; a report that went through without an answer."""
        item = draft.targets[0].listing_id
        answer = _mapping(await self._door.ask("items", params={"itemId": item}))
        reported = [_mapping(one) for one in _list(answer.get("reportedItemDetails", []))]
        if any(one.get("itemId") == item and one.get("status") not in {None, "NONE"} for one in reported):
            return Receipt(f"item {item}", json.dumps(answer, ensure_ascii=False))
        return None

    async def submit(self, draft: Draft) -> Receipt:
        """Report all items of the draft; the report's number cannot be fetched later."""
        headers = {"x-ebay-c-marketplace-id": self._policy.sites[draft.site].value.platform_id}
        body = vero_report(draft, self._policy)
        answer = _mapping(await self._door.ask("report", body, headers=headers))
        return Receipt(str(_needed(answer, "veroReportId")), json.dumps(answer, ensure_ascii=False))

    async def statuses(self, reference: str) -> list[Told]:
        """The report's word and each item's; of a report whose number was lost, the item's alone."""
        if reference.startswith("item "):
            params = {"itemId": reference.removeprefix("item ")}
            answer = _mapping(await self._door.ask("items", params=params))
        else:
            answer = _mapping(await self._door.ask("status", params={"includeItemDetails": "true"}, id=reference))
        told = [
            Told(
                str(_needed(one, "status")),
                str(_needed(one, "itemId")),
                str(one.get("reasonForFailure") or ""),
                raw=one,
            )
            for one in map(_mapping, _list(answer.get("reportedItemDetails", [])))
        ]
        whole = [Told(str(answer["veroReportStatus"]), raw=answer)] if "veroReportStatus" in answer else []
        return whole + told


def denouncement(draft: Draft, target: Target, policy: Policy) -> dict[str, Any]:
    """What Mercado Libre is told of one item."""
    pictures = {"photos_denounced": list(target.picture_ids)} if policy.reasons[draft.reason].value.picture_ids else {}
    return {"report_reason_id": reason_code(draft, policy), "comment": draft.explanation} | pictures


def vero_report(draft: Draft, policy: Policy) -> dict[str, Any]:
    """What eBay is told: one entry an item, all under one reason; fields that the form leaves blank are left out."""
    named = {field.rule.label: field.value for field in fill(draft, policy) if field.value}
    shared: dict[str, Any] = {
        key: named[key]
        for key in ("veroReasonCodeId", "brand", "messageToSeller", "detailedMessage", "patent")
        if key in named
    }
    for key in ("countries", "regions"):
        if key in named:
            shared[key] = named[key].replace(",", " ").split()
    return {"reportItems": [{"itemId": target.listing_id, **shared} for target in draft.targets]}


class _Door:
    """The pack's endpoints, asked through the only door to the network with the member's token."""

    def __init__(self, fetcher: Fetcher, policy: Policy, base: str, token: str, requests_per_day: int) -> None:
        self._fetcher, self._policy, self._token = fetcher, policy, token
        self._base = policy.endpoints[base].value.rstrip("/")
        self._api = Api(_TERMS, requests_per_day)

    async def ask(
        self,
        endpoint: str,
        body: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        **places: str,
    ) -> object:
        """The parsed answer of an endpoint of the pack, such as ``POST /moderations/pppi/case/{DENOUNCE_ID}``.

        Raises:
            ApiRefused: The platform would not; its words are kept.
            ApiUnclear: No answer came to something that may have had an effect.
        """
        method, _, path = self._policy.endpoints[endpoint].value.partition(" ")
        filled = path.format(**{name: quote(value, safe="") for name, value in places.items()})
        sent = {"accept": "application/json", "authorization": f"Bearer {self._token}", **(headers or {})}
        data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        request = Request(
            f"{self._base}{filled}",
            params or {},
            sent if body is None else {**sent, "content-type": "application/json"},
            "POST" if method == "POST" else "GET",
            data,
            repeatable=method == "GET",
            api=self._api,
        )
        return _answer(await self._fetcher.get(request), f"{method} {filled}")


def _answer(page: Page, what: str) -> object:
    words = page.body.decode("utf-8", "replace")[:_WORDS_KEPT]
    if 400 <= page.status < 500:
        raise ApiRefused(f"{what}: the platform refused with status {page.status}: {words[:300]}", words)
    if page.outcome is Outcome.RATE_LIMITED:
        raise ApiRefused(f"{what}: {page.reason}: try again later", words)
    if page.outcome is not None or not 200 <= page.status < 300:
        raise ApiUnclear(f"{what}: no usable answer ({page.reason or page.status})")
    try:
        return json.loads(page.body)
    except ValueError:
        raise ApiUnclear(f"{what}: the answer is no JSON: {words[:200]}") from None


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ApiUnclear(f"the answer is no object but {str(value)[:200]}")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ApiUnclear(f"the answer is no list but {str(value)[:200]}")
    return value


def _needed(answer: Mapping[str, Any], key: str) -> object:
    if answer.get(key) in {None, ""}:
        raise ApiUnclear(f"the answer holds no {key}: {json.dumps(dict(answer), ensure_ascii=False)[:200]}")
    return answer[key]


def _time(value: object) -> datetime | None:
    """An aware time of the answer; None where it tells none, or one without a zone, which would be a guess."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else None
