"""What code may cost, in the processor's time: the clock's is that of everybody who runs on the machine."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

# A processor shared with other work gives its caches and half of a core away, and a slow one is slow. What is
# not linear in hostile input takes a hundred times as long, not five.
SLOWER = 5


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Fail where the block costs this process more than `SLOWER` times these seconds of its processor's time.

    The seconds are those of an idle machine, with room.
    """
    begun = time.process_time()
    yield
    spent = time.process_time() - begun
    assert spent < seconds * SLOWER, f"{spent:.2f} s of the processor, where {seconds:g} s are expected"
