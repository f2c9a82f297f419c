"""What became of messages, in the rows of a provider's statistics page and as SparkPost's metrics.

A row counts recipients' copies, and each copy stands in exactly one of these, by its latest state:

  rejected         nobody was sent to: the recipient is suppressed, or stands behind the first where the
                   provider sends to the first only
  delivery errors  the recipient's host refused it, at once or in a report that came after the delivery
  delivered        the recipient's host has taken it
  sent             it has left, as whoever opened it, clicked in it or unsubscribed by it shows, but the
                   delivery itself is not recorded yet (the log is read a moment later)
  sending          anything else: it waits in the queue, put off by the recipient's host or not yet tried

`charged` is everything but `rejected`, `total` is both together, and percents are of the total, as in the
example on Devino's page. `read`, `click` and `unsubscribed` count the copies somebody has opened, clicked
in or unsubscribed by, once each, whatever else became of them; proxies and scanners are nobody. A message
that was refused at its end was never taken in, and is counted nowhere.
"""

import calendar
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from estafeta_core.store import Fate

Period = Literal["today", "week", "month", "3months", "6months", "year"]

# Devino's presets, as months; a day and a week are counted in days.
_MONTHS: dict[Period, int] = {"month": 1, "3months": 3, "6months": 6, "year": 12}
_DAYS: dict[Period, int] = {"today": 1, "week": 7}
PERIODS: tuple[Period, ...] = (*_DAYS, *_MONTHS)

Fates = Mapping[Fate, int]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the page; `percent` is of the total, None where the page gives none."""

    name: str
    count: int
    percent: float | None


def rows(fates: Fates) -> tuple[Row, ...]:
    """Return the page's rows, in its order."""
    states = dict.fromkeys(("sending", "sent", "delivered", "delivery errors", "rejected"), 0)
    for fate, count in fates.items():
        states[state(fate)] += count
    total = sum(states.values())
    counts = {
        "charged": total - states["rejected"],
        "sending": states["sending"],
        "sent": states["sent"],
        "delivered": states["delivered"],
        "read": _sum(fates, lambda fate: fate.opened),
        "click": _sum(fates, lambda fate: fate.clicked),
        "delivery errors": states["delivery errors"],
        "rejected": states["rejected"],
        "unsubscribed": _sum(fates, lambda fate: fate.unsubscribed),
        "total": total,
    }
    return tuple(
        Row(name, count, None if name == "unsubscribed" else percent(count, total))
        for name, count in counts.items()
    )


def state(fate: Fate) -> str:
    """Return the one row that a copy is counted in besides `charged` and `total`."""
    if fate.left_out or fate.suppressed:
        return "rejected"
    if fate.failed:
        return "delivery errors"
    if fate.delivered:
        return "delivered"
    if fate.unsubscribed or _rendered(fate) or _followed(fate):
        return "sent"
    return "sending"


def metrics(fates: Fates) -> dict[str, int]:
    """Return the same copies under the names of SparkPost's Metrics API.

    The sums are those of its documentation: targeted is injected and rejected, sent is delivered and bounced
    in band, the bounce of a suppressed recipient is an admin bounce and no other, accepted is what was
    delivered and did not bounce afterwards. What was rendered counts whoever did it, `nonprefetched` leaves
    out what was loaded without anybody looking, and clicks are people's but for `raw`. There, a metric counts
    events of a period; here, messages.
    """
    tests: dict[str, Callable[[Fate], bool]] = {
        "count_targeted": lambda _: True,
        "count_injected": lambda fate: not fate.left_out,
        "count_rejected": lambda fate: fate.left_out,
        "count_policy_rejection": lambda fate: fate.left_out,
        "count_sent": lambda fate: fate.delivered or fate.bounced,
        "count_delivered": lambda fate: fate.delivered,
        "count_accepted": lambda fate: fate.delivered and not fate.failed,
        "count_bounce": lambda fate: fate.bounced or fate.returned,
        "count_inband_bounce": lambda fate: fate.bounced,
        "count_outofband_bounce": lambda fate: fate.returned,
        "count_admin_bounce": lambda fate: fate.suppressed,
        "count_unique_rendered": _rendered,
        "count_nonprefetched_unique_rendered": _nonprefetched,
        "count_unique_clicked": lambda fate: fate.clicked,
        "count_raw_clicked": _followed,
        "count_unique_confirmed_opened": lambda fate: _rendered(fate) or fate.clicked,
        "count_nonprefetched_unique_confirmed_opened": lambda fate: _nonprefetched(fate) or fate.clicked,
        "count_unsubscribe": lambda fate: fate.unsubscribed,
    }
    return {name: _sum(fates, test) for name, test in tests.items()}


def _rendered(fate: Fate) -> bool:
    return _nonprefetched(fate) or fate.prefetched


def _nonprefetched(fate: Fate) -> bool:
    return fate.opened or fate.proxied


def _followed(fate: Fate) -> bool:
    return fate.clicked or fate.scanned


def percent(count: int, total: int) -> float:
    """Return `count` as percent of `total`, two decimals, a half rounded up; 0 of nothing."""
    return (20_000 * count + total) // (2 * total) / 100 if total else 0.0


def first_day(period: Period, today: date) -> date:
    """Return the day on which a period that ends today began: `week` is today and the six days before."""
    if period in _DAYS:
        return today - timedelta(days=_DAYS[period] - 1)
    year, month = divmod(today.year * 12 + today.month - 1 - _MONTHS[period], 12)
    day = min(today.day, calendar.monthrange(year, month + 1)[1])
    return date(year, month + 1, day) + timedelta(days=1)


def midnight(day: date) -> int:
    """Return when a day begins in local time, in Unix milliseconds."""
    return round(datetime.combine(day, time()).astimezone().timestamp() * 1000)


def _sum(fates: Fates, test: Callable[[Fate], bool]) -> int:
    return sum(count for fate, count in fates.items() if test(fate))
