"""The connection of a process that writes.

A COMMIT that is not answered, because the connection broke or the server fell, may have been done or not.
Each transaction therefore writes its number into the row that this process has in the table `writers`. A
new connection reads that row, locked: it waits until the server has done with the old one. The rows'
callers hear nothing of it, unless the server stays away.

Many rows of a table that grows with every message go by COPY.
"""

import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import psycopg
from psycopg.pq import TransactionStatus

from estafeta_core.store import statements
from estafeta_core.store.backend import Rows, Transactions
from estafeta_core.store.errors import StoreUnavailable
from estafeta_core.store.postgresql import partitions, schema
from estafeta_core.store.postgresql.connecting import Connection, connect, translated
from estafeta_core.store.postgresql.sql import plain
from estafeta_core.store.postgresql.sql import translated as in_postgresql
from estafeta_core.store.statements import Values
from estafeta_core.store.writes import STATEMENTS

COPIED = {"transmission": "transmissions", "message": "messages", "event": "events"}
MANY = 16  # rows from which COPY is the quicker way
SLICE = 2000  # rows that are sent at a time: each slice has to be answered within the store's timeout
TRIES = 3  # of a transaction that the server ended because it waited in a circle with others
UPKEEP = 600.0  # seconds between looks whether a month's table is missing
FORGOTTEN = "1 day"  # after which the row of a writer that is gone goes too
_PAUSE = 0.1  # seconds between tries to learn what became of a COMMIT

# How many of the first columns tell which row another process may be changing.
_KEYS = {
    "suppression": 4,
    "renewal": 4,
    "lifted": 4,
    "log_position": 1,
    "tag": 2,
    "file": 2,
    "contact": 2,
    "group_contact": 2,
    "requeued": 1,
    "batch_tried": 1,
    "suspension": 2,
}

log = logging.getLogger(__name__)
_NAMES = tuple(STATEMENTS)


