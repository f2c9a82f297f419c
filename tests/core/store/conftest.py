"""A store of its own for each test, in both of what a store can be; a test marked `sqlite` is about files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from estafeta_core.store import Store, open_store

BACK_ENDS = ("sqlite", "postgresql")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what uses a store on both of them."""
    if "back_end" in metafunc.fixturenames:
        only = metafunc.definition.get_closest_marker("sqlite")
        metafunc.parametrize("back_end", BACK_ENDS[:1] if only else BACK_ENDS)


@pytest.fixture
def url(back_end: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the URL of a store that does not exist yet."""
    if back_end == "sqlite":
        yield f"sqlite:///{tmp_path}/estafeta.db"
    else:
        with request.getfixturevalue("cluster").store() as made:
            yield made


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """Return an open store."""
    opened = open_store(url, timeout=5.0)
    yield opened
    opened.close()
