"""Rows as the milter writes them for one accepted message, for tests that need something in the store."""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

import psycopg

from estafeta_core.ids import IdSource
from estafeta_core.store.rows import Event, Message, Row, Transmission
from estafeta_core.store.scripts import migrations

IDS = IdSource()


def make_rows(
    *recipients: str,
    account: str = "acme",
    queue_id: str = "4Xqueue",
    transactional: bool = False,
    language: str = "",
) -> list[Row]:
    """Return the rows of one accepted message."""
    now = time.time_ns() // 1_000_000
    transmission = Transmission(
        transmission_id=IDS.next(),
        queue_id=queue_id,
        account=account,
        credential="main",
        subaccount=None,
        dialect="sparkpost",
        listener="submission",
        customer_id=account,
        injection_time=now,
        msg_from="b+t@bounce.example.com",
        friendly_from=f"news@{account}.example",
        subject="Hello",
        msg_size=4096,
        campaign_id="spring",
        metadata={"user": "ü"},
        tags=("a", "b"),
        open_tracking=True,
        click_tracking=False,
        initial_pixel=True,
        transactional=transactional,
        language=language,
    )
    rows: list[Row] = [transmission]
    for recipient in recipients or ("alice@example.net",):
        message = Message(IDS.next(), transmission.transmission_id, recipient.lower(), recipient)
        injection = Event(
            IDS.next(),
            "injection",
            now,
            transmission.transmission_id,
            message.message_id,
            account,
            None,
            {"recv_method": "esmtp"},
        )
        rows += [message, injection]
    return rows


@contextlib.contextmanager
def database(url: str) -> Iterator[Any]:
    """Connect to the database itself, in autocommit mode."""
    if url.startswith("sqlite:"):
        with contextlib.closing(
            sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        ) as opened:
            yield opened
    else:
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection


def look(url: str, query: str) -> list[tuple[Any, ...]]:
    """Ask the database itself."""
    with database(url) as connection:
        return list(connection.execute(query).fetchall())


def columns_of(url: str, table: str) -> list[str]:
    """Return the columns of a table."""
    with database(url) as connection:
        return [column[0] for column in connection.execute(f"SELECT * FROM {table} LIMIT 0").description]


def tables(url: str) -> list[str]:
    """Return every table of a store that says something of mail, partitions apart."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        for sql in migrations().values():
            connection.executescript(sql)
        made = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return [name for (name,) in made if columns_of(url, name)]


# Every index against its table, and every page of every table (amcheck in the PostgreSQL documentation).
_INDEXES = (
    "SELECT bt_index_check(index.oid, true) FROM pg_class index"
    " JOIN pg_am am ON am.oid = index.relam AND am.amname = 'btree'"
    " WHERE index.relkind = 'i' AND index.relnamespace = current_schema()::regnamespace"
)
_PAGES = (
    "SELECT relname || ' ' || msg FROM pg_class, verify_heapam(pg_class.oid)"
    " WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
)


def unsound(url: str) -> list[str]:
    """Return what the database itself finds wrong with what it has on the disk."""
    with database(url) as connection:
        if url.startswith("sqlite:"):
            found = connection.execute("PRAGMA integrity_check").fetchall()
            return [text for (text,) in found if text != "ok"]
        try:
            connection.execute("CREATE EXTENSION IF NOT EXISTS amcheck")
            connection.execute(_INDEXES)
            return [text for (text,) in connection.execute(_PAGES).fetchall()]
        except psycopg.errors.DatabaseError as error:  # IndexCorrupted, DataCorrupted
            return [str(error)]
