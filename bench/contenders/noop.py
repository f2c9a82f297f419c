"""The milter to compare with: everything received, nothing answered but the end, all accepted."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import Service
from bench.processes import started

NAME = "no-op pymilter"


@contextmanager
def running(folder: Path) -> Iterator[Service]:
    """Run it."""
    address = f"unix:{folder}/noop.sock"
    with started(sys.executable, "-m", "bench.contenders.noop_callbacks", address, answers=address) as pid:
        (folder / "noop.sock").chmod(0o666)
        yield Service(NAME, address, (pid,))
