"""What goes into each field of a platform's form, with the field's own limits. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from monitor.complaints.base import Draft
from monitor.complaints.policy import FieldKey, Policy, PortalField, Route

_STATED = ("host_contact", "patent_number", "message_to_seller", "order_numbers", "countries", "regions")


@dataclass(frozen=True, slots=True)
class FilledField:
    """One field of the form, filled in."""

    rule: PortalField
    value: str

    @property
    def problem(self) -> str:
        """Why the platform would refuse it; empty if it would not."""
        limit = self.rule.max_chars
        if self.rule.required and not self.value.strip():
            return f"{self.rule.label!r} must be filled in"
        if limit is not None and len(self.value) > limit:
            return f"{len(self.value):,} characters, {self.rule.label!r} takes {limit:,}; shorten it, nothing is cut"
        return ""


def fill(draft: Draft, policy: Policy, signer: str = "") -> list[FilledField]:
    """The form of the draft's route, field by field in the form's order.

    Args:
        signer: Who signs; without one, the owner's name stands there.
    """
    route = policy.routes[draft.route]
    return [
        FilledField(fact.value, _VALUES[fact.value.key](draft, policy, signer or draft.owner.legal_name))
        for fact in route.fields
        if (not fact.value.right_kinds or draft.right.kind in fact.value.right_kinds)
        and (not fact.value.reasons or draft.reason in fact.value.reasons)
    ]


def reason_code(draft: Draft, policy: Policy) -> str:
    """The platform's code of the reason on the draft's route; empty where it has words only."""
    rule = policy.reasons[draft.reason].value
    return rule.codes.get(draft.route, rule.code)


def needed(draft: Draft, policy: Policy) -> tuple[str, ...]:
    """The names of what a person has to state for the draft's reason; none for a reason that the pack does not know."""
    rule = policy.reasons.get(draft.reason)
    return rule.value.needs if rule else ()


def statable(draft: Draft, policy: Policy) -> tuple[str, ...]:
    """The names under which a person can state what nothing here knows: first what the reason needs."""
    return tuple(dict.fromkeys([*needed(draft, policy), *_STATED]))


def recipient(draft: Draft, policy: Policy) -> str:
    """Where a mail goes: the route's address, or for a host the one that a person found."""
    return policy.routes[draft.route].to.value or draft.reason_facts.get("host_contact", "").strip()


def advice(draft: Draft, policy: Policy) -> Iterator[str]:
    """What a person should have at hand or know before filling the form in, a line each."""
    route, reason = policy.routes[draft.route], policy.reasons[draft.reason].value
    files = [kind.replace("_", " ") for kind in reason.evidence]
    if policy.marked_picture.value:
        files.append("picture with the infringing place marked")
    if files:
        yield f"Attach: {', '.join(dict.fromkeys(files))}{_attachment_limits(route)}."
    if policy.disclosed.value:
        doubt = " (unconfirmed)" if policy.disclosed.unconfirmed else ""
        yield f"The seller is shown: {', '.join(policy.disclosed.value)}{doubt}."
    for fact in policy.statements.values():
        if fact.value.portals_own:
            yield "The portal's own oath covers the whole notice: read its words before you affirm them."


def _attachment_limits(route: Route) -> str:
    if route.attachments is None:
        return ""
    limits = route.attachments.value
    told = [
        f"at most {limits.max} files" if limits.max is not None else "",
        f"{limits.mb_each} MB each" if limits.mb_each is not None else "",
        "/".join(limits.types),
    ]
    doubt = ", unconfirmed" if route.attachments.unconfirmed else ""
    return f" ({', '.join(filter(None, told))}{doubt})"


def _lines(values: Iterable[str | None]) -> str:
    return "\n".join(dict.fromkeys(value for value in values if value))


def _published(draft: Draft) -> str:
    first = draft.right.first_publication
    return ", ".join(filter(None, (first.on.isoformat(), first.place, first.url))) if first else ""


def _patent(draft: Draft) -> str:
    return draft.reason_facts.get("patent_number") or draft.right.number or ""


_Value = Callable[[Draft, Policy, str], str]
_VALUES: dict[FieldKey, _Value] = {
    "site": lambda draft, policy, _: policy.sites[draft.site].value.title,
    "right_label": lambda draft, policy, _: policy.rights[draft.right.kind].value.label,
    "right_title": lambda draft, *_: draft.right.title,
    "right_number": lambda draft, *_: draft.right.stated_number,
    "right_holder": lambda draft, *_: draft.right.holder,
    "right_office": lambda draft, *_: draft.right.office or "",
    "right_jurisdictions": lambda draft, *_: ", ".join(draft.right.jurisdictions),
    "right_classes": lambda draft, *_: ", ".join(map(str, draft.right.nice_classes or draft.right.locarno_classes)),
    "right_brand": lambda draft, *_: draft.right.brand or draft.right.title,
    "work_url": lambda draft, *_: (draft.right.first_publication and draft.right.first_publication.url) or "",
    "first_publication": lambda draft, *_: _published(draft),
    "target_kind": lambda draft, policy, _: dict(policy.routes[draft.route].target_kinds.value).get(
        draft.target_kind,
        "",  # type: ignore[call-overload]
    ),
    "infringing_element": lambda draft, *_: ", ".join(
        dict.fromkeys(target.infringing_element.replace("_", " ") for target in draft.targets)
    ),
    "reason_label": lambda draft, policy, _: policy.reasons[draft.reason].value.label,
    "reason_code": lambda draft, policy, _: reason_code(draft, policy),
    "urls": lambda draft, *_: _lines(target.url for target in draft.targets),
    "listing_ids": lambda draft, *_: _lines(target.listing_id for target in draft.targets),
    "seller_names": lambda draft, *_: _lines(target.seller_name or target.seller_id for target in draft.targets),
    "explanation": lambda draft, *_: draft.explanation,
    "message_to_seller": lambda draft, *_: draft.reason_facts.get("message_to_seller", ""),
    "owner_name": lambda draft, *_: draft.owner.legal_name,
    "owner_email": lambda draft, *_: draft.owner.email_public,
    "owner_address": lambda draft, *_: "\n".join(draft.owner.address),
    "owner_phone": lambda draft, *_: draft.owner.phone or "",
    "owner_country": lambda draft, *_: draft.owner.country,
    "role": lambda draft, *_: draft.role,
    "test_buy_order": lambda draft, *_: draft.reason_facts.get("order_numbers", ""),
    "patent_number": lambda draft, *_: _patent(draft),
    "countries": lambda draft, *_: draft.reason_facts.get("countries", ""),
    "regions": lambda draft, *_: draft.reason_facts.get("regions", ""),
    "statements": lambda draft, *_: "\n".join(statement.text for statement in draft.statements),
    "signature": lambda _draft, _policy, signer: signer,
}
