"""That no other host goes by this host's name (`node`) among those that share a store.

The store knows by that name how far a host's log was read. Two hosts of one name, as a copied machine has it,
would read from each other's place: events would be recorded twice, or not at all. So a worker begins when it
has the lease of its name, which it renews while it runs.

One host is told from another by a random word in `run_dir`, which a boot empties: a worker that begins anew
has its name at once, a host that begins anew when the lease of its last boot is over. The kernel's word for a
boot is in /proc/sys, which the unit hides from the worker.
"""

import logging
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from estafeta_core.config.load import SQLITE, node
from estafeta_core.config.schema import Config
from estafeta_core.store import Lease, Store, StoreUnavailable
from estafeta_postfix.background import Background
from estafeta_postfix.files import write_text

FILE = "host"  # in run_dir
LOOK = 1.0  # seconds between two looks
LATE = 5.0  # seconds that a lease may be found to be over late

log = logging.getLogger(__name__)


class OwnName(Background):
    """A thread that keeps the name; `lost` is called when another host has it."""

    def __init__(self, store: Store, config: Config, seconds: float, lost: Callable[[], None]) -> None:
        super().__init__("own-name")
        self._node = node(config)
        self._seconds = seconds
        self._lease = Lease(store, f"node {self._node}", _host(config.run_dir), seconds)
        self._lost = lost
        self._shared = not config.store.startswith(SQLITE)
        self.is_lost = False

    def begin(self, wait: Callable[[float], bool]) -> bool:
        """Take the name and keep it; False where another host has it, or `wait` says that it is time to stop.

        While the store is away nobody can tell, and nothing is read from any place.
        """
        give_up = time.monotonic() + self._seconds + LATE
        while self._shared and self._is_anothers():
            log.info("the name %s is another host's, or was this one's at its last boot", self._node)
            if wait(self._seconds / 6):
                return False
            if time.monotonic() > give_up:
                self._tell()
                return False
        self.start()
        return True

    def run(self) -> None:
        """Renew the lease; once stopped, release it. Of a store in SQLite there is one host."""
        if not self._shared:
            return
        while not self._stopping.wait(LOOK):
            if self._is_anothers():
                self._tell()
                self._lost()
                return
        try:
            self._lease.release()
        except StoreUnavailable as error:
            log.warning("the name of this host is not free at once: %s", error)

    def _is_anothers(self) -> bool:
        try:
            return not self._lease.take()
        except StoreUnavailable:  # of which the log follower tells
            return False

    def _tell(self) -> None:
        self.is_lost = True
        log.critical(
            "another host goes by the name %s in this store, and each would read from the other's place in"
            " the log: set node in estafeta.yaml of one of them",
            self._node,
        )


def _host(run_dir: Path) -> str:
    """Return the word for this boot of this host."""
    path = run_dir / FILE
    if not path.exists():
        write_text(path, secrets.token_hex(16), 0o600)
    return path.read_text()
