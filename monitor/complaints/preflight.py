"""Everything a platform would refuse a complaint for, found before it leaves. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from detectors.rights import required_fields, same_name, validate, validate_owner
from monitor.complaints.base import Confirmation, Draft, Problem, RightState, Target
from monitor.complaints.policy import Confidence, Policy
from monitor.text import safe_link, visible


def preflight(draft: Draft, policy: Policy, now: datetime, confirmation: Confirmation | None = None) -> list[Problem]:
    """Every problem of a complaint, each naming its field; a complaint may leave when none of them is blocking.

    Args:
        now: Aware; the time at which the complaint is to leave.
        confirmation: A person's yes; without one, ``confirmation`` is among the problems.
    """
    return [
        *_routing(draft, policy),
        *_right(draft, policy, now),
        *_owner(draft),
        *_text(draft, policy),
        *_targets(draft, policy, now),
        *_confirmation(draft, confirmation, now),
        *_warnings(draft, policy, now),
    ]


def _routing(draft: Draft, policy: Policy) -> Iterator[Problem]:
    if draft.platform != policy.platform:
        yield Problem("platform", f"drafted for {draft.platform}, not for {policy.platform}")
    if draft.site not in policy.sites:
        yield Problem("site", f"{policy.title} has no site {draft.site!r}; it has {', '.join(policy.sites)}")
    if draft.language not in policy.languages.value:
        yield Problem("language", f"{draft.language} is not read there; use {' or '.join(policy.languages.value)}")
    rule = policy.reasons.get(draft.reason)
    if rule is None:
        yield Problem("reason", f"{draft.reason!r} has no counterpart at {policy.title}")
        return
    if draft.right.kind not in rule.value.right_kinds:
        yield Problem("reason", f"{rule.value.label!r} cannot be based on a {draft.right.kind.value}")
    if rule.value.target_kind != "listing":
        yield Problem("reason", f"{rule.value.label!r} is about a {rule.value.target_kind}, this complaint lists items")
    for need in rule.value.needs:
        if not draft.reason_facts.get(need, "").strip():
            yield Problem(f"reason_facts.{need}", f"{rule.value.label!r} needs an authentication report that states it")


def _right(draft: Draft, policy: Policy, now: datetime) -> Iterator[Problem]:
    right = draft.right
    found = validate(right)
    yield from (Problem(f"right.{one.field}", one.problem) for one in found)
    rule = policy.rights.get(right.kind)
    if rule is None:
        yield Problem("right.kind", f"{policy.title} takes no {right.kind.value}")
        return
    for name in rule.value.required:
        if not getattr(right, name) and name not in required_fields(right.kind):
            yield Problem(f"right.{name}", f"{policy.title} asks for it")
    if right.expires_on is not None and right.expires_on < now.date():
        yield Problem("right.expires_on", f"the right ended on {right.expires_on.isoformat()}; renew it first")
    if not policy.right_must_be_verified.value or draft.right_state is RightState.VERIFIED:
        return
    if draft.right_state is None:
        yield Problem("right_state", "make sure the right is approved in your account there", blocking=False)
    else:
        yield Problem("right_state", f"the right is {draft.right_state.value} there; it must be verified first")


def _owner(draft: Draft) -> Iterator[Problem]:
    yield from (Problem(f"owner.{one.field}", one.problem) for one in validate_owner(draft.owner))
    if draft.right.holder and not same_name(draft.right.holder, draft.owner.legal_name):
        message = f"{draft.right.holder!r} is not the owner {draft.owner.legal_name!r}: platforms compare the names"
        yield Problem("right.holder", message)


def _text(draft: Draft, policy: Policy) -> Iterator[Problem]:
    if not draft.number.strip():
        yield Problem("number", "the complaint has no number")
    if not draft.work.title.strip():
        yield Problem("work.title", "the work has no title")
    length, limit = len(draft.explanation), policy.explanation_max_chars.value
    if not draft.explanation.strip():
        yield Problem("explanation", "say what was copied")
    elif length > limit:
        yield Problem("explanation", f"{length:,} characters, at most {limit:,} go in; shorten it, nothing is cut")
    if not draft.statements:
        yield Problem("statements", "there is nothing to affirm: at least a statement of good faith is needed")


def _targets(draft: Draft, policy: Policy, now: datetime) -> Iterator[Problem]:
    limit = policy.max_targets.value
    if not draft.targets:
        yield Problem("targets", "the complaint names no listing")
    if len(draft.targets) > limit:
        yield Problem("targets", f"{len(draft.targets)} listings, {policy.title} takes {limit} a complaint")
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
        message = f"the policy pack {policy.platform} was read more than half a year ago: check it against the portal"
        yield Problem("policy", message, blocking=False)
    site = policy.sites.get(draft.site)
    china_only = site is not None and site.value.china_only
    if china_only and draft.right.jurisdictions and "CN" not in draft.right.jurisdictions:
        message = f"{draft.site} knows foreign rights, but a Chinese registration goes smoother"
        yield Problem("right.jurisdictions", message, blocking=False)
    reason = policy.reasons.get(draft.reason)
    for name, fact in (("reason", reason), ("explanation", policy.explanation_max_chars)):
        if fact is not None and fact.confidence is not Confidence.SEEN:
            note = f" ({fact.note})" if fact.note else ""
            shown = fact.value if isinstance(fact.value, int) else fact.value.label
            yield Problem(name, f"{shown!r} is unconfirmed{note}: check it at the portal", blocking=False)
