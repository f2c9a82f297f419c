"""What a store is to those who ask and write: `sqlite` and `postgresql` are the two of them.

Everything above is written once, in SQL that both understand or that `postgresql.sql` translates.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from estafeta_core.store import statements
from estafeta_core.store.errors import StoreUnavailable
from estafeta_core.store.statements import Values

Rows = Sequence[tuple[int, Values]]  # of one submission: the place of each statement, and its values


class Asking(Protocol):
    """The read connections of a process; safe to share between threads, and to inherit by fork."""

    def query(self, name: str, parameters: Sequence[str | int | None], patience: float) -> list[Values]:
        """Return the rows of one of `QUERIES`; StoreUnavailable when they cannot be read.

        AnswerTooLong after `patience` seconds, where they are given.
        """

    def after_fork(self) -> None:
        """Begin anew in a child, and leave the parent's connections alone."""

    def close(self) -> None:
        """Close the idle connections."""


class Transactions(ABC):
    """The one connection of a process that writes, used by one thread.

    What a back end raises is translated by `translated`; `refuses` tells what it says of values, rather than
    of itself.
    """

    pause: float | None = None  # seconds between two calls of `idle`; None: there is nothing to do

    @abstractmethod
    def begin(self) -> None:
        """Begin a transaction, reconnecting where needed; StoreUnavailable."""

    @abstractmethod
    def command(self, sql: str) -> None:
        """Run a statement without values."""

    @abstractmethod
    def run(self, place: int, rows: list[Values]) -> None:
        """Run one of `statements.SQL` once for each of `rows`."""

    @abstractmethod
    def finish(self) -> None:
        """Commit; it returns when everything is durable."""

    @abstractmethod
    def end(self) -> None:
        """Let the next process write."""

    @abstractmethod
    def disconnect(self) -> None:
        """Close the connection; the next `begin` opens another."""

    @abstractmethod
    def after_fork(self) -> None:
        """Begin anew in a child, and leave the parent's connection alone."""

    @abstractmethod
    def refuses(self, error: Exception) -> bool:
        """Return whether an error is about values."""

    @abstractmethod
    def translated(self) -> AbstractContextManager[None]:
        """Turn what the back end raises into StoreUnavailable."""

    def idle(self) -> None:  # noqa: B027 - most have nothing to do
        """Do what is to be done from time to time, every `pause` seconds."""

    def close(self) -> None:
        """Close for good."""
        self.disconnect()

    def commit(self, batch: Sequence[Rows], given_up: Callable[[], bool]) -> dict[int, str]:
        """Write the batch and commit; return the places in it of those left out, with the reason.

        StoreUnavailable when nothing was written: among other reasons, because somebody has given it up while
        the store stood still, and has told so.
        """
        with self.translated():
            try:
                self._execute(batch)
            except Exception as error:
                if not self.refuses(error):
                    raise
                self.command("ROLLBACK")
                self.begin()
                refused = self._execute_apart(batch)
            else:
                refused = {}
            if given_up():
                raise StoreUnavailable("it stood still for longer than somebody waited")
            self.finish()
            return refused

    def _execute(self, batch: Sequence[Rows]) -> None:
        values: list[list[Values]] = [[] for _ in statements.SQL]
        for rows in batch:
            for place, row in rows:
                values[place].append(row)
        for place, together in enumerate(values):
            if together:
                self.run(place, together)

    def _execute_apart(self, batch: Sequence[Rows]) -> dict[int, str]:
        """Execute each submission by itself and return those that failed, with the reason."""
        refused: dict[int, str] = {}
        for number, rows in enumerate(batch):
            self.command("SAVEPOINT submission")
            try:
                self._execute([rows])
            except Exception as error:
                if not self.refuses(error):
                    raise
                self.command("ROLLBACK TO SAVEPOINT submission")
                refused[number] = str(error)
            self.command("RELEASE SAVEPOINT submission")
        return refused


class Editing(Protocol):
    """Two connections on which a person's address is taken out of everything."""

    def rows(self, sql: str, parameters: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        """Yield what a question finds, as it was when it was asked."""

    def run(self, sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run a statement of the transaction and return what it returns: for a DELETE, what is RETURNING."""

    def transaction(self) -> AbstractContextManager[None]:
        """Write together, with every other process kept out that has to be."""

    def purge(self) -> bool:
        """Take what was overwritten out of the files too; whether that was possible. It comes last."""


class Transfer(Protocol):
    """A store as a whole: read as it was when it was opened, or filled with everything or nothing."""

    def count(self, table: str) -> int:
        """Return how many rows a table has."""

    def rows(self, table: str, columns: tuple[str, ...]) -> Iterator[Values]:
        """Yield the rows of a table."""

    def ends(self) -> tuple[int, int]:
        """Return the first and the last id of an event, where there is one."""

    def prepare(self, first: int, last: int) -> None:
        """Make room for events with ids from `first` to `last`."""

    def fill(self, table: str, columns: tuple[str, ...], rows: Iterable[Values]) -> None:
        """Have these rows and no others in a table."""


class Backend(Protocol):
    """One store, and how to reach it."""

    timeout: float  # seconds to wait for it

    @property
    def name(self) -> str:
        """What people call it; no password is in it."""

    def made(self) -> bool:
        """Return whether there is a store; StoreUnavailable when that cannot be told."""

    def prepare(self) -> None:
        """Create and migrate the store; nothing stays open. StoreUnavailable."""

    def asking(self) -> Asking:
        """Return connections for reading; none is opened yet."""

    def writing(self, *, checkpoints: bool) -> Transactions:
        """Return a connection for writing; it is not opened yet."""

    def editing(self) -> AbstractContextManager[Editing]:
        """Open the connections of an erasure. StoreUnavailable."""

    def transfer(self, *, writes: bool) -> "AbstractContextManager[Transfer]":
        """Open all of it in one transaction, to be copied or to be filled. StoreUnavailable beside others."""

    def notices(self) -> Iterator[None] | None:
        """Yield when accounts may have changed, at once and then whenever the store says so.

        None where a store says nothing and one has to look. It ends in StoreUnavailable.
        """
