"""One log line a decision, in the form of every other record, written in batches.

A logging record costs 5 µs, as much as all the rest of a login with an API key. So decisions
are put together as text, and the daemon writes what has come up in one go. Texts may hold
what clients sent: they are escaped as core's logs escape them.
"""

import contextlib
import logging
from typing import TextIO

from estafeta_core import logs

DELAY = 0.05  # seconds a line may wait for others; whoever adds the first sees to it
MAX_LINES = 10_000  # when nobody flushes in time, the journal does so itself


class Journal:
    """Lines that wait for the next `flush`."""

    def __init__(self, handler: logging.Handler, stream: TextIO) -> None:
        """Write to `stream`, with the prefix that `handler` gives to an information record."""
        self._stream = stream
        self._prefix = handler.format(logging.makeLogRecord({"levelno": logging.INFO, "msg": ""}))
        self._lines: list[str] = []

    def add(self, text: str) -> bool:
        """Put a line down; whether it is the first since the last flush."""
        self._lines.append(text)
        if len(self._lines) >= MAX_LINES:
            self.flush()
        return len(self._lines) == 1

    def flush(self) -> None:
        """Write all lines."""
        room = logs.RECORD_LIMIT - len(self._prefix)
        text = "".join(f"{self._prefix}{logs.escape(line)[:room]}\n" for line in self._lines)
        self._lines.clear()
        # A log that cannot be written (disk full, reader gone) must not stop anybody's login.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()
