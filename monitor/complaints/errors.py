"""What can be wrong with what we know of a complaint platform. A complaint that may not leave is ``NoticeRefused``."""

from monitor.errors import MonitorError

# What a person calls the events of a complaint: the command, or what the console's button does. What only the program
# makes happen has no word. An event of a listing is called as it is.
_SAID = {
    **dict.fromkeys(("validate", "reopen", "stay_silent"), ""),
    **dict.fromkeys(("acknowledge", "review", "pause", "uphold", "uphold_partly", "reject", "void"), "status"),
    **dict.fromkeys(("refuse_counter", "accept_counter"), "answer"),
    "request_review": "confirm",
    "submit": "submitted",
    "refuse_pack": "refused",
    "supply": "supplied",
    "take_up": "kit",
    "retract": "withdraw",
}


class PolicyError(MonitorError):
    """A policy pack is missing or does not hold; the message names the file and the place in it."""


class NotPossible(MonitorError):
    """An event that cannot happen in the state that something is in; ``possible`` are those that can."""

    def __init__(self, what: str, state: str, event: str, possible: tuple[str, ...]) -> None:
        said = dict.fromkeys(_SAID.get(one, one.replace("_", " ")) for one in possible)
        super().__init__(
            f"{_SAID.get(event) or event.replace('_', ' ')}: not for {what} that is {state.replace('_', ' ')}; "
            f"possible: {', '.join(filter(None, said)) or 'nothing more'}"
        )
        self.state, self.event, self.possible = state, event, possible


class ApiRefused(MonitorError):
    """A platform's interface would not do what was asked; ``raw`` are its words, to be kept."""

    def __init__(self, message: str, raw: str) -> None:
        super().__init__(message)
        self.raw = raw


class ApiUnclear(MonitorError):
    """A platform's interface gave no usable answer: what was sent may or may not have arrived. Never send it again."""
