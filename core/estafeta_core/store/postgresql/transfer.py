"""A database that is copied, as it is at one moment, or that is filled by COPY in one transaction."""

import contextlib
import datetime
from collections.abc import Iterable, Iterator

from psycopg import RawServerCursor

from estafeta_core.ids import EPOCH_MS, PROCESS_BITS, SEQUENCE_BITS
from estafeta_core.store.errors import StoreUnavailable
from estafeta_core.store.postgresql import partitions, schema
from estafeta_core.store.postgresql.connecting import Connection, connect, name, translated
from estafeta_core.store.postgresql.sql import plain
from estafeta_core.store.statements import Values

MOST_MONTHS = 240  # for which tables are made; what is older, or from the future, goes into events_default

# Other processes of ours in the same database, by the name that each connection gives itself.
_OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = 'estafeta' AND datname = current_database() AND pid <> pg_backend_pid()"""


class PostgresTransfer:
    """See backend.Transfer."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        return int(self._connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])  # noqa: S608 - a name of ours

    def rows(self, table: str, columns: tuple[str, ...]) -> Iterator[Values]:
        """Yield the rows of a table."""
        with RawServerCursor(self._connection, "transfer") as cursor:
            cursor.itersize = 2000
            yield from cursor.execute(f"SELECT {_quoted(columns)} FROM {table}")  # noqa: S608 - likewise

    def ends(self) -> tuple[int, int]:
        """Return the first and the last id of an event."""
        [(first, last)] = self._connection.execute(
            "SELECT min(event_id), max(event_id) FROM events"
        ).fetchall()
        return int(first), int(last)

    def prepare(self, first: int, last: int) -> None:
        """Make the tables of events of all months from the first to the last."""
        month, end = _month(first), _month(last)
        for _ in range(MOST_MONTHS // (partitions.AHEAD + 1)):
            if month > end:
                break
            partitions.make_ahead(self._connection, month)
            for _ in range(partitions.AHEAD + 1):
                month = (month.replace(day=1) + datetime.timedelta(days=31)).replace(day=1)

    def fill(self, table: str, columns: tuple[str, ...], rows: Iterable[Values]) -> None:
        """Have these rows and no others in a table."""
        self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - likewise
        with (
            self._connection.cursor() as cursor,
            cursor.copy(f"COPY {table} ({_quoted(columns)}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row([plain(value) for value in row])


def _quoted(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def _month(number: int) -> datetime.date:
    """Return the month of an id (ids.py)."""
    seconds = ((number >> (PROCESS_BITS + SEQUENCE_BITS)) + EPOCH_MS) / 1000
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).date().replace(day=1)


@contextlib.contextmanager
def opened(url: str, timeout: float, *, writes: bool) -> Iterator[PostgresTransfer]:
    """Open a database, migrated, in one transaction around the block. StoreUnavailable beside others."""
    with translated(), contextlib.closing(connect(url, timeout)) as connection:
        schema.migrate(connection)
        [(others,)] = connection.execute(_OTHERS).fetchall()
        if others:
            raise StoreUnavailable(
                f"{name(url)}: {others} connections of Estafeta are open (stop the daemons of every host)"
            )
        connection.script("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
        connection.patience = None
        with connection.transaction():
            if writes:
                connection.script("LOCK TABLE transmissions, events, log_positions, leases IN EXCLUSIVE MODE")
            else:
                connection.script("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield PostgresTransfer(connection)
