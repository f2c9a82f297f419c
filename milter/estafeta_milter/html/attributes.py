"""Where the attributes of one start tag stand in the source (HTML standard, 13.2.5.32 to 13.2.5.39).

    attribute = *( space / "/" ) name [ *space "=" *space ( quoted / apostrophed / bare ) ]

Linear: each attribute begins where the one before it ended. Nothing is raised.
"""

import re

import msgspec
import turbohtml

_TAG_NAME = re.compile(rb"<[^\t\n\f\r />]*+")
_ATTRIBUTE = re.compile(
    rb"""[\t\n\f\r /]*+
         ([^\t\n\f\r />][^\t\n\f\r />=]*+)
         (?:[\t\n\f\r ]*+=[\t\n\f\r ]*+
            (?:"([^"]*+)"|'([^']*+)'|([^\t\n\f\r >"'][^\t\n\f\r >]*+))?)?""",
    re.VERBOSE,
)
_QUOTES = {2: b'"', 3: b"'", 4: b""}


class Attribute(msgspec.Struct, frozen=True, gc=False):
    """The value of one attribute: its bytes, their span, and the quote around them or b""."""

    value: bytes
    start: int
    end: int
    quote: bytes


def find(markup: bytes, start: int, end: int, name: bytes) -> Attribute | None:
    """Return the attribute `name` (lower case) of the start tag `markup[start:end]`, or None.

    The first of a name counts, as it does for a browser.
    """
    tag = _TAG_NAME.match(markup, start, end)
    position = tag.end() if tag else end
    while match := _ATTRIBUTE.match(markup, position, end):
        position = match.end()
        if match[1].lower() == name:
            group = match.lastindex or 1
            if group == 1:
                return Attribute(b"", position, position, b"")
            return Attribute(match[group], match.start(group), match.end(group), _QUOTES[group])
    return None


def text(attribute: Attribute, parsed: str, codec: str) -> str | None:
    """Return the attribute's text in the charset of `codec`, or None where it has none there.

    `parsed` is the tokenizer's reading of the Latin-1 view on one line: right for ASCII on one line.
    """
    value = attribute.value
    if value.isascii() and b"\r" not in value and b"\n" not in value:
        return parsed
    try:
        decoded = value.decode(codec)
    except UnicodeDecodeError:
        return None
    decoded = decoded.replace("\r\n", "\n")
    if "&" not in decoded:
        return decoded
    # Character references in an attribute have rules of their own: let the tokenizer resolve them.
    tag = '<a href="' + decoded.replace('"', "&quot;") + '">'
    return next(iter(turbohtml.tokenize(tag))).attr("href")


def quoted(url: str, attribute: Attribute) -> bytes:
    """Return the ASCII `url` as it takes the place of the attribute's value."""
    value = url.encode("ascii").replace(b"&", b"&amp;").replace(b'"', b"&quot;").replace(b"'", b"&#39;")
    return value if attribute.quote else b'"' + value + b'"'
