"""The thread that brings what recipients did from the web service's journal into the store.

The journal (`estafeta_core.journal`) is followed as Postfix's log is: events and the position behind them are
one transaction. A file is removed when the store has all of it and the position is in the next one.
"""

import logging
from pathlib import Path

from estafeta_core import journal
from estafeta_core.store import Store
from estafeta_core.store.rows import LogPosition, Row
from estafeta_postfix.background import Background
from estafeta_postfix.log_follower.follow import RETRY, Follower
from estafeta_postfix.log_follower.reader import Chunk, LogReader

log = logging.getLogger(__name__)


class JournalFollower(Background):
    """Follows the journal until it is stopped."""

    def __init__(self, path: Path, store: Store, name: str | None = None) -> None:
        super().__init__("journal")
        self._follower = Follower(
            path, store, Journal(path), self._stopping.wait, reader=JournalReader, name=name
        )

    def run(self) -> None:
        """Follow from where the store says; stop within a batch."""
        while not self._stopping.is_set():
            try:
                self._follower.run()
            except Exception:  # a bug here delays opens and clicks; it never stops the log follower
                log.exception("the journal could not be read, tried again")
                self._stopping.wait(RETRY)


class Journal:
    """What the lines of the journal mean."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode: int | None = None

    def forget(self) -> None:
        """Forget nothing: a line stands for itself."""

    def rows(self, lines: list[bytes]) -> list[Row]:
        """Return the rows of a batch of lines."""
        rows: list[Row] = []
        for line in lines:
            event = journal.read(line)
            if event is None:
                log.error("%s: a damaged line of %d bytes is left out", self._path, len(line))
            else:
                rows += journal.rows(event)
        return rows

    def recorded(self, rows: list[Row], position: LogPosition) -> None:  # noqa: ARG002 - the position says it
        """Remove the files before the one that the position is in."""
        if position.inode == self._inode:
            return
        files = journal.files(self._path)
        inodes = [file.stat().st_ino for file in files]
        for file in files[: inodes.index(position.inode)] if position.inode in inodes else ():
            file.unlink()
        self._inode = position.inode

    def looked(self, chunk: Chunk | None) -> None:
        """Count nothing: what waits is asked for when somebody scrapes."""


class JournalReader(LogReader):
    """Reads every file of the journal, the oldest first, and says so when it has come to an empty one."""

    # The writer itself renames a file, and writes no more to it; what it wrote before is read by a look after
    # the one that found the file renamed.
    grace = 0.01

    def read(self) -> Chunk | None:
        """Return the next lines, none with the position at the beginning of a file that has none yet."""
        before = self._inode
        chunk = super().read()
        if chunk is None and self._inode != before:
            return Chunk([], LogPosition(self._name, self._inode, self._offset), full=False)
        return chunk

    def _look(self, file: int) -> int:
        """Stop at the first NUL: from there on it is room, or being written just now."""
        size = super()._look(file)
        room = self._buffer.find(b"\0", 0, size)
        return size if room < 0 else room

    def _first(self) -> Path:
        return self._files()[0] if self._files() else self._path

    def _files(self) -> list[Path]:
        return journal.files(self._path)
