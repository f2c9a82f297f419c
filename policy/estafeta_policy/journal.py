"""One log line a decision, in the form of every other record, written in batches.

A logging record costs 5 µs, as much as all the rest of a login with an API key. So decisions
are put together as text, and the daemon writes what has come up in one go, in the form that
all records have. Texts may hold what clients sent: they are escaped as core's logs escape them.
"""

import contextlib
import os
import time
from collections.abc import Mapping
from typing import TextIO

from estafeta_core import logs

DELAY = 0.05  # seconds a line may wait for others; whoever adds the first sees to it
MAX_LINES = 10_000  # when nobody flushes in time, the journal does so itself


class Journal:
    """Lines that wait for the next `flush`."""

    def __init__(self, formatter: logs.Formatter, stream: TextIO) -> None:
        """Write to `stream`, in the form that `formatter` gives to an information record."""
        self._stream = stream
        self._formatter = formatter
        self._lines: list[tuple[str, Mapping[str, str], float]] = []

    def add(self, text: str, fields: Mapping[str, str]) -> bool:
        """Put a line down, and what it is about; whether it is the first since the last flush."""
        self._lines.append((text, fields, time.time()))
        if len(self._lines) >= MAX_LINES:
            self.flush()
        return len(self._lines) == 1

    def flush(self) -> None:
        """Write all lines."""
        process, line = os.getpid(), self._formatter.line
        text = "".join(f"{line(text, fields, then, process)}\n" for text, fields, then in self._lines)
        self._lines.clear()
        # A log that cannot be written (disk full, reader gone) must not stop anybody's login.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()
