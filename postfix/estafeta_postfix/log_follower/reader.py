"""A log read line by line while it grows, is renamed away or cut to nothing.

A position is the file's inode and an offset in it, always at the beginning of a line. It outlives a
restart: a log that was renamed meanwhile (logrotate's default) is found beside its name by the inode,
read to its end, and then come its successors in the order of their last change. A log that was
truncated (`copytruncate`) begins anew; what its writer added between the copy and the cut is lost to
every reader.

Compressed files are not read: `delaycompress`, Debian's default, leaves a day for it.
"""

import contextlib
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from estafeta_core.store.rows import LogPosition

CHUNK = 256 * 1024  # bytes read at a time; a batch of events at most
GRACE = 2.0  # seconds a renamed log stays open after it last grew: its writer learns of the rename later

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines, without their line ends, and the position behind them."""

    lines: list[bytes]
    position: LogPosition
    full: bool  # as many as are read at a time: there may be more


class LogReader:
    """Reads the log at one path from a position on."""

    grace = GRACE

    def __init__(
        self,
        path: Path,
        position: LogPosition | None,
        name: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._name = name or str(path)
        self._clock = clock
        self._wanted = position
        self._file: int | None = None
        self._inode = 0
        self._offset = 0
        self._quiet_since: float | None = None
        # Read into again and again: a block of this size ten times a second lets a heap grow for hours.
        self._buffer = bytearray(CHUNK)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def read(self) -> Chunk | None:
        """Return the next lines, or None when there are none now. OSError when the log cannot be read."""
        if self._file is None and not self._open():
            return None
        chunk = self._next_lines()
        if chunk is not None:
            self._quiet_since = None
            return chunk
        if self._renamed_and_quiet():
            self._go_on()
            return self._next_lines() if self._file is not None else None
        return None

    def _open(self) -> bool:
        """Open the log: where the last position is, if that file is still there."""
        wanted = self._wanted
        if wanted is not None:
            for path in self._files():
                if path.stat().st_ino == wanted.inode:
                    return self._open_at(path, wanted.offset)
            log.warning("%s: the file read last is gone, beginning anew", self._path)
        return self._open_at(self._first(), 0)

    def _first(self) -> Path:
        """Return the file to begin with where no position is known."""
        return self._path

    def _open_at(self, path: Path, offset: int) -> bool:
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        status = os.fstat(file)
        if offset and (status.st_size < offset or os.pread(file, 1, offset - 1) != b"\n"):
            log.warning("%s: truncated since it was last read, beginning at its start", path)
            offset = 0
        self._file, self._inode, self._offset = file, status.st_ino, offset
        self._wanted = None
        self._quiet_since = None
        return True

    def _next_lines(self) -> Chunk | None:
        if self._file is None:
            return None
        if os.fstat(self._file).st_size < self._offset:
            log.warning("%s: truncated, beginning at its start", self._path)
            self._offset = 0
        size = self._look(self._file)
        full = size == CHUNK
        end = self._buffer.rfind(b"\n", 0, size) + 1
        if not end:
            if not full:
                return None
            end = size  # a line longer than any that Postfix writes tells nothing
        self._offset += end
        position = LogPosition(self._name, self._inode, self._offset)
        lines = bytes(memoryview(self._buffer)[:end]).removesuffix(b"\n").split(b"\n")
        return Chunk(lines, position, full)

    def _look(self, file: int) -> int:
        """Read what stands at the offset into the buffer; return how many bytes of it are written."""
        return os.preadv(file, [self._buffer], self._offset)

    def _renamed_and_quiet(self) -> bool:
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_ino == self._inode:
                self._quiet_since = None
                return False
            now = self._clock()
            self._quiet_since = now if self._quiet_since is None else self._quiet_since
            return now - self._quiet_since >= self.grace
        return False  # no successor yet

    def _go_on(self) -> None:
        """Open the file that came after this one."""
        files = self._files()
        inodes = [path.stat().st_ino for path in files]
        following = inodes.index(self._inode) + 1 if self._inode in inodes else len(files)
        self.close()
        self._open_at(files[following] if following < len(files) else self._path, 0)

    def _files(self) -> list[Path]:
        """Return this log and its renamed predecessors, oldest change first, the present one last."""
        files = predecessors(self._path)
        return [*files, self._path] if self._path.exists() else files


def predecessors(log: Path) -> list[Path]:
    """Return what a log was renamed to, oldest change first; compressed files are not read."""
    found: list[tuple[int, Path]] = []
    for path in log.parent.glob(f"{log.name}[.-]*"):
        with contextlib.suppress(FileNotFoundError):
            if path.is_file() and path.suffix not in (".gz", ".bz2", ".xz", ".zst"):
                found.append((path.stat().st_mtime_ns, path))
    return [path for _changed, path in sorted(found)]
