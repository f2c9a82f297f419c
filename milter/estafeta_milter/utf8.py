"""Texts that have to leave in UTF-8: which they are, and how they read.

A text that says it is ASCII, or says nothing, and is not, is read as UTF-8: hardly any text of another
charset looks so. One in a charset that nobody knows, or with bytes that are not in its charset, cannot be
read. It stays as it came, for a reader may still make sense of it, and its sender is told.
"""

from collections.abc import Iterator

from estafeta_milter.message import charsets
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Part

UTF_8 = "utf-8"
LABEL = 40  # characters of a charset's label that are shown; the longest that IANA lists has 45
TOLD = 10  # unreadable texts that the sender is told of, an event each: real mail has one or two

_TYPES = frozenset({"text/plain", "text/html"})


def texts(message: Message) -> Iterator[tuple[Part, bytes]]:
    """Yield each text of `message`, files apart, with its decoded content."""
    for part in message.bodies():
        content = message.decoded(part)
        if part.content_type in _TYPES and content is not None:
            yield part, content


def read(content: bytes, charset: str) -> str | None:
    """Return the decoded text `content`, whose label is `charset`; None where it cannot be read."""
    return charsets.decode(content, UTF_8 if charsets.codec(charset) == "ascii" else charset)


def unreadable(message: Message) -> tuple[str, ...]:
    """Return a sentence about each kind of text that stays as it came, at most `TOLD`."""
    kinds = dict.fromkeys(
        (part.content_type, part.charset)
        for part, content in texts(message)
        if read(content, part.charset) is None
    )
    return tuple(_sentence(*kind) for kind in list(kinds)[:TOLD])


def _sentence(content_type: str, charset: str) -> str:
    what = f"in the charset {charset[:LABEL]!a}" if charset else "in UTF-8, and names no charset"
    return f"A {content_type} cannot be read {what}; it stays as it came"
