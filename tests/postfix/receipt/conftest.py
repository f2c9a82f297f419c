from pathlib import Path

import pytest

from estafeta_testing.behind import Behind


@pytest.fixture
def behind(tmp_path: Path) -> Behind:
    """A listener that takes everything, not yet running."""
    return Behind(tmp_path / "public.sock")
