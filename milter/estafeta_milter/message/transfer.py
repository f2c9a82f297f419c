"""Content transfer encodings (RFC 2045 section 6), there and back.

`decode` answers None for what it does not know (uuencode and the like) and for content that is
not what its encoding says: a lenient reader would still show something, but after decoding and
encoding it would show something else. `encode(e, decode(e, x))` always decodes to the same bytes.
Lines made here are at most 76 bytes and end in CRLF. Nothing is raised for an encoding in `KNOWN`.
"""

import binascii
import re

MAX_LINE = 998  # RFC 5322 section 2.1.1; Postfix breaks longer lines, after any signing

IDENTITY = frozenset({"", "7bit", "8bit", "binary"})
KNOWN = IDENTITY | {"quoted-printable", "base64"}

_WIDTH = 76  # RFC 2045 sections 6.7 (5) and 6.8
_BASE64_SPACE = b" \t\r\n"
# "=", and all but printable ASCII (RFC 2045 section 6.7 (2)).
_UNQUOTED = re.compile(rb"[^\t\x20-\x3c\x3e-\x7e]")
_SPACE = re.compile(rb"[ \t]")


def decode(encoding: str, data: bytes) -> bytes | None:
    """Return the content that `data` encodes, or None when it cannot be known for certain."""
    if encoding in IDENTITY:
        return data
    if encoding == "base64":
        return _decode_base64(data)
    return _decode_quoted_printable(data) if encoding == "quoted-printable" else None


def encode(encoding: str, content: bytes) -> bytes:
    """Return `content` in the transfer encoding `encoding`, which must be one of `KNOWN`."""
    if encoding in IDENTITY:
        return content
    if encoding == "base64":
        return _encode_base64(content)
    if encoding == "quoted-printable":
        return _encode_quoted_printable(content)
    raise ValueError(f"unknown transfer encoding {encoding!r}")


def has_long_line(content: bytes) -> bool:
    """Whether a line of `content` is longer than `MAX_LINE` bytes."""
    start = 0
    while len(content) - start > MAX_LINE:
        end = content.rfind(b"\n", start, start + MAX_LINE + 1)
        if end < 0:
            end = start + MAX_LINE + 1
            if content[end - 1 : end + 1] != b"\r\n":
                return True
        start = end + 1
    return False


def _decode_base64(data: bytes) -> bytes | None:
    try:
        # Strict: text behind the padding, as list footers are, is shown by some readers and not by others.
        return binascii.a2b_base64(data.translate(None, _BASE64_SPACE), strict_mode=True)
    except binascii.Error:
        return None


def _encode_base64(content: bytes) -> bytes:
    line = binascii.b2a_base64(content, newline=False)
    return b"\r\n".join([line[at : at + _WIDTH] for at in range(0, len(line), _WIDTH)])


def _decode_quoted_printable(data: bytes) -> bytes | None:
    data = data.removesuffix(b"=")  # a soft line break whose line end belongs to the delimiter
    lines = data.split(b"\r\n")
    ends = _line_ends(lines)
    if b" " in ends or b"\t" in ends:
        # White space before a line end was added by a transport (RFC 2045 section 6.7 (3)).
        lines = [*(line.rstrip(b" \t") for line in lines[:-1]), lines[-1]]
        data, ends = b"\r\n".join(lines), _line_ends(lines)
    breaks = ends.count(b"=")
    if data.count(b"\r") > len(ends) and data.count(b"=\r") > breaks:
        return None  # a2b_qp would drop what follows
    bare = data.count(b"=\n") if data.count(b"\n") > len(ends) else 0
    escapes = data.count(b"=") - breaks - bare
    content = binascii.a2b_qp(data)
    # A well-formed escape loses two bytes, a soft line break all its three or two; `=` before
    # anything else is copied by a2b_qp, which the length betrays.
    return content if len(content) == len(data) - 3 * breaks - 2 * bare - 2 * escapes else None


def _line_ends(lines: list[bytes]) -> bytes:
    """Return the last byte before each line end, or LF where the line is empty."""
    return b"".join([line[-1:] or b"\n" for line in lines[:-1]])


def _encode_quoted_printable(content: bytes) -> bytes:
    line_ends = content.count(b"\r\n")
    if line_ends and content.count(b"\r") == line_ends == content.count(b"\n"):
        encoded = binascii.b2a_qp(content, istext=True)
        # b2a_qp escapes space before a line end without counting: such a line may have 77 bytes.
        if max(map(len, encoded.split(b"\r\n"))) <= _WIDTH:
            return encoded
    # Lone CR and LF are content, not line ends: b2a_qp would keep the one and turn the other into CRLF.
    return b"\r\n".join(map(_quoted_line, content.split(b"\r\n")))


def _quoted_line(line: bytes) -> bytes:
    """Return one line in quoted-printable, with soft line breaks; white space at its end is escaped."""
    kept = line.rstrip(b" \t")
    rest = _UNQUOTED.sub(_escape, kept) + _SPACE.sub(_escape, line[len(kept) :])
    pieces, start = [], 0
    while len(rest) - start > _WIDTH:
        cut = rest.rfind(b"=", start + _WIDTH - 3, start + _WIDTH - 1)  # no escape is divided
        cut = start + _WIDTH - 1 if cut < 0 else cut
        pieces.append(rest[start:cut] + b"=")
        start = cut
    return b"\r\n".join([*pieces, rest[start:]])


def _escape(match: re.Match[bytes]) -> bytes:
    return b"=%02X" % match.group()[0]
