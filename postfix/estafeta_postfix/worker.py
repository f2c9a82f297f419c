"""The background process: it follows Postfix's log and is the one process that checkpoints the store.

SIGTERM and SIGINT stop it; SIGHUP and a changed file reload the configuration. `store` and `maillog`
are those it was started with.
"""

import contextlib
import logging
import queue
import signal
from pathlib import Path

from estafeta_core import logs
from estafeta_core.config.document import ConfigError
from estafeta_core.config.live import Live
from estafeta_core.ids import IdSource
from estafeta_core.store import open_store
from estafeta_postfix.log_follower.follow import Follower
from estafeta_postfix.log_follower.records import Recorder
from estafeta_postfix.log_follower.timestamp import Timestamps

log = logging.getLogger(__name__)


def run_worker(config_path: Path) -> int:
    """Work until SIGTERM; return the exit status."""
    logs.setup("worker")
    try:
        live = Live(config_path)
    except ConfigError:  # logged by Live, with file, line and key
        return 1
    config = live.current.config
    stop = _Stop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.ask())
    signal.signal(signal.SIGHUP, lambda *_: live.request_reload())
    live.watch()
    store = open_store(config.store, checkpoints=True, timeout=config.store_timeout)
    recorder = Recorder(store, IdSource(), Timestamps())
    log.info("following %s", config.maillog)
    try:
        Follower(config.maillog, store, recorder, stop.wait).run()
    finally:
        store.close()
    return 0


class _Stop:
    """A flag that a signal handler may raise while the same thread waits for it.

    An Event's lock would be taken twice by that thread; SimpleQueue is made for this.
    """

    def __init__(self) -> None:
        self._asked = False
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()

    def ask(self) -> None:
        self._asked = True
        self._wake.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; whether it is time to stop."""
        if seconds and not self._asked:
            with contextlib.suppress(queue.Empty):
                self._wake.get(timeout=seconds)
        return self._asked
