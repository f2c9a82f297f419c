"""The URL of a store in PostgreSQL, and whatever opens it."""

from collections.abc import Iterator

import pytest

from estafeta_core.store import Store, open_store
from estafeta_testing.postgresql import Cluster


@pytest.fixture
def url(cluster: Cluster) -> Iterator[str]:
    """Return the URL of a store that does not exist yet."""
    with cluster.store() as made:
        yield made


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """Return an open store."""
    opened = open_store(url, timeout=5.0)
    yield opened
    opened.close()
