"""Group commit: many callers, one thread, one transaction.

While one transaction reaches the disk, further submissions queue up and share the
next one. A submission is all or nothing. Its future resolves when its rows are
durable, and can be cancelled until its transaction has begun; and a transaction that
somebody has given up is not committed. One case stays open: a caller who gives up while
the commit is on its way cannot know, as with every commit, and a failure of the disk or
the server at that moment leaves it open too.

A submission the schema refuses fails alone: the transaction is repeated with a
savepoint for each. Any other fault fails whatever is waiting, at once, and the next
submission opens the database anew; so the store is back when the fault is gone.

The thread starts with the first submission. A forked child starts with an empty
queue, a thread and connection of its own, and leaves its parent's alone.
"""

import logging
import os
import queue
import threading
import time
import weakref
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError

from estafeta_core import metrics
from estafeta_core.store import statements
from estafeta_core.store.backend import Transactions
from estafeta_core.store.errors import RowsRefused, StoreUnavailable
from estafeta_core.store.rows import Row

BACKLOG = 10_000  # submissions; some 20 MB, reached only when the disk has stood still for many seconds
BATCH = 500  # submissions to a transaction, so that other processes need not wait long for theirs

log = logging.getLogger(__name__)


class Promise(Future[None]):
    """A future that knows whether somebody has tried to cancel it, even too late."""

    given_up = False

    def cancel(self) -> bool:
        """Cancel what has not begun; what has is not committed, unless it is too late for that too."""
        self.given_up = True
        return super().cancel()


class Submission:
    """Rows that are written together, and the future that tells when they are durable."""

    __slots__ = ("future", "statements")

    def __init__(self, rows: Sequence[Row]) -> None:
        self.statements = [statements.convert(row) for row in rows]
        self.future = Promise()


class Writer:
    """The one thread of a process that writes."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._closed = False
        self._reset()
        _writers.add(self)

    def _reset(self) -> None:
        self._queue: queue.SimpleQueue[Submission | None] = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def after_fork(self) -> None:
        """Begin anew in a child."""
        self._transactions.after_fork()
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
        pause = self._transactions.pause
        while True:
            if pause is not None:
                self._transactions.idle()
            try:
                first = self._queue.get(timeout=pause)
            except queue.Empty:
                continue
            if first is None:
                break
            try:
                self._write(first)
            except Exception:  # a bug fails one batch, whose callers time out; later ones are served
                log.exception("a batch failed")
                self._transactions.disconnect()
                self._transactions.end()
        self._transactions.close()

    def _write(self, first: Submission) -> None:
        begun = time.perf_counter()
        try:
            self._transactions.begin()
        except StoreUnavailable as error:
            self._transactions.end()
            _fail([first, *self._drained()], error)
            return
        batch = [each for each in (first, *self._drained()) if each.future.set_running_or_notify_cancel()]
        try:
            refused = self._transactions.commit(
                [submission.statements for submission in batch],
                lambda: any(submission.future.given_up for submission in batch),
            )
        except StoreUnavailable as error:
            self._transactions.disconnect()
            self._transactions.end()
            _fail(batch, error)
            return
        self._transactions.end()
        metrics.STORE_COMMITS.add()
        metrics.STORE_ROWS.add(sum(len(submission.statements) for submission in batch))
        metrics.STORE_SECONDS.observe(time.perf_counter() - begun)
        for number, submission in enumerate(batch):
            if number in refused:
                submission.future.set_exception(RowsRefused(refused[number]))
            else:
                submission.future.set_result(None)

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
