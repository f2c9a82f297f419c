"""Group commit: many callers, one thread, one transaction.

While one transaction reaches the disk, further submissions queue up and share the
next one. A submission is all or nothing. Its future resolves when its rows are
durable, and can be cancelled until its transaction has the database to itself; so
what was cancelled is never written later. One case stays open: a caller who gives
up while his transaction is being written cannot know, as with every commit, and a
failure of the disk at that moment leaves it open too.

A submission the schema refuses fails alone: the transaction is repeated with a
savepoint for each. Any other fault fails whatever is waiting, at once, and the next
submission opens the database anew; so the store is back when the fault is gone.

The thread starts with the first submission. A forked child starts with an empty
queue, a thread and connection of its own, and leaves its parent's alone.
"""

import logging
import os
import queue
import sqlite3
import threading
import time
import weakref
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from pathlib import Path

from estafeta_core import metrics
from estafeta_core.store import statements
from estafeta_core.store.database import Database, translated
from estafeta_core.store.errors import RowsRefused, StoreUnavailable
from estafeta_core.store.filelock import FileLock
from estafeta_core.store.rows import Row

BACKLOG = 10_000  # submissions; some 20 MB, reached only when the disk has stood still for many seconds
BATCH = 500  # submissions to a transaction, so that other processes need not wait long for theirs
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


class Submission:
    """Rows that are written together, and the future that tells when they are durable."""

    __slots__ = ("future", "statements")

    def __init__(self, rows: Sequence[Row]) -> None:
        self.statements = [statements.convert(row) for row in rows]
        self.future: Future[None] = Future()


