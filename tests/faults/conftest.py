"""What tests of faults begin with."""

from tests.monitor.fetching import no_waiting_between_retries, server, store

__all__ = ["no_waiting_between_retries", "server", "store"]
