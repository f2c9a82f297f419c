"""The writing end of the journal (`estafeta_core.journal`): lines at the end of a file, and on the disk.

    web-journal                what is written now
    web-journal.NANOSECONDS    what is full; the worker removes it when the store has all of it

A file is written by one process, once: what a predecessor has left, or what could not be written whole, is
put aside and another file begun. So nothing that a reader has seen is ever taken back, and a line that was
torn stays the last of its file. Room is made ahead: a line that is written into it changes the file's content
and nothing else, so that the disk has half as much to do and waits for no other files. For one thread at a
time; a second process is refused. Raises OSError.
"""

import contextlib
import fcntl
import os
import time
from pathlib import Path

from estafeta_core.journal import ROOM

# A write returns when what it wrote is on the disk, as with fdatasync (open(2)): the thread waits once for
# the interpreter, not twice.
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_DSYNC | os.O_CLOEXEC
FULL = 16 * 1024 * 1024  # bytes, some 50,000 events: what the worker reads in some seconds


class Journal:
    """The file; opened by the first use, and again when that failed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None
        self._size = self._room = 0

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
        self._fd, self._size, self._room = fd, 0, 0

    def append(self, lines: bytes) -> None:
        """Return when `lines` are on the disk; when it raises, all or some of them may be there."""
        self.open()
        assert self._fd is not None  # noqa: S101 - open() has just seen to it
        if self._size + len(lines) > self._room:
            self._make_room()
        try:
            written = os.pwrite(self._fd, lines, self._size)
            while written < len(lines):
                written += os.pwrite(self._fd, lines[written:], self._size + written)
        except OSError:
            self._let_go()  # what is there is put aside by the next open
            raise
        self._size += written
        if self._size >= FULL:
            with contextlib.suppress(OSError):  # the lines are on the disk; the next use tries again
                self.turn_over()

    def turn_over(self) -> None:
        """Put aside what has been written, so that it can be removed when it has been read."""
        if self._fd is not None and self._size:
            self.close()
            self.open()

    def close(self) -> None:
        """Close the file, and leave no room in it."""
        if self._fd is not None:
            with contextlib.suppress(OSError):  # it does no harm where it stays
                os.ftruncate(self._fd, self._size)
            self._let_go()

    def _let_go(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _make_room(self) -> None:
        """Write room ahead; where there is none on the disk, the lines may still find some."""
        assert self._fd is not None  # noqa: S101 - the caller has opened it
        with contextlib.suppress(OSError):
            self._room = self._size + os.pwrite(self._fd, bytes(ROOM), self._size)

    def _claimed(self) -> int:
        fd = os.open(self.path, _FLAGS, 0o640)
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
