"""A lock among processes: flock(2) on a file beside the database.

SQLite's own waiting sleeps up to a tenth of a second between tries and is not fair;
under the load of several writing processes some transactions would wait for seconds.
The kernel wakes whoever waits for a flock as soon as it is free, and lets go of it when a
process dies. It only orders Estafeta's processes: SQLite's locks still guard the data.

The file descriptor is opened by the first acquisition and never shared with a forked
child, because an unlock by either would be an unlock for both.
"""

import fcntl
import os
import time
from pathlib import Path

_PAUSE = 0.005  # seconds between tries where the wait is bounded


class FileLock:
    """One holder at a time; for one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def acquire(self) -> None:
        """Wait for the lock, however long; OSError when the file cannot be opened."""
        fcntl.flock(self._opened(), fcntl.LOCK_EX)

    def try_acquire(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds and return whether the lock is held."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(self._opened(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(_PAUSE)
            else:
                return True

    def release(self) -> None:
        """Let the next one in."""
        if self._fd is not None:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file, which releases the lock unless a parent process shares it."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _opened(self) -> int:
        if self._fd is None:
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
        return self._fd
