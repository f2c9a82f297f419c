"""The canonicalization "relaxed" of header fields and bodies (RFC 6376 sections 3.4.2 and 3.4.4).

White space is space and tab, a line end is CRLF; a lone CR or LF, a form feed and every other byte is
content. Time and memory grow with the length alone, whatever the bytes are: a message is signed while its
client waits.
"""

import functools
import re

from estafeta_core.headers import Header

REMEMBERED = 64  # header fields; a field has at most 60,000 bytes, and nearly all have less than 100
_FOLD = re.compile(rb"\r?\n")
_SPACES = re.compile(rb"[ \t]+")
_LINE_ENDS = re.compile(rb"(?:\n\r)*")  # read backwards


# What the copies of a message have in common is the same in each: a Cc of a thousand addresses is long.
@functools.lru_cache(maxsize=REMEMBERED)
def relaxed_header(header: Header) -> bytes:
    """Return a field, without the line end behind it."""
    return header.key.encode("ascii") + b":" + relaxed_value(header.value)


def relaxed_value(value: bytes) -> bytes:
    """Return a value on one line, each run of white space as one space and none around it."""
    if not has_other_space(value):
        return b" ".join(value.split())
    return _SPACES.sub(b" ", _FOLD.sub(b"", value)).strip(b" ")


def has_other_space(value: bytes) -> bool:
    """Whether there is what bytes.split() takes for white space and DKIM does not, or a CR of its own.

    They are looked for one by one: a Cc of a thousand addresses is in every copy, and an expression takes 70
    times as long.
    """
    return b"\r" in value or b"\x0b" in value or b"\x0c" in value


def relaxed_body(body: bytes) -> bytes:
    """Return a body as it is hashed: each run of white space as one space, none and no empty line at the end.

    It ends in CRLF unless it is empty.
    """
    text = _squeezed(body).replace(b" \r\n", b"\r\n").removesuffix(b" ")
    if not text.endswith(b"\r\n"):
        return text + b"\r\n" if text else b""
    stem = text.rstrip(b"\r\n")
    ends = _LINE_ENDS.match(text[len(stem) :][::-1])
    kept = len(text) - (ends.end() if ends else 0)
    return text[:kept] + b"\r\n" if kept else b""


def _squeezed(body: bytes) -> bytes:
    """Return `body` with each run of white space as one space.

    Each round halves the runs, so there are as many as the longest run has doublings.
    """
    text = body.replace(b"\t", b" ") if b"\t" in body else body
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text
