"""What can go wrong while a message leaves."""

from monitor.errors import MonitorError


class MailFailed(MonitorError):
    """The mail server did not take the message.

    ``temporary`` says whether the same message may pass later; it then keeps its Message-ID, so that a reader's
    program recognises a repeat.
    """

    def __init__(self, message: str, *, temporary: bool) -> None:
        super().__init__(message)
        self.temporary = temporary
