"""Header fields as the milter receives them (RFC 5322 section 2.2).

A value is bytes: Postfix passes raw 8-bit text on, and what we do not change must
leave as it came. A folded value holds LF and the white space of the next line
(Postfix hands folds over that way); `unfold` makes each fold one space, which is
what SparkPost documents and what RFC 5322 section 2.2.3 permits.
"""

import re
from collections.abc import Iterable

import msgspec

_FOLD = re.compile(rb"\r?\n[ \t]*")


class Header(msgspec.Struct, frozen=True, gc=False):
    """One field: its name as the client wrote it, its value as raw bytes."""

    name: str
    value: bytes

    @property
    def key(self) -> str:
        """The name in the form to compare by: lower case, no space before the colon."""
        return self.name.strip().lower()


def values(headers: Iterable[Header], name: str) -> list[bytes]:
    """Return the raw values of every field called `name`, in the order of the message."""
    key = name.lower()
    shortest = len(key)  # comparing lengths first spares the others their lower case
    return [header.value for header in headers if len(header.name) >= shortest and header.key == key]


def unfold(value: bytes) -> bytes:
    """Return `value` on one line, each fold and its white space replaced by one space."""
    return (_FOLD.sub(b" ", value) if b"\n" in value else value).strip(b" \t")
