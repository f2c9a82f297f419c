"""A whole store into another one that is empty: every row, in whichever kind of store.

What a trigger makes of other rows is taken away again before its own table is filled. Leases are left out, as
they say who does something now. Where a log was read to is known by its path in SQLite, and by node and path
in PostgreSQL (config.load.known_as): `renamed` turns one into the other, and leaves out what is another
host's.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from functools import cache

from estafeta_core.store.backend import Transfer
from estafeta_core.store.errors import StoreUnfit
from estafeta_core.store.sqlite.migrate import migrate
from estafeta_core.store.statements import Values

LEFT_OUT = ("leases",)
# Filled by triggers, or by a migration; last, so that nothing is added behind them.
MADE = ("accounts_change", "kept_bytes", "webhook_events", "outbox")
LATE = ("webhooks", "webhook_batches")  # after the events, which would wait for them anew
LOGS = "log_positions"

Told = Callable[[str, int, int], None]  # table, rows that are done, rows in all
Renamed = Callable[[str], str | None]


@cache
def tables() -> dict[str, tuple[str, ...]]:
    """Return the columns of each table, in the order in which tables are filled."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection)
        found = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid")
        names = [name for (name,) in found if not name.startswith("sqlite_") and name not in LEFT_OUT]
        ordered = [*(name for name in names if name not in (*LATE, *MADE)), *LATE, *MADE]
        return {
            name: tuple(column[1] for column in connection.execute(f"PRAGMA table_info({name})"))
            for name in ordered
        }


def check_empty(target: Transfer) -> None:
    """Raise StoreUnfit unless nothing is in a store but what its migrations have put there."""
    for table in tables():
        rows = target.count(table)
        if rows > (table == "accounts_change"):
            raise StoreUnfit(f"the target is not empty: {rows} rows in {table} (name one that is)")


def copy(source: Transfer, target: Transfer, renamed: Renamed, told: Told) -> dict[str, int]:
    """Copy everything and return the rows of each table; StoreUnfit where the numbers do not agree."""
    check_empty(target)
    copied: dict[str, int] = {}
    for table, columns in tables().items():
        expected = source.count(table)
        rows = source.rows(table, columns)
        if table == "events" and expected:
            target.prepare(*source.ends())
        if table == LOGS:
            known = [(name, *row[1:]) for row in rows if (name := renamed(row[0])) is not None]
            expected, rows = len(known), iter(known)
        target.fill(table, columns, _counted(rows, table, expected, told))
        copied[table] = target.count(table)
        if copied[table] != expected:
            raise StoreUnfit(f"{table}: {expected} rows were to be copied, {copied[table]} are there")
    return copied


def _counted(rows: Iterable[Values], table: str, total: int, told: Told) -> Iterator[Values]:
    number = 0
    for number, row in enumerate(rows, 1):
        yield row
        if number % 1000 == 0:
            told(table, number, total)
    told(table, number, total)
