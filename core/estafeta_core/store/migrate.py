"""Numbered migrations: `migrations/NNNN_what.sql`, applied in order, each in one transaction.

`PRAGMA user_version` holds the number of the last one and changes with it or not at
all, so a process killed in the middle leaves the schema of before, and two processes
that start at once apply each migration once. Raises SchemaTooNew for a store that a
later version has changed.
"""

import sqlite3
from collections.abc import Iterator
from functools import cache
from importlib import resources

from estafeta_core.store.errors import SchemaTooNew


@cache
def migrations() -> dict[int, str]:
    """Return number and SQL of every migration, in order."""
    folder = resources.files("estafeta_core.store") / "migrations"
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name
    )
    return {int(file.name[:4]): file.read_text(encoding="utf-8") for file in files}


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date; `connection` is in autocommit mode."""
    newest = max(migrations())
    for number, sql in migrations().items():
        if version(connection) < number:
            _apply(connection, number, sql)
    if version(connection) > newest:
        raise SchemaTooNew(
            f"the store has schema {version(connection)}, this version of Estafeta knows up to {newest}"
        )


def version(connection: sqlite3.Connection) -> int:
    """Return the number of the last migration applied."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _apply(connection: sqlite3.Connection, number: int, sql: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        if version(connection) < number:  # another process may have been first
            for statement in _statements(sql):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _statements(sql: str) -> Iterator[str]:
    """Split a script; sqlite3.executescript would commit the transaction before it starts."""
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
