"""What was claimed at platforms, what became of it, until when somebody has to act, and the mail about it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.alerts import Alert
from storage.tables.base import Table, one_of
from storage.tables.works import Right, Work

# The words of monitor.complaints.lifecycle; a test holds the two together.
COMPLAINT_STATES = (
    "draft ready in_review approved exported submitted acknowledged under_review info_requested paused "
    "upheld partially_upheld rejected void countered counter_review counter_refused counter_accepted escalated "
    "closed withdrawn retracted cancelled expired"
)
TARGET_STATES = (
    "selected excluded reported under_review paused removed_unconfirmed removed edited void_gone rejected countered "
    "reinstated still_up reappeared withdrawn"
)
_UNCONFIRMED = "'draft', 'ready', 'in_review', 'cancelled'"
_NOT_LEFT = f"{_UNCONFIRMED}, 'approved'"
_NOT_HANDED_IN = f"{_NOT_LEFT}, 'exported', 'withdrawn'"


class Complaint(Table):
    """Our claim at a platform: one work, one right, one site, one reason, many listings."""

    __tablename__ = "complaints"
    id: Mapped[int] = mapped_column(primary_key=True)
    platform: Mapped[str]
    site: Mapped[str]
    account: Mapped[str] = mapped_column(default="")
    route: Mapped[str] = mapped_column(default="")  # a key of the policy's routes
    work_id: Mapped[int] = mapped_column(ForeignKey(Work.id))
    right_id: Mapped[int] = mapped_column(ForeignKey(Right.id))
    reason: Mapped[str]
    reason_facts: Mapped[dict[str, Any]] = mapped_column(default=dict)  # such as an authentication report's
    target_kind: Mapped[str] = mapped_column(default="listing")
    batch: Mapped[int] = mapped_column(default=1)  # which of those that one draft was split into at the limit
    explanation: Mapped[str]
    explained_by: Mapped[str] = mapped_column(default="")  # whose words they are; empty: drafted from the facts
    state: Mapped[str] = mapped_column(index=True)
    state_since: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(default="")  # of its listings taken together; empty: undecided
    drafted_at: Mapped[datetime]
    supersedes_id: Mapped[int | None] = mapped_column(ForeignKey("complaints.id"))  # the one it says again, better
    four_eyes: Mapped[bool] = mapped_column(default=False)  # whether a second person has to approve it
    confirmation: Mapped[dict[str, Any] | None]  # who, when, which statements, what was considered
    confirmed_by: Mapped[str | None]
    confirmed_at: Mapped[datetime | None]
    approved_by: Mapped[str | None]  # the second person, or the first where one is enough
    approved_at: Mapped[datetime | None]
    drawn_at: Mapped[datetime | None]  # its evidence was drawn ahead, since it was last confirmed
    submission: Mapped[int] = mapped_column(default=0)  # how often it was claimed for export; again after a refusal
    exported_at: Mapped[datetime | None]  # claimed then, before anything was written
    policy_version: Mapped[str] = mapped_column(default="")  # of the pack that decided what left
    pack: Mapped[str | None]  # the folder of the exported files, relative to the data folder
    pack_sha256: Mapped[str | None] = mapped_column(String(64))  # none while it is being written
    submitted_at: Mapped[datetime | None]
    external_ref: Mapped[str | None]  # the platform's own number of it
    receipt: Mapped[str] = mapped_column(default="")  # what shows that it was handed in
    platform_status: Mapped[str] = mapped_column(default="")  # the platform's last words on it, as they stood
    status_unknown: Mapped[bool] = mapped_column(default=False)  # no pack says what those words mean
    chased_at: Mapped[datetime | None]
    __table_args__ = (
        one_of("state", COMPLAINT_STATES),
        UniqueConstraint("platform", "external_ref"),
        CheckConstraint(
            f"state IN ({_UNCONFIRMED}) OR (length(trim(coalesce(confirmed_by, ''))) > 0 AND confirmation IS NOT NULL "
            "AND length(trim(coalesce(approved_by, ''))) > 0)",
            name="confirmed_by_a_person",
        ),
        CheckConstraint(
            f"NOT four_eyes OR state IN ({_UNCONFIRMED}) OR lower(approved_by) <> lower(confirmed_by)",
            name="approved_by_another",
        ),
        CheckConstraint(f"state IN ({_NOT_LEFT}) OR exported_at IS NOT NULL", name="left_by_an_export"),
        CheckConstraint(f"state IN ({_NOT_HANDED_IN}) OR submitted_at IS NOT NULL", name="handed_in_with_a_receipt"),
    )


class ComplaintTarget(Table):
    """One listing in a complaint. A listing is reported once per right while the complaint lives."""

    __tablename__ = "complaint_targets"
    id: Mapped[int] = mapped_column(primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey(Complaint.id), index=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey(Alert.id), index=True)
    position: Mapped[int]
    state: Mapped[str] = mapped_column(default="selected")
    state_since: Mapped[datetime]
    note: Mapped[str] = mapped_column(default="")  # such as why it was excluded
    considered: Mapped[dict[str, Any] | None]  # who considered what of exactly which facts
    considered_sha256: Mapped[str] = mapped_column(String(64), default="")  # of those facts
    live_at: Mapped[datetime | None]  # last seen on sale
    live_how: Mapped[str] = mapped_column(default="")
    live_by: Mapped[str] = mapped_column(default="")  # the person, where a person says so
    checked_at: Mapped[datetime | None]  # last looked at, whatever came of it
    checked_outcome: Mapped[str] = mapped_column(default="")
    platform_status: Mapped[str] = mapped_column(default="")  # the platform's last words on it, as they stood
    platform_reason: Mapped[str] = mapped_column(default="")
    status_unknown: Mapped[bool] = mapped_column(default=False)
    decided_at: Mapped[datetime | None]
    verified_gone_at: Mapped[datetime | None]  # our own look found it gone
    reappeared_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("complaint_id", "alert_id"),
        one_of("state", TARGET_STATES),
        CheckConstraint("live_how IN ('', 'fetched', 'imported', 'rendered', 'person')", name="live_how"),
        CheckConstraint("live_how <> 'person' OR length(trim(live_by)) > 0", name="seen_by_a_person"),
    )


class ComplaintEvent(Table):
    """One step of a complaint or of one of its listings; rows are only added."""

    __tablename__ = "complaint_events"
    id: Mapped[int] = mapped_column(primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey(Complaint.id), index=True)
    target_id: Mapped[int | None] = mapped_column(ForeignKey(ComplaintTarget.id))
    at: Mapped[datetime]
    actor: Mapped[str]
    event: Mapped[str]
    before: Mapped[str]
    after: Mapped[str]
    note: Mapped[str] = mapped_column(default="")
    raw: Mapped[str] = mapped_column(default="")  # the platform's words


class ComplaintTimer(Table):
    """Until when something should happen, and by whose calendar that was reckoned."""

    __tablename__ = "complaint_timers"
    id: Mapped[int] = mapped_column(primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey(Complaint.id), index=True)
    kind: Mapped[str]
    started_at: Mapped[datetime]
    due_at: Mapped[datetime]
    act_by_at: Mapped[datetime]  # before ``due_at`` by a margin where the clock is ours
    zone: Mapped[str]
    basis: Mapped[str]  # such as "3 wd, calendar CN, Asia/Shanghai"
    unconfirmed: Mapped[bool] = mapped_column(default=False)
    fired_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]  # what it waited for came, or it matters no more
    __table_args__ = (
        UniqueConstraint("complaint_id", "kind", "started_at", "due_at"),
        Index("ix_complaint_timers_open", "ended_at", "due_at"),
    )


class CounterNotice(Table):
    """A seller's objection. While it is open the clock is ours, and silence loses."""

    __tablename__ = "counter_notices"
    id: Mapped[int] = mapped_column(primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey(Complaint.id), index=True)
    round: Mapped[int]
    claim: Mapped[str]
    words: Mapped[str] = mapped_column(default="")  # the seller's own, as far as they reached us
    elements: Mapped[list[str]]  # of a sworn counter notice: those that are present
    received_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(default="open", index=True)
    answered_by: Mapped[str | None]
    answered_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(default="")
    __table_args__ = (
        UniqueConstraint("complaint_id", "round"),
        one_of("state", "open refused accepted escalated lost_by_silence withdrawn"),
        one_of("claim", "own-design licensed genuine-goods different not-told"),
        CheckConstraint(
            "state NOT IN ('refused', 'accepted', 'escalated') OR length(trim(coalesce(answered_by, ''))) > 0",
            name="answered_by_a_person",
        ),
    )


