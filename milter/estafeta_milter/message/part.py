"""The values of a scan: `Part`, `Bounds`, `Unscannable`.

Offsets count bytes of the body as the milter received it. `part.start` to `part.end` is
the part's content without the line end that belongs to the next delimiter (RFC 2046
section 5.1.1), so replacing that span touches nothing else.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec


class Part(msgspec.Struct, frozen=True):
    """One part of a message; the whole message is the part with path "1"."""

    path: str
    """Place in the tree: "1" is the message, "1.2" the second part inside it."""
    content_type: str
    """Lower case, "text/plain" where none is given (RFC 2045 section 5.2); "" if unreadable."""
    charset: str
    boundary: str
    transfer_encoding: str
    """Lower case, "" where none is given."""
    disposition: str
    """Lower case: "inline", "attachment" or "" where none is given."""
    named: bool
    """Whether a file name is given, by Content-Disposition or by Content-Type."""
    file_name: str
    """The name given, decoded (RFC 2231, RFC 2047); "" where there is none or it cannot be read."""
    content_id: str
    header_start: int
    header_end: int
    """Span of the part's own header fields; empty for the message, whose fields are no body bytes."""
    start: int
    end: int
    children: tuple["Part", ...]
    doubt: str
    """Why this part and all inside it must not be rewritten; "" if it may be."""
    file_names: tuple[str, ...] = ()
    """Every name that some reader may take for the file's, `file_name` first."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much structure is read; real mail stays far below each number."""

    depth: int = 50
    """Multiparts inside each other. Parsers begin to fail between 90 and 300; mail has 3 or 4."""
    parts: int = 1000
    """All parts together; a digest of a busy list has some hundreds."""
    header_count: int = 1000
    """Fields of the message, or lines of one part's header block."""
    header_bytes: int = 256 * 1024
    """Bytes of one header block: four of the largest fields that Postfix lets through (60,000)."""
    delimiter_lines: int = 500_000
    """Lines that begin as a delimiter might: about 0.2 s of work, and a diff of that length."""


DEFAULT_BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class Unscannable:
    """What a scan returns instead of a tree when the message is past a bound."""

    reason: str


def walk(root: Part) -> Iterator[Part]:
    """Yield `root` and every part inside it, in the order of the message."""
    pending = [root]
    while pending:
        part = pending.pop()
        yield part
        pending.extend(reversed(part.children))
