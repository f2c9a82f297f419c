"""The name of a file, as mail programs read it, and made harmless.

    Content-Disposition: attachment; filename="informe.pdf"
                         filename*=utf-8''a%C3%B1o.pdf              RFC 2231 section 4
                         filename*0*=utf-8''a%C3%B1; filename*1="o.pdf"     section 3
                         filename="=?utf-8?Q?a=C3=B1o=2Epdf?="      forbidden by RFC 2047, and usual
    Content-Type: application/pdf; name="informe.pdf"

The disposition's name goes before the type's, and an RFC 2231 form before a plain one. What comes out is
a base name of at most 255 bytes of UTF-8, see `estafeta_core.hosting.file_name`. Nothing is raised for
any value.
"""

import re
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

from estafeta_core import rfc2047
from estafeta_core.hosting import file_name
from estafeta_milter.message import charsets

MAX_PIECES = 100  # as many as there may be parameters

_PIECE = re.compile(r"\*(0|[1-9][0-9]{0,2})(\*?)")

Values = Sequence[tuple[str, str]]


def read(disposition: Values, content_type: Values) -> str:
    """Return the name that the parameters of both fields give, or ""; values are bytes read as Latin-1."""
    given = _given(disposition, "filename") or _given(content_type, "name")
    return file_name(given) if given.strip() else ""


def _given(values: Values, name: str) -> str:
    pieces: dict[int, tuple[str, bool]] = {}
    plain: str | None = None
    for key, value in values:
        if key == name:
            plain = value if plain is None else plain
        elif key == name + "*":
            pieces.setdefault(0, (value, True))
        elif key.startswith(name) and (found := _PIECE.fullmatch(key, len(name))):
            pieces.setdefault(int(found[1]), (value, found[2] == "*"))
    if 0 in pieces:
        return _joined(pieces)
    return rfc2047.decode(_text(plain.encode("latin-1"), "")) if plain else ""


def _joined(pieces: dict[int, tuple[str, bool]]) -> str:
    """Return the text of RFC 2231 pieces, up to the first that is missing."""
    first, extended = pieces[0]
    charset = ""
    if extended and first.count("'") >= 2:
        charset, _, first = first.split("'", 2)
    raw = [_bytes(first, extended=extended)]
    for number in range(1, MAX_PIECES):
        if number not in pieces:
            break
        value, escaped = pieces[number]
        raw.append(_bytes(value, extended=escaped))
    text = _text(b"".join(raw), charset)
    return text if extended else rfc2047.decode(text)


def _bytes(value: str, *, extended: bool) -> bytes:
    raw = value.encode("latin-1")
    return unquote_to_bytes(raw) if extended else raw


def _text(raw: bytes, charset: str) -> str:
    """Return `raw` in its charset, or in what it most likely is."""
    for label in (charset, "utf-8"):
        text = charsets.decode(raw, label) if label else None
        if text is not None:
            return text
    return raw.decode("cp1252", "replace")
