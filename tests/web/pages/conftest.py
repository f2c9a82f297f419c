"""A running web service with somebody signed in."""

import pytest

from estafeta_testing.history import History, record, sign_in
from estafeta_testing.site import KEYS, Site


@pytest.fixture
def desk(site: Site) -> Site:
    """Return the service, whose client is signed in to acme with every permission."""
    assert sign_in(site, KEYS["main"]).status_code == 303
    return site


@pytest.fixture
def history(desk: Site) -> History:
    """Return what acme has sent."""
    return record(desk)
