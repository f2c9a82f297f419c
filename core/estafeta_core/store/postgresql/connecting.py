"""Connections to the server: what they ask of it, how long they wait, and errors in the store's words.

Passwords never reach a message: the store is named by host and database, and libpq says no password in its
own.
"""

import contextlib
from collections.abc import Iterator
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import StrDumper

from estafeta_core.store.errors import StoreUnavailable, StoreUnfit

OLDEST = 130_000  # as server_version: row triggers before an insert into a partitioned table came with 13
ENCODING = "UTF8"
GRACE = 2.0  # seconds at most between the server's giving up by itself and ours
_RV = TypeVar("_RV")
_INTERVAL = 0.1  # seconds between looks for Ctrl-C

# What costs more than it brings for questions by key, and what readers must not do.
_OPTIONS = (
    "-c jit=off -c lock_timeout={ms} -c statement_timeout={ms} -c idle_in_transaction_session_timeout={ms}"
)
# A host that has lost its power or its network says no farewell. The server ends its connections in a minute,
# where it would keep them for two hours, and with them their places among max_connections.
_GONE = (
    " -c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
    " -c tcp_user_timeout=60000"
)
_READ_ONLY = " -c default_transaction_read_only=on"
_UNREADABLE = (
    "is no postgresql://user:password@host:port/database?parameter=value that PostgreSQL's libpq"
    " understands (in a password, write @ / : % as %40 %2F %3A %25)"
)


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that waits `patience` seconds for an answer, and is of no use after that."""

    patience: float | None = None

    def wait(self, gen: PQGen[_RV], interval: float = _INTERVAL, timeout: float | None = None) -> _RV:
        """Wait for the server; psycopg.OperationalError when it does not answer in time."""
        try:
            return super().wait(gen, interval, self.patience if timeout is None else timeout)
        except psycopg.errors._WaitTimeout as error:
            raise psycopg.OperationalError(f"the server did not answer within {self.patience} s") from error

    def script(self, sql: str) -> str | None:
        """Run statements without values, in one go; return what the server says of the last one."""
        cursor = self.execute(sql, prepare=False)
        while cursor.nextset():
            pass
        return cursor.statusmessage


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn what psycopg raises into StoreUnavailable, in one line."""
    try:
        yield
    except (psycopg.Error, OSError) as error:
        raise StoreUnavailable(" ".join(str(error).split())) from error


def name(url: str) -> str:
    """Return host and database alone. ValueError, which quotes nothing, where libpq cannot read the URL.

    With an @ or a / in a password, libpq takes a part of it for the host, the port or the database, and what
    we and it say of those would tell it.
    """
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:  # its message quotes what may be a password
        raise ValueError(_UNREADABLE) from None
    if "@" in f"{parts.get('host', '')}{parts.get('dbname', '')}" or not _is_port(parts.get("port", "")):
        raise ValueError(_UNREADABLE)
    port = f":{parts['port']}" if parts.get("port") else ""
    return f"postgresql://{parts.get('host', '')}{port}/{parts.get('dbname', parts.get('user', ''))}"


def _is_port(text: object) -> bool:
    """Whether it is a port, or one for each of several hosts, where any may be left out."""
    return all(each.isdecimal() or not each for each in str(text).split(","))


def connect(url: str, timeout: float, *, read_only: bool = False) -> Connection:
    """Return a connection in autocommit mode; StoreUnfit where the server cannot hold a store."""
    given = conninfo_to_dict(url)
    by_itself = timeout - min(GRACE, timeout / 10)  # when the server gives up, and says so
    options = _OPTIONS.format(ms=round(by_itself * 1000)) + _GONE + (_READ_ONLY if read_only else "")
    extra: dict[str, Any] = {"application_name": "estafeta", "connect_timeout": max(2, round(timeout))}
    if "," in str(given.get("host", "")) and not read_only:
        extra["target_session_attrs"] = "read-write"  # of several servers, the one that takes writes
    connection = Connection.connect(
        url,
        **{key: value for key, value in extra.items() if key not in given},
        options=f"{given.get('options') or ''} {options}",
        autocommit=True,
        prepare_threshold=0,
        cursor_factory=psycopg.RawCursor,
        client_encoding="utf8",
    )
    try:
        connection.patience = timeout
        connection.prepared_max = 250  # more than there are different statements
        # One type for all numbers and one for all texts: a statement is prepared once.
        connection.adapters.register_dumper(int, Int8Dumper)
        connection.adapters.register_dumper(str, StrDumper)
        _check(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: Connection) -> None:
    info = connection.info
    if info.server_version < OLDEST:
        raise StoreUnfit(
            f"the server is PostgreSQL {info.server_version // 10000}, and Estafeta needs {OLDEST // 10000}"
            " or newer: upgrade it, or name another in `store` of estafeta.yaml"
        )
    encoding = info.parameter_status("server_encoding")
    if encoding != ENCODING:
        raise StoreUnfit(
            f"the database has the encoding {encoding}, and mail needs {ENCODING}: make another with"
            f" createdb --encoding={ENCODING} --template=template0, and name it in `store` of estafeta.yaml"
        )
