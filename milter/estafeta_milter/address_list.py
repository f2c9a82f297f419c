r"""Address lists as clients write them: To and Cc (RFC 5322 section 3.4, with whatever else is found there).

    list    = item *( ( "," / ";" ) item )
    item    = [ group ":" ] *( quoted / comment / encoded-word / "<" address ">" / sign )

A list is taken apart in one pass whatever it holds; what no grammar knows is part of an item.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from estafeta_core.addresses import mailbox_key

_TOKEN = re.compile(
    rb"""(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<angle><[^<>]*>)|(?P<end>[,;])|(?P<group>:)|(?P<comment>\()
         |(?P<sign>=\?[^?\s]*\?[BbQq]\?[^?\s]*\?=|\\.|[^"<(,;:=\\]+|.)""",
    re.VERBOSE | re.DOTALL,
)
_COMMENT_STEP = re.compile(rb"[^()\\]+|\\.|[()\\]", re.DOTALL)
_QUOTED_LOCAL_PART = re.compile(r'"((?:[^"\\]|\\.)*)"(@.*)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)")
_BEGINNINGS = (b'"', b"<", b"\\")  # a sign of its own only where its end is missing


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a list."""

    kind: str  # quoted, angle, end, group, comment or sign
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address of a list and how it is written there."""

    written: bytes
    name: bytes  # what stands in front of an address in angle brackets
    address: bytes

    @property
    def key(self) -> str:
        """The form in which mailboxes are compared, see `mailbox_key`."""
        address = self.address.decode("utf-8", "surrogateescape")
        quoted = _QUOTED_LOCAL_PART.fullmatch(address)
        return mailbox_key(_ESCAPED.sub(r"\1", quoted[1]) + quoted[2] if quoted else address)


def mailboxes(value: bytes) -> Iterator[Mailbox]:
    """Yield each mailbox in the value of an address list: every item with an `@` where an address stands."""
    start, angle, named = 0, -1, False
    address: list[bytes] = []
    for token in (*tokens(value), Token("end", len(value), len(value))):
        text = value[token.start : token.end]
        if token.kind == "angle":
            angle, address, named = token.start, [text[1:-1]], b"@" in text
        elif token.kind in {"sign", "quoted"} and angle < 0:
            address.append(text)
            named |= token.kind == "sign" and b"@" in text
        elif token.kind in {"end", "group"}:  # the name of a group is no part of what it holds
            if token.kind == "end" and named:
                name = value[start:angle] if angle >= 0 else b""
                written = value[start : token.start].strip()
                yield Mailbox(written, name.strip(), b"".join(address).strip())
            start, angle, named, address = token.end, -1, False, []


def is_closed(value: bytes) -> bool:
    """Whether all that begins in a list ends there, so that another item may be written behind it."""
    for token in tokens(value):
        text = value[token.start : token.end]
        if token.kind == "sign" and text in _BEGINNINGS:
            return False
        if token.kind == "comment" and _comment_end(value, token.start) is None:
            return False
    return True


def tokens(value: bytes) -> Iterator[Token]:
    """Yield the tokens of a list; together they are all of it."""
    position = 0
    while match := _TOKEN.match(value, position):
        kind = match.lastgroup or ""
        position = match.end()
        if kind == "comment":
            position = _comment_end(value, match.start()) or len(value)
        yield Token(kind, match.start(), position)


def _comment_end(value: bytes, position: int) -> int | None:
    """Return where the comment that starts at `position` ends; None if it does not."""
    depth = 0
    for match in _COMMENT_STEP.finditer(value, position):
        depth += {b"(": 1, b")": -1}.get(match.group(), 0)
        if depth == 0:
            return match.end()
    return None
