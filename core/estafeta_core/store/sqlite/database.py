"""Connections to the SQLite file: their settings, and whether they still lead to the file.

A deleted or replaced database would go on taking rows into a file that nobody can
open again, so every use compares the file under the configured path with the one
the connection opened. Only a process that starts may create the file: one that
vanished later, with its suppressions, must not come back empty.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from estafeta_core.store.errors import StoreUnavailable
from estafeta_core.store.filelock import FileLock
from estafeta_core.store.sqlite import migrate

_WAL_KEPT = 64 * 1024 * 1024  # bytes; a longer WAL, grown while the checkpointer was away, is cut again
_MODE = 0o640  # who wrote to whom, and about what, is not for every user of the host
_READ_CACHE = 256  # KB a connection: stale as soon as anybody writes, and the kernel has it too
_STATEMENTS = 64  # more than there are different ones: all stay prepared


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn what SQLite and the file system raise into StoreUnavailable."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StoreUnavailable(str(error)) from error


class Database:
    """The file, and how to open it."""

    def __init__(self, path: Path, timeout: float) -> None:
        self.path = path
        self.timeout = timeout
        self._may_create = True

    def connect_writer(self) -> sqlite3.Connection:
        """Return a connection for writing, its schema up to date."""
        if self._may_create:
            self._create()
        connection = self._connect()
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            connection.execute(f"PRAGMA journal_size_limit = {_WAL_KEPT}")
            # What is taken out is gone from the file, and not only out of sight: see erasure.py.
            connection.execute("PRAGMA secure_delete = ON")
            migrate.migrate(connection)
        except BaseException:
            connection.close()
            raise
        self._may_create = False
        return connection

    def connect_reader(self) -> sqlite3.Connection:
        """Return a connection that cannot write."""
        connection = self._connect()  # a WAL's readers mark their place in shared memory
        connection.execute("PRAGMA query_only = ON")
        connection.execute(f"PRAGMA cache_size = -{_READ_CACHE}")
        return connection

    def _create(self) -> None:
        """Create the file unless it is there; SQLite gives its companions the same mode."""
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE))

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=self.timeout,
            isolation_level=None,  # transactions begin where the code says so
            check_same_thread=False,  # a pool lends each connection to one thread at a time
            cached_statements=_STATEMENTS,
        )
        connection.execute("PRAGMA mmap_size = 0")
        return connection

    def wal(self) -> Path:
        """Return where SQLite keeps the WAL: beside the file itself, where the path is a link to it."""
        return Path(f"{os.path.realpath(self.path)}-wal")

    def lock(self) -> FileLock:
        """Return the lock of whoever writes."""
        return FileLock(Path(f"{self.path}-lock"))

    def inode(self) -> tuple[int, int]:
        """Return what tells this file from another one at the same path."""
        status = os.stat(self.path)  # noqa: PTH116 - half the time of Path.stat, once for each use
        return status.st_dev, status.st_ino
