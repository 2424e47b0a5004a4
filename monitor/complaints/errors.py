"""What can be wrong with what we know of a complaint platform. A complaint that may not leave is ``NoticeRefused``."""

from monitor.errors import MonitorError


class PolicyError(MonitorError):
    """A policy pack is missing or does not hold; the message names the file and the place in it."""


class NotPossible(MonitorError):
    """An event that cannot happen in the state that something is in; ``possible`` are those that can."""

    def __init__(self, what: str, state: str, event: str, possible: tuple[str, ...]) -> None:
        super().__init__(
            f"{event.replace('_', ' ')}: not for {what} that is {state.replace('_', ' ')}; possible: "
            f"{', '.join(one.replace('_', ' ') for one in possible) or 'nothing more'}"
        )
        self.state, self.event, self.possible = state, event, possible


class ApiRefused(MonitorError):
    """A platform's interface would not do what was asked; ``raw`` are its words, to be kept."""

    def __init__(self, message: str, raw: str) -> None:
        super().__init__(message)
        self.raw = raw


class ApiUnclear(MonitorError):
    """A platform's interface gave no usable answer: what was sent may or may not have arrived. Never send it again."""
