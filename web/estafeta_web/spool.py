"""Events on the disk of this host while the store cannot take them, in the order they came.

An append-only file, one event a line: eight hexadecimal digits of CRC-32, a space, and
the event as a JSON array. `append` returns when the lines are on the disk. A process
killed in the middle leaves at most a torn last line, which nobody was promised; it is
cut off when the file is opened again. Reading starts at the beginning after a restart,
so an event may be read twice: its event id, given before it was spooled, makes the
store take it once. When everything has been read the file is emptied.

For one thread at a time, and one process: a second one is refused. Raises OSError.
"""

import fcntl
import json
import logging
import os
import zlib
from collections.abc import Sequence
from pathlib import Path

from estafeta_core.store.rows import TokenEvent

CHUNK = 256 * 1024  # bytes read at a time; several times the longest line (a target of 4 KiB, escaped)

log = logging.getLogger(__name__)


class Spool:
    """The file; opened by the first use, and again when that failed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None
        self._size = 0
        self._read = 0

    @property
    def backlog(self) -> int:
        """Bytes that have not been read; may be asked from any thread."""
        return self._size - self._read

    def open(self) -> None:
        """Open the file unless it is open, and cut off a torn last line."""
        if self._fd is not None:
            return
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._size, self._read = _end_of_lines(fd), 0
            os.ftruncate(fd, self._size)
            _sync_folder(self._path.parent)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd

    def append(self, events: Sequence[TokenEvent]) -> None:
        """Return when `events` are on the disk; when it raises, none of them is there."""
        self.open()
        assert self._fd is not None  # noqa: S101 - open() has just seen to it
        data = memoryview(b"".join(map(_line, events)))
        end = self._size
        try:
            while data:
                written = os.pwrite(self._fd, data, end)
                end, data = end + written, data[written:]
            os.fdatasync(self._fd)
        except OSError:
            os.ftruncate(self._fd, self._size)
            raise
        self._size = end

    def read(self) -> tuple[list[TokenEvent], int]:
        """Return the next events and the number of bytes they take, for `advance`."""
        if self._fd is None:
            return [], 0
        data = os.pread(self._fd, min(CHUNK, self.backlog), self._read)
        length = data.rfind(b"\n") + 1
        return [event for line in data[:length].splitlines() if (event := _event(line)) is not None], length

    def advance(self, length: int) -> None:
        """Forget `length` bytes of events, which the store now has; the file is emptied at its end."""
        self._read += length
        if self._read == self._size and self._fd is not None:
            os.ftruncate(self._fd, 0)
            self._size = self._read = 0

    def close(self) -> None:
        """Close the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _line(event: TokenEvent) -> bytes:
    values = [event.event_id, event.type, event.timestamp, event.id, event.shared, event.data, event.scanned]
    text = json.dumps(values, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _event(line: bytes) -> TokenEvent | None:
    checksum, _, text = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        log.error("a damaged line of %d bytes in the spool is left out", len(line))
        return None
    values = json.loads(text)
    return TokenEvent(*values[:6], *map(tuple, values[6:]))  # an earlier version wrote six


def _end_of_lines(fd: int) -> int:
    """Return the size of the file up to its last line end."""
    end = os.fstat(fd).st_size
    while end:
        start = max(0, end - CHUNK)
        found = os.pread(fd, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _sync_folder(folder: Path) -> None:
    """Make the file's name durable, without which its content would be lost with a new file."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
