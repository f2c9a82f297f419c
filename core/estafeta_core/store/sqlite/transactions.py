"""The connection of a process that writes to the file, and checkpoints it where the process is told to."""

import logging
import sqlite3
import time
from contextlib import AbstractContextManager

from estafeta_core import metrics
from estafeta_core.store import statements
from estafeta_core.store.backend import Transactions
from estafeta_core.store.errors import StoreUnavailable
from estafeta_core.store.sqlite.database import Database, translated
from estafeta_core.store.statements import Values

CHECKPOINT_BYTES = 4 * 1024 * 1024  # of WAL: SQLite's own 1,000 pages
CHECKPOINT_PAUSE = 1.0  # seconds at least between checkpoints, each of which costs two fsyncs

# What SQLite and its Python module raise about values, rather than about the database.
_REFUSALS = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    OverflowError,
    ValueError,
)

log = logging.getLogger(__name__)


class SqliteTransactions(Transactions):
    """One connection, and the lock that keeps other processes from writing meanwhile."""

    def __init__(self, database: Database, *, checkpoints: bool) -> None:
        self.pause = CHECKPOINT_PAUSE if checkpoints else None
        self._database = database
        self._wal = database.wal()
        self._checkpointed = (0, 0)  # size and time of the WAL at the last checkpoint
        self._next_checkpoint = 0.0
        self._left_to_parent: list[sqlite3.Connection | None] = []
        self.connection: sqlite3.Connection | None = None
        self._inode = (0, 0)
        self._lock = database.lock()

    def after_fork(self) -> None:
        """Begin anew in a child; the parent's connection stays open, as closing would touch its files."""
        self._left_to_parent.append(self.connection)
        self.connection = None
        self._lock.close()
        self._lock = self._database.lock()

    def begin(self) -> None:
        """Begin a transaction that has the database to itself."""
        with translated():
            self._lock.acquire()
            try:
                self._connected().execute("BEGIN IMMEDIATE")
            except sqlite3.Error:
                self.disconnect()
                raise

    def command(self, sql: str) -> None:
        """Run a statement without values."""
        self._begun().execute(sql)

    def run(self, place: int, rows: list[Values]) -> None:
        """Run one of `statements.SQL` once for each of `rows`."""
        self._begun().executemany(statements.SQL[place], rows)

    def finish(self) -> None:
        """Commit."""
        self._begun().execute("COMMIT")

    def end(self) -> None:
        """Let the next process write."""
        self._lock.release()

    def disconnect(self) -> None:
        """Close the connection."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def close(self) -> None:
        """Close the connection and the file of the lock."""
        self.disconnect()
        self._lock.close()

    def refuses(self, error: Exception) -> bool:
        """Return whether an error is about values."""
        return isinstance(error, _REFUSALS)

    def translated(self) -> AbstractContextManager[None]:
        """Turn what SQLite raises into StoreUnavailable."""
        return translated()

    def _begun(self) -> sqlite3.Connection:
        """Return the connection that a transaction has begun on, and no other."""
        if self.connection is None:
            raise StoreUnavailable("no transaction has begun")
        return self.connection

    def _connected(self) -> sqlite3.Connection:
        if self.connection is not None and self._inode != self._database.inode():
            self.disconnect()
        if self.connection is None:
            self.connection = self._database.connect_writer()
            self._inode = self._database.inode()
        return self.connection

    def idle(self) -> None:
        """Move the WAL into the database when it has grown, with every writer kept out."""
        if time.monotonic() < self._next_checkpoint:
            return
        self._next_checkpoint = time.monotonic() + CHECKPOINT_PAUSE
        try:
            status = self._wal.stat()
        except OSError:
            return  # no WAL: nothing has been written
        metrics.WAL_BYTES.set(status.st_size)
        if status.st_size < CHECKPOINT_BYTES or (status.st_size, status.st_mtime_ns) == self._checkpointed:
            return
        try:
            with translated():
                self._lock.acquire()
                self._connected().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                self._checkpointed = (status.st_size, status.st_mtime_ns)
                metrics.CHECKPOINTS.add()
        except StoreUnavailable as error:
            log.warning("checkpoint failed, tried again later: %s", error)
            self.disconnect()
        finally:
            self._lock.release()
