"""What the store says of credentials and domains, as the daemons learn of it: read every second, never asked.

The worker writes into the store who is suspended, and which domains and keys DNS has verified. A thread
reads that, apart from every message, and puts it into force as a reload does (`Live.stand`), so that
decisions go on asking the directory alone. Domains are read again only where one has changed.

While the store is away the last known state stays. Until it has been read once, nobody is suspended, and what
DNS has to verify is not known: such mail is put off. Nothing is created, migrated or written here.
"""

import logging
import threading
import time

from estafeta_core.config.live import Live
from estafeta_core.directory import Standing
from estafeta_core.store import StoreUnavailable
from estafeta_core.store.standing import StandingReader
from estafeta_core.store.store import backend

EVERY = 1.0  # seconds; an open session is refused within two
FIRST = 1.0  # seconds that a start waits for the first answer: the disk may stand still, a login must not

log = logging.getLogger(__name__)


class Standings:
    """A thread that keeps `live` up to date; made after a fork, because threads do not survive one."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._store: StandingReader | None = None
        self._known = Standing()
        self._read = False  # once at least
        self._failing = False
        self._looked = threading.Event()

    def start(self) -> None:
        """Look for the first time, and then until the process ends."""
        threading.Thread(target=self._run, name="standings", daemon=True).start()
        self._looked.wait(FIRST)

    def _run(self) -> None:
        while True:
            try:
                self.look()
            except Exception:  # a bug here may leave what is known; it never ends the looking
                log.exception("suspended credentials and verified domains could not be read")
            self._looked.set()
            time.sleep(EVERY)

    def look(self) -> None:
        """Put into force what the store says, if it says anything."""
        try:
            store = self._opened()
            found = store.standing() if store else None
        except StoreUnavailable as error:
            self._fail(error)
            return
        if found is None:
            return
        if self._failing:
            log.info("suspended credentials and verified domains can be read again")
        self._failing, self._read = False, True
        if self._live.stand(found):
            self._tell(found)
        self._known = found

    def _tell(self, found: Standing) -> None:
        if found.suspended != self._known.suspended:
            log.info("suspended by themselves: %s", ", ".join(sorted(found.suspended)) or "none any more")
        if found.verified != self._known.verified:
            log.info("verified by DNS: %d domains and keys", len(found.verified or ()))

    def _opened(self) -> StandingReader | None:
        """Return the store that the process was started with; None before there is a configuration."""
        if self._store is None and self._live.snapshot is not None:
            config = self._live.snapshot.config
            self._store = StandingReader(backend(config.store, config.store_timeout))
        return self._store

    def _fail(self, error: StoreUnavailable) -> None:
        """Say so once; a store that nobody has made yet is no fault."""
        unmade = not self._read and isinstance(error.__cause__, FileNotFoundError)
        if not self._failing and not unmade:
            log.warning(
                "suspended credentials and verified domains cannot be read, those known stay so: %s", error
            )
            self._failing = True
