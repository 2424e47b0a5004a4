"""What can be wrong with what we know of a complaint platform. A complaint that may not leave is ``NoticeRefused``."""

from monitor.errors import MonitorError


class PolicyError(MonitorError):
    """A policy pack is missing or does not hold; the message names the file and the place in it."""
