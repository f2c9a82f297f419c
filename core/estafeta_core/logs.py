"""Logging of every daemon: one record a line on standard error, safe to grep or to parse.

Forms, chosen by `log_format` in estafeta.yaml:

    text    estafeta/ROLE[PID]: level: text
    json    {"time": "2026-11-20T13:00:00.000Z", "level": "info", "role": "milter", "pid": 7,
             "message": "text", "queue_id": "4Xq", "transmission_id": "123", "identity": "acme/main"}

The level is one of Postfix's words (info, warning, error, fatal). systemd and Postfix's own log readers add
the time to a line of text. What a record is about stands in the text; as JSON also in fields of its own:
those of FIELDS that the call gave as `extra=`.

Text may hold what clients sent: control characters, separators that terminals or readers take for line ends,
and characters outside ASCII are escaped, and a record is cut at 8 KiB, JSON so that it stays whole.
"""

import json
import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

Form = Literal["text", "json"]

RECORD_LIMIT = 8192  # bytes; rsyslog's default limit for a message
FIELDS = ("queue_id", "transmission_id", "message_id", "identity", "client")
FIELD_LIMIT = 320  # characters of a field as JSON; the longest identity has 200

_UNSAFE = re.compile(r"[^\x20-\x7e]")
_WORDS = {logging.WARNING: "warning", logging.ERROR: "error", logging.CRITICAL: "fatal"}
# A line at the margin, looked for without parsing the file: mistakes in it have to be told as well.
_FORM = re.compile(r"""^log_format:\s*["']?json["']?\s*(?:#.*)?$""", re.MULTILINE)
# What may stand between the quotation marks of a JSON string in ASCII, in pieces that cannot be cut.
_WHOLE = re.compile(r"(?:[^\\]|\\[^u]|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|\\u(?!d[89a-f])[0-9a-f]{4})*")


def form(config_path: Path) -> Form:
    """Return the form that a configuration asks for, whatever else is wrong with it."""
    try:
        return "json" if _FORM.search(config_path.read_text("utf-8", "replace")) else "text"
    except OSError:
        return "text"


def setup(role: str, level: int = logging.INFO, *, form: Form = "text") -> "Formatter":
    """Send every record of this process to standard error, and return its form; may be called again."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = Json(role) if form == "json" else Text(role)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.logMultiprocessing = False
    logging.logThreads = False
    return formatter


class Formatter(logging.Formatter):
    """One form of a line."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self._role = role

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        lines = [record.getMessage()]
        if record.exc_info:
            lines.append(self.formatException(record.exc_info))
        word = _WORDS.get(record.levelno, "info")
        fields = {name: value for name in FIELDS if (value := record.__dict__.get(name))}
        return self.line("\n".join(lines), fields, record.created, record.process or 0, word)

    def line(
        self, text: str, fields: Mapping[str, Any], moment: float, process: int, word: str = "info"
    ) -> str:
        """Return the line, without its end, of what happened at a Unix time in a process."""
        raise NotImplementedError


class Text(Formatter):
    """A line for people and for grep."""

    def line(
        self,
        text: str,
        fields: Mapping[str, Any],  # noqa: ARG002 - they are in the text
        moment: float,  # noqa: ARG002 - whoever reads the line adds the time
        process: int,
        word: str = "info",
    ) -> str:
        """Return `estafeta/ROLE[PID]: level: text`."""
        return f"estafeta/{self._role}[{process}]: {word}: {escape(text)}"[:RECORD_LIMIT]


class Json(Formatter):
    """An object for programs."""

    def line(
        self, text: str, fields: Mapping[str, Any], moment: float, process: int, word: str = "info"
    ) -> str:
        """Return the object; everything is valid JSON in printable ASCII, whatever `text` holds."""
        time = datetime.fromtimestamp(moment, UTC)
        head = (
            f'{{"time": "{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z", "level": "{word}",'
            f' "role": "{self._role}", "pid": {process}, "message": "'
        )
        tail = "".join(
            f', "{name}": "{_quoted(str(value), FIELD_LIMIT)}"' for name, value in fields.items() if value
        )
        return f'{head}{_quoted(text, RECORD_LIMIT - len(head) - len(tail) - 2)}"{tail}}}'


def escape(text: str) -> str:
    """Return `text` in printable ASCII on one line, everything else as Python escapes."""
    if text.isascii() and text.isprintable():  # nearly always, and ten times as fast
        return text
    return _UNSAFE.sub(lambda match: ascii(match.group())[1:-1], text)


def _quoted(text: str, limit: int) -> str:
    """Return the inside of a JSON string of at most `limit` characters; what is too long is cut at its end.

    Bytes that are not UTF-8 arrive as lone surrogates, which some parsers refuse: they are shown as text.
    """
    whole = text[: limit + 1].encode("utf-8", "backslashreplace").decode()
    quoted = json.dumps(whole)[1:-1].replace("\x7f", "\\u007f")
    if len(quoted) <= limit:
        return quoted
    match = _WHOLE.match(quoted[:limit])
    return match[0] if match else ""
