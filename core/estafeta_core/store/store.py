"""The store: rows in, and questions about them.

`record` is the promise behind every 250: it returns when the rows are on the disk.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from pathlib import Path

from estafeta_core.store.accounts import Accounts
from estafeta_core.store.activity import Activity
from estafeta_core.store.backend import Backend
from estafeta_core.store.browsing import Browsing
from estafeta_core.store.deliverability import Deliverability
from estafeta_core.store.errors import StoreUnavailable, StoreUnfit
from estafeta_core.store.outgoing import Outgoing
from estafeta_core.store.rows import Row
from estafeta_core.store.sqlite.backend import SCHEME, SqliteBackend
from estafeta_core.store.standing import StandingReader
from estafeta_core.store.suppressions import Suppressions
from estafeta_core.store.writer import Writer

TIMEOUT = 20.0  # seconds; the default of `store_timeout` in estafeta.yaml
POSTGRESQL = "postgresql://"

log = logging.getLogger(__name__)


class Store(Browsing, Activity, Suppressions, Deliverability, Outgoing, StandingReader, Accounts):
    """Rows in, and questions about them; safe to share between threads, and to inherit by fork."""

    def __init__(self, backend: Backend, *, checkpoints: bool = False) -> None:
        super().__init__(backend)
        self._writer = Writer(backend.writing(checkpoints=checkpoints))
        self._timeout = backend.timeout
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
        disk or the server failed or stood still while their transaction was being written.
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


def backend(url: str, timeout: float = TIMEOUT) -> Backend:
    """Return what leads to the store at `url`; nothing is opened. ValueError for a URL that is none of ours.

    The driver of a store is loaded only where that store is used.
    """
    if url.startswith(POSTGRESQL):
        from estafeta_core.store.postgresql.backend import PostgresBackend  # noqa: PLC0415 - an extra

        return PostgresBackend(url, timeout)
    if url.startswith(SCHEME) and url != SCHEME:
        return SqliteBackend(Path(url.removeprefix(SCHEME)), timeout)
    raise ValueError(f"not a store of the form {SCHEME}path or {POSTGRESQL}host/database")


def open_store(url: str, *, checkpoints: bool = False, timeout: float = TIMEOUT) -> Store:
    """Return the store at `url`, created and migrated where needed; one process alone `checkpoints`.

    ValueError for a URL that is none of ours, StoreUnfit for a store that a person has to see to.
    A store that cannot be reached now is logged and returned all the same: it may come back.
    """
    chosen = backend(url, timeout)
    try:
        chosen.prepare()
    except StoreUnfit:
        raise
    except StoreUnavailable as error:
        log.error("the store at %s is not available yet: %s", chosen.name, error)
    return Store(chosen, checkpoints=checkpoints)
