"""The writing end of the journal (`estafeta_core.journal`): lines at the end of a file, and on the disk.

    web-journal                what is written now
    web-journal.NANOSECONDS    what is full; the worker removes it when the store has all of it

A file is appended to by one process, once: what a predecessor has left, or what could not be written whole,
is put aside and another file begun. So nothing that a reader has seen is ever taken back, and a line that was
torn stays the last of its file. For one thread at a time; a second process is refused. Raises OSError.
"""

import fcntl
import os
import time
from pathlib import Path

FULL = 16 * 1024 * 1024  # bytes, some 50,000 events: what the worker reads in some seconds


class Journal:
    """The file; opened by the first use, and again when that failed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None
        self._size = 0

    def open(self) -> None:
        """Begin a file unless one is open."""
        if self._fd is not None:
            return
        fd = self._claimed()
        if os.fstat(fd).st_size:
            try:
                self._put_aside()
            finally:
                os.close(fd)
            fd = self._claimed()
        self._fd, self._size = fd, 0

    def append(self, lines: bytes) -> None:
        """Return when `lines` are on the disk; when it raises, all or some of them may be there."""
        self.open()
        assert self._fd is not None  # noqa: S101 - open() has just seen to it
        try:
            written = os.write(self._fd, lines)
            while written < len(lines):
                written += os.write(self._fd, lines[written:])
            os.fdatasync(self._fd)
        except OSError:
            self.close()  # what is there is put aside by the next open
            raise
        self._size += written
        if self._size >= FULL:
            self.turn_over()

    def turn_over(self) -> None:
        """Put aside what has been written, so that it can be removed when it has been read."""
        if self._fd is not None and self._size:
            self.close()
            self.open()

    def close(self) -> None:
        """Close the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _claimed(self) -> int:
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _sync_folder(self.path.parent)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _put_aside(self) -> None:
        self.path.rename(f"{self.path}.{time.time_ns()}")


def _sync_folder(folder: Path) -> None:
    """Make the file's name durable, without which its content would be lost with a new file."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
