"""From alerts of one work to drafts: sorted into complaints a platform takes, each with its text. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import urlsplit

from detectors.rights import Owner, Right, RightKind
from monitor.complaints.base import Draft, RightState, Target, Work
from monitor.complaints.policy import Policy, ReasonRule
from monitor.errors import NoticeRefused

_COPYRIGHTS = {RightKind.COPYRIGHT_REGISTERED, RightKind.COPYRIGHT_UNREGISTERED}
_RIGHT_NAMES = {
    RightKind.TRADEMARK: "trade mark",
    RightKind.COPYRIGHT_REGISTERED: "registered copyright",
    RightKind.COPYRIGHT_UNREGISTERED: "copyright",
    RightKind.DESIGN: "registered design",
    RightKind.UTILITY_MODEL: "utility model",
    RightKind.PATENT: "patent",
    RightKind.PUBLICITY: "right of publicity",
    RightKind.GEOGRAPHICAL_INDICATION: "geographical indication",
    RightKind.OTHER: "right",
}
_COPIED = {  # what the reason alleges, and nothing beyond it
    "cr_pirated_product": "The goods shown in {each} carry a copy of this work, made without permission.",
    "cr_image_copied": "The pictures of {each} contain a copy of this work, used without permission.",
    "cr_text_copied": "The text of {each} contains a copy of this work, used without permission.",
    "tm_in_listing": "The pictures of {each} show this mark, used without permission.",
    "tm_in_shop": "The shop shows this mark, used without permission.",
    "tm_counterfeit": "The goods bought from {each} bear this mark and were not made by or for its owner; see the "
    "authentication report.",
    "design_product": "The goods shown in {each} have the appearance of this design, without permission.",
    "patent_product": "The goods shown in {each} use this invention, without permission.",
}
_COPIED_OTHERWISE = "{each} makes use of what this right protects, without permission."


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A listing that goes into no complaint at this platform, and why."""

    target: Target
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """The targets of one complaint: one site, one work, one level, one route."""

    site: str
    work_id: int
    targets: tuple[Target, ...]
    route: str = ""
    kind: str = "listing"


@dataclass(frozen=True, slots=True)
class Batching:
    """Listings sorted into as few complaints as a platform allows; every listing is in exactly one of the two."""

    batches: tuple[Batch, ...]
    left_out: tuple[LeftOut, ...]


def batch(
    targets: Sequence[Target],
    policy: Policy,
    right: Right,
    reason: str | None = None,
    home_of: Callable[[str], str | None] = lambda _url: None,
    route: str | None = None,
) -> Batching:
    """Sort listings into complaints for one account, one right and one reason.

    One complaint holds one site, one work (design) and one level, and at most as many listings as the route and the
    reason take, in the order of marketplace and listing id. The same listings in any order give the same complaints.

    Args:
        reason: Our code; without it, what a match of pictures may propose for the right.
        home_of: The platform of an address; a pack for any host leaves those to it.
        route: A key of the policy's routes; without it, the first that takes the targets.
    """
    fact = policy.reasons.get(reason or policy.propose_reason(right.kind) or "")
    chosen = fact.value if fact else None
    left_out: list[LeftOut] = []
    routed: dict[tuple[str, int, str, str, str, str], Target] = {}
    for target in sorted(targets, key=lambda one: (one.marketplace, one.listing_id, one.url, one.alert_id)):
        site = policy.site_of(target.url)
        way = _way(target, site, policy, right, chosen, route)
        hurdle = _hurdle(target, site, way, policy, right, home_of)
        if site is None or way is None or hurdle:
            left_out.append(LeftOut(target, hurdle))
            continue
        host = str(urlsplit(target.url).hostname) if policy.urls.value.same_hostname else ""
        if routed.setdefault((site, target.work_id, target.kind, way, host, target.url), target) is not target:
            left_out.append(LeftOut(target, f"this {target.kind} is in the complaint already"))
    batches: list[Batch] = []
    for (site, work_id, kind, way, _), group in groupby(sorted(routed, key=_together), key=_together):
        members = [routed[key] for key in group]
        limits = (policy.routes[way].max_targets.value, chosen.max_targets if chosen else None)
        size = min((limit for limit in limits if limit), default=len(members))
        batches += [
            Batch(site, work_id, tuple(members[start : start + size]), way, kind)
            for start in range(0, len(members), size)
        ]
    return Batching(tuple(batches), tuple(left_out))


