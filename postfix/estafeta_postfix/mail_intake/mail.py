"""A message as LMTP brings it, taken apart within bounds: fields, parts and their contents by offset.

The scanner is the milter's: linear, without recursion, and `message/*` parts are leaves, so what a report
quotes is never taken for the report. Past a bound there are no parts, and whoever reads the message finds
nothing in it. Nothing is raised.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from estafeta_core.headers import Header
from estafeta_milter.message import transfer
from estafeta_milter.message.part import Bounds, Part, Unscannable, walk
from estafeta_milter.message.scanner import scan

# A report has three parts, some ten with what gateways add; the quoted message counts as one.
BOUNDS = Bounds(depth=20, parts=200, header_count=1000, header_bytes=256 * 1024, delimiter_lines=100_000)

_END = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(rb"^([!-9;-~]{1,200})[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mail:
    """One message for one recipient."""

    sender: str
    """MAIL FROM without angle brackets; "" is the null sender."""
    recipient: str
    raw: bytes
    headers: tuple[Header, ...]
    body: bytes
    root: Part | None
    """The tree of parts; None past a bound."""

    def parts(self, *content_types: str) -> Iterator[Part]:
        """Yield the parts of these types, in the order of the message."""
        for part in walk(self.root) if self.root else ():
            if part.content_type in content_types:
                yield part

    def content(self, part: Part, limit: int) -> bytes:
        """Return the first `limit` bytes of a part, decoded; as they came where that is not possible."""
        raw = self.body[part.start : min(part.end, part.start + 2 * limit)]
        decoded = transfer.decode(part.transfer_encoding, raw)
        return (raw if decoded is None else decoded)[:limit]


def opened(sender: str, recipient: str, raw: bytes) -> Mail:
    """Return the message `raw`, taken apart."""
    head, body = split(raw, BOUNDS.header_bytes)
    headers = fields(head)
    root = scan(headers, body, BOUNDS)
    return Mail(sender, recipient, raw, headers, body, None if isinstance(root, Unscannable) else root)


def split(raw: bytes, limit: int) -> tuple[bytes, bytes]:
    """Return header block and body; a block longer than `limit` has no body, and is cut."""
    found = _END.search(raw, 0, limit)
    if found is None:
        return raw[:limit], b""
    return raw[: found.start()], raw[found.end() :]


def fields(block: bytes) -> tuple[Header, ...]:
    """Return the fields of a header block; lines that are none are skipped, as are those past the bound."""
    found: list[Header] = []
    for match in _FIELD.finditer(block):
        found.append(Header(match[1].decode("ascii"), match[2].strip()))
        if len(found) == BOUNDS.header_count:
            break
    return tuple(found)