class Writer:
    """The one thread of a process that writes."""

    def __init__(self, database: Database, *, checkpoints: bool) -> None:
        self._database = database
        self._checkpoints = checkpoints
        self._closed = False
        self._wal = Path(f"{database.path}-wal")
        self._checkpointed = (0, 0)  # size and time of the WAL at the last checkpoint
        self._next_checkpoint = 0.0
        self._left_to_parent: list[sqlite3.Connection | None] = []
        self._connection: sqlite3.Connection | None = None
        self._inode = (0, 0)
        self._reset()
        _writers.add(self)

    def _reset(self) -> None:
        self._queue: queue.SimpleQueue[Submission | None] = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._lock = FileLock(Path(f"{self._database.path}-lock"))

    def after_fork(self) -> None:
        """Begin anew in a child; the parent's connection stays open, as closing would touch its files."""
        self._left_to_parent.append(self._connection)
        self._connection = None
        self._lock.close()
        self._reset()

    def submit(self, rows: Sequence[Row]) -> Future[None]:
        """Queue `rows` to be written together; StoreUnavailable when the store has stood still for long."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        if self._queue.qsize() >= BACKLOG:
            raise StoreUnavailable(f"{BACKLOG} submissions are waiting already")
        try:
            submission = Submission(rows)
        except ValueError as error:
            raise RowsRefused(str(error)) from error
        if self._thread is None:
            self.start()
        metrics.STORE_WAITING.add()
        self._queue.put(submission)
        return submission.future

    def start(self) -> None:
        """Start the thread unless it runs."""
        with self._guard:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
                self._thread.start()

    def close(self, timeout: float) -> None:
        """Write what is queued and stop; give up after `timeout` seconds, as the disk may stand still."""
        self._closed = True
        thread = self._thread
        if thread is not None:
            self._queue.put(None)
            thread.join(timeout)

    def _run(self) -> None:
        while True:
            if self._checkpoints:
                self._checkpoint_when_due()
            try:
                first = self._queue.get(timeout=CHECKPOINT_PAUSE if self._checkpoints else None)
            except queue.Empty:
                continue
            if first is None:
                break
            try:
                self._write(first)
            except Exception:  # a bug fails one batch, whose callers time out; later ones are served
                log.exception("a batch failed")
                self._disconnect()
                self._lock.release()
        self._disconnect()
        self._lock.close()

    def _write(self, first: Submission) -> None:
        begun = time.perf_counter()
        try:
            connection = self._begin()
        except StoreUnavailable as error:
            self._lock.release()
            _fail([first, *self._drained()], error)
            return
        batch = [each for each in (first, *self._drained()) if each.future.set_running_or_notify_cancel()]
        try:
            refused = self._commit(connection, batch)
        except StoreUnavailable as error:
            self._disconnect()
            self._lock.release()
            _fail(batch, error)
            return
        self._lock.release()
        metrics.STORE_COMMITS.add()
        metrics.STORE_ROWS.add(sum(len(submission.statements) for submission in batch))
        metrics.STORE_SECONDS.observe(time.perf_counter() - begun)
        for submission in batch:
            reason = refused.get(submission)
            if reason is None:
                submission.future.set_result(None)
            else:
                submission.future.set_exception(RowsRefused(reason))

    def _drained(self) -> list[Submission]:
        """Return what waits behind the first submission; none of it waits any longer."""
        behind = self._drain()
        metrics.STORE_WAITING.add(-1.0 - len(behind))
        return behind

    def _drain(self) -> list[Submission]:
        """Return what waits behind the first submission."""
        waiting: list[Submission] = []
        while len(waiting) < BATCH - 1 and not self._queue.empty():
            submission = self._queue.get()
            if submission is None:
                self._queue.put(None)  # the end of the queue: what is behind it came after close
                break
            waiting.append(submission)
        return waiting

    def _begin(self) -> sqlite3.Connection:
        """Return a connection that has the database to itself."""
        with translated():
            self._lock.acquire()
            connection = self._connected()
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.Error:
                self._disconnect()
                raise
            return connection

    def _connected(self) -> sqlite3.Connection:
        if self._connection is not None and self._inode != self._database.inode():
            self._disconnect()
        if self._connection is None:
            self._connection = self._database.connect_writer()
            self._inode = self._database.inode()
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _commit(self, connection: sqlite3.Connection, batch: list[Submission]) -> dict[Submission, str]:
        """Write the batch and return those it had to leave out, with the reason."""
        with translated():
            try:
                _execute(connection, batch)
            except _REFUSALS:
                connection.execute("ROLLBACK")
                connection.execute("BEGIN IMMEDIATE")
                refused = _execute_apart(connection, batch)
            else:
                refused = {}
            connection.execute("COMMIT")
            return refused

    def _checkpoint_when_due(self) -> None:
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
            self._disconnect()
        finally:
            self._lock.release()


def _execute(connection: sqlite3.Connection, batch: list[Submission]) -> None:
    values: list[list[statements.Values]] = [[] for _ in statements.SQL]
    for submission in batch:
        for place, row in submission.statements:
            values[place].append(row)
    for sql, rows in zip(statements.SQL, values, strict=True):
        if rows:
            connection.executemany(sql, rows)


def _execute_apart(connection: sqlite3.Connection, batch: list[Submission]) -> dict[Submission, str]:
    """Execute each submission by itself and return those that failed, with the reason."""
    refused: dict[Submission, str] = {}
    for submission in batch:
        connection.execute("SAVEPOINT submission")
        try:
            _execute(connection, [submission])
        except _REFUSALS as error:
            connection.execute("ROLLBACK TO submission")
            refused[submission] = str(error)
        connection.execute("RELEASE submission")
    return refused


def _fail(batch: list[Submission], error: StoreUnavailable) -> None:
    metrics.STORE_FAILURES.add()
    for submission in batch:
        try:
            submission.future.set_exception(StoreUnavailable(str(error)))
        except InvalidStateError:
            continue  # its caller has given up


_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


def _after_fork() -> None:
    for writer in list(_writers):
        writer.after_fork()


os.register_at_fork(after_in_child=_after_fork)