def _together(key: tuple[str, int, str, str, str, str]) -> tuple[str, int, str, str, str]:
    """Site, work, level, route and host: what one complaint has in common."""
    return key[:5]


def _way(
    target: Target, site: str | None, policy: Policy, right: Right, reason: ReasonRule | None, route: str | None
) -> str | None:
    """The route of a target: the one that is wished, or the first that takes it and the reason; None if none does."""
    ways = policy.routes if route is None else {route: policy.routes[route]} if route in policy.routes else {}
    return next(
        (
            name
            for name, one in ways.items()
            if site is not None
            and one.takes(site, right.kind, target.kind)
            and (reason is None or not reason.routes or name in reason.routes)
        ),
        None,
    )


def _hurdle(
    target: Target,
    site: str | None,
    way: str | None,
    policy: Policy,
    right: Right,
    home_of: Callable[[str], str | None],
) -> str:
    """Why the platform takes no complaint about a target; empty if it does."""
    if site is None:
        return f"{policy.title} takes no listings of this host"
    if not policy.sites[site].value.hosts and (home := home_of(target.url)) not in {None, policy.platform}:
        return f"this host has a platform of its own: {home}"
    if way is None:
        return f"{policy.title} takes no complaint about a {target.kind} over a {right.kind.value}"
    return ""


def draft_notice(
    number: str,
    listings: Batch,
    policy: Policy,
    *,
    work: Work,
    right: Right,
    owner: Owner,
    reason: str | None = None,
    account: str = "",
    right_state: RightState | None = None,
) -> Draft:
    """Draft the complaint about one batch; nobody has confirmed anything yet.

    Args:
        number: Our own number of the complaint, unique.
        reason: Our code; without it, what a match of pictures may propose for this kind of right: for a copyright
            "Pirated copy", never a counterfeit allegation.

    Raises:
        NoticeRefused: The platform has no such reason, or none that a match of pictures may propose for the right.
    """
    chosen = reason or policy.propose_reason(right.kind)
    if chosen is None or chosen not in policy.reasons:
        what = f"knows no reason {chosen!r}" if chosen else f"has no reason to propose for a {right.kind.value}"
        raise NoticeRefused(f"{policy.title} {what}; it has {', '.join(policy.reasons)}")
    return Draft(
        number=number,
        platform=policy.platform,
        site=listings.site,
        work=work,
        right=right,
        owner=owner,
        reason=chosen,
        explanation=_explanation(work, right, chosen, len(listings.targets)),
        targets=listings.targets,
        statements=policy.statements_for(right.kind, listings.route),
        route=listings.route,
        account=account,
        right_state=right_state,
    )


def _explanation(work: Work, right: Right, reason: str, count: int) -> str:
    """Which work, whose right, what was copied, what is asked; no word of the listings, no accusation beyond."""
    each = "the listing" if count == 1 else f"each of the {count} listings"
    copied = _COPIED.get(reason, _COPIED_OTHERWISE).format(each=each)
    request = f"We ask to remove {'it' if count == 1 else 'them'}."
    return " ".join([_right_sentence(work, right), copied[0].upper() + copied[1:], request])


def _right_sentence(work: Work, right: Right) -> str:
    named = f'"{right.title}"' + ("" if right.title == work.title else f' (our work: "{work.title}")')
    if right.kind not in _COPYRIGHTS:
        where = f" in {', '.join(right.jurisdictions)}" if right.jurisdictions else ""
        office = f" at {right.office}" if right.office else ""
        number = f", no. {right.number}{office}" if right.number else ""
        return f"{right.holder} holds the {_RIGHT_NAMES[right.kind]} {named}{number}{where}."
    if right.kind is RightKind.COPYRIGHT_REGISTERED:
        number = f"registration no. {right.number}" + (f" at {right.office}" if right.office else "")
    else:
        number = f"unregistered, claim no. {right.claim_number}"
    published = ""
    if right.first_publication is not None:
        first = right.first_publication
        where = ", ".join(filter(None, (first.place, first.url)))
        published = f", first published on {first.on.isoformat()} ({where})"
    return f"{right.holder} owns the copyright in the artwork {named} ({number}){published}."
