"""How ready each right is for complaints at each platform: what comes next, how long it usually takes, what waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from detectors.documents import Paper, authorisation_problem, identity_kinds, missing_papers
from detectors.rights import PartyKind, Right, expiry, validate
from monitor.complaints.base import Problem, RightState
from monitor.complaints.deadlines import deadline
from monitor.complaints.packs import platforms, policy
from monitor.complaints.policy import Policy, WindowName
from monitor.daemon import Parts
from storage import tables
from storage.accounts import list_accounts
from storage.complaints import waiting_copies
from storage.documents import list_documents, paper_of
from storage.rights import account_for, get_right, published_rights, states_by_account

_NOT_LEFT = frozenset({"draft", "ready", "in_review", "approved"})


class Standing(StrEnum):
    """How far a right is at a platform, in a person's words."""

    NONE = "none"
    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"


_STANDINGS = {
    RightState.DRAFT: Standing.NONE,
    RightState.SUBMITTED: Standing.PENDING,
    RightState.PENDING_VERIFICATION: Standing.PENDING,
    RightState.VERIFIED: Standing.APPROVED,
    RightState.REJECTED: Standing.DENIED,
    RightState.EXPIRED: Standing.DENIED,
}


def standing_of(state: RightState | None) -> Standing:
    """A recorded state in a person's words."""
    return _STANDINGS[state] if state else Standing.NONE


def recorded_as(words: str) -> RightState | None:
    """What is recorded for a person's word, or for a platform's finer one; None for ``none``.

    Raises:
        ValueError: It is neither.
    """
    plain = {"pending": RightState.PENDING_VERIFICATION, "approved": RightState.VERIFIED, "denied": RightState.REJECTED}
    return None if words == Standing.NONE else plain.get(words) or RightState(words)


