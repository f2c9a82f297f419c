"""The loop that reads the log, records what it tells and remembers how far it has come.

Events and the position behind them are written in one transaction, so a process that is killed
between two batches repeats nothing and loses nothing. When a write fails, the store is asked for its
position before the batch is tried again: a commit whose answer was lost has happened.
"""

import logging
import re
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from pathlib import Path

from estafeta_core import metrics
from estafeta_core.store import Store, StoreUnavailable
from estafeta_core.store.rows import Event, LogPosition, Row
from estafeta_postfix.log_follower.parse import parse
from estafeta_postfix.log_follower.reader import Chunk, LogReader
from estafeta_postfix.log_follower.records import Recorder
from estafeta_postfix.log_follower.timestamp import Timestamps

POLL = 0.1  # seconds between two looks at the log
RETRY = 1.0  # seconds before a store or a log that failed is tried again
UNRECORDED = 1024 * 1024  # bytes without events after which the position is written by itself

_STAMP = re.compile(rb"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)?")

log = logging.getLogger(__name__)


class Follower:
    """Follows one log. `wait(seconds)` sleeps, and says True when it is time to stop."""

    def __init__(
        self,
        path: Path,
        store: Store,
        recorder: Recorder,
        wait: Callable[[float], bool],
        reader: Callable[[Path, LogPosition | None], LogReader] = LogReader,
    ) -> None:
        self._path = path
        self._store = store
        self._recorder = recorder
        self._wait = wait
        self._reader = reader
        self._times = Timestamps()
        self._recorded: LogPosition | None = None

    def run(self) -> None:
        """Follow until told to stop; faults of the store and the log are waited out."""
        while not self._wait(0):
            try:
                self._follow()
            except (StoreUnavailable, OSError) as error:
                log.error("%s: %s; tried again", self._path, error)
                if self._wait(RETRY):
                    return

    def _follow(self) -> None:
        """Follow from where the store says, until told to stop or something fails."""
        self._recorded = self._store.log_position(str(self._path))
        self._recorder.forget()
        reader = self._reader(self._path, self._recorded)
        try:
            while True:
                chunk = reader.read()
                if chunk is not None:
                    self._record(chunk)
                    metrics.LOG_LINES.add(len(chunk.lines))
                metrics.LOG_BEHIND.set(self._age(chunk) if chunk is not None and chunk.full else 0.0)
                # A log that grows is read in batches: a transaction for each line would keep the disk busy.
                if self._wait(0 if chunk is not None and chunk.full else POLL):
                    return
        finally:
            reader.close()

    def _record(self, chunk: Chunk) -> None:
        told = [item for item in map(parse, chunk.lines) if item is not None]
        rows = self._recorder.rows(told)
        if not rows and not self._far(chunk.position):
            return
        self._write([*rows, chunk.position])
        for row in rows:
            if isinstance(row, Event):
                metrics.LOG_EVENTS[row.type].add()
        self._recorded = chunk.position

    def _age(self, chunk: Chunk) -> float:
        """Return how many seconds ago its last line was written; 0 where it does not begin with a time."""
        stamp = _STAMP.match(chunk.lines[-1])
        if stamp is None:
            return 0.0
        return max(0.0, time.time() - self._times.read(stamp[0].decode()).start / 1000)

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
