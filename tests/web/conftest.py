"""A running web service."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from estafeta_core.store import open_store
from estafeta_testing.site import Site, serving


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return a running service."""
    store = open_store(f"sqlite:///{tmp_path}/estafeta.db", timeout=5)
    with serving(tmp_path, store) as running:
        yield running
    store.close()
