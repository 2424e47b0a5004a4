"""What the daemon does at a rhythm beside its searches: deadlines, mail, digests, time stamps, purges."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final

from monitor.engines.base import Chore
from monitor.errors import MailboxFailed, TryLater
from storage.months import make_months

if TYPE_CHECKING:
    from monitor.daemon import Parts

NOTIFY: Final = "notify"  # the role of workers that see to these
_LOOK_BACK_EVERY_S: Final = 2.0
_ACTOR: Final = "bazaarwatch"
_logger = logging.getLogger(__name__)


def chores(parts: Parts) -> list[Chore]:
    """Everything that the settings ask for at a rhythm."""
    settings = parts.settings
    found = [
        Chore("queue_due", settings.schedule.tick_s, parts.tasks.enqueue_due),
        Chore("follow_up", 60, partial(_follow_up, parts), role=NOTIFY),
        Chore("webhooks", 60, partial(_webhooks, parts), role=NOTIFY),
        Chore("digest", 300, partial(_digest, parts), at_once=False, role=NOTIFY),
    ]
    if settings.lookback.share:
        doing = partial(_look_back, parts)
        found.append(Chore(f"look_back_{settings.lookback.share}", _LOOK_BACK_EVERY_S, doing, role="examine"))
    if not parts.database.embedded:
        found.append(Chore("months", 3600, partial(_make_months, parts), role=NOTIFY))
    if settings.mailbox.host:
        found.append(Chore("mailbox", 60 * settings.mailbox.rhythm_min, partial(_read_mailbox, parts), role=NOTIFY))
    if settings.evidence.timestamp_url:
        found.append(Chore("stamp", 3600 * settings.evidence.timestamp_every_h, partial(_stamp, parts), role=NOTIFY))
    if settings.retention.every_h:
        found.append(Chore("purge", 3600 * settings.retention.every_h, partial(_purge, parts), role=NOTIFY))
    return found


async def _follow_up(parts: Parts) -> None:
    """Act upon complaints' deadlines; without a network, looks that are due wait for the next time."""
    from monitor.desk.timers import follow_up

    try:
        await follow_up(parts)
    except TryLater as later:
        _logger.info("deadlines put back", extra={"reason": str(later)})


async def _webhooks(parts: Parts) -> None:
    """Tell other programs what happened to complaints."""
    from monitor.desk.webhooks import deliver

    await deliver(parts)


async def _digest(parts: Parts) -> None:
    """See whether the marketplaces still yield their fields; then make and send the digest, if one is due."""
    from monitor.canaries import run_due_canaries
    from monitor.reporting import digest_if_due

    try:
        await run_due_canaries(parts)
    finally:
        if parts.settings.digest.rhythm_h:
            await digest_if_due(parts)


async def _read_mailbox(parts: Parts) -> None:
    """Take in what platforms wrote; a server that is away is asked again."""
    from monitor.desk.mailbox import poll

    try:
        await poll(parts)
    except MailboxFailed as error:
        _logger.warning("mailbox not read", extra={"reason": str(error)})


async def _stamp(parts: Parts) -> None:
    """Have what was kept time-stamped."""
    from monitor.evidence.stamps import stamp_rolls

    await stamp_rolls(parts)


async def _look_back(parts: Parts) -> None:
    """Search the months of this machine's share for the works that somebody asked about."""
    from monitor.lookback import answer_look_backs

    await answer_look_backs(parts)


async def _make_months(parts: Parts) -> None:
    """Have the months there before their pages come."""
    now = parts.clock.now()
    async with parts.database.write("months made") as session:
        made = await make_months(session, now, now)
    if made:
        _logger.info("months made", extra={"tables": made})


async def _purge(parts: Parts) -> None:
    """Take away what its retention class no longer keeps."""
    from monitor.retention import purge

    await purge(parts, _ACTOR)