class Progress(StrEnum):
    """How far one step is. ``later``: another step comes first."""

    DONE = "done"
    NEXT = "next"
    WAITING = "waiting"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Step:
    """One step towards a platform's removal of a copy, in the order in which they are taken.

    Attributes:
        until: While it waits on the platform: when an answer usually is there, UTC; ``usually`` says why.
    """

    name: str
    progress: Progress
    text: str
    command: str = ""
    usually: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Readiness:
    """One right in one account at one platform; ``account`` is empty before there is one."""

    right_id: int
    right: str
    kind: str
    owner: str
    platform: str
    account: str
    standing: Standing
    note: str
    ending: str  # that the right ends soon, or has
    steps: tuple[Step, ...]
    complaints: tuple[int, ...]  # drafted ones that wait behind it
    alerts: int  # decided infringing there, in no complaint yet

    @property
    def next_step(self) -> Step | None:
        """What comes next: to do, else to wait for; None when everything is done."""
        open_ones = [step for step in self.steps if step.progress is not Progress.DONE]
        return next((step for step in open_ones if step.progress is Progress.NEXT), open_ones[0] if open_ones else None)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the steps of one right at one platform follow from."""

    policy: Policy
    right_id: int
    right: Right
    owner: tables.Owner
    papers: tuple[Paper, ...]  # of the owner
    published: bool  # whether a proof of publication is kept
    today: date
    account: tables.PlatformAccount | None = None
    state: RightState | None = None
    state_note: str = ""
    state_since: datetime | None = None
    complaints: tuple[int, ...] = ()
    alerts: int = 0


class _Complaint(NamedTuple):
    """What of a complaint counts here."""

    id: int
    right_id: int
    platform: str
    state: str


async def readiness(
    parts: Parts,
    platform: str | None = None,
    owner_ids: Collection[int] | None = None,
    copies: Mapping[int, Counter[str]] | None = None,
) -> list[Readiness]:
    """Every right at a platform, or at each platform where there is an account or a complaint.

    Args:
        copies: What `waiting_copies` gave lately; else it is asked.

    Raises:
        PolicyError: There is no such platform.
    """
    async with parts.database.read() as session:
        mine = None if owner_ids is None else tables.Right.owner_id.in_(owner_ids)
        rights = select(tables.Right) if mine is None else select(tables.Right).where(mine)
        of_complaint = tables.Complaint.id, tables.Complaint.right_id, tables.Complaint.platform, tables.Complaint.state
        complaints = [_Complaint(*row) for row in await session.execute(select(*of_complaint))]
        accounts = await list_accounts(session, owner_ids)
        packs = parts.settings.data_dir / "policies"
        public = await published_rights(session)
        if copies is None:
            copies = await waiting_copies(session)
        known = list(await session.scalars(rights.order_by(tables.Right.id)))
        used = ({one.platform for one in accounts} | {one.platform for one in complaints}) & set(platforms(packs))
        found = []
        for name in [platform] if platform else sorted(used):
            rules = policy(name, packs)
            for right in known:
                base = await _facts(parts, session, rules, right, complaints, copies.get(right.id, Counter()))
                base = replace(base, published=right.id in public)
                found += [_readiness(one) for one in await _per_account(session, base, accounts)]
    return found


async def blockers(
    session: AsyncSession, policy: Policy, right_id: int, account: str, route: str, today: date
) -> list[Problem]:
    """What of the account, the authority or the right's state there keeps a complaint from leaving.

    Args:
        account: The label of the account by which it is to leave; empty for the one where the right is approved.
        route: A key of the policy's routes.
    """
    row = await get_right(session, right_id)
    right, owner = Right.from_wire(row.facts), await session.get_one(tables.Owner, row.owner_id)
    accounts = await list_accounts(session, platform=policy.account_platform)
    used = next((one for one in accounts if one.label == account), None)
    if not account:
        used = await account_for(session, right_id, policy.account_platform)
    states = {one.id: state for one, state in await states_by_account(session, right_id)}
    papers = [paper_of(one) for one in await list_documents(session, [row.owner_id])]
    state = RightState(states[used.id].state) if used and used.id in states else None
    facts = Facts(policy, right_id, right, owner, tuple(papers), False, today, used, state)
    return list(_blockers(facts, policy.routes[route].right_must_be_verified.value))


def _blockers(facts: Facts, must_be_verified: bool) -> Iterator[Problem]:
    account, there = facts.account, facts.policy.title
    if account and account.suspended:
        yield Problem("account", f"account {account.label!r} is suspended: {account.suspended}")
    if account and account.role == "agent":
        missing = _unauthorised(facts)
        if missing:
            yield Problem("authorisation", f"{missing}; `bazaarwatch vault add power_of_attorney FILE` keeps it")
    if account and account.identity in ("pending", "denied"):
        yield Problem("right_state", f"the identity is {account.identity} at {there}: {_identity_command(facts)}")
    if must_be_verified and facts.state is None:
        command = f"bazaarwatch rights state {facts.right_id} {facts.policy.account_platform} approved"
        yield Problem("right_state", f"nobody recorded that {there} has approved the right; `{command}` once it has")


async def _facts(
    parts: Parts,
    session: AsyncSession,
    policy: Policy,
    row: tables.Right,
    complaints: Sequence[_Complaint],
    copies: Counter[str],
) -> Facts:
    waiting = [
        one.id
        for one in complaints
        if one.right_id == row.id and one.platform == policy.platform and one.state in _NOT_LEFT
    ]
    return Facts(
        policy=policy,
        right_id=row.id,
        right=Right.from_wire(row.facts),
        owner=await session.get_one(tables.Owner, row.owner_id),
        papers=tuple([paper_of(one) for one in await list_documents(session, [row.owner_id])]),
        published=False,
        today=parts.clock.now().date(),
        complaints=tuple(sorted(waiting)),
        alerts=sum(count for site, count in copies.items() if policy.site_of(site) is not None),
    )


async def _per_account(session: AsyncSession, base: Facts, accounts: Sequence[tables.PlatformAccount]) -> list[Facts]:
    """The facts for each account there that serves the right's owner; without an account, as they are."""
    serving = [
        one
        for one in accounts
        if one.platform == base.policy.account_platform and one.owner_id in (None, base.owner.id)
    ]
    states = {account.id: state for account, state in await states_by_account(session, base.right_id)}
    used = await account_for(session, base.right_id, base.policy.account_platform)
    found = []
    for account in serving:
        row = states.get(account.id)
        mine = replace(base, account=account)
        if used and account.id != used.id:
            mine = replace(mine, complaints=(), alerts=0)  # they wait behind the account that is used
        if row:
            mine = replace(mine, state=RightState(row.state), state_note=row.note, state_since=row.changed_at)
        found.append(mine)
    return found or [base]


