"""For every test: in which order files are run, what Hypothesis minds, a sandbox, a PostgreSQL server."""

from collections.abc import Iterator

import hypothesis
import pytest

from estafeta_testing import postgresql
from estafeta_testing import sandbox as testing

# Folders whose files take longest, most of it waiting: first, so that no worker is left with one at the end.
LONG = ("integration", "tools")

# How long an example takes says how busy the machine is; estafeta_testing.cost measures what is promised.
hypothesis.settings.register_profile(
    "estafeta", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("estafeta")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the long files run first."""
    items.sort(key=lambda item: not set(LONG) & set(item.path.parts))


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
