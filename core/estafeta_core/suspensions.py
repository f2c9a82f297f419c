"""Credentials that are suspended by themselves, as the daemons learn of them: read every second, never asked.

The worker writes who is suspended into the store. A thread reads that, apart from every message, and puts it
into force as a reload does (`Live.suspend`), so that decisions go on asking the directory alone.

While the store is away the last known state stays. Where there is no store yet, nobody is suspended. Nothing
is created, migrated or written here.
"""

import logging
import threading
import time
from pathlib import Path

from estafeta_core.config.live import Live
from estafeta_core.config.load import SQLITE
from estafeta_core.store import StoreUnavailable
from estafeta_core.store.database import Database
from estafeta_core.store.reputation import Reputation

EVERY = 1.0  # seconds; an open session is refused within two
FIRST = 1.0  # seconds that a start waits for the first answer: the disk may stand still, a login must not

log = logging.getLogger(__name__)


class Suspensions:
    """A thread that keeps `live` up to date; made after a fork, because threads do not survive one."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._store: Reputation | None = None
        self._read = False  # once at least
        self._failing = False
        self._looked = threading.Event()

    def start(self) -> None:
        """Look for the first time, and then until the process ends."""
        threading.Thread(target=self._run, name="suspensions", daemon=True).start()
        self._looked.wait(FIRST)

    def _run(self) -> None:
        while True:
            try:
                self.look()
            except Exception:  # a bug here may leave what is known; it never ends the looking
                log.exception("suspended credentials could not be read")
            self._looked.set()
            time.sleep(EVERY)

    def look(self) -> None:
        """Put into force what the store says, if it says anything."""
        try:
            store = self._opened()
            suspended = frozenset(store.suspended()) if store else None
        except StoreUnavailable as error:
            self._fail(error)
            return
        if suspended is None:
            return
        if self._failing:
            log.info("suspended credentials can be read again")
        self._failing, self._read = False, True
        if self._live.suspend(suspended):
            log.info("suspended by themselves: %s", ", ".join(sorted(suspended)) or "none any more")

    def _opened(self) -> Reputation | None:
        """Return the store that the process was started with; None before there is a configuration."""
        if self._store is None and self._live.snapshot is not None:
            config = self._live.snapshot.config
            path = Path(config.store.removeprefix(SQLITE))
            self._store = Reputation(Database(path, config.store_timeout))
        return self._store

    def _fail(self, error: StoreUnavailable) -> None:
        """Say so once; a store that nobody has made yet is no fault."""
        unmade = not self._read and isinstance(error.__cause__, FileNotFoundError)
        if not self._failing and not unmade:
            log.warning("suspended credentials cannot be read, those known stay so: %s", error)
            self._failing = True
