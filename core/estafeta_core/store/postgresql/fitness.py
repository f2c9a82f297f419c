"""Whether a database can do what a store has to: the server is asked, and nothing is changed."""

import contextlib
from dataclasses import dataclass

from estafeta_core.store.postgresql import schema
from estafeta_core.store.postgresql.connecting import connect, translated

_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
_OPEN = " AND ".join(f"has_table_privilege(oid, '{right}')" for right in _RIGHTS)
# Not the partitions: rights are those to the table that they are parts of.
_CLOSED = f"""
    SELECT relname FROM pg_class
    WHERE relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('{schema.TABLE}'))
    AND relkind IN ('r', 'p') AND NOT relispartition AND NOT ({_OPEN}) ORDER BY relname
"""  # noqa: S608 - names of ours


@dataclass(frozen=True, slots=True)
class Fitness:
    """What a server says of a database to the user who asks."""

    version: int  # of the schema; 0 where there is no store, or none that this user is shown
    may_create: bool  # tables, where they would be made
    closed: tuple[str, ...]  # tables that this user may not read and write
    read_only: bool  # it takes no writes: a standby, or by a setting of the database or the user
    fsync: bool  # what is committed is on the disk


def fitness(url: str, timeout: float) -> Fitness:
    """Ask the server; StoreUnavailable where it cannot be asked."""
    with translated(), contextlib.closing(connect(url, timeout)) as connection:
        asked = connection.execute(
            "SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),"
            " current_setting('transaction_read_only') = 'on', current_setting('fsync') = 'on'"
        )
        ((may_create, read_only, fsync),) = asked.fetchall()
        made = schema.is_made(connection)
        closed = tuple(name for (name,) in connection.execute(_CLOSED).fetchall()) if made else ()
        version = 0 if schema.TABLE in closed else schema.version(connection)
        return Fitness(version, may_create, closed, read_only, fsync)
