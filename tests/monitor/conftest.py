"""What tests of requests, and of what is found in pictures, begin with."""

import pytest

from monitor.demo.catalogue import make_catalogue
from monitor.demo.drawings import draw
from tests.monitor.fetching import make, no_waiting_between_retries, other, server, store

__all__ = ["make", "no_waiting_between_retries", "other", "server", "store"]


@pytest.fixture(scope="session")
def art():
    """Three designs, each with the picture that is registered of it."""
    catalogue = make_catalogue(2, works=3, listings=10, sellers=8)
    return [(draw(work.design), catalogue.reference(work)) for work in catalogue.works]
