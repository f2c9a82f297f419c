"""The file as a store."""

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager

from estafeta_core.store.errors import StoreUnavailable
from estafeta_core.store.sqlite import transfer
from estafeta_core.store.sqlite.asking import SqliteAsking
from estafeta_core.store.sqlite.database import Database, translated
from estafeta_core.store.sqlite.editing import SqliteEditing
from estafeta_core.store.sqlite.transactions import SqliteTransactions
from estafeta_core.store.sqlite.transfer import SqliteTransfer

SCHEME = "sqlite:///"
PREPARE = 2.0  # seconds to wait for another process that prepares or writes; the writer prepares as well


class SqliteBackend(Database):
    """See backend.Backend."""

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    def made(self) -> bool:
        """Return whether the file is there."""
        with translated():
            return self.path.exists()

    def prepare(self) -> None:
        """Create and migrate the file, one process at a time."""
        lock = self.lock()
        with translated():
            try:
                if not lock.try_acquire(min(PREPARE, self.timeout)):
                    raise StoreUnavailable("another process holds its lock")
                self.connect_writer().close()
            finally:
                lock.close()

    def asking(self) -> SqliteAsking:
        """Return a pool of connections for reading."""
        return SqliteAsking(self)

    def writing(self, *, checkpoints: bool) -> SqliteTransactions:
        """Return the connection for writing."""
        return SqliteTransactions(self, checkpoints=checkpoints)

    @contextlib.contextmanager
    def editing(self) -> Iterator[SqliteEditing]:
        """Open the connections of an erasure."""
        with translated():
            editing = SqliteEditing(self)
            with contextlib.closing(editing):
                yield editing

    def transfer(self, *, writes: bool) -> AbstractContextManager[SqliteTransfer]:
        """Open the file, with everybody else who writes kept out."""
        return transfer.opened(self, writes=writes)

    def notices(self) -> None:
        """Return None: a file tells nobody."""
