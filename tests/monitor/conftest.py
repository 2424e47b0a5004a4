"""What tests of requests begin with."""

from tests.monitor.fetching import make, no_waiting_between_retries, other, server, store

__all__ = ["make", "no_waiting_between_retries", "other", "server", "store"]
