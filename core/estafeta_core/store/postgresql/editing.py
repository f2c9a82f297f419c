"""The connections of an erasure, and what takes overwritten rows out of the server's tables."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

from psycopg import RawServerCursor

from estafeta_core.store.postgresql.connecting import Connection
from estafeta_core.store.postgresql.sql import translated as in_postgresql

PAUSE = 0.01  # seconds between two transactions
_TABLES = (
    "transmissions, messages, events, contents, contacts, groups, group_contacts, tags, suppressions, files"
)


class PostgresEditing:
    """See backend.Editing."""

    def __init__(self, reader: Connection, writer: Connection) -> None:
        self._reader = reader
        self._writer = writer
        reader.execute("SET idle_in_transaction_session_timeout = 0")  # it waits while rows are written

    def rows(self, sql: str, parameters: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        """Yield what a question finds, some rows at a time."""
        with self._reader.transaction(), RawServerCursor(self._reader, "erasure") as cursor:
            statement = in_postgresql(sql)
            yield from cursor.execute(statement.text, statement.values(parameters))

    def run(self, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run a statement of the transaction."""
        statement = in_postgresql(sql)
        cursor = self._writer.execute(statement.text, statement.values(parameters))
        return cursor.fetchall() if cursor.description else []

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Write together; other processes write meanwhile."""
        with self._writer.transaction():
            yield
        time.sleep(PAUSE)

    def purge(self) -> bool:
        """Have the server take away the rows as they were before."""
        self._writer.execute("SET statement_timeout = 0")
        self._writer.patience = None
        self._writer.execute(f"VACUUM {_TABLES}")
        return True
