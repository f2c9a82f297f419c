"""The loop that reads a log, records what it tells and remembers how far it has come.

Events and the position behind them are written in one transaction, so a process that is killed
between two batches repeats nothing and loses nothing. When a write fails, the store is asked for its
position before the batch is tried again: a commit whose answer was lost has happened.
"""

import logging
from collections.abc import Callable
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Protocol

from estafeta_core.store import Store, StoreUnavailable
from estafeta_core.store.rows import LogPosition, Row
from estafeta_postfix.log_follower.reader import Chunk, LogReader

POLL = 0.1  # seconds between two looks at the log
RETRY = 1.0  # seconds before a store or a log that failed is tried again
UNRECORDED = 1024 * 1024  # bytes without events after which the position is written by itself

log = logging.getLogger(__name__)


class Meaning(Protocol):
    """What the lines of a log mean."""

    def forget(self) -> None:
        """Forget earlier lines: the log is read from another place, or some of it once more."""

    def rows(self, lines: list[bytes]) -> list[Row]:
        """Return the rows of a batch of lines; StoreUnavailable when the store cannot be asked."""

    def recorded(self, rows: list[Row], position: LogPosition) -> None:
        """Learn that rows are durable, and the position behind them."""

    def looked(self, chunk: Chunk | None) -> None:
        """Learn what one look at the log has brought."""


class Follower:
    """Follows one log. `wait(seconds)` sleeps, and says True when it is time to stop."""

    def __init__(
        self,
        path: Path,
        store: Store,
        meaning: Meaning,
        wait: Callable[[float], bool],
        *,
        reader: Callable[[Path, LogPosition | None, str], LogReader] = LogReader,
        name: str | None = None,
    ) -> None:
        """Take the log's path, and the `name` that the store knows it by, where that is another."""
        self._path = path
        self._name = name or str(path)
        self._store = store
        self._meaning = meaning
        self._wait = wait
        self._reader = reader
        self._recorded: LogPosition | None = None
        self._fault = ""  # what was logged last, and is still so

    def run(self) -> None:
        """Follow until told to stop; faults of the store and the log are waited out."""
        while not self._wait(0):
            try:
                self._follow()
            except (StoreUnavailable, OSError) as error:
                if str(error) != self._fault:
                    log.error("%s: %s; tried again", self._path, error)
                self._fault = str(error)
                if self._wait(RETRY):
                    return

    def _follow(self) -> None:
        """Follow from where the store says, until told to stop or something fails."""
        self._recorded = self._store.log_position(self._name)
        self._meaning.forget()
        reader = self._reader(self._path, self._recorded, self._name)
        try:
            while True:
                chunk = reader.read()
                if chunk is not None:
                    self._record(chunk)
                self._meaning.looked(chunk)
                if self._fault:
                    log.info("%s: read again", self._path)
                    self._fault = ""
                # A log that grows is read in batches: a transaction for each line would keep the disk busy.
                if self._wait(0 if chunk is not None and chunk.full else POLL):
                    return
        finally:
            reader.close()

    def _record(self, chunk: Chunk) -> None:
        rows = self._meaning.rows(chunk.lines)
        if not rows and not self._far(chunk.position):
            return
        self._write([*rows, chunk.position])
        self._recorded = chunk.position
        self._meaning.recorded(rows, chunk.position)

    def _far(self, position: LogPosition) -> bool:
        last = self._recorded
        return last is None or position.inode != last.inode or position.offset - last.offset >= UNRECORDED

    def _write(self, rows: list[Row]) -> None:
        """Wait until the rows are written or refused: giving up early could not tell which it was."""
        future = self._store.submit(rows)
        while True:
            try:
                future.result(RETRY)
            except TimeoutError:
                if self._wait(0) and future.cancel():
                    raise StoreUnavailable("stopped before the store answered") from None
            except CancelledError:
                raise StoreUnavailable("the store was closed") from None
            else:
                return
