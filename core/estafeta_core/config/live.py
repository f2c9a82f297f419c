"""The configuration in force: reloaded when a file changes or somebody asks, kept when the new one is wrong.

Readers take `live.snapshot`, one attribute read without a lock, and hold on to it for as long as
they need one consistent view. A daemon that forks calls `watch` in each child, because threads do
not survive a fork.

Changes are noticed by looking at the files (times, inode, size) and their folder twice a second, so
that a key revoked by an editor, by Ansible or by `estafeta key` is dead within a second and nobody
has to send a signal. Accounts that are in the store (stored.py) are looked at as often, and at once where the
store says that they have changed; while it is away, the configuration in force stays.

What the store says and no account, such as which credentials are suspended by themselves, `stand` puts into
force, and it stays over reloads. What no reload can change (fixed.py) is warned of once.
"""

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from estafeta_core.config import fixed
from estafeta_core.config import load as loading
from estafeta_core.config.document import AccountsAwayError, ConfigError
from estafeta_core.config.load import Snapshot
from estafeta_core.config.schema import Config
from estafeta_core.config.stored import StoredAccounts
from estafeta_core.directory import Settled, Standing

LOOK_EVERY = 0.5  # seconds
CATCH_UP_EVERY = 0.05  # seconds; a look at thousands of files takes 10 ms
RETRY_EVERY = 2.0  # seconds, while the files cannot be used: a mount or a right may be missing
ACCOUNTS = "accounts in the store"  # in the log, where it names a file otherwise
SETTLED_NS = 1_000_000_000  # a file at least this old when a load began has been read as it is

log = logging.getLogger(__name__)

_Mark = tuple[int, int, int, int]  # ctime, mtime, inode, size
_Marks = dict[str, _Mark | None]  # None: the file is missing


