"""A lease: one node at a time has it, for so many seconds, and says again and again that it is still there.

    take      if it is free, over, or this node's; otherwise nothing changes (`lease_taken` in writes.py)
    renew     the same, once a third of its time is over
    record    rows that only the holder may write: in the same transaction the lease has to be this node's
    release   it is over at once

Until when it holds is written and judged by the clock of the store: on PostgreSQL the server's, so that
the clocks of the nodes may differ; on SQLite that of the one host. Between two questions a node goes by a
clock of its own that nobody sets and that counts on while the process or the host is stopped, and by that
clock the lease is over no later than by the store's.
"""

import time
from collections.abc import Callable, Sequence

from estafeta_core.store.errors import LeaseLost, RowsRefused
from estafeta_core.store.rows import LeaseHeld, LeaseReleased, LeaseTaken, Row
from estafeta_core.store.store import Store


def boottime() -> float:
    """Return seconds of a clock that nobody sets, the time that the host slept included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    """The lease `name` as `node` sees it, which has it for `seconds` at a time.

    One thread takes and releases; `held` and `record` are for any.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        node: str,
        seconds: float,
        clock: Callable[[], float] = boottime,
    ) -> None:
        self._store = store
        self._name = name
        self._node = node
        self._seconds = seconds
        self._clock = clock
        self._until = self._renew_at = clock()
        self.holder = ""  # who had it when the store was asked last; "": nobody

    @property
    def held(self) -> bool:
        """Whether this node has it; no store is asked."""
        return self._clock() < self._until

    def take(self) -> bool:
        """Take it, or renew it where it is time; return whether this node has it. Raises StoreUnavailable.

        Where it is held and not to be renewed yet, the store is not asked; where another has it, only read.
        """
        if self.held and self._clock() < self._renew_at:
            return True
        if not self.held and self._holder() not in ("", self._node):
            return False
        milliseconds = round(self._seconds * 1000)
        self._store.record([LeaseTaken(self._name, self._node, milliseconds)], self._seconds / 3)
        return self._holder() == self._node

    def record(self, rows: Sequence[Row]) -> None:
        """Write `rows`, if the lease is this node's; raises LeaseLost, and what Store.record raises."""
        try:
            self._store.record([LeaseHeld(self._name, self._node), *rows])
        except RowsRefused as error:
            if self._holder() == self._node:
                raise
            raise LeaseLost(f"the lease is not {self._node}'s any more") from error

    def release(self) -> None:
        """Let the next node have it at once. Raises StoreUnavailable."""
        self._until = self._clock()
        self._store.record([LeaseReleased(self._name, self._node)], self._seconds / 3)

    def _holder(self) -> str:
        """Ask whose it is, and note until when it is this node's."""
        asked = self._clock()  # before the store looks at its own clock, so that it is over here no later
        found = self._store.lease(self._name)
        node, left = found if found is not None else ("", 0)
        self.holder = node if left > 0 else ""
        self._until = asked + (left / 1000 if self.holder == self._node else 0.0)
        self._renew_at = self._until - self._seconds * 2 / 3
        return self.holder
