from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from estafeta_core.store import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(f"sqlite:///{tmp_path}/estafeta.db")) as opened:
        yield opened
