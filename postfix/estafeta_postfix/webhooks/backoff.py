"""How long to wait after so many failures: twice as long each time, a part of it by chance."""

from collections.abc import Callable

FIRST = 2.0  # seconds
LIMIT = 300.0  # seconds: a receiver that is back gets its events within five minutes


def pause(failures: int, chance: Callable[[], float]) -> float:
    """Return the seconds to wait after the last of `failures` in a row.

    `chance` returns numbers from 0 to 1. Up to half is left to it, so that what failed together is not tried
    again together.
    """
    longest: float = min(LIMIT, FIRST * 2 ** min(failures - 1, 30))
    return longest * (1 + chance()) / 2
