"""How the C library keeps memory: set once, before a daemon begins its threads.

glibc gives each thread an arena of its own and returns what is free at the end of one as soon as it is
128 KB. A message of 320 KB, which a dozen copies of its body are made of, then has the kernel take away and
clear 500 pages, and each of the threads keeps what none of the others can use. Python lets one thread run at
a time, so one arena serves them all, and what a large message needs is kept for the next one.

Where the C library is another, nothing is changed.
"""

import ctypes

ARENAS = 1
KEPT = 16 * 1024 * 1024  # bytes that may stay free at the end of the arena; a large message needs as much
LARGE = 4 * 1024 * 1024  # bytes of a block that is returned by itself as soon as it is free

# M_ARENA_MAX, M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
_SETTINGS = ((-8, ARENAS), (-1, KEPT), (-3, LARGE))


def settle() -> None:
    """Set how memory is kept."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for setting, value in _SETTINGS:
            mallopt(setting, value)
