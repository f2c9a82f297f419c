"""What a person or a program reads on standard output: times, and text that strangers wrote."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click

_SPAN = re.compile(r"(\d+)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def printable(text: str) -> str:
    """Return `text` on one line, without anything that a terminal would obey."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def json_text(value: Any, *, indent: int | None = None) -> str:
    r"""Return `value` as JSON in which every sign that does not print is written as \uXXXX.

    JSON may hold them plainly; terminals obey some, and readers of lines end a line at others.
    """
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    if text.isprintable():
        return text
    # A line end outside strings is the indentation's; inside them it is escaped.
    return "".join(char if char.isprintable() or char == "\n" else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    """Return a sign as JSON escapes it, in two halves above U+FFFF (RFC 8259 section 7)."""
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a line for each row, columns below each other; nothing in it is obeyed by a terminal."""
    shown = [[printable(word) for word in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in shown]


def local_time(milliseconds: int) -> str:
    """Return a Unix time in milliseconds as a local time of day with its date."""
    moment = datetime.fromtimestamp(milliseconds // 1000).astimezone()
    return f"{moment:%Y-%m-%d %H:%M:%S}.{milliseconds % 1000:03}"


class Moment(click.ParamType[int]):
    """A point in time on the command line, as Unix milliseconds: ISO 8601, or `15m` for 15 minutes ago."""

    name = "TIME"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the time that `value` says; a time without zone is local."""
        span = _SPAN.fullmatch(value)
        try:
            if span:
                moment = datetime.now(UTC) - timedelta(**{_UNITS[span[2]]: int(span[1])})
            else:
                moment = datetime.fromisoformat(value).astimezone()
            return round(moment.timestamp() * 1000)
        except (ValueError, OverflowError):
            self.fail(
                f"{value!r} is neither a time such as 2026-11-20T13:00 nor a span such as 15m, 2h, 7d",
                param,
                ctx,
            )
