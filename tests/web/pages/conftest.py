"""A running web service with somebody signed in."""

import time
from collections.abc import Iterator

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


@pytest.fixture
def madrid(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be there for a while."""
    with monkeypatch.context() as there:
        there.setenv("TZ", "Europe/Madrid")
        time.tzset()
        yield
    time.tzset()
