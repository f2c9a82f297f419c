"""Changed texts back into header fields and body, in one splice.

A changed part keeps its transfer encoding, with one exception: where it had none (7bit, 8bit,
binary) and a line of the new content is over 998 bytes, it becomes quoted-printable, because
Postfix would break the line after any signing and cut a link in two. Then the field that names
the encoding changes too: in the part's header block, or among the message's own fields.
"""

import re
from collections.abc import Iterable

from estafeta_core.headers import Header
from estafeta_milter.message import transfer
from estafeta_milter.message.part import Part
from estafeta_milter.message.splice import Edit, splice

ROOT = "1"

_QUOTED_PRINTABLE = "quoted-printable"
_FIELD = re.compile(
    rb"^content-transfer-encoding:([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)", re.IGNORECASE | re.MULTILINE
)


def render(
    headers: tuple[Header, ...], body: bytes, texts: Iterable[tuple[Part, bytes]]
) -> tuple[tuple[Header, ...], bytes]:
    """Return the fields and the body with each part's decoded content replaced."""
    edits: list[Edit] = []
    for part, content in texts:
        encoding = part.transfer_encoding
        if encoding in transfer.IDENTITY and transfer.has_long_line(content):
            encoding = _QUOTED_PRINTABLE
            if part.path == ROOT:
                headers = _declare(headers)
            else:
                edits.append(_declare_in_block(body, part))
        edits.append(Edit(part.start, part.end, _encoded(encoding, content, body, part)))
    return headers, splice(body, edits)


def _encoded(encoding: str, content: bytes, body: bytes, part: Part) -> bytes:
    encoded = transfer.encode(encoding, content)
    if encoding == "base64" and body.endswith(b"\n", part.start, part.end):
        return encoded + b"\r\n"  # outside the content, but the last line of a body ends in CRLF
    return encoded


def _declare(headers: tuple[Header, ...]) -> tuple[Header, ...]:
    """Name quoted-printable among the message's own fields; the others stay the same objects."""
    if any(header.key == "content-transfer-encoding" for header in headers):
        return tuple(
            Header(header.name, _QUOTED_PRINTABLE.encode())
            if header.key == "content-transfer-encoding"
            else header
            for header in headers
        )
    # Without MIME-Version a reader may ignore the field (RFC 2045 section 4).
    mime = (
        () if any(header.key == "mime-version" for header in headers) else (Header("MIME-Version", b"1.0"),)
    )
    return (*headers, *mime, Header("Content-Transfer-Encoding", _QUOTED_PRINTABLE.encode()))


def _declare_in_block(body: bytes, part: Part) -> Edit:
    """Name quoted-printable in the header block of `part`."""
    field = _FIELD.search(body, part.header_start, part.header_end)
    if field:
        return Edit(field.start(1), field.end(1), b" quoted-printable")
    return Edit(part.header_end, part.header_end, b"Content-Transfer-Encoding: quoted-printable\r\n")
