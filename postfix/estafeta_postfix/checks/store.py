"""Whether the store opens, is whole, takes writes, has this version's schema, and its WAL is carried over."""

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
    """Yield what is wrong with the file, or with the database and its server."""
    path = setup.store
    if path is None:
        yield from _server(setup)
    elif path.exists():
        yield from _file(path)
    elif not setup.idle:  # the first daemon that starts makes it
        yield _missing(str(path))


def _missing(name: str) -> Finding:
    return Finding("error", "store-missing", name, "there is no store", "start the daemons: they make it")


def _server(setup: Setup) -> Iterator[Finding]:
    from estafeta_core.store.postgresql.fitness import fitness  # noqa: PLC0415 - an extra

    url = setup.config.store
    name = backend(url, PATIENCE).name
    try:
        found = fitness(url, PATIENCE)
    except StoreUnavailable as error:
        remedy = "see that the server runs, and that its pg_hba.conf lets in the user whom `store` names"
        yield Finding("error", "store-away", name, str(error), remedy)
        return
    if found.read_only:
        remedy = "name the server that takes writes, and see default_transaction_read_only of the user"
        yield Finding("error", "store-read-only", name, "nothing can be written: no mail is taken", remedy)
    if not found.fsync:
        remedy = "set fsync = on in postgresql.conf, and restart the server"
        yield Finding("error", "store-unsafe", name, "fsync is off: a power cut loses accepted mail", remedy)
    if found.closed:
        what = f"the user whom `store` names may not read and write {', '.join(found.closed)}"
        yield Finding("error", "store-closed", name, what, "make that user the owner of the tables")
    elif found.version:
        yield from _schema(name, found.version)
    elif not found.may_create:
        what = "there is no store, and the user whom `store` names may not make tables"
        yield Finding("error", "store-closed", name, what, "make that user the owner of the database")
    elif not setup.idle:
        yield _missing(name)


def _file(path: Path) -> Iterator[Finding]:
    try:
        with contextlib.closing(Database(path, PATIENCE).connect_reader()) as connection:
            yield from _schema(str(path), migrate.version(connection))
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


def _schema(name: str, version: int) -> Iterator[Finding]:
    newest = max(migrations())
    if version > newest:
        yield Finding(
            "error",
            "store-newer",
            name,
            f"it has schema {version}, and this version of Estafeta knows up to {newest}: no daemon starts",
            "install the version that the store was used with, or a later one",
        )
    elif version < newest:
        yield Finding(
            "warning",
            "store-older",
            name,
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