def _readiness(facts: Facts) -> Readiness:
    return Readiness(
        right_id=facts.right_id,
        right=facts.right.title,
        kind=facts.right.kind.value,
        owner=facts.owner.name,
        platform=facts.policy.platform,
        account=facts.account.label if facts.account else "",
        standing=standing_of(facts.state),
        note=facts.state_note,
        ending=str(expiry(facts.right, facts.today)),
        steps=checklist(facts),
        complaints=facts.complaints,
        alerts=facts.alerts,
    )


# The checklist: pure


def checklist(facts: Facts) -> tuple[Step, ...]:
    """The steps of one right at one platform; none after an open one is offered before that one is done."""
    asked = [*_own_steps(facts), *_platform_steps(facts)]
    steps: list[Step] = []
    open_ones: list[Step] = []
    for step in asked:
        if step.progress is Progress.NEXT and open_ones:
            needs_all = step.name in ("right", "complaints")
            if needs_all or any(one.progress is Progress.NEXT for one in open_ones):
                step = replace(step, progress=Progress.LATER, command="")
        if step.progress is not Progress.DONE:
            open_ones.append(step)
        steps.append(step)
    return tuple(steps)


def _own_steps(facts: Facts) -> Iterator[Step]:
    """What is ours to prepare: the right's facts, its papers."""
    end = expiry(facts.right, facts.today)
    rule = facts.policy.rights.get(facts.right.kind)
    wrong = [str(one) for one in validate(facts.right, facts.today)]
    if rule:
        wrong += [
            f"{name}: {facts.policy.title} asks for it"
            for name in rule.value.required
            if not getattr(facts.right, name)
        ]
    else:
        wrong.append(f"{facts.policy.title} takes no {facts.right.kind.value.replace('_', ' ')}")
    if end.blocked:
        wrong.append(f"the right {end}")
    edit = f"bazaarwatch rights edit {facts.right_id}" + (" --expires DAY" if end.blocked else "")
    yield _step("right complete", not wrong, "the right states everything that is asked for", "; ".join(wrong), edit)
    missing = missing_papers(
        rule.value.documents if rule else (), facts.papers, facts.right_id, published=facts.published
    )
    names = ", ".join(missing).replace("_", " ")
    command = f"bazaarwatch vault add {missing[0]} FILE --right {facts.right_id}" if missing else ""
    handed_in = facts.state is not None and standing_of(facts.state) is not Standing.DENIED
    done = "handed in there" if handed_in else "kept in the vault, or none is asked for"
    yield _step("right's papers", handed_in or not missing, done, f"get ready: {names}", command)


