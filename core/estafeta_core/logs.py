"""Logging of every daemon: one record a line on standard error, safe to grep.

Form: `estafeta/ROLE[PID]: level: text`, where the level is one of Postfix's words
(info, warning, error, fatal). systemd and Postfix's own log readers add the time.
Text may hold what clients sent: control characters, separators that terminals or
readers take for line ends, and characters outside ASCII are escaped, and a record
is cut at 8 KiB.
"""

import logging
import re
import sys

RECORD_LIMIT = 8192  # bytes; rsyslog's default limit for a message

_UNSAFE = re.compile(r"[^\x20-\x7e]")
_WORDS = {logging.WARNING: "warning", logging.ERROR: "error", logging.CRITICAL: "fatal"}


def setup(role: str, level: int = logging.INFO) -> None:
    """Send every record of this process to standard error; may be called again."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(role))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.logMultiprocessing = False
    logging.logThreads = False


class _Formatter(logging.Formatter):
    def __init__(self, role: str) -> None:
        super().__init__()
        self._role = role

    def format(self, record: logging.LogRecord) -> str:
        lines = [record.getMessage()]
        if record.exc_info:
            lines.append(self.formatException(record.exc_info))
        text = escape("\n".join(lines))
        word = _WORDS.get(record.levelno, "info")
        return f"estafeta/{self._role}[{record.process}]: {word}: {text}"[:RECORD_LIMIT]


def escape(text: str) -> str:
    """Return `text` in printable ASCII on one line, everything else as Python escapes."""
    return _UNSAFE.sub(lambda match: ascii(match.group())[1:-1], text)
