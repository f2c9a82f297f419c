"""What a stranger wrote, as text that may stand in an event, a list or a log: one line, bounded.

Control characters, line and paragraph separators and signs that turn the direction of writing become spaces;
bytes that are no UTF-8 become the replacement character. Nothing is raised.
"""

import re

from estafeta_core.headers import Header, unfold, values

FIELD = 1000  # characters kept of a field: a reply line has 512, and remote hosts say up to two
ADDRESS = 320  # characters: 64, an @, and 255 (RFC 5321 section 4.5.3.1)

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")


def text(raw: bytes, limit: int = FIELD) -> str:
    """Return the beginning of `raw` as one line of at most `limit` characters."""
    # Four bytes are one character at most; what is folded or padded beyond eight times that is no reason.
    said = raw[: 8 * limit].decode("utf-8", "replace")
    return " ".join(_UNSAFE.sub(" ", said).split())[:limit]


def field(headers: tuple[Header, ...], name: str, limit: int = FIELD) -> str:
    """Return the first field called `name` as one line; "" where there is none."""
    found = values(headers, name)
    return text(unfold(found[0]), limit) if found else ""
