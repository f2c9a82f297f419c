"""The read connections of a process to the server.

There are at most MOST of them, as a server has few; whoever finds all of them lent waits. A kept connection
that the server has ended, as it does when it restarts, is replaced by a new one before anybody hears of it.
A pool of our own, because it is inherited by fork and needs no thread.
"""

import threading
from collections import deque
from collections.abc import Sequence

import psycopg

from estafeta_core.store.errors import AnswerTooLong, StoreUnavailable
from estafeta_core.store.postgresql.connecting import GRACE, Connection, connect, translated
from estafeta_core.store.postgresql.sql import translated as in_postgresql
from estafeta_core.store.queries import QUERIES
from estafeta_core.store.statements import Values

MOST = 8  # connections of a process that read


class PostgresAsking:
    """A pool of connections; see backend.Asking."""

    def __init__(self, url: str, timeout: float) -> None:
        self._url = url
        self._timeout = timeout
        self._left_to_parent: list[object] = []
        self._reset()

    def _reset(self) -> None:
        self._idle: deque[Connection] = deque()
        self._places = threading.BoundedSemaphore(MOST)

    def after_fork(self) -> None:
        """Begin anew in a child; the parent's connections stay open."""
        self._left_to_parent.append(self._idle)
        self._reset()

    def query(self, name: str, parameters: Sequence[str | int | None], patience: float) -> list[Values]:
        """Return the rows of one of `QUERIES`."""
        if not self._places.acquire(timeout=self._timeout):
            raise StoreUnavailable(
                f"all {MOST} connections of this process were in use for {self._timeout:g} s"
            )
        try:
            with translated():
                statement = in_postgresql(QUERIES[name])
                return self._ask(statement.text, statement.values(parameters), patience)
        finally:
            self._places.release()

    def _ask(self, sql: str, values: list[str | int | None], patience: float) -> list[Values]:
        try:
            connection = self._idle.pop()
        except IndexError:
            return self._asked(self._connect(), sql, values, patience)
        try:
            return self._asked(connection, sql, values, patience)
        except psycopg.OperationalError:
            if not connection.broken:
                raise
            self.close()  # the others will have been ended as well
            return self._asked(self._connect(), sql, values, patience)

    def _connect(self) -> Connection:
        return connect(self._url, self._timeout, read_only=True)

    def _asked(
        self, connection: Connection, sql: str, values: list[str | int | None], patience: float
    ) -> list[Values]:
        try:
            if patience:
                rows = _in_time(connection, sql, values, patience)
            else:
                rows = connection.execute(sql, values).fetchall()
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return rows

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()


def _in_time(
    connection: Connection, sql: str, values: list[str | int | None], patience: float
) -> list[Values]:
    """Return the rows of a question that may have much to read; AnswerTooLong when it has too much."""
    kept, connection.patience = connection.patience, patience + GRACE
    connection.script(f"SET statement_timeout = {round(patience * 1000)}")
    try:
        rows = connection.execute(sql, values).fetchall()
    except psycopg.errors.QueryCanceled as error:
        raise AnswerTooLong(f"no answer within {patience:g} s") from error
    connection.script("RESET statement_timeout")
    connection.patience = kept
    return rows
