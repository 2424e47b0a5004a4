"""What can go wrong while talking to the world, arranged by what happens next."""

from datetime import datetime


class MonitorError(Exception):
    """Base of everything this folder raises on purpose."""


class FetchError(MonitorError):
    """A request that must not or cannot be made: refused address, missing contact, malformed URL."""


class TryLater(FetchError):
    """The unit of work goes back to the queue until ``retry_at``."""

    def __init__(self, message: str, retry_at: datetime) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class Offline(TryLater):
    """This machine has no network: nobody's fault, no retry is spent, no site turns unhealthy."""


class LayoutChanged(MonitorError):
    """A page lacks what its parser relies on; the caller turns it into outcome drift."""

    def __init__(self, marketplace: str, selector: str) -> None:
        super().__init__(f"{marketplace}: nothing found at {selector!r}; the layout may have changed")
        self.marketplace = marketplace
        self.selector = selector


class SandboxError(MonitorError):
    """A child process broke its limits or died; the input is to blame and is skipped."""


class ImportRefused(MonitorError):
    """A file handed to `import` cannot be read as a saved page, an archive or a list of URLs."""


class EvidenceRefused(MonitorError):
    """Raised when evidence cannot be exported, purged or time-stamped as asked; the message says why."""


class NoticeRefused(MonitorError):
    """A complaint lacks something its platform demands; the message lists every missing field."""


class VaultError(MonitorError):
    """The vault cannot be opened or a sealed paper is not whole; the message says which and what to do."""


class RightRefused(MonitorError):
    """A right lacks a field that its kind must state, or states a wrong one; the message lists every field."""


class MailboxFailed(MonitorError):
    """The IMAP server cannot be reached or refuses us; nothing was lost, the next look goes on from there."""


class MailUnfit(MonitorError):
    """A mail fits no complaint or right, or several: it waits for a person."""


class WebhookRefused(MonitorError):
    """An address cannot be told of complaints, or did not take what was sent."""
