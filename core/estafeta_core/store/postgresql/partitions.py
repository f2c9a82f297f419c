"""Events lie in a table for each month (UTC) of their ids, which begin with the time (ids.py).

Ids divide them rather than `timestamp`, because an id is there once in all tables only where the tables are
divided by it. The worker makes the months ahead; should it be away for long, `events_default` takes what no
month takes, and a month that is made later takes it from there. A month all of whose events are old is
dropped at once.
"""

import datetime
import logging
from collections.abc import Iterator

import psycopg

from estafeta_core.ids import EPOCH_MS, PROCESS_BITS, SEQUENCE_BITS
from estafeta_core.store.postgresql.connecting import Connection

AHEAD = 3  # months after this one
PATIENCE = 2000  # milliseconds to wait for a lock that everybody who writes events would wait behind

_PARTITIONS = """
    SELECT c.relname, pg_get_expr(c.relpartbound, c.oid)
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = to_regclass('events')"""

log = logging.getLogger(__name__)


def lowest_id(milliseconds: int) -> int:
    """Return the lowest id of a Unix time."""
    return max(0, milliseconds - EPOCH_MS) << (PROCESS_BITS + SEQUENCE_BITS)


def months(today: datetime.date, ahead: int = AHEAD) -> Iterator[tuple[str, int, int]]:
    """Yield name, first id and the id behind the last one of this month's table and of those after it."""
    year, month = today.year, today.month
    for _ in range(ahead + 1):
        following = (year + month // 12, month % 12 + 1)
        yield f"events_{year:04}_{month:02}", _begin(year, month), _begin(*following)
        year, month = following


def _begin(year: int, month: int) -> int:
    return lowest_id(round(datetime.datetime(year, month, 1, tzinfo=datetime.UTC).timestamp() * 1000))


def make_ahead(connection: Connection, today: datetime.date | None = None) -> list[str]:
    """Make the tables of this month and the next ones that are missing; return their names.

    Each takes what the default table has of its month. psycopg.Error when a lock was not to be had.
    """
    there = {name for name, _ in connection.execute(_PARTITIONS).fetchall()}
    missing = [
        each for each in months(today or datetime.datetime.now(datetime.UTC).date()) if each[0] not in there
    ]
    for name, first, end in missing:
        with connection.transaction():
            connection.script(f"SET LOCAL lock_timeout = {PATIENCE}")
            connection.script("LOCK TABLE events IN SHARE UPDATE EXCLUSIVE MODE")
            if connection.execute("SELECT to_regclass($1) IS NOT NULL", [name]).fetchall()[0][0]:
                continue  # another process was first
            connection.script(
                f"""CREATE TABLE {name} (LIKE events INCLUDING ALL);
                WITH moved AS (DELETE FROM events_default
                    WHERE event_id >= {first} AND event_id < {end} RETURNING *)
                INSERT INTO {name} SELECT * FROM moved;
                ALTER TABLE events ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({end})"""  # noqa: S608 - of ours
            )
    return [name for name, _, _ in missing]


def drop_older(connection: Connection, before: int) -> list[str]:
    """Drop tables whose ids and events are all from before a Unix time in milliseconds; return their names.

    To be called in a transaction. What somebody reads just now stays until another time.
    """
    dropped = []
    for name, end in _ended(connection, lowest_id(before)):
        try:
            with connection.transaction():  # a savepoint
                connection.script(f"SET LOCAL lock_timeout = {PATIENCE}")
                young = f"SELECT 1 FROM {name} WHERE timestamp >= {before} LIMIT 1"  # noqa: S608 - names and numbers of ours
                if connection.execute(young, prepare=False).fetchall():
                    continue
                connection.script(f"DROP TABLE {name}")
        except psycopg.errors.LockNotAvailable:
            continue
        dropped.append(name)
        log.info("%s is dropped: its events, up to id %d, are older than is kept", name, end)
    return dropped


def _ended(connection: Connection, before: int) -> Iterator[tuple[str, int]]:
    """Yield name and end of each month's table that ends before an id."""
    for name, bounds in connection.execute(_PARTITIONS).fetchall():
        end = bounds.rpartition("TO ('")[2].rstrip("')")
        if end.isdecimal() and int(end) <= before:
            yield name, int(end)