def _platform_steps(facts: Facts) -> Iterator[Step]:
    """What happens at the platform: account, identity, authority, right, complaints."""
    policy, account = facts.policy, facts.account
    if any(route.account.value for route in policy.routes.values()):
        setup = f": {policy.setup[0].value.text}" if policy.setup else ""
        add = f"bazaarwatch accounts add {policy.account_platform}"
        known = f"account {account.label!r}" if account else ""
        yield _step("account", account is not None, known, f"open an account at {policy.portal}{setup}", add)
    verified = any(route.right_must_be_verified.value for route in policy.routes.values())
    if verified or "identity_verification" in policy.windows:
        yield from _identity_steps(facts)
    if account and account.role == "agent":
        missing = _unauthorised(facts)
        command = f"bazaarwatch vault add power_of_attorney FILE --platform {policy.account_platform}"
        yield _step("authorisation", missing is None, "a power of attorney is in force", missing or "", command)
    if verified:
        yield _right_step(facts)
    waiting = f"{len(facts.complaints)} complaints and {facts.alerts} decided alerts wait behind this right"
    draft = f"bazaarwatch complaints draft WORK --platform {policy.platform} --right {facts.right_id}"
    drafted = "bazaarwatch complaints list" if facts.complaints else draft
    yield _step("complaints", not (facts.complaints or facts.alerts), "nothing waits", waiting, drafted)


def _identity_steps(facts: Facts) -> Iterator[Step]:
    account = facts.account
    state = account.identity if account else "none"
    kinds = identity_kinds(PartyKind(facts.owner.kind))
    kept = any(paper.kind in kinds and paper.holds(facts.today) for paper in facts.papers)
    ready = kept or state in ("pending", "approved")
    wanted = " or ".join(kind.value for kind in kinds)
    yield _step(
        "identity papers",
        ready,
        "handed in" if state in ("pending", "approved") else f"{wanted} kept in the vault",
        f"get ready: {wanted}; the name in it must be {facts.owner.name!r}, letter for letter",
        f"bazaarwatch vault add {kinds[0].value} FILE",
    )
    if state == "pending" and account:
        yield _waiting(facts, "identity", "identity_verification", account.identity_at, "the identity is being checked")
        return
    asked = (
        f"was denied ({account.identity_note}): mend it and hand it in again"
        if account and state == "denied"
        else (f"hand the papers in at {facts.policy.portal}")
    )
    yield _step("identity", state == "approved", "the identity is approved", asked, _identity_command(facts, "pending"))


def _right_step(facts: Facts) -> Step:
    standing = standing_of(facts.state)
    if standing is Standing.PENDING and facts.state_since:
        return _waiting(facts, "right", "right_verification", facts.state_since, "the right is being checked")
    command = f"bazaarwatch rights state {facts.right_id} {facts.policy.account_platform} pending"
    text = f"record the right at {facts.policy.portal}, with the number {facts.right.stated_number}"
    if standing is Standing.DENIED:
        text = f"was denied ({facts.state_note or 'no reason recorded'}): mend it and hand it in again"
    return _step("right", standing is Standing.APPROVED, "the right is approved", text, command)


def _waiting(facts: Facts, name: str, window: WindowName, since: datetime, text: str) -> Step:
    """A step that waits on the platform, and until when it usually does."""
    site = next(iter(facts.policy.sites))
    end = deadline(facts.policy, window, site, facts.right.kind, since)
    approved = {
        "identity": _identity_command(facts, "approved"),
        "right": f"bazaarwatch rights state {facts.right_id} {facts.policy.account_platform} approved",
    }
    usually = f"usually {end.basis}" if end else "how long it takes there is not known"
    return Step(name, Progress.WAITING, text, approved[name], usually, end.due_at if end else None)


def _step(name: str, done: bool, what_is: str, what_to_do: str, command: str) -> Step:
    return Step(name, Progress.DONE, what_is) if done else Step(name, Progress.NEXT, what_to_do, command)


def _identity_command(facts: Facts, state: str = "approved") -> str:
    label = facts.account.label if facts.account else "main"
    return f"bazaarwatch accounts identity {facts.policy.account_platform} {state} --account {label}"


def _unauthorised(facts: Facts) -> str | None:
    return authorisation_problem(
        facts.papers, facts.owner.name, facts.right_id, facts.policy.account_platform, facts.today
    )
