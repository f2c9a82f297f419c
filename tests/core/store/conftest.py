"""A store in a directory of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from estafeta_core.store import Store, open_store


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return the URL of a store that does not exist yet."""
    return f"sqlite:///{tmp_path}/estafeta.db"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """Return an open store."""
    opened = open_store(url, timeout=5.0)
    yield opened
    opened.close()
