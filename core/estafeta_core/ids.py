"""Transmission, message and event ids: 63-bit, time-ordered, shown in decimal.

Layout, from the top: 41 bits of milliseconds since 2024-01-01 UTC (69 years), 10 bits of
process, 12 bits of sequence. The process is the low bits of its number, counted from where the name of the
host says: processes of one host are mostly neighbours, and hosts that are alike, which give their daemons the
same numbers, begin elsewhere. So two with the same bits are rare. Should there be two, their sequences begin
each millisecond at random, so that even then ids hardly ever meet; the store's primary key refuses the
second, whose client is told to come again. Within a millisecond ids follow one upon the other: those of a
thousand recipients are then few numbers to carry.
"""

import os
import random
import threading
import time
import zlib
from collections.abc import Callable

EPOCH_MS = 1_704_067_200_000  # 2024-01-01T00:00:00Z
PROCESS_BITS = 10
SEQUENCE_BITS = 12


class IdSource:
    """Hands out increasing ids; safe to call from any thread, reseeded after a fork. `host` is its name."""

    def __init__(
        self, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000, host: str = os.uname().nodename
    ) -> None:
        self._now_ms = now_ms
        self._first = zlib.crc32(host.encode())
        self._reseed()
        os.register_at_fork(after_in_child=self._reseed)

    def _reseed(self) -> None:
        self._lock = threading.Lock()
        self._process = (os.getpid() + self._first) % (1 << PROCESS_BITS) << SEQUENCE_BITS
        self._random = random.Random()  # noqa: S311 - an id is no secret
        self._tick = -1  # milliseconds << SEQUENCE_BITS, plus the sequence: never steps back

    def next(self) -> int:
        """Return an id greater than every one this process has handed out before.

        When more are asked for than a millisecond holds, or the clock steps back, ids run ahead of the
        clock instead of repeating.
        """
        with self._lock:
            now = self._now_ms() - EPOCH_MS
            if now > self._tick >> SEQUENCE_BITS:
                self._tick = now << SEQUENCE_BITS | self._random.getrandbits(SEQUENCE_BITS - 1)
            else:
                self._tick += 1
            tick = self._tick
        milliseconds, sequence = tick >> SEQUENCE_BITS, tick & ((1 << SEQUENCE_BITS) - 1)
        return (milliseconds << (PROCESS_BITS + SEQUENCE_BITS)) | self._process | sequence
