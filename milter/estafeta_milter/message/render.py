"""Changed texts back into header fields and body, and parts out of it, in one splice.

A changed part keeps its transfer encoding, with one exception: where it had none (7bit, 8bit,
binary) and a line of the new content is over 998 bytes, or the content has 8-bit bytes where 7bit was
promised (RFC 2045 section 6.2), it becomes quoted-printable: Postfix would break such a line after any
signing and cut a link in two, and other hosts may spoil such bytes. Then the field that names the
encoding changes too: in the part's header block, or among the message's own fields. So does the `charset`
of its Content-Type where the text gets another one; the rest of that field stays as it is written.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from estafeta_core.headers import Header
from estafeta_milter.message import transfer
from estafeta_milter.message.parameters import locate
from estafeta_milter.message.part import Part
from estafeta_milter.message.splice import Edit, splice

ROOT = "1"

_QUOTED_PRINTABLE = b"quoted-printable"
_ENCODING, _TYPE = "Content-Transfer-Encoding", "Content-Type"
_FIELDS = {
    name: re.compile(
        rb"^" + name.encode() + rb":([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)", re.IGNORECASE | re.MULTILINE
    )
    for name in (_ENCODING, _TYPE)
}
_NOT_ASCII = re.compile(rb"[\x80-\xff]")

Headers = tuple[Header, ...]


class Text(NamedTuple):
    """The new decoded content of a part."""

    part: Part
    content: bytes
    charset: str
    """The label it gets; "" keeps the part's own."""


def render(
    headers: Headers, body: bytes, texts: Iterable[Text], cuts: Iterable[Edit] = ()
) -> tuple[Headers, bytes]:
    """Return the fields and the body with each part's decoded content replaced, and the cuts made."""
    edits = list(cuts)
    for text in texts:
        part = text.part
        encoding = part.transfer_encoding
        changes = {_TYPE: text.charset.encode("ascii")} if text.charset else {}
        if _needs_encoding(encoding, text.content):
            encoding, changes[_ENCODING] = _QUOTED_PRINTABLE.decode(), _QUOTED_PRINTABLE
        if part.path == ROOT:
            headers = _declare(headers, changes)
        else:
            edits += _declare_in_block(body, part, changes)
        edits.append(Edit(part.start, part.end, _encoded(encoding, text.content, body, part)))
    return headers, splice(body, edits)


def _needs_encoding(encoding: str, content: bytes) -> bool:
    if encoding not in transfer.IDENTITY:
        return False
    return (encoding in {"", "7bit"} and not content.isascii()) or transfer.has_long_line(content)


def _encoded(encoding: str, content: bytes, body: bytes, part: Part) -> bytes:
    encoded = transfer.encode(encoding, content)
    if encoding == "base64" and body.endswith(b"\n", part.start, part.end):
        return encoded + b"\r\n"  # outside the content, but the last line of a body ends in CRLF
    return encoded


def _declare(headers: Headers, changes: dict[str, bytes]) -> Headers:
    """Change the message's own fields; the others stay the same objects."""
    for name, value in changes.items():
        key = name.lower()
        if any(header.key == key for header in headers):
            headers = tuple(
                Header(header.name, _changed(name, header.value, value)) if header.key == key else header
                for header in headers
            )
        else:
            # Without MIME-Version a reader may ignore the field (RFC 2045 section 4).
            versioned = any(header.key == "mime-version" for header in headers)
            mime = () if versioned else (Header("MIME-Version", b"1.0"),)
            headers = (*headers, *mime, Header(name, _new(name, value)))
    return headers


def _changed(name: str, before: bytes, value: bytes) -> bytes:
    if name == _ENCODING:
        return value
    # A milter can set ASCII fields only; other signs can stand in a file name here, and nowhere else.
    return _NOT_ASCII.sub(b"?", splice(before, _with_charset(before, value)))


def _declare_in_block(body: bytes, part: Part, changes: dict[str, bytes]) -> list[Edit]:
    """Change the fields in the header block of `part`."""
    edits: list[Edit] = []
    for name, value in changes.items():
        field = _FIELDS[name].search(body, part.header_start, part.header_end)
        if field is None:
            line = name.encode() + b": " + _new(name, value) + b"\r\n"
            edits.append(Edit(part.header_end, part.header_end, line))
        elif name == _ENCODING:
            edits.append(Edit(field.start(1), field.end(1), b" " + value))
        else:
            shift = field.start(1)
            edits += [
                Edit(shift + start, shift + end, new) for start, end, new in _with_charset(field[1], value)
            ]
    return edits


def _new(name: str, value: bytes) -> bytes:
    """Return the value of a field that was not there; the type is the one that holds without it."""
    return b"text/plain; charset=" + value if name == _TYPE else value


def _with_charset(field: bytes, charset: bytes) -> list[Edit]:
    """Return the edits that give a Content-Type this charset; its quotes and other parameters stay."""
    found = locate(field, "charset")
    if found:
        return [Edit(start, end, charset) for start, end in found]
    end = len(field.rstrip())
    separator = b" " if field.endswith(b";", 0, end) else b"; "
    return [Edit(end, end, separator + b"charset=" + charset)]
