"""The connections of an erasure, and what takes overwritten pages out of the file.

Overwritten and deleted content is zeroed in the file (`secure_delete`), and the WAL, which holds pages as
they were, is emptied in the end, with every writer and checkpointer kept out.
"""

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

from estafeta_core.store.sqlite.database import Database

PAUSE = 0.01  # seconds between two transactions
EMPTYING = 10.0  # seconds to wait for readers that still use the WAL


class SqliteEditing:
    """See backend.Editing."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = database.lock()
        self._reader = database.connect_reader()
        self._writer = database.connect_writer()

    def rows(self, sql: str, parameters: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        """Yield what a question finds."""
        yield from self._reader.execute(sql, parameters)

    def run(self, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run a statement of the transaction."""
        return self._writer.execute(sql, parameters).fetchall()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Write with every other process kept out, then let them in for a moment."""
        self._lock.acquire()
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._writer.execute("COMMIT")
            finally:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
        finally:
            self._lock.release()
        time.sleep(PAUSE)

    def purge(self) -> bool:
        """Move everything into the file and cut the WAL to nothing; whether that was possible.

        The worker alone checkpoints otherwise. Under the lock, two never do at once.
        """
        self._reader.close()  # what it has read last would keep the WAL from being emptied
        deadline = time.monotonic() + EMPTYING
        self._writer.execute("PRAGMA busy_timeout = 200")  # milliseconds, for which writers wait
        while True:
            self._lock.acquire()
            try:
                busy = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            finally:
                self._lock.release()
            if not busy or time.monotonic() > deadline:
                return not busy
            time.sleep(PAUSE)

    def close(self) -> None:
        """Close the connections."""
        self._reader.close()
        self._writer.close()
        self._lock.close()
