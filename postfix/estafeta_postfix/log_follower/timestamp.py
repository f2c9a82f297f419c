"""The times of log lines as Unix milliseconds, and how exact they are.

syslog's form (RFC 3164) has neither year nor zone: the time is local, and the year is the one that
brings it nearest to now without going more than a day ahead (a log is read when it is written, or
later). RFC 3339 says everything itself.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

_AHEAD = 86_400  # seconds: clocks differ, and zones change
_MONTHS = {
    name: number
    for number, name in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], start=1
    )
}


@dataclass(frozen=True, slots=True)
class Moment:
    """A time in Unix milliseconds, which may be up to `width` - 1 ms later than said."""

    start: int
    width: int = 1000

    def nearest(self, estimate: int) -> int:
        """Return the time inside this moment that is nearest to `estimate`."""
        return max(self.start, min(estimate, self.start + self.width - 1))


class Timestamps:
    """Reads times; lines of one second share the work."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._last: tuple[str, Moment] | None = None

    def read(self, text: str) -> Moment:
        """Return the time; now, where `text` is no time that exists."""
        if self._last is None or text != self._last[0]:
            self._last = (text, self._parse(text))
        return self._last[1]

    def _parse(self, text: str) -> Moment:
        try:
            if text[4:5] == "-":
                width = 1 if "." in text else 1000
                return Moment(int(datetime.fromisoformat(text).timestamp() * 1000), width)
            return Moment(self._without_year(text))
        except (ValueError, KeyError, OverflowError):
            return Moment(int(self._now() * 1000), 1)

    def _without_year(self, text: str) -> int:
        month, day = _MONTHS[text[:3]], int(text[4:6])
        hour, minute, second = (int(part) for part in text[7:].split(":"))
        now = self._now()
        this_year = time.localtime(now + _AHEAD).tm_year
        for year in range(this_year, this_year - 5, -1):  # four years back there is a 29 February
            local = time.mktime((year, month, day, hour, minute, second, 0, 0, -1))
            if time.localtime(local).tm_mday == day and local <= now + _AHEAD:
                return int(local) * 1000
        raise ValueError(text)
