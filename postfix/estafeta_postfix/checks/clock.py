"""Whether the clock is right, as far as this host alone can tell: ids and limits are made of it.

No time server is asked: who keeps time here is the host's daemon, and the kernel knows whether there is one
(adjtimex(2)).
"""

import contextlib
import ctypes
import time
from collections.abc import Iterator

from estafeta_core.store import StoreUnavailable
from estafeta_core.store.reader import Reader
from estafeta_core.store.store import backend
from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.setup import Setup

BACK = 60_000  # milliseconds that the newest event may be ahead: hosts that share a store differ by less
PATIENCE = 2.0  # seconds for the store
_TIME_ERROR = 5  # of adjtimex(2): the clock is not synchronised
_TIMEX_BYTES = 512  # struct timex has 208; all zero asks and sets nothing


def look(setup: Setup) -> Iterator[Finding]:
    """Yield whether time went back, and whether anybody keeps it."""
    ahead = _newest_event(setup) - time.time() * 1000
    if ahead > BACK:
        yield Finding(
            "error",
            "clock-back",
            "clock",
            f"the newest event in the store is {ahead / 1000:.0f} s ahead of this host's clock",
            "set the clock right before mail is sent: ids and limits are made of it, and keys expire by it",
        )
    if not synchronised():
        yield Finding(
            "note",
            "clock-unsynchronised",
            "clock",
            "the kernel says that nobody keeps it right",
            "run chrony or systemd-timesyncd; in a container or a virtual machine its host may do so",
        )


def _newest_event(setup: Setup) -> float:
    """Return the time of the newest event in Unix milliseconds; 0 where there is none."""
    with (
        contextlib.suppress(StoreUnavailable),
        contextlib.closing(Reader(backend(setup.config.store, PATIENCE))) as reader,
    ):
        found = reader.events(limit=1)
        return found[0].event.timestamp if found else 0
    return 0


def synchronised() -> bool:
    """Whether the kernel's clock is kept right by somebody; True where it cannot be asked."""
    libc = ctypes.CDLL(None, use_errno=True)
    return int(libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))) != _TIME_ERROR