class Live:
    """Holds the snapshot in force and replaces it; see the module's page."""

    def __init__(
        self,
        path: Path,
        load: Callable[[Path], Snapshot] | None = None,
        *,
        start_empty: bool = False,
        patient: bool = False,
    ) -> None:
        """Load `path`; ConfigError when it cannot be used, unless `start_empty`: then wait for it later.

        `patient`: wait here for accounts that are in a store which is away.
        """
        self.snapshot: Snapshot | None = None
        self._path = path
        self._stored = StoredAccounts()
        self._load = load or partial(loading.load, stored=self._stored)
        self._lock = threading.Lock()  # one reload at a time
        self._requests: queue.SimpleQueue[bool] = queue.SimpleQueue()  # True: whatever the files look like
        self._telling = threading.Lock()  # so that what is told last is what is in force
        self._callbacks: list[Callable[[Snapshot], None]] = []
        self._loaded: Snapshot | None = None  # the one in force, as the files alone say it
        self._standing = Standing()
        self._settled: Settled | None = None  # the accounts in force, and what they were made from
        self._marks: _Marks = {}
        self._error: str | None = None  # logged last, and still so
        self._started: Config | None = None  # what this process was started with
        self._warned: frozenset[str] = frozenset()  # logged, and still so
        self._catching_up = threading.Lock()  # who comes second waits for what the first finds
        self._caught_up = 0.0
        error = self.reload()
        while patient and isinstance(error, AccountsAwayError):
            time.sleep(RETRY_EVERY)
            error = self.reload()
        if error is not None and not start_empty:
            raise error

    @property
    def current(self) -> Snapshot:
        """The snapshot in force, where there has to be one: the daemon did not start empty."""
        if self.snapshot is None:
            raise RuntimeError("no usable configuration has been read yet")
        return self.snapshot

    def on_change(self, callback: Callable[[Snapshot], None]) -> None:
        """Call `callback` with each snapshot that comes into force, in the thread that loaded it."""
        self._callbacks.append(callback)

    def reload(self) -> ConfigError | None:
        """Read the files again; return why the old configuration stays, which is logged once as well."""
        with self._lock:
            error = self._replace()
        if error is None:
            self._tell()
        return error

    def stand(self, standing: Standing) -> bool:
        """Put into force what the store says of credentials and domains; whether that is another state."""
        with self._lock:
            if standing == self._standing:
                return False
            self._standing = standing
            if self._loaded is not None:
                self._put_in_force(self._loaded)
        self._tell()
        return True

    def _put_in_force(self, loaded: Snapshot) -> None:
        directory = loaded.directory.under(self._standing, self._settled)
        self._settled = Settled(loaded.directory, self._standing, directory)
        self._loaded, self.snapshot = loaded, replace(loaded, directory=directory)

    def _tell(self) -> None:
        with self._telling:
            if self.snapshot is not None:
                for callback in self._callbacks:
                    callback(self.snapshot)

    def _replace(self) -> ConfigError | None:
        started = time.time_ns()
        self._marks = self._look()  # before reading, so that what changes meanwhile is seen next time
        try:
            snapshot = self._load(self._path)
        except ConfigError as error:
            if str(error) != self._error:
                none = "%s; there is none in force"
                log.error("%s; the configuration in force stays" if self.snapshot else none, error)
            self._error = str(error)
            return error
        self._error = None
        self._started = self._started or snapshot.config
        self._put_in_force(snapshot)
        self._warn(snapshot)
        self._adopt(self._look(), started)
        return None

    def _warn(self, snapshot: Snapshot) -> None:
        """Log each warning and each change that waits for a restart when it comes up, not at every reload."""
        started = self._started or snapshot.config
        waiting = (f"{self._path}: {text}" for text in fixed.pending(started, snapshot.config))
        found = (*map(str, snapshot.warnings), *waiting)
        for text in found:
            if text not in self._warned:
                log.warning("%s", text)
        self._warned = frozenset(found)

    def _adopt(self, marks: _Marks, started: int) -> None:
        """Watch the files that the new configuration names, where they are others than before.

        One of them may have changed while it was read; a young one is therefore read once more.
        """
        if marks.keys() == self._marks.keys():
            return
        young = any(mark is not None and mark[0] > started - SETTLED_NS for mark in marks.values())
        self._marks = {} if young else marks

    def catch_up(self, snapshot: Snapshot) -> bool:
        """Read the files now if they have changed; whether another snapshot than `snapshot` is in force.

        For an answer that would be final: each process notices a change by itself, so for a moment one may
        know a key that another does not. Looks no more often than `CATCH_UP_EVERY`.
        """
        with self._catching_up:
            now = time.monotonic()
            if self.snapshot is snapshot and now - self._caught_up >= CATCH_UP_EVERY:
                if self._changed():
                    self.reload()
                self._caught_up = time.monotonic()
            return self.snapshot is not snapshot

    def close(self) -> None:
        """Close connections to the store; for whoever does not watch."""
        self._stored.close()

    def request_reload(self) -> None:
        """Have the watching thread reload at once; may be called from a signal handler."""
        self._requests.put(True)  # SimpleQueue.put is reentrant, an Event's lock is not

    def watch(self) -> threading.Thread:
        """Start the thread that notices changes, and return it; it ends with the process."""
        thread = threading.Thread(target=self._watch, name="configuration", daemon=True)
        thread.start()
        return thread

    def _watch(self) -> None:
        retry_at = time.monotonic() + RETRY_EVERY
        listening = False
        while True:
            due = self._requested(LOOK_EVERY) or (self._error is not None and time.monotonic() >= retry_at)
            expected = due or bool(self._marks)  # without marks young files are read once more: no news
            try:
                if not listening and self._is_stored():
                    self._stored.listen(lambda: self._requests.put(False))
                    listening = True
                if changed := str(self._path) if due else self._changed():
                    if self.reload() is None and expected:
                        log.info("%s: read again and in force", changed)
                    retry_at = time.monotonic() + RETRY_EVERY
            except Exception:  # a bug in a callback may cost one reload, never the watch over revoked keys
                log.exception("reload failed")

    def _requested(self, timeout: float) -> bool:
        """Wait until it is time to look, and return whether a reload was requested; several are one."""
        try:
            requested = self._requests.get(timeout=timeout)
        except queue.Empty:
            return False
        while not self._requests.empty():
            requested |= self._requests.get_nowait()
        return requested

    def _changed(self) -> str:
        """Return where something has changed, as the log names it; empty where nothing has."""
        if self._look() != self._marks:
            return str(self._path)
        return ACCOUNTS if self._is_stored() and self._stored.changed() else ""

    def _is_stored(self) -> bool:
        return self.snapshot is not None and self.snapshot.config.directory == "store"

    def _look(self) -> _Marks:
        return {path: _mark(path) for path in self._files()}

    def _files(self) -> Iterator[str]:
        """Yield the files that make up the configuration, as far as they are known."""
        yield str(self._path)
        if self.snapshot is None:
            return
        config = self.snapshot.config
        yield from map(str, config.signing_keys)
        if config.directory == "store":
            return
        yield str(config.accounts_dir)
        try:
            with os.scandir(config.accounts_dir) as entries:
                yield from (entry.path for entry in entries if entry.name.endswith((".yaml", ".yml")))
        except OSError:
            return


def _mark(path: str) -> _Mark | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - a third of the time of Path.stat, for each file twice a second
    except OSError:
        return None
    return found.st_ctime_ns, found.st_mtime_ns, found.st_ino, found.st_size
