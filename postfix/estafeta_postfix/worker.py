"""The background process: follows log and journal, posts events, suspends, asks DNS, clears up, checkpoints.

There is one of it on a host, and no other process checkpoints. A second one would record every delivery
again, so it does not start. Of hosts that share a store, one at a time posts, suspends, asks and takes rows
away (on_duty.py), while each reads its own log and journal and removes its own files. SIGTERM and SIGINT stop
it; SIGHUP and a changed file reload the configuration. `store`, `maillog` and `state_dir` are those it was
started with.
"""

import contextlib
import logging
import queue
import signal
from pathlib import Path

from estafeta_core import journal, logs, metrics, notify
from estafeta_core.config.document import ConfigError
from estafeta_core.config.live import Live
from estafeta_core.config.load import known_as, node
from estafeta_core.hosting import Shelf
from estafeta_core.ids import IdSource
from estafeta_core.store import Lease, Store, StoreUnfit, open_store
from estafeta_core.store.filelock import FileLock
from estafeta_postfix.domains.verifier import Verifier
from estafeta_postfix.journal_follower import JournalFollower
from estafeta_postfix.log_follower.follow import Follower
from estafeta_postfix.log_follower.maillog import MailLog
from estafeta_postfix.log_follower.records import Recorder
from estafeta_postfix.log_follower.timestamp import Timestamps
from estafeta_postfix.on_duty import Hired, OnDuty
from estafeta_postfix.own_name import OwnName
from estafeta_postfix.retention import Retention
from estafeta_postfix.suspender import Suspender
from estafeta_postfix.webhooks.sender import Sender

LOCK = "worker.lock"  # in state_dir; held while the worker lives
LOCK_PATIENCE = 5.0  # seconds for the one before to end
CLEARING_PATIENCE = 2.0  # seconds for a batch of rows or a folder of files that is in hand at the end
LOOKING_PATIENCE = 1.0  # seconds for a look at what came back of mail: it writes one row at most
ASKING_PATIENCE = 2.0  # seconds for questions to DNS; those that are not answered are asked again
POSTING_PATIENCE = 2.0  # seconds for posts that are in hand; those that are not answered are made again
LEAVING_PATIENCE = 5.0  # seconds for all of these, which stop side by side, and for the lease
LEASE = "worker"
LEASE_SECONDS = 30.0  # seconds without a word of the host on duty until another one takes over

log = logging.getLogger(__name__)


def run_worker(config_path: Path) -> int:
    """Work until SIGTERM; return the exit status."""
    logs.setup("worker", form=logs.form(config_path))
    try:
        live = Live(config_path, patient=True)
    except ConfigError:  # logged by Live, with file, line and key
        return 1
    lock = FileLock(live.current.config.state_dir / LOCK)
    try:
        if not lock.try_acquire(LOCK_PATIENCE):
            log.critical("%s: another worker holds this lock; stop it first", lock.path)
            return 1
        return 0 if _work(live) else 1
    except (OSError, StoreUnfit) as error:
        log.critical("%s", error)
        return 1
    finally:
        lock.close()


def _work(live: Live) -> bool:
    """Follow the log, post events and clear up until told to stop; False where another host has our name."""
    config = live.current.config
    stop = _Stop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.ask())
    signal.signal(signal.SIGHUP, lambda *_: live.request_reload())
    live.watch()
    metrics.open(config.run_dir, "worker")
    store = open_store(config.store, checkpoints=True, timeout=config.store_timeout)
    own_name = OwnName(store, config, LEASE_SECONDS, stop.ask)
    if not own_name.begin(stop.wait):
        store.close()
        return not own_name.is_lost
    recorder = Recorder(store, IdSource(), Timestamps(), lambda: live.current.config.ip_pools)
    lease = Lease(store, LEASE, node(config), LEASE_SECONDS)
    duty = OnDuty(lease, lambda: _jobs(live, store, lease))
    duty.start()
    retention = Retention(
        store,
        Shelf.of(config),
        lambda: live.current.config.hosting.retention_days,
        periods=lambda: live.current.config.retention,
        on_duty=lambda: lease.held,
    )
    retention.start()
    path = config.state_dir / journal.NAME
    tracking = JournalFollower(path, store, known_as(config, path))
    tracking.start()
    log.info("following %s", config.maillog)
    notify.ready()
    try:
        name = known_as(config, config.maillog)
        Follower(config.maillog, store, MailLog(recorder), stop.wait, name=name).run()
    finally:
        notify.stopping()
        tracking.stop(CLEARING_PATIENCE)
        retention.stop(CLEARING_PATIENCE)
        duty.stop(LEAVING_PATIENCE)
        own_name.stop(LEAVING_PATIENCE)
        store.close()
    return not own_name.is_lost


def _jobs(live: Live, store: Store, lease: Lease) -> list[Hired]:
    """Return what one host does at a time, not begun yet."""
    return [
        Hired(Sender(store, lambda: live.current.config.webhooks, lease), POSTING_PATIENCE),
        Hired(Suspender(store, lambda: live.current.directory), LOOKING_PATIENCE),
        Hired(Verifier(store, lambda: live.current), ASKING_PATIENCE),
    ]


class _Stop:
    """A flag that a signal handler may raise while the same thread waits for it.

    An Event's lock would be taken twice by that thread; SimpleQueue is made for this.
    """

    def __init__(self) -> None:
        self._asked = False
        self._pulse = notify.Pulse()
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()

    def ask(self) -> None:
        self._asked = True
        self._wake.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; whether it is time to stop. Whoever waits here is at work."""
        self._pulse.beat()
        if seconds and not self._asked:
            with contextlib.suppress(queue.Empty):
                self._wake.get(timeout=seconds)
        return self._asked
