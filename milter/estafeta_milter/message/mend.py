"""A multipart whose boundary does not fit its delimiters, mended so that its parts can be found.

Teenvio's manual prints a whole session for others to follow, and what is printed there is no multipart to any
reader of mail. A program written after it makes two mistakes, one or both:

    Content-Type: multipart/alternative;       the second line of the field begins without white space, so it
    boundary="-----0500"                       is no header field, and the first line of the body
                                               (RFC 5322 section 2.2.3)
    -----0500                                  a delimiter is the boundary itself, without the two hyphens
                                               that belong in front of it (RFC 2046 section 5.1.1)

Mended are the boundary in the field and, for the first, the beginning of the body; not a byte of the parts.
Where there are delimiters as they should be, or anything else is unusual, nothing is touched.
"""

import re

from estafeta_core.headers import Header
from estafeta_milter.message import parameters
from estafeta_milter.message.message import Message

CONTENT_TYPE = "content-type"

_BOUNDARY = re.compile(rb'boundary=("[^"\\\r\n]{3,70}"|[^\s"\\;]{3,70})[ \t]*\r?\n(?:\r?\n)', re.IGNORECASE)


def mended(message: Message) -> Message:
    """Return `message` as a multipart that can be read, or itself where there is nothing to mend."""
    fields = [header for header in message.headers if header.key == CONTENT_TYPE]
    if len(fields) != 1 or not fields[0].value.isascii():
        return message
    kind = parameters.parse(fields[0].value)
    if kind.doubt or not kind.head.startswith("multipart/"):
        return message
    value, body = _taken_back(message, fields[0], kind)
    value = _without_hyphens(value, body)
    if value == fields[0].value:
        return message
    field = Header(fields[0].name, value)
    headers = tuple(field if header is fields[0] else header for header in message.headers)
    return Message(message.sender, message.recipients, headers, body, message.bounds)


def _taken_back(message: Message, field: Header, kind: parameters.Parameters) -> tuple[bytes, bytes]:
    """Return the field and the body, with a boundary that stands in the body's first line in the field."""
    found = _BOUNDARY.match(message.body)
    if found is None or field is not message.headers[-1] or kind.values:
        return field.value, message.body
    value = field.value.rstrip(b"; \t\r\n")
    return value + b"; boundary=" + found[1], message.body[found.end() :]


def _without_hyphens(value: bytes, body: bytes) -> bytes:
    """Return the field with the boundary that makes a delimiter of the lines that are the boundary itself."""
    boundaries = parameters.parse(value).named("boundary")
    boundary = boundaries[0].encode() if len(boundaries) == 1 else b""
    if not boundary.startswith(b"--") or len(boundary) < 3 or value.count(boundary) != 1:
        return value
    proper = b"--" + boundary
    if body.startswith(proper) or b"\n" + proper in body:
        return value
    fits = _is_line(boundary, body) and _is_line(boundary + b"--", body)
    return value.replace(boundary, boundary[2:]) if fits else value


def _is_line(text: bytes, body: bytes) -> bool:
    return re.search(rb"^" + re.escape(text) + rb"[ \t]*\r?$", body, re.MULTILINE) is not None
