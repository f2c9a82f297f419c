"""What stands behind the `?`, read strictly: a filter that is misspelled must not be one that is not there.

    lists     events=bounce,delay       `delimiter` gives another sign than the comma
    times     from=2026-11-20T13:00     ISO 8601; without a zone in that of `timezone`, or UTC

A `+` in a time that a client forgot to encode arrives as a blank, and is read as what it was. A parameter
without a value is one that is not there. Raises Problem.
"""

import re
import zoneinfo
from datetime import UTC, datetime, tzinfo
from urllib.parse import urlencode

from starlette.requests import Request

from estafeta_web.api.problems import bad_request

VALUES = 1_000  # in one list; SparkPost's longest URI has room for some 200 addresses
LAST_YEAR = 9998  # so that a time zone or the end of a week leads to no year that has five digits
COMMON = ("timezone", "delimiter")

_LOST_PLUS = re.compile(r"(?<=T..:..) (?=\d\d:?\d\d$)|(?<=T..:..:..) (?=\d\d:?\d\d$)")


class Parameters:
    """The parameters of a request; `known` are the names that may stand there."""

    def __init__(self, request: Request, known: tuple[str, ...]) -> None:
        self._path = request.url.path
        self._pairs = [pair for pair in request.query_params.multi_items() if pair[1]]
        for name, _ in self._pairs:
            if name not in known and name not in COMMON:
                raise bad_request(f"Unknown parameter {name[:64]!r}", f"Known: {', '.join(known)}")
        self._delimiter = self.text("delimiter") or ","
        self._zone = _zone(self.text("timezone") or "UTC")

    def text(self, *names: str) -> str | None:
        """Return the value of a parameter, which has one of these names."""
        values = [value for name, value in self._pairs if name in names]
        if len(values) > 1:
            raise bad_request(f"{names[0]} is given twice")
        return values[0] if values else None

    def list(self, *names: str) -> tuple[str, ...] | None:
        """Return the values of a list; None where there is none."""
        texts = [value for name, value in self._pairs if name in names]
        values = tuple(filter(None, (each.strip() for text in texts for each in text.split(self._delimiter))))
        if len(values) > VALUES:
            raise bad_request(f"{names[0]} has more than {VALUES} values")
        return values or None

    def number(self, *names: str, default: int, most: int) -> int:
        """Return a number from 1 to `most`."""
        text = self.text(*names)
        if text is None:
            return default
        if not (
            text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and 1 <= int(text) <= most
        ):
            raise bad_request(f"{names[0]} must be a number from 1 to {most}")
        return int(text)

    def time(self, name: str, default: int) -> int:
        """Return a time in Unix milliseconds."""
        text = self.text(name)
        if text is None:
            return default
        try:
            return milliseconds(_LOST_PLUS.sub("+", text), self._zone)
        except (ValueError, OverflowError):
            raise bad_request(
                f"{name} must be a time such as 2026-11-20T13:00 or 2026-11-20T13:00:00Z"
            ) from None

    @property
    def search(self) -> str:
        """What is asked for, whichever page of it."""
        kept = [pair for pair in self._pairs if pair[0] not in ("cursor", "per_page", "limit")]
        return urlencode(sorted(kept))

    def link(self, cursor: str) -> str:
        """Return the path of the page that `cursor` leads to."""
        kept = [pair for pair in self._pairs if pair[0] != "cursor"]
        return f"{self._path}?{urlencode([*kept, ('cursor', cursor)])}"


def _zone(name: str) -> tzinfo:
    if name.upper() == "UTC":
        return UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise bad_request(f"{name[:64]!r} is no time zone", "Give a name such as America/New_York.") from None


def milliseconds(text: str, zone: tzinfo) -> int:
    """Return the Unix time of an ISO 8601 text, in `zone` where it names none; ValueError, OverflowError."""
    moment = datetime.fromisoformat(text)
    if moment.year > LAST_YEAR:
        raise ValueError(text)
    return max(0, round((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp() * 1000))
