"""Everything a platform would refuse a complaint for, found before it leaves. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from detectors.rights import (
    expiry,
    normalise_number,
    required_fields,
    same_name,
    slower_route,
    validate,
    validate_owner,
)
from monitor.complaints.base import Confirmation, Draft, Problem, RightState, Target
from monitor.complaints.form import fill, reason_code, recipient, statable
from monitor.complaints.policy import Fact, Policy, RightRule
from monitor.text import safe_link, visible

_EU = frozenset(
    {
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"),
        *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
    }
)
_BENELUX = frozenset({"BE", "NL", "LU"})
_BLANK_SAID_ELSEWHERE = frozenset(
    {
        *("explanation", "urls", "right_title", "right_number", "right_holder", "owner_name", "owner_email"),
        "test_buy_order",
    }
)


def preflight(draft: Draft, policy: Policy, now: datetime, confirmation: Confirmation | None = None) -> list[Problem]:
    """Every problem of a complaint, each naming its field; a complaint may leave when none of them is blocking.

    Args:
        now: Aware; the time at which the complaint is to leave.
        confirmation: A person's yes; without one, ``confirmation`` is among the problems.
    """
    return [
        *_routing(draft, policy),
        *_right(draft, policy, now),
        *_owner(draft, policy),
        *_text(draft, policy),
        *_form(draft, policy),
        *_targets(draft, policy, now),
        *_confirmation(draft, confirmation, now),
        *_warnings(draft, policy, now),
    ]


def _routing(draft: Draft, policy: Policy) -> Iterator[Problem]:
    if draft.platform != policy.platform:
        yield Problem("platform", f"drafted for {draft.platform}, not for {policy.platform}")
    if draft.site not in policy.sites:
        yield Problem("site", f"{policy.title} has no site {draft.site!r}; it has {', '.join(policy.sites)}")
    languages = policy.languages.value
    if languages and draft.language not in languages:
        yield Problem("language", f"{draft.language} is not read there; use {' or '.join(languages)}")
    route = policy.routes.get(draft.route)
    if route is None:
        yield Problem("route", f"{policy.title} has no route {draft.route!r}; it has {', '.join(policy.routes)}")
    elif not route.takes(draft.site, draft.right.kind, draft.target_kind):
        what = f"a {draft.target_kind} on {draft.site} over a {draft.right.kind.value}"
        yield Problem("route", f"{route.title!r} takes no complaint about {what}")
    elif route.channel.value == "email" and not re.fullmatch(r"[^@\s<>,;]+@[^@\s<>,;]+", recipient(draft, policy)):
        message = "give the mail address of the host's agent or contact point"
        yield Problem("reason_facts.host_contact", f"{message}: {_stating(draft, 'host_contact')}")
    elif route.channel.value == "api" and draft.reason in policy.reasons and not reason_code(draft, policy):
        message = (
            f"the platform's id of {draft.reason!r} was not seen: fetch its list and note it in a pack of your own"
        )
        yield Problem("reason", message)
    for name in sorted(set(draft.reason_facts).difference(statable(draft, policy))):
        message = f"nothing asks for it; what is asked for: {', '.join(statable(draft, policy))}"
        yield Problem(f"reason_facts.{name}", message, blocking=False)
    yield from _reason(draft, policy)


def _stating(draft: Draft, need: str) -> str:
    return f"`bazaarwatch complaints edit {draft.number.removeprefix('C-')} --fact {need}=...`"


def _reason(draft: Draft, policy: Policy) -> Iterator[Problem]:
    fact = policy.reasons.get(draft.reason)
    if fact is None:
        yield Problem("reason", f"{draft.reason!r} has no counterpart at {policy.title}")
        return
    rule = fact.value
    if draft.right.kind not in rule.right_kinds:
        yield Problem("reason", f"{rule.label!r} cannot be based on a {draft.right.kind.value}")
    if draft.target_kind not in rule.target_kinds:
        yield Problem("reason", f"{rule.label!r} is about a {rule.target_kinds[0]}, not about a {draft.target_kind}")
    if rule.routes and draft.route not in rule.routes:
        yield Problem("reason", f"{rule.label!r} is not taken by the route {draft.route!r}")
    for need in rule.needs:
        if not draft.reason_facts.get(need, "").strip():
            yield Problem(f"reason_facts.{need}", f"{rule.label!r} needs it stated: {_stating(draft, need)}")
    bought = draft.reason_facts.get("listings", "")
    if "listings" in rule.needs and bought.strip():
        for position, target in enumerate(draft.targets):
            if target.listing_id not in bought and target.url not in bought:
                message = f"the test purchase was of {visible(bought)}, this is {visible(target.listing_id)}"
                yield Problem(f"targets[{position}].listing_id", message)
    for position, target in enumerate(draft.targets):
        if rule.picture_ids and not target.picture_ids:
            message = f"{rule.label!r} needs the platform's own ids of the pictures: look at the listing again"
            yield Problem(f"targets[{position}].picture_ids", message)


def _right(draft: Draft, policy: Policy, now: datetime) -> Iterator[Problem]:
    right = draft.right
    yield from (Problem(f"right.{one.field}", one.problem) for one in validate(right, now.date()))
    fact = policy.rights.get(right.kind)
    if fact is None:
        yield Problem("right.kind", f"{policy.title} takes no {right.kind.value}")
        return
    yield from _right_rule(draft, policy, fact.value)
    end = expiry(right, now.date())
    if end.blocked:
        yield Problem("right.expires_on", f"the right {end}")
    route = policy.routes.get(draft.route)
    verify = route is not None and route.right_must_be_verified.value
    if not verify or draft.right_state is RightState.VERIFIED:
        return
    if draft.right_state is None:
        yield Problem("right_state", "make sure the right is approved in your account there", blocking=False)
    else:
        message = (
            f"{policy.title} has not approved the right yet: it is {draft.right_state.value.replace('_', ' ')} there"
        )
        command = f"bazaarwatch readiness --platform {policy.platform}"
        yield Problem("right_state", f"{message}; `{command}` says what comes next and what waits behind it")


def _right_rule(draft: Draft, policy: Policy, rule: RightRule) -> Iterator[Problem]:
    right, where = draft.right, set(draft.right.jurisdictions)
    for name in rule.required:
        if not getattr(right, name) and name not in required_fields(right.kind):
            yield Problem(f"right.{name}", f"{policy.title} asks for it")
    number = normalise_number(right.stated_number)
    if rule.number_pattern and number and not re.fullmatch(rule.number_pattern, number):
        yield Problem("right.number", rule.number_note or f"{policy.title} takes numbers like {rule.number_pattern}")
    if rule.registers and right.register not in rule.registers:
        known = right.register or "of no stated part"
        message = f"{policy.title} wants the {' or '.join(rule.registers)} register, this one is {known}: add proof"
        yield Problem("right.register", message, blocking=False)
    if rule.jurisdictions and where and not where & set(rule.jurisdictions):
        message = f"holds in {', '.join(sorted(where))}; {policy.title} acts on {', '.join(rule.jurisdictions)} alone"
        yield Problem("right.jurisdictions", message)
    site = policy.sites.get(draft.site)
    country = site.value.country if site else None
    if rule.covers_site and country and where and not where & _covering(country):
        message = (
            f"holds in {', '.join(sorted(where))}, the site sells in {country}: complain there on a right of {country}"
        )
        yield Problem("right.jurisdictions", message)


def _covering(country: str) -> set[str]:
    """The codes under which a right may hold in a country."""
    return {country, "WO", *(("EU",) if country in _EU else ()), *(("BX",) if country in _BENELUX else ())}


def _form(draft: Draft, policy: Policy) -> Iterator[Problem]:
    known = draft.site in policy.sites and draft.reason in policy.reasons and draft.right.kind in policy.rights
    if not known or draft.route not in policy.routes:
        return  # said already
    for field in fill(draft, policy):
        if field.problem and (field.value.strip() or field.rule.key not in _BLANK_SAID_ELSEWHERE):
            ours = field.rule.key.startswith("owner_")
            where = f"; `bazaarwatch owners edit {draft.owner.legal_name!r}` fills it in" if ours else ""
            yield Problem(f"fields.{field.rule.key}", f"{field.problem}{where}")


def _owner(draft: Draft, policy: Policy) -> Iterator[Problem]:
    countries = policy.holder_countries.value if policy.holder_countries else ()
    if countries and draft.owner.country not in countries:
        yield Problem("owner.country", f"{policy.title} takes holders of {', '.join(countries)} only")
    yield from (Problem(f"owner.{one.field}", one.problem) for one in validate_owner(draft.owner))
    if draft.right.holder and not same_name(draft.right.holder, draft.owner.legal_name):
        message = f"{draft.right.holder!r} is not the owner {draft.owner.legal_name!r}: platforms compare the names"
        yield Problem("right.holder", message)


def _text(draft: Draft, policy: Policy) -> Iterator[Problem]:
    if not draft.number.strip():
        yield Problem("number", "the complaint has no number")
    if not draft.work.title.strip():
        yield Problem("work.title", "the work has no title")
    route = policy.routes.get(draft.route)
    length, limit = len(draft.explanation), route.explanation_max_chars.value if route else None
    if not draft.explanation.strip():
        yield Problem("explanation", "say what was copied")
    elif limit is not None and length > limit:
        yield Problem("explanation", f"{length:,} characters, at most {limit:,} go in; shorten it, nothing is cut")
    if not draft.statements:
        yield Problem("statements", "there is nothing to affirm: at least a statement of good faith is needed")


def _targets(draft: Draft, policy: Policy, now: datetime) -> Iterator[Problem]:
    limits = [route.max_targets.value] if (route := policy.routes.get(draft.route)) else []
    limits += [fact.value.max_targets] if (fact := policy.reasons.get(draft.reason)) else []
    limit = min((one for one in limits if one), default=None)
    if not draft.targets:
        yield Problem("targets", "the complaint names no listing")
    if limit is not None and len(draft.targets) > limit:
        yield Problem("targets", f"{len(draft.targets)} listings, {policy.title} takes {limit} a complaint")
    if len({target.kind for target in draft.targets}) > 1:
        yield Problem("targets", "listings and storefronts are complained of apart")
    if policy.urls.value.same_hostname and len({_host(target.url) for target in draft.targets}) > 1:
        yield Problem("targets", f"{policy.title} takes addresses of one host a complaint")
    times = Counter(target.url for target in draft.targets)
    for position, target in enumerate(draft.targets):
        name = f"targets[{position}]"
        if target.work_id != draft.work.work_id:
            yield Problem(f"{name}.work_id", f"shows another work than {draft.work.title!r}: one design a complaint")
        if times[target.url] > 1:
            yield Problem(f"{name}.url", f"{visible(target.url)} is in the complaint {times[target.url]} times")
        yield from _target(name, target, draft, policy, now)


def _target(name: str, target: Target, draft: Draft, policy: Policy, now: datetime) -> Iterator[Problem]:
    if safe_link(target.url) is None:
        yield Problem(f"{name}.url", f"{visible(target.url)} is no plain http(s) address")
    elif policy.site_of(target.url) != draft.site:
        yield Problem(f"{name}.url", f"{target.url} is not on {draft.site}")
    elif not _is_listing_address(target, policy.sites[draft.site].value.url_pattern):
        yield Problem(f"{name}.url", f"{target.url} is no address of a listing there: give the item's own page")
    elif policy.urls.value.page_only and not urlsplit(target.url).path.strip("/"):
        yield Problem(f"{name}.url", f"{target.url} is a start page; {policy.title} wants each page's own address")
    if policy.seller_name_required.value and not (target.seller_name or "").strip():
        yield Problem(f"{name}.seller_name", f"{policy.title} asks for the seller of each listing")
    if not target.evidence_sha256:
        yield Problem(f"{name}.evidence", "nothing was captured of this listing: scan or import it again")
    if target.captured_at is None:
        yield Problem(f"{name}.captured_at", "when it was captured is not known")
    hours = policy.live_within_h.value
    seen = target.last_seen_live_at
    if seen is None:
        yield Problem(f"{name}.last_seen_live_at", "nobody has seen it live: fetch or import its page")
    elif seen > now:
        yield Problem(f"{name}.last_seen_live_at", "lies in the future: check the clock")
    elif now - seen > timedelta(hours=hours):
        message = f"last seen live at {seen:%Y-%m-%d %H:%M} UTC, more than {hours} h ago: look again before it leaves"
        yield Problem(f"{name}.last_seen_live_at", message)


def _is_listing_address(target: Target, pattern: str | None) -> bool:
    return target.kind != "listing" or pattern is None or re.match(pattern, target.url) is not None


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _confirmation(draft: Draft, confirmation: Confirmation | None, now: datetime) -> Iterator[Problem]:
    if confirmation is None:
        yield Problem("confirmation", "no person has confirmed this complaint yet")
        return
    if not confirmation.person.strip():
        yield Problem("confirmation.person", "a complaint is confirmed by a person, by name")
    if confirmation.at > now:
        yield Problem("confirmation.at", "lies in the future: check the clock")
    if confirmation.content_sha256 != draft.content_sha256:
        yield Problem("confirmation", "the complaint has changed since it was confirmed: confirm it again")
    for statement in draft.statements:
        if statement not in confirmation.statements:
            yield Problem("confirmation.statements", f"{statement.name} (version {statement.version}) is not affirmed")
    considered = {one.alert_id: one for one in confirmation.considerations}
    for position, target in enumerate(draft.targets):
        name, one = f"confirmation.considerations[{position}]", considered.get(target.alert_id)
        if one is None:
            yield Problem(name, f"alert {target.alert_id} was not considered")
            continue
        for question in ("fair_use", "exhaustion", "authorised_seller"):
            if getattr(one, question) is not True:
                yield Problem(f"{name}.{question}", f"alert {target.alert_id}: this question was not considered")


def _warnings(draft: Draft, policy: Policy, now: datetime) -> Iterator[Problem]:
    if policy.is_stale(now.date()):
        message = f"the policy pack {policy.label} was read more than a year ago: check it against the portal"
        yield Problem("policy", message, blocking=False)
    site = policy.sites.get(draft.site)
    china_only = site is not None and site.value.china_only
    slower = slower_route(draft.right, china_only=china_only)
    if slower:
        yield Problem("right.jurisdictions", slower, blocking=False)
    yield from (Problem(name, message, blocking=False) for name, message in _unconfirmed(draft, policy))


def _unconfirmed(draft: Draft, policy: Policy) -> Iterator[tuple[str, str]]:
    """What this complaint rests on and nobody saw at the platform itself."""
    rests_on: list[tuple[str, object, Fact[Any]]] = []
    if fact := policy.reasons.get(draft.reason):
        rests_on.append(("reason", fact.value.label, fact))
    if route := policy.routes.get(draft.route):
        rests_on.append(("targets", f"at most {route.max_targets.value} listings", route.max_targets))
        chars = route.explanation_max_chars
        rests_on.append(("explanation", f"at most {chars.value} characters", chars))
    for name, shown, fact in rests_on:
        note = f" ({fact.note})" if fact.note else ""
        if fact.value is None:
            yield name, f"the platform's limit was not seen{note}: look at the portal"
        elif fact.unconfirmed:
            yield name, f"{shown!r} is unconfirmed{note}: check it at the portal"
