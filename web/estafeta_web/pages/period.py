"""Which time statistics are of, and how a chart divides it.

    ?period=today|week|month|3months|6months|year     so much until the end of today
    ?from=2026-11-01&to=2026-11-20                    from the begin of one day to the end of another

Days are those of the machine's local time, however many hours they have. Raises ValueError for what is no
period.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from estafeta_core.statistics import PERIODS, Period, first_day, midnight
from estafeta_web.pages import shown

HOURS_UP_TO = 2  # days that are divided into hours
DAYS_UP_TO = 400  # days that are divided into days, rather than months: a year and more
LONGEST = 3660  # days; ten years
_EARLIEST, _LATEST = date(1970, 1, 2), date(9998, 12, 31)  # what has a Unix time in every zone


@dataclass(frozen=True, slots=True)
class Slot:
    """A part of the time, in Unix milliseconds."""

    name: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Span:
    """From the begin of the `first` day to the end of the `last`."""

    period: Period | None  # None for days that somebody chose
    first: date
    last: date

    @property
    def begin(self) -> int:
        """When it begins, in Unix milliseconds."""
        return midnight(self.first)

    @property
    def end(self) -> int:
        """Before what it ends."""
        return midnight(self.last + timedelta(days=1))

    @property
    def unit(self) -> str:
        """What a chart divides it into: hour, day or month."""
        days = (self.last - self.first).days + 1
        return "hour" if days <= HOURS_UP_TO else "day" if days <= DAYS_UP_TO else "month"

    def slots(self) -> list[Slot]:
        """Return its parts, in order and without a gap."""
        if self.unit == "hour":
            return self._hours()
        starts = list(self._days() if self.unit == "day" else self._months())
        ends = [*starts[1:], self.last + timedelta(days=1)]
        form = "%Y-%m-%d" if self.unit == "day" else "%Y-%m"
        return [
            Slot(f"{start:{form}}", midnight(start), midnight(end))
            for start, end in zip(starts, ends, strict=True)
        ]

    def _hours(self) -> list[Slot]:
        hour, form = 3_600_000, "%H:%M" if self.first == self.last else "%Y-%m-%d %H:%M"
        return [
            Slot(
                f"{shown.moment(begin):{form}}",
                begin,
                min(begin + hour, self.end),
            )
            for begin in range(self.begin, self.end, hour)
        ]

    def _days(self) -> Iterator[date]:
        for number in range((self.last - self.first).days + 1):
            yield self.first + timedelta(days=number)

    def _months(self) -> Iterator[date]:
        yield self.first
        month = self.first
        while (month := (month.replace(day=1) + timedelta(days=31)).replace(day=1)) <= self.last:
            yield month


def read(query: Mapping[str, str], today: date) -> Span:
    """Return the period that the address of a page names; today without any."""
    first, last = query.get("from", ""), query.get("to", "")
    if first or last:
        return _chosen(first, last, today)
    name = query.get("period", "today")
    period = next((each for each in PERIODS if each == name), None)
    if period is None:
        raise ValueError("no period of this name")
    return Span(period, first_day(period, today), today)


def _chosen(first: str, last: str, today: date) -> Span:
    end = date.fromisoformat(last) if last else today
    begin = date.fromisoformat(first) if first else end
    if not _EARLIEST <= begin <= end <= _LATEST or (end - begin).days >= LONGEST:
        raise ValueError("the period is empty, or longer than ten years")
    return Span(None, begin, end)
