"""How many sockets listen on one address: with SO_REUSEPORT, as master(8) binds, strangers can share it.

Source: proc(5), /proc/net/tcp: local address in hexadecimal, each word of four bytes in the host's order.
"""

import ipaddress
import sys
from pathlib import Path

_LISTEN = "0A"  # TCP_LISTEN in include/net/tcp_states.h
TABLES = {4: Path("/proc/net/tcp"), 6: Path("/proc/net/tcp6")}


def count(address: str, port: int, table: Path | None = None) -> int:
    """Return how many sockets of this host listen on exactly this address and port."""
    parsed = ipaddress.ip_address(address)
    wanted = f"{_hexadecimal(parsed.packed)}:{port:04X}"
    lines = (table or TABLES[parsed.version]).read_text("ascii").splitlines()[1:]
    found = (line.split() for line in lines)
    return sum(local == wanted and state == _LISTEN for _, local, _, state, *_ in found)


def _hexadecimal(packed: bytes) -> str:
    words = (packed[at : at + 4] for at in range(0, len(packed), 4))
    return "".join((word[::-1] if sys.byteorder == "little" else word).hex().upper() for word in words)
