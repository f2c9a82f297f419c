"""Where a request comes from.

The connection's own address, except where it is one of `web.trusted_proxies`: then the last address in
X-Forwarded-For that is none of them. Whatever stands before that one, anybody may have sent.
"""

import functools
import ipaddress
from collections.abc import Iterable, Sequence

from starlette.requests import Request

CHARACTERS = 64  # the longest IPv6 address has 45, and the name of an interface may follow
REMEMBERED = 4096  # addresses of clients: those of some minutes, in less than 1 MB

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks of `web.trusted_proxies`."""
    return tuple(map(ipaddress.ip_network, texts))


def address(request: Request, trusted: Sequence[Network]) -> str:
    """Return the client's address; "" where the connection has none."""
    return told(request.client.host if request.client else "", request.headers.raw, trusted)


def told(host: str, headers: Iterable[tuple[bytes, bytes]], trusted: Sequence[Network]) -> str:
    """Return the client's address, given that of the connection and the headers (names in lower case)."""
    here = _plain(host)
    if not trusted or not _inside(here, trusted):
        return here
    forwarded = b",".join(value for name, value in headers if name == b"x-forwarded-for").decode("latin-1")
    for text in reversed(forwarded.split(",")):
        before = _plain(text.strip())
        if not before:
            return here  # no address: from here on, nobody we trust has written it
        here = before
        if not _inside(here, trusted):
            return here
    return here


def _plain(text: str) -> str:
    """Return an address as it is usually written, an IPv4 address in an IPv6 one as IPv4; "" for others."""
    return _read(text) if len(text) <= CHARACTERS else ""


@functools.lru_cache(REMEMBERED)  # reading an address takes as long as checking a token
def _read(text: str) -> str:
    try:
        read = ipaddress.ip_address(text)
    except ValueError:
        return ""
    return str(getattr(read, "ipv4_mapped", None) or read)


def _inside(text: str, trusted: Sequence[Network]) -> bool:
    return bool(text) and any(ipaddress.ip_address(text) in network for network in trusted)