class GateOverride(Table):
    """A person's word that complaints may leave although too many like them were refused; for some time only."""

    __tablename__ = "gate_overrides"
    id: Mapped[int] = mapped_column(primary_key=True)
    platform: Mapped[str]  # where the account is
    account: Mapped[str] = mapped_column(default="")
    reason: Mapped[str]  # our code
    person: Mapped[str]
    why: Mapped[str]
    at: Mapped[datetime]
    until: Mapped[datetime]
    __table_args__ = (
        Index("ix_gate_overrides_of", "platform", "account", "reason"),
        CheckConstraint("length(trim(person)) > 0 AND length(trim(why)) > 0", name="opened_by_a_person"),
    )


class Mail(Table):
    """A mail about complaints, kept as it came; one that nobody recognised waits for a person."""

    __tablename__ = "mails"
    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)  # of its bytes in the blob store
    message_id: Mapped[str] = mapped_column(default="", index=True)
    how: Mapped[str]
    received_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]  # as the mail says
    sender: Mapped[str]
    subject: Mapped[str]
    platform: Mapped[str] = mapped_column(default="")
    kind: Mapped[str] = mapped_column(default="")
    complaint_id: Mapped[int | None] = mapped_column(ForeignKey(Complaint.id), index=True)
    right_id: Mapped[int | None] = mapped_column(ForeignKey(Right.id))
    state: Mapped[str] = mapped_column(index=True)
    note: Mapped[str] = mapped_column(default="")
    handled_by: Mapped[str | None]
    handled_at: Mapped[datetime | None]
    __table_args__ = (one_of("state", "applied waiting set-aside"), one_of("how", "imap file"))


class MailFolder(Table):
    """How far a folder of a mailbox was read."""

    __tablename__ = "mail_folders"
    name: Mapped[str] = mapped_column(primary_key=True)  # "user@host:port/folder"
    uid_validity: Mapped[int]
    last_uid: Mapped[int]
    read_at: Mapped[datetime]
