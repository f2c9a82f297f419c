from collections.abc import Iterator
from pathlib import Path

import pytest

from estafeta_testing.milter_site import Site
from estafeta_testing.office import Office


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A configuration; whatever is started on it is killed at the end."""
    running = Site(tmp_path)
    yield running
    running.kill()


@pytest.fixture
def office(site: Site) -> Iterator[Office]:
    """The decisions on that configuration."""
    opened = Office(site)
    yield opened
    opened.store.close()
