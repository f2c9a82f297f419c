"""Transmission, message and event ids: 63-bit, time-ordered, shown in decimal.

Layout, from the top: 41 bits of milliseconds since 2024-01-01 UTC (69 years),
10 bits of process, 12 bits of sequence. A process takes its 10 bits at random
when it starts or forks; two that drew the same bits collide only on the same
millisecond and sequence, and the store's primary key refuses the second, which
is then told to come again.
"""

import os
import secrets
import threading
import time
from collections.abc import Callable

EPOCH_MS = 1_704_067_200_000  # 2024-01-01T00:00:00Z
_SEQUENCE_BITS = 12
_PROCESS_BITS = 10


class IdSource:
    """Hands out increasing ids; safe to call from any thread, reseeded after a fork."""

    def __init__(self, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._reseed()
        os.register_at_fork(after_in_child=self._reseed)

    def _reseed(self) -> None:
        self._lock = threading.Lock()
        self._process = secrets.randbits(_PROCESS_BITS) << _SEQUENCE_BITS
        self._tick = 0  # milliseconds << _SEQUENCE_BITS, plus the sequence: never steps back

    def next(self) -> int:
        """Return an id greater than every one this process has handed out before.

        When more than 4,096 are asked for in one millisecond, or the clock steps
        back, ids run ahead of the clock instead of repeating.
        """
        now = (self._now_ms() - EPOCH_MS) << _SEQUENCE_BITS
        with self._lock:
            self._tick = max(self._tick + 1, now)
            tick = self._tick
        milliseconds, sequence = tick >> _SEQUENCE_BITS, tick & ((1 << _SEQUENCE_BITS) - 1)
        return (milliseconds << (_PROCESS_BITS + _SEQUENCE_BITS)) | self._process | sequence


def timestamp_ms(identifier: int) -> int:
    """Return the Unix time in milliseconds at which `identifier` was made."""
    return (identifier >> (_PROCESS_BITS + _SEQUENCE_BITS)) + EPOCH_MS
