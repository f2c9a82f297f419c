"""The name of a file, as mail programs read it, and made harmless.

    Content-Disposition: attachment; filename="informe.pdf"
                         filename*=utf-8''a%C3%B1o.pdf              RFC 2231 section 4
                         filename*0*=utf-8''a%C3%B1; filename*1="o.pdf"     section 3
                         filename="=?utf-8?Q?a=C3=B1o=2Epdf?="      forbidden by RFC 2047, and usual
    Content-Type: application/pdf; name="informe.pdf"

The disposition's name goes before the type's, and an RFC 2231 form before a plain one. What comes out is
a base name of at most 255 bytes of UTF-8, see `estafeta_core.hosting.file_name`. Nothing is raised for
any value.

Programs differ where a name is given twice, in pieces that do not fit, without quotes, or behind what cannot
be read. `read` decides for one name, which a hosted file gets; `readings` finds what others may show.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from urllib.parse import unquote_to_bytes

from estafeta_core import rfc2047
from estafeta_core.hosting import file_name
from estafeta_milter.message import charsets

MAX_PIECES = 100  # as many as there may be parameters

MAX_NAMES = 100  # of one field; as many as it may have parameters

# A parameter that names a file, wherever it stands: between quotes, or up to a semicolon.
_NAMING = re.compile(
    r"""(?<![\w.-])(?:file)?name(\*[0-9*]*)?[ \t\n]*=[ \t\n]*(?:"((?:[^"\\]|\\.)*)|([^";\n]*))""",
    re.IGNORECASE | re.DOTALL,
)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_PIECE = re.compile(r"\*(0|[1-9][0-9]{0,2})(\*?)")

Values = Sequence[tuple[str, str]]


def read(disposition: Values, content_type: Values) -> str:
    """Return the name that the parameters of both fields give, or ""; values are bytes read as Latin-1."""
    given = _given(disposition, "filename") or _given(content_type, "name")
    return file_name(given) if given.strip() else ""


def readings(fields: Sequence[bytes]) -> tuple[str, ...] | None:
    """Return what programs may take for the name in these field values; None where that would never end."""
    found: list[str] = []
    for field in fields:
        text = field.replace(b"\r\n", b"\n").decode("latin-1")
        matches = [*islice(_NAMING.finditer(text), MAX_NAMES + 1)] if "name" in text.lower() else []
        if len(matches) > MAX_NAMES:
            return None
        found += _readings(matches)
    return tuple(name for name in map(file_name, filter(str.strip, found)) if name)


def _readings(matches: Iterable[re.Match[str]]) -> Iterator[str]:
    pieces: list[tuple[str, str]] = []
    for match in matches:
        number, quoted, bare = match.groups()
        value = bare.strip() if quoted is None else _QUOTED_PAIR.sub(r"\1", quoted.replace("\n", ""))
        if number and number != "*":
            pieces.append((number, value))
            continue
        yield from _texts(value, extended=bool(number))
        if quoted is None and value and not number:
            yield value.split()[0]  # without quotes a name with spaces ends at the first of them for some
    # Pieces are one name, in the order in which they stand; numbered otherwise, each is a name as well.
    if pieces:
        yield from _texts(
            "".join(value for _, value in pieces), extended=any("*" in n[1:] for n, _ in pieces)
        )
    if any(number.strip("*") != str(place) for place, (number, _) in enumerate(pieces)):
        yield from (value for _, value in pieces)


def _texts(value: str, *, extended: bool) -> tuple[str, ...]:
    """Return the texts that `value`, bytes read as Latin-1, may stand for."""
    raw = value.encode("latin-1")
    if extended:  # charset'language'text
        return (_text(unquote_to_bytes(raw.split(b"'", 2)[-1]), ""),)
    return rfc2047.decode(_text(raw, "")), rfc2047.lenient(_text(raw, ""))


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
