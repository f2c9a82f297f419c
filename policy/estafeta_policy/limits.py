"""How many recipients a credential, an account and a sender domain may have, per minute, hour and day.

The unit is a recipient: one accepted at RCPT TO, or one that a list in the message adds. Each bound has a
window that opens with the first recipient counted in it and ends after its minute, hour or day; so the
seconds to wait are known exactly, and at no time do more than twice the limit pass within one such period.

`take` asks all bounds first and counts only when none refuses; recipients that are asked for together
pass together or not at all. The policy daemon is one thread in one process: of 200 attempts at a limit
of 100 exactly 100 pass, however many sessions make them. Hosts that share their limits count elsewhere
(shared_limits.py), and here only while that place is away, each its share.

Memory is bounded: credentials and accounts are as many as the directory names, but sender
domains are what clients write, so the window used longest ago goes first. A restart begins
every window at zero. The clock is an argument, in seconds, and must not run backwards.
"""

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from estafeta_core.config.accounts import Limits
from estafeta_core.refusal import Refusal

MAX_WINDOWS = 100_000  # about 30 MB

# Who is counted, over how many seconds: ("credential acme/main", 60), ("domain acme acme.example", 86400)
Key = tuple[str, int]


class AwayError(Exception):
    """The place where hosts count together did not count; the text says why, and never holds a password."""


@dataclass(frozen=True, slots=True)
class Bound:
    """At most `limit` recipients in each window of `key`."""

    key: Key
    period: str
    limit: int


@dataclass(frozen=True, slots=True)
class Exceeded:
    """The bound that refuses longest, and the whole seconds until its window ends."""

    bound: Bound
    retry_after: int

    def refusal(self) -> Refusal:
        """Return what the client is told."""
        text = f"{self.bound.period} rate limit exceeded. Retry after {self.retry_after} seconds."
        return Refusal(451, "4.7.1", text)


def never(asked: Sequence[Bound], number: int) -> Refusal | None:
    """Return why a message of `number` recipients can never pass, however long its sender waits."""
    smallest = min((bound for bound in asked if bound.limit < number), key=_limit, default=None)
    if smallest is None:
        return None
    text = f"Too many recipients: {number} in one message, and the {smallest.period.lower()} limit is"
    return Refusal(550, "5.5.3", f"{text} {smallest.limit}")


def shares(asked: Sequence[Bound], hosts: int) -> list[Bound]:
    """Return what one of `hosts` lets pass alone: an equal part of each limit, rounded down, 1 at least."""
    return [Bound(bound.key, bound.period, max(1, bound.limit // hosts)) for bound in asked]


def _limit(bound: Bound) -> int:
    return bound.limit


def bounds(who: str, limits: Limits) -> tuple[Bound, ...]:
    """Return what `limits` means for `who`; a limit of 0 bounds nothing."""
    every = (
        Bound((who, 60), "Per-minute", limits.per_minute),
        Bound((who, 3_600), "Per-hour", limits.per_hour),
        Bound((who, 86_400), "Per-day", limits.per_day),
    )
    return tuple(bound for bound in every if bound.limit)


class _Window:
    """What has been counted since a moment."""

    __slots__ = ("count", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.count = 0


class Counters:
    """Every open window."""

    def __init__(self) -> None:
        self._windows: OrderedDict[Key, _Window] = OrderedDict()

    def take(self, asked: Sequence[Bound], now: float, number: int = 1) -> Exceeded | None:
        """Count `number` recipients against every bound, or none when one of them has not so many left."""
        windows = []
        refusing: Exceeded | None = None
        for bound in asked:
            window = self._current(bound.key, now)
            windows.append(window)
            if window.count + number > bound.limit:
                wait = max(1, math.ceil(window.since + bound.key[1] - now))
                if refusing is None or wait > refusing.retry_after:
                    refusing = Exceeded(bound, wait)
        if refusing is None:
            for window in windows:
                window.count += number
        return refusing

    def _current(self, key: Key, now: float) -> _Window:
        """Return the window of `key`; one that has ended, or was never used, begins now."""
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = _Window(now)
            if len(self._windows) > MAX_WINDOWS:
                self._windows.popitem(last=False)
            return window
        self._windows.move_to_end(key)
        if window.count == 0 or now - window.since >= key[1]:
            window.since, window.count = now, 0
        return window

    def __len__(self) -> int:
        return len(self._windows)
