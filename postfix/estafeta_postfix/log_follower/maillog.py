"""What the lines of Postfix's log mean: rows, and what is counted of them."""

import re
import time

from estafeta_core import metrics
from estafeta_core.store.rows import Event, LogPosition, Row
from estafeta_postfix.log_follower.parse import parse
from estafeta_postfix.log_follower.reader import Chunk
from estafeta_postfix.log_follower.records import Recorder
from estafeta_postfix.log_follower.timestamp import Timestamps

_STAMP = re.compile(rb"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)?")


class MailLog:
    """Reads lines for a Recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._times = Timestamps()

    def forget(self) -> None:
        """Forget earlier lines."""
        self._recorder.forget()

    def rows(self, lines: list[bytes]) -> list[Row]:
        """Return the rows of a batch of lines; StoreUnavailable when the store cannot be asked."""
        return self._recorder.rows([item for item in map(parse, lines) if item is not None])

    def recorded(self, rows: list[Row], position: LogPosition) -> None:  # noqa: ARG002 - it is logrotate's
        """Count the events."""
        for row in rows:
            if isinstance(row, Event):
                metrics.LOG_EVENTS[row.type].add()

    def looked(self, chunk: Chunk | None) -> None:
        """Count the lines, and say how far behind they are."""
        if chunk is not None:
            metrics.LOG_LINES.add(len(chunk.lines))
        metrics.LOG_BEHIND.set(self._age(chunk) if chunk is not None and chunk.full else 0.0)

    def _age(self, chunk: Chunk) -> float:
        """Return how many seconds ago its last line was written; 0 where it does not begin with a time."""
        stamp = _STAMP.match(chunk.lines[-1])
        if stamp is None:
            return 0.0
        return max(0.0, time.time() - self._times.read(stamp[0].decode()).start / 1000)
