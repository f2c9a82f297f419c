"""Migrations (scripts.py), applied in order, each in one transaction.

`PRAGMA user_version` holds the number of the last one and changes with it or not at
all, so a process killed in the middle leaves the schema of before, and two processes
that start at once apply each migration once. Raises SchemaTooNew for a store that a
later version has changed.
"""

import sqlite3

from estafeta_core.store.errors import SchemaTooNew
from estafeta_core.store.scripts import migrations, split


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
            for statement in split(sql):  # executescript would commit the transaction before it starts
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
