"""Where a Redis or Valkey server is, in the URLs that redis-py and redis-cli take.

    redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]      TCP; rediss:// under TLS
    unix://[[USER]:PASSWORD@]/PATH[?db=DATABASE]          a unix socket

Letters that mean something in a URL are written as %XX. `parse` raises ValueError for what is none of these;
neither its text nor that of a place ever shows the password.
"""

from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

PORT = 6379
FORMS = "redis://HOST:PORT/DATABASE, rediss:// for TLS, or unix:///PATH"


@dataclass(frozen=True, slots=True)
class RedisPlace:
    """A server, and what to say to it first."""

    host: str  # "": a unix socket
    port: int
    path: str  # of the unix socket
    tls: bool
    username: str  # "": the user called default
    password: str = field(repr=False)  # "": none is asked for
    database: int

    def __str__(self) -> str:
        return f"unix://{self.path}" if self.path else f"{self.host}:{self.port}"


def parse(url: str) -> RedisPlace:
    """Return the place that `url` names."""
    try:
        place = _parse(url)
    except ValueError:  # urllib's words would quote a password that holds a / or #
        place = None
    if place is None:
        raise ValueError(f"is not where a Redis server is (write {FORMS}; in a password %XX for : / @ # %)")
    return place


def _parse(url: str) -> RedisPlace | None:
    parts = urlsplit(url)
    tcp = parts.scheme in ("redis", "rediss")
    database = parts.path.strip("/") if tcp else parse_qs(parts.query).get("db", [""])[0]
    if tcp:
        fits = bool(parts.hostname) and not parts.query
    else:
        fits = parts.scheme == "unix" and not parts.hostname and parts.path.startswith("/")
    if not fits or parts.fragment:
        return None
    (parts.hostname or "").encode(
        "idna"
    )  # a name that nobody can look up: UnicodeError, which is a ValueError
    return RedisPlace(
        host=(parts.hostname or "") if tcp else "",
        port=(parts.port or PORT) if tcp else 0,
        path="" if tcp else unquote(parts.path),
        tls=parts.scheme == "rediss",
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=int(database or 0),
    )
