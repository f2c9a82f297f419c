"""A file that is copied, with every writer kept out, or that is filled in one transaction."""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator

from estafeta_core.store.errors import StoreUnavailable
from estafeta_core.store.sqlite.database import Database, translated
from estafeta_core.store.statements import Values

PATIENCE = 2.0  # seconds for the lock of those who write


class SqliteTransfer:
    """See backend.Transfer."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        return int(self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - a name of ours

    def rows(self, table: str, columns: tuple[str, ...]) -> Iterator[Values]:
        """Yield the rows of a table."""
        yield from self._connection.execute(f"SELECT {_quoted(columns)} FROM {table}")  # noqa: S608 - likewise

    def ends(self) -> tuple[int, int]:
        """Return the first and the last id of an event."""
        first, last = self._connection.execute("SELECT min(event_id), max(event_id) FROM events").fetchone()
        return int(first), int(last)

    def prepare(self, first: int, last: int) -> None:
        """Do nothing: a table takes events of all times."""

    def fill(self, table: str, columns: tuple[str, ...], rows: Iterable[Values]) -> None:
        """Have these rows and no others in a table."""
        places = ", ".join("?" for _ in columns)
        self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - likewise
        self._connection.executemany(
            f"INSERT INTO {table} ({_quoted(columns)}) VALUES ({places})",  # noqa: S608 - likewise
            rows,
        )


def _quoted(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


@contextlib.contextmanager
def opened(database: Database, *, writes: bool) -> Iterator[SqliteTransfer]:
    """Open a file, migrated, in a transaction that ends with the block; everybody else who writes waits."""
    lock = database.lock()
    with translated():
        try:
            if not lock.try_acquire(PATIENCE):
                raise StoreUnavailable(f"{database.path}: somebody writes to it (stop the daemons first)")
            with contextlib.closing(database.connect_writer()) as connection:
                connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
                yield SqliteTransfer(connection)
                connection.execute("COMMIT")
        finally:
            lock.close()
