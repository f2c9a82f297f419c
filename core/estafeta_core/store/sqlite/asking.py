"""The read connections of a process to the file.

They are lent from a small pool: the milter's callbacks of one session run on changing threads, so a
connection cannot belong to a thread.
"""

import sqlite3
import time
from collections import deque
from collections.abc import Sequence

from estafeta_core.store.errors import AnswerTooLong
from estafeta_core.store.queries import QUERIES
from estafeta_core.store.sqlite.database import Database, translated
from estafeta_core.store.statements import Values

KEPT = 4  # idle connections; more are opened when more threads read at once, and closed afterwards
STEPS = 20_000  # of SQLite's machine between two looks at the clock: about a millisecond


class SqliteAsking:
    """A pool of connections; see backend.Asking."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._idle: deque[tuple[sqlite3.Connection, tuple[int, int]]] = deque()
        self._left_to_parent: list[object] = []

    def after_fork(self) -> None:
        """Begin anew in a child; the parent's connections stay open, as closing would touch its files."""
        self._left_to_parent.append(self._idle)
        self._idle = deque()

    def query(self, name: str, parameters: Sequence[str | int | None], patience: float) -> list[Values]:
        """Return the rows of one of `QUERIES`."""
        with translated():
            connection, inode = self._borrow()
            try:
                if patience:
                    rows = _in_time(connection, QUERIES[name], parameters, patience)
                else:
                    rows = connection.execute(QUERIES[name], parameters).fetchall()
            except BaseException:
                connection.close()
                raise
            if len(self._idle) < KEPT:
                self._idle.append((connection, inode))
            else:
                connection.close()
            return rows

    def _borrow(self) -> tuple[sqlite3.Connection, tuple[int, int]]:
        inode = self._database.inode()
        while self._idle:
            try:
                connection, opened = self._idle.pop()
            except IndexError:
                break  # another thread took the last one
            if opened == inode:
                return connection, inode
            connection.close()
        return self._database.connect_reader(), inode

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop()[0].close()


def _in_time(
    connection: sqlite3.Connection, sql: str, parameters: Sequence[str | int | None], patience: float
) -> list[Values]:
    """Return the rows of a question that may have much to read; AnswerTooLong when it has too much."""
    over = time.monotonic() + patience
    connection.set_progress_handler(lambda: time.monotonic() > over, STEPS)
    try:
        return connection.execute(sql, parameters).fetchall()
    except sqlite3.OperationalError as error:
        if time.monotonic() > over:
            raise AnswerTooLong(f"no answer within {patience:g} s") from error
        raise
    finally:
        connection.set_progress_handler(None, STEPS)