class PostgresTransactions(Transactions):
    """See backend.Transactions."""

    def __init__(self, url: str, timeout: float, *, keeps: bool) -> None:
        self.pause = UPKEEP if keeps else None
        self._upkeep_due = 0.0  # at once
        self._url = url
        self._timeout = timeout
        self._left_to_parent: list[Connection | None] = []
        self._reset()

    def _reset(self) -> None:
        self.connection: Connection | None = None
        self._writer = uuid.uuid4().hex
        self._sequence = 0

    def after_fork(self) -> None:
        """Begin anew in a child; the parent's connection stays open."""
        self._left_to_parent.append(self.connection)
        self._reset()

    def begin(self) -> None:
        """Begin a transaction; a kept connection that the server has ended is replaced."""
        self._sequence += 1
        with translated():
            if self.connection is not None:
                try:
                    self._number(self.connection)
                except psycopg.OperationalError as error:
                    told = " ".join(str(error).split())
                    log.info("the store's connection has ended, opening another: %s", told)
                    self.disconnect()
                else:
                    return
            self.connection = self._connect()
            self._number(self.connection)

    def _connect(self) -> Connection:
        connection = connect(self._url, self._timeout)
        try:
            schema.migrate(connection)
            if connection.execute("SHOW synchronous_commit").fetchall() == [("off",)]:
                connection.execute("SET synchronous_commit = on")
        except BaseException:
            connection.close()
            raise
        return connection

    def _number(self, connection: Connection) -> None:
        connection.script(
            f"""BEGIN; INSERT INTO writers VALUES ('{self._writer}', {self._sequence}, now())
            ON CONFLICT (writer) DO UPDATE SET sequence = excluded.sequence, time = excluded.time"""  # noqa: S608 - of ours
        )

    def command(self, sql: str) -> None:
        """Run a statement without values."""
        self._begun().script(sql)

    def run(self, place: int, rows: list[Values]) -> None:
        """Run one of `statements.SQL` once for each of `rows`, or do the same another way."""
        name, connection = _NAMES[place], self._begun()
        if name == "forget_events":
            rows = [row for row in rows if not partitions.drop_older(connection, row[0])]
        elif name == "count":
            rows = _added(rows)
        elif columns := _KEYS.get(name):
            rows = sorted(rows, key=lambda row: row[:columns])
        if name in COPIED and len(rows) >= MANY:
            with connection.cursor() as cursor, cursor.copy(f"COPY {COPIED[name]} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row([plain(value) for value in row])
        elif rows:
            statement = in_postgresql(statements.SQL[place])
            with connection.cursor() as cursor:
                for begin in range(0, len(rows), SLICE):
                    some = rows[begin : begin + SLICE]
                    cursor.executemany(statement.text, [statement.values(row) for row in some])

    def commit(self, batch: Sequence[Rows], given_up: Callable[[], bool]) -> dict[int, str]:
        """Write the batch and commit, again where the server had to choose between transactions."""
        for left in reversed(range(TRIES)):
            try:
                return super().commit(batch, given_up)
            except StoreUnavailable as error:
                circular = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
                if not left or not isinstance(error.__cause__, circular):
                    raise
                self.command("ROLLBACK")
                self.begin()
        raise AssertionError("unreachable")

    def finish(self) -> None:
        """Commit; where nobody answers, find out whether it was done."""
        try:
            done = self._begun().script("COMMIT")
        except psycopg.OperationalError as error:
            log.warning("no answer to a COMMIT, looking what became of it: %s", " ".join(str(error).split()))
            if not self._committed():
                raise
            log.warning("the COMMIT that was not answered was done")
        else:
            if done != "COMMIT":  # the server's word for a transaction that it had given up before
                raise StoreUnavailable(f"COMMIT was answered with {done}")

    def _committed(self) -> bool:
        """Return whether the last transaction is there; StoreUnavailable if nobody can tell."""
        deadline = time.monotonic() + self._timeout
        number = f"SELECT sequence FROM writers WHERE writer = '{self._writer}' FOR UPDATE"  # noqa: S608 - of ours
        while True:
            self.disconnect()
            try:
                self.connection = self._connect()
                return self.connection.execute(number).fetchall() == [(self._sequence,)]
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise StoreUnavailable(
                        "the server went away in a COMMIT and did not come back"
                    ) from error
                time.sleep(_PAUSE)

    def end(self) -> None:
        """Leave nothing begun behind."""
        if self.connection is not None and self.connection.info.transaction_status != TransactionStatus.IDLE:
            self.disconnect()

    def disconnect(self) -> None:
        """Close the connection."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def refuses(self, error: Exception) -> bool:
        """Return whether an error is about values."""
        if isinstance(
            error, psycopg.ProgrammingError
        ):  # without a state it is psycopg's own, of a value's type
            return error.sqlstate is None or isinstance(error, psycopg.errors.DatatypeMismatch)
        return isinstance(error, psycopg.IntegrityError | psycopg.DataError | ValueError | OverflowError)

    def translated(self) -> AbstractContextManager[None]:
        """Turn what psycopg raises into StoreUnavailable."""
        return translated()

    def _begun(self) -> Connection:
        """Return the connection that a transaction has begun on, and no other."""
        if self.connection is None:
            raise StoreUnavailable("no transaction has begun")
        return self.connection

    def idle(self) -> None:
        """Make tables of events ahead, and forget writers that are gone, if that was not done just now."""
        if time.monotonic() < self._upkeep_due:
            return
        self._upkeep_due = time.monotonic() + UPKEEP
        try:
            with translated():
                if self.connection is None:
                    self.connection = self._connect()
                made = partitions.make_ahead(self.connection)
                self.connection.execute(f"DELETE FROM writers WHERE time < now() - interval '{FORGOTTEN}'")  # noqa: S608
        except StoreUnavailable as error:
            log.warning("tables of events are not made ahead, tried again later: %s", error)
            self.disconnect()
        else:
            if made:
                log.info("tables of events made ahead: %s", ", ".join(made))


def _added(rows: list[Values]) -> list[Values]:
    """Return one row for each counter and label: all count in few rows, which are locked until the commit."""
    sums: Counter[tuple[str, str]] = Counter()
    for counter, label, number in rows:
        sums[counter, label] += number
    return [(*key, sums[key]) for key in sorted(sums)]
