"""A store in PostgreSQL for each test."""

from collections.abc import Iterator

import pytest

from estafeta_testing.postgresql import Cluster


@pytest.fixture
def url(cluster: Cluster) -> Iterator[str]:
    """Return the URL of a store that does not exist yet."""
    with cluster.store() as made:
        yield made
