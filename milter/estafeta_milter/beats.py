"""That the processes of a family still work: each shows it, and their parent tells systemd.

A child writes the time into its own place of a piece of memory that all of them share. CLOCK_MONOTONIC is the
same clock in every process, so the parent, which takes no message itself, can tell which child stands still.
"""

import mmap
import struct
import threading
import time

from estafeta_core import notify

EVERY = 1.0  # seconds between two beats of a child

_TIME = struct.Struct("d")


class Beats:
    """One place for each child; made before they are forked."""

    def __init__(self, children: int) -> None:
        self._children = children
        self._memory = mmap.mmap(-1, children * _TIME.size)
        for place in range(children):
            self.beat(place)

    def beat(self, place: int) -> None:
        """Show that the child at this place works."""
        _TIME.pack_into(self._memory, place * _TIME.size, time.monotonic())

    def fresh(self, seconds: float) -> bool:
        """Return whether every child has shown it within `seconds`."""
        written = self._memory[: self._children * _TIME.size]
        oldest: float = min(moment for (moment,) in _TIME.iter_unpack(written))
        return time.monotonic() - oldest <= seconds

    def watch(self) -> None:
        """Tell systemd from now on, in a thread of the parent, as long as no child stands still."""
        pulse = notify.Pulse()
        if pulse.seconds is not None:
            threading.Thread(target=self._watch, args=(pulse, pulse.seconds), daemon=True).start()

    def _watch(self, pulse: notify.Pulse, seconds: float) -> None:
        while True:
            if self.fresh(seconds + EVERY):
                pulse.beat()
            time.sleep(min(EVERY, seconds))
