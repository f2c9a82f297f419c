r"""Let To show the one recipient that is sent to, where the client named several (Devino).

    list    = item *( ( "," / ";" ) item )
    item    = [ group ":" ] *( quoted / comment / encoded-word / "<" address ">" / sign )

To becomes the mailbox of that recipient as the client wrote it, name and all, or the bare address where To
does not hold it. Cc stays: it says who else was meant to read, and the provider speaks of To alone.

What is written is ASCII: a name in raw UTF-8 becomes encoded words (RFC 2047), a domain A-labels. A local
part outside ASCII can be written in no such way, so that To then names nobody.

The list is taken apart in one pass whatever it holds; what no grammar knows is part of an item.
"""

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from estafeta_core import rfc2047
from estafeta_core.addresses import a_label
from estafeta_core.headers import Header, unfold, values
from estafeta_milter.job import Job
from estafeta_milter.message.message import Message

NOBODY = b"undisclosed-recipients:;"  # RFC 5322 appendix A.1.3

_TOKEN = re.compile(
    rb"""(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<angle><[^<>]*>)|(?P<end>[,;])|(?P<group>:)|(?P<comment>\()
         |(?P<sign>=\?[^?\s]*\?[BbQq]\?[^?\s]*\?=|\\.|[^"<(,;:=\\]+|.)""",
    re.VERBOSE | re.DOTALL,
)
_COMMENT_STEP = re.compile(rb"[^()\\]+|\\.|[()\\]", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)")
_ENCODED_SIGNS = 11  # at most 44 bytes of UTF-8, so that a word stays below 75 signs (RFC 2047 section 2)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address of a list and how it is written there."""

    written: bytes
    name: bytes  # what stands in front of an address in angle brackets
    address: bytes


def apply(message: Message, job: Job) -> Message:
    """Return `message` with one mailbox in To, if it had more."""
    if job.rcpt_to is None:
        return message
    named = [mailbox for value in values(message.headers, "to") for mailbox in mailboxes(value)]
    return _addressed(message, _field(named, job.rcpt_to)) if len(named) > 1 else message


def mailboxes(value: bytes) -> Iterator[Mailbox]:
    """Yield each mailbox in the value of an address list: every item with an `@` where an address stands."""
    start, angle = 0, -1
    bare: list[bytes] = []
    for kind, begin, end in _tokens(value):
        if kind == "angle":
            angle, bare = begin, [value[begin + 1 : end - 1]]
        elif kind == "sign" and angle < 0:
            bare.append(value[begin:end])
        elif kind in {"end", "group"}:  # the name of a group is no part of what it holds
            address = b"".join(bare).strip()
            if kind == "end" and b"@" in address:
                name = value[start:angle] if angle >= 0 else b""
                yield Mailbox(value[start:begin].strip(), name.strip(), address)
            start, angle, bare = end, -1, []


def _tokens(value: bytes) -> Iterator[tuple[str, int, int]]:
    """Yield kind, start and end of each token, and an `end` behind the last."""
    position = 0
    while match := _TOKEN.match(value, position):
        kind = match.lastgroup or ""
        position = _comment_end(value, match.start()) if kind == "comment" else match.end()
        yield kind, match.start(), position
    yield "end", position, position


def _comment_end(value: bytes, position: int) -> int:
    """Return where the comment that starts at `position` ends: where the list does if it is not closed."""
    depth = 0
    for match in _COMMENT_STEP.finditer(value, position):
        depth += {b"(": 1, b")": -1}.get(match.group(), 0)
        if depth == 0:
            return match.end()
    return len(value)


def _field(named: Iterable[Mailbox], rcpt_to: str) -> bytes:
    """Return the value of a To that names `rcpt_to` alone."""
    key = rcpt_to.encode("utf-8", "surrogateescape").lower()
    for mailbox in named:
        if mailbox.address.lower() == key:
            return mailbox.written if mailbox.written.isascii() else _encoded(mailbox, rcpt_to)
    return _ascii_address(rcpt_to) or NOBODY


def _encoded(mailbox: Mailbox, rcpt_to: str) -> bytes:
    """Return the mailbox in ASCII; without a name that is not UTF-8, for nobody knows what it says."""
    address = _ascii_address(rcpt_to)
    if address is None:
        return NOBODY
    try:
        name = unfold(mailbox.name).decode()
    except UnicodeDecodeError:
        name = ""
    words = _encoded_words(_ESCAPED.sub(r"\1", rfc2047.decode(name).strip('" ')))
    return b" ".join([*words, b"<" + address + b">"]) if words else address


def _encoded_words(text: str) -> list[bytes]:
    chunks = (text[at : at + _ENCODED_SIGNS] for at in range(0, len(text), _ENCODED_SIGNS))
    return [b"=?utf-8?B?" + base64.b64encode(chunk.encode("utf-8", "replace")) + b"?=" for chunk in chunks]


def _ascii_address(address: str) -> bytes | None:
    local, at, domain = address.rpartition("@")
    label = domain if domain.isascii() else a_label(domain)
    return f"{local}{at}{label}".encode("ascii") if local.isascii() and label is not None else None


def _addressed(message: Message, value: bytes) -> Message:
    """Return `message` with `value` in its first To, and no other."""
    first = next(header for header in message.headers if header.key == "to")
    kept = [header for header in message.headers if header is first or header.key != "to"]
    return message.with_headers(Header(first.name, value) if header is first else header for header in kept)
