"""Migrations (scripts.py) in PostgreSQL's words, applied in order, all that are missing in one transaction.

A process killed in the middle leaves the schema of before. Two processes that start at once, on whatever
host, wait for each other under an advisory lock. Raises SchemaTooNew for a store that a later version has
changed.
"""

import re
from collections.abc import Iterator
from functools import cache

from estafeta_core.store.errors import SchemaTooNew
from estafeta_core.store.postgresql import partitions
from estafeta_core.store.postgresql.connecting import Connection
from estafeta_core.store.scripts import migrations, own_of_postgresql, split

TABLE = "estafeta_migrations"
LOCK = 0x6573746166657461  # "estafeta", as the number of an advisory lock

# What a partitioned table cannot have, and what is worded anew.
_LEFT_OUT = re.compile(r"CREATE (TRIGGER|VIEW)\b|CREATE UNIQUE INDEX \w+ ON events\b")
_COMMENT = re.compile(r"--.*")
_RULES = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"\bINTEGER\b", "bigint"),
        (r"\bTEXT\b", 'text COLLATE "C"'),
        (r"\bBLOB\b", "bytea"),
        (r"\) STRICT(, WITHOUT ROWID)?;", ");"),
        (r"(CREATE TABLE events \([^;]*\));", r"\1 PARTITION BY RANGE (event_id);"),
    )
)


@cache
def scripts() -> dict[int, str]:
    """Return number and SQL of every migration, in order."""
    own = own_of_postgresql()
    return {number: "".join(_translated(sql)) + own.get(number, "") for number, sql in migrations().items()}


def _translated(sql: str) -> Iterator[str]:
    for statement in split(_COMMENT.sub("", sql)):
        words = statement.strip()
        if not _LEFT_OUT.match(words):
            for pattern, replacement in _RULES:
                words = pattern.sub(replacement, words)
            yield f"{words}\n"


def migrate(connection: Connection) -> None:
    """Bring the schema up to date; `connection` is in autocommit mode."""
    newest = max(scripts())
    found = version(connection)
    if found < newest:
        with connection.transaction():
            connection.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
            _apply(connection)
        partitions.make_ahead(connection)
    elif found > newest:
        raise SchemaTooNew(f"the store has schema {found}, this version of Estafeta knows up to {newest}")


def version(connection: Connection) -> int:
    """Return the number of the last migration applied; 0 where there is no store."""
    if not is_made(connection):
        return 0
    return int(connection.execute(f"SELECT max(number) FROM {TABLE}").fetchall()[0][0])  # noqa: S608 - a name of ours


def is_made(connection: Connection) -> bool:
    """Return whether the database has a store in it."""
    return bool(connection.execute(f"SELECT to_regclass('{TABLE}') IS NOT NULL").fetchall()[0][0])


def _apply(connection: Connection) -> None:
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {TABLE} (number bigint PRIMARY KEY, time timestamptz NOT NULL)"
    )
    (done,) = connection.execute(f"SELECT coalesce(max(number), 0) FROM {TABLE}").fetchall()[0]  # noqa: S608 - likewise
    for number, sql in scripts().items():
        if number > done:  # another process may have been first
            connection.script(sql)
            connection.execute(f"INSERT INTO {TABLE} VALUES ({number}, now())")  # noqa: S608 - likewise
