"""The database as a store."""

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager

from estafeta_core.store.postgresql import schema, transfer
from estafeta_core.store.postgresql.asking import PostgresAsking
from estafeta_core.store.postgresql.connecting import connect, name, translated
from estafeta_core.store.postgresql.editing import PostgresEditing
from estafeta_core.store.postgresql.listening import notices
from estafeta_core.store.postgresql.transactions import PostgresTransactions
from estafeta_core.store.postgresql.transfer import PostgresTransfer


class PostgresBackend:
    """See backend.Backend. ValueError, which does not quote it, for a URL that libpq does not understand."""

    def __init__(self, url: str, timeout: float) -> None:
        self._url = url
        self.timeout = timeout
        self.name = name(url)

    def made(self) -> bool:
        """Return whether the database has a store in it."""
        with translated(), contextlib.closing(connect(self._url, self.timeout, read_only=True)) as connection:
            return schema.is_made(connection)

    def prepare(self) -> None:
        """Create the tables and migrate."""
        with translated(), contextlib.closing(connect(self._url, self.timeout)) as connection:
            schema.migrate(connection)

    def asking(self) -> PostgresAsking:
        """Return a pool of connections for reading."""
        return PostgresAsking(self._url, self.timeout)

    def writing(self, *, checkpoints: bool) -> PostgresTransactions:
        """Return the connection for writing; PostgreSQL checkpoints by itself, but tables are made ahead."""
        return PostgresTransactions(self._url, self.timeout, keeps=checkpoints)

    @contextlib.contextmanager
    def editing(self) -> Iterator[PostgresEditing]:
        """Open the connections of an erasure."""
        with (
            translated(),
            contextlib.closing(connect(self._url, self.timeout, read_only=True)) as reader,
            contextlib.closing(connect(self._url, self.timeout)) as writer,
        ):
            yield PostgresEditing(reader, writer)

    def transfer(self, *, writes: bool) -> AbstractContextManager[PostgresTransfer]:
        """Open the database, unless other processes of ours have."""
        return transfer.opened(self._url, self.timeout, writes=writes)

    def notices(self) -> Iterator[None]:
        """Listen on a connection of its own."""
        return notices(self._url, self.timeout)
