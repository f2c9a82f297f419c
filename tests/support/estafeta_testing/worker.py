"""A worker in a process of its own, to be killed at any moment."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_RUN = "import sys; from estafeta_postfix import worker; worker.LEASE_SECONDS = float(sys.argv.pop(1)); "
_RUN += "from estafeta_postfix.cli import main; main()"


@contextlib.contextmanager
def worker(config: Path, lease: float = 30.0) -> "Iterator[subprocess.Popen[bytes]]":
    """Have a worker work until the block ends, and then end at once; its `lease` is for so many seconds."""
    command = [sys.executable, "-c", _RUN, f"{lease}", "--config", str(config), "serve", "worker"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
