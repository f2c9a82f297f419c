"""A worker in a process of its own, to be killed at any moment."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def worker(config: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """Have a worker work until the block ends, and then end at once."""
    command = [sys.executable, "-m", "estafeta_postfix", "--config", str(config), "serve", "worker"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
