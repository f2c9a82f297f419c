"""The store of one host: a SQLite file that several processes share.

`record` is the promise behind every 250: it returns when the rows are on the disk.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from pathlib import Path

from estafeta_core.store.activity import Activity
from estafeta_core.store.browsing import Browsing
from estafeta_core.store.database import Database, translated
from estafeta_core.store.deliverability import Deliverability
from estafeta_core.store.errors import SchemaTooNew, StoreUnavailable
from estafeta_core.store.filelock import FileLock
from estafeta_core.store.outgoing import Outgoing
from estafeta_core.store.rows import Row
from estafeta_core.store.standing import StandingReader
from estafeta_core.store.suppressions import Suppressions
from estafeta_core.store.writer import Writer

TIMEOUT = 20.0  # seconds; the default of `store_timeout` in estafeta.yaml
PREPARE = 2.0  # seconds to wait for another process that prepares or writes; the writer prepares as well
_SCHEME = "sqlite:///"

log = logging.getLogger(__name__)


class Store(Browsing, Activity, Suppressions, Deliverability, Outgoing, StandingReader):
    """Rows in, and questions about them; safe to share between threads, and to inherit by fork."""

    def __init__(self, database: Database, *, checkpoints: bool) -> None:
        super().__init__(database)
        self._writer = Writer(database, checkpoints=checkpoints)
        self._timeout = database.timeout
        if checkpoints:
            self._writer.start()

    def submit(self, rows: Sequence[Row]) -> Future[None]:
        """Queue `rows`, to be written together or not at all.

        The future resolves when they are durable, or fails with StoreUnavailable. Cancelling it succeeds
        until their transaction has begun, and then they are never written.
        """
        return self._writer.submit(rows)

    def record(self, rows: Sequence[Row], timeout: float | None = None) -> None:
        """Write `rows` together and return when they are durable.

        StoreUnavailable after `timeout` seconds (the store's own where None) or at once when the store is at
        fault. The rows are then not there and will not be, but for one case that no commit can exclude: the
        disk failed or stood still while their transaction was being written.
        """
        seconds = self._timeout if timeout is None else timeout
        future = self._writer.submit(rows)
        try:
            future.result(seconds)
        except TimeoutError:
            if not future.cancel() and future.done():
                future.result()  # it ended between the two
                return
            raise StoreUnavailable(f"not written within {seconds:g} s") from None
        except CancelledError:
            raise StoreUnavailable("the store was closed") from None

    def close(self) -> None:
        """Write what is queued and close every connection.

        SQLite checkpoints when the last connection of all processes closes; it then has the file to itself.
        """
        self._writer.close(self._timeout)
        super().close()


def open_store(url: str, *, checkpoints: bool = False, timeout: float = TIMEOUT) -> Store:
    """Return the store at `url`, created and migrated where needed; one process alone `checkpoints`.

    ValueError for a URL that is none of ours, SchemaTooNew for a store that a later version has changed.
    A store that cannot be reached now is logged and returned all the same: it may come back.
    """
    if not url.startswith(_SCHEME) or len(url) == len(_SCHEME):
        raise ValueError(f"not a store of the form {_SCHEME}path: {url}")
    database = Database(Path(url.removeprefix(_SCHEME)), timeout)
    try:
        _prepare(database)
    except SchemaTooNew:
        raise
    except StoreUnavailable as error:
        log.error("the store at %s is not available yet: %s", database.path, error)
    return Store(database, checkpoints=checkpoints)


def _prepare(database: Database) -> None:
    """Create and migrate the file, one process at a time; nothing stays open, as the caller may fork."""
    lock = FileLock(Path(f"{database.path}-lock"))
    with translated():
        try:
            if not lock.try_acquire(min(PREPARE, database.timeout)):
                raise StoreUnavailable("another process holds its lock")
            database.connect_writer().close()
        finally:
            lock.close()
