"""Fixtures for every test: a running sandbox, a PostgreSQL server."""

from collections.abc import Iterator

import pytest

from estafeta_testing import postgresql
from estafeta_testing import sandbox as testing


@pytest.fixture(scope="session")
def sandbox() -> Iterator[testing.Sandbox]:
    """A running sandbox with the demo accounts, shared by all tests of one process."""
    with testing.running() as running:
        yield running


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgresql.Cluster]:
    """A PostgreSQL server that syncs nothing, shared by all tests of one process."""
    with postgresql.running(durable=False) as running:
        yield running
