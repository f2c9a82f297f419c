"""Whether the store opens, is whole, has the schema of this version, and its WAL is carried over."""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from estafeta_core.store.errors import StoreUnavailable
from estafeta_core.store.scripts import migrations
from estafeta_core.store.sqlite import migrate
from estafeta_core.store.sqlite.database import Database
from estafeta_core.store.store import backend
from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.setup import Setup

PATIENCE = 2.0  # seconds for a lock
SECONDS = 5.0  # for a look at every page; some gigabytes
STEPS = 20_000  # of SQLite's machine between two looks at the clock
LONG_WAL = 256 * 1024 * 1024  # bytes, as in docs/grafana/alerts.yaml; 64 MiB are kept


def look(setup: Setup) -> Iterator[Finding]:
    """Yield what is wrong with the file, or whether the server answers."""
    path = setup.store
    if path is None:
        yield from _server(setup.config.store)
    elif not path.exists():
        yield _missing(str(path))
    else:
        yield from _file(path)


def _missing(name: str) -> Finding:
    return Finding("error", "store-missing", name, "there is no store", "start the daemons: they make it")


def _server(url: str) -> Iterator[Finding]:
    there = backend(url, PATIENCE)
    try:
        made = there.made()
    except StoreUnavailable as error:
        remedy = "see that the server runs, and that its pg_hba.conf lets in the user whom `store` names"
        yield Finding("error", "store-away", there.name, str(error), remedy)
    else:
        if not made:
            yield _missing(there.name)


def _file(path: Path) -> Iterator[Finding]:
    try:
        with contextlib.closing(Database(path, PATIENCE).connect_reader()) as connection:
            yield from _schema(path, migrate.version(connection))
            yield from _whole(path, connection)
    except sqlite3.DatabaseError as error:
        yield _unreadable(path, error)
    wal = path.with_name(f"{path.name}-wal")
    if wal.exists() and (size := wal.stat().st_size) > LONG_WAL:
        yield Finding(
            "warning",
            "store-wal",
            str(wal),
            f"{size // 2**20} MiB wait to be brought into the store: the worker alone does it",
            "see that `estafeta serve worker` runs, and that nobody has kept the store open for hours",
        )


def _unreadable(path: Path, error: sqlite3.DatabaseError) -> Finding:
    if isinstance(error, sqlite3.OperationalError):  # locked, no permission, no disk: the file may be well
        return Finding("error", "store-closed", str(path), str(error), "ask as root, or as the daemons' user")
    return _corrupt(path, str(error))


def _corrupt(path: Path, reason: str) -> Finding:
    return Finding(
        "error",
        "store-corrupt",
        str(path),
        reason,
        "stop the daemons and bring back a backup (docs/operation.md); Postfix's log and queue are untouched",
    )


def _schema(path: Path, version: int) -> Iterator[Finding]:
    newest = max(migrations())
    if version > newest:
        yield Finding(
            "error",
            "store-newer",
            str(path),
            f"it has schema {version}, and this version of Estafeta knows up to {newest}: no daemon starts",
            "install the version that the store was used with, or a later one",
        )
    elif version < newest:
        yield Finding(
            "warning",
            "store-older",
            str(path),
            f"it has schema {version}, and this version of Estafeta brings {newest}",
            "restart the daemons: the first one that starts changes it",
        )


def _whole(path: Path, connection: sqlite3.Connection) -> Iterator[Finding]:
    over = time.monotonic() + SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > over, STEPS)
    try:
        (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError:
        if time.monotonic() <= over:
            raise
        yield Finding(
            "note",
            "store-unlooked",
            str(path),
            f"it is too large to be looked through in {SECONDS:g} s",
            f"sqlite3 {path} 'PRAGMA quick_check', when there is little to do",
        )
    else:
        if answer != "ok":
            yield _corrupt(path, answer.replace("\n", " "))
