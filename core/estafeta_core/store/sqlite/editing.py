"""The connections of an erasure, and what takes overwritten pages out of the file.

Overwritten and deleted content is zeroed in the file (`secure_delete`). In the end the WAL, which holds pages
as they were, is emptied, with every writer and checkpointer kept out, and what rows have left in pages that
they were moved out of (unallocated.py) is zeroed, some pages at a time.
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from estafeta_core.store.sqlite import migrate
from estafeta_core.store.sqlite.database import Database
from estafeta_core.store.sqlite.unallocated import Unallocated

PAUSE = 0.01  # seconds between two transactions
EMPTYING = 10.0  # seconds to wait for readers that still use the WAL
PAGES = 500  # cleared while writers wait: some 5 ms


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
        with self._alone(), self._begun():
            yield

    def purge(self) -> bool:
        """Move everything into the file, cut the WAL to nothing, clear the file; whether that was possible.

        The worker alone checkpoints otherwise. Under the lock, two never do at once. Nothing may be written
        here afterwards: the writer has pages in memory as they were.
        """
        self._reader.close()  # what it has read last would keep the WAL from being emptied
        self._reader = self._database.connect_reader()
        self._writer.execute("PRAGMA busy_timeout = 200")  # milliseconds, for which writers wait
        unallocated = Unallocated(self._database.path)
        if not self._cleared(unallocated, set()):  # what the WAL had is looked for in the file
            return False
        soiled = unallocated.soiled()
        while pages := set(islice(soiled, PAGES)):
            if not self._cleared(unallocated, pages):
                return False
        # What was written behind the last batch is cleared, and then the WAL is empty.
        return self._cleared(unallocated, set()) and self._cleared(unallocated, set())

    def _cleared(self, unallocated: Unallocated, pages: set[int]) -> bool:
        """Empty the WAL and clear pages, as soon as no reader needs it; False where that takes too long.

        With them all that anybody has written since the last time: SQLite may give what it has of one page
        the number of another that was looked at already.
        """
        deadline = time.monotonic() + EMPTYING
        while True:
            with self._alone():
                pages = pages | unallocated.written(self._database.wal())
                done = self._emptied() and (not pages or self._clear(unallocated, pages))
                self._keep_wal()
            if done:
                unallocated.sync()  # where nobody waits for it
                return True
            if time.monotonic() > deadline:
                return False

    def _emptied(self) -> bool:
        if self._reader.in_transaction:
            self._reader.execute("COMMIT")
        return not self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]

    def _keep_wal(self) -> None:
        """Begin to read, so that the WAL does not begin anew, and tells next time what was written."""
        self._reader.execute("BEGIN")
        self._reader.execute("SELECT count(*) FROM sqlite_schema").fetchall()

    def _clear(self, unallocated: Unallocated, pages: set[int]) -> bool:
        """Clear pages, unless a program that knows nothing of our lock writes, or has written again."""
        try:
            with self._begun():
                if self._database.wal().stat().st_size:
                    return False
                for page in sorted(pages):
                    unallocated.clear(page)
                # Behind a commit no connection trusts the pages that it has in memory, and would write back.
                self._writer.execute(f"PRAGMA user_version = {migrate.version(self._writer)}")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            return False
        return True

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()
        time.sleep(PAUSE)

    @contextlib.contextmanager
    def _begun(self) -> Iterator[None]:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._writer.execute("COMMIT")
        finally:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connections."""
        self._reader.close()
        self._writer.close()
        self._lock.close()
