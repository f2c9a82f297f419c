"""Numbered migrations, as files: `migrations/NNNN_what.sql`, in the order of their numbers.

They are in SQLite's words. PostgreSQL reads them with other types (`postgresql.schema`), without triggers,
views and unique indexes of events, and then `migrations/NNNN_what.postgresql.sql` where there is one.
"""

import sqlite3
from collections.abc import Iterator
from functools import cache
from importlib import resources

_OWN = ".postgresql.sql"


@cache
def migrations() -> dict[int, str]:
    """Return number and SQL of every migration, in order."""
    return {int(name[:4]): sql for name, sql in _files().items() if not name.endswith(_OWN)}


@cache
def own_of_postgresql() -> dict[int, str]:
    """Return number and SQL of what PostgreSQL runs after a migration."""
    return {int(name[:4]): sql for name, sql in _files().items() if name.endswith(_OWN)}


def _files() -> dict[str, str]:
    folder = resources.files("estafeta_core.store") / "migrations"
    files = (file for file in folder.iterdir() if file.name.endswith(".sql"))
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(files, key=lambda file: file.name)}


def split(sql: str) -> Iterator[str]:
    """Split a script in SQLite's words into statements."""
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
