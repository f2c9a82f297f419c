"""A folder for each of several contenders, which the postfix user may enter."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def fresh() -> Iterator[Path]:
    """Yield a new folder, and remove it."""
    with tempfile.TemporaryDirectory(prefix="estafeta-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
