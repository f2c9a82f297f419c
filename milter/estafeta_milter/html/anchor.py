"""One link: what a handler is told about it, what it answers, and which URL it stands for.

The URL is the one that a mail client would open for the text of an attribute (WHATWG URL,
section 4.4). Only absolute http and https URLs count. A host that is a placeholder of a template
language (`http://[Unsubscribe]`, `http://{{link}}`, `http://%%link%%`, `http://*|LINK|*`) is no URL.
"""

import re
from collections.abc import Callable
from urllib.parse import quote_from_bytes

import msgspec

MAX_LINKS = 25_000
"""Links led through us in one text; those behind them stay as they are.

A large catalogue has some hundred. 25,000 take a third of a second; without a bound, the 700,000 that
fit into a message took eight seconds and a gigabyte.
"""

_STRIPPED = "".join(map(chr, range(0x21)))  # C0 controls and space, at both ends
_DROPPED = {ord("\t"): None, ord("\n"): None, ord("\r"): None}
_WEB = re.compile(
    r"https?://(?:\[[0-9a-f:.]+\](?::[0-9]*)?|[^\s/?#\[\]{}|%*<>\"^`\\]+)(?=[/?#\\]|\Z)", re.IGNORECASE
)
_CONTROL = re.compile("[\x00-\x1f\x7f]")


class Anchor(msgspec.Struct, frozen=True, gc=False):
    """One http or https link of a text, in HTML or plain."""

    url: str
    """The URL a mail client would open; may hold spaces and non-ASCII signs, never controls."""
    name: str
    """`data-msys-linkname`, or "" where none is given."""
    unsubscribe: bool
    """Whether `data-msys-unsubscribe="1"` makes it an unsubscribe link."""


Target = Callable[[Anchor], str | None]
"""Answers the ASCII URL that takes the link's place, or None to leave the link as it is."""


def web_url(value: str, codec: str) -> str | None:
    """Return the URL that the attribute text `value` stands for, or None if it is not one to track.

    `codec` is the text's own: a browser sends non-ASCII signs of a query in the charset of the
    document, so they come out percent-encoded in it; UTF-8 is left for the reader to encode.
    """
    url = value.strip(_STRIPPED).translate(_DROPPED)
    if not _WEB.match(url) or _CONTROL.search(url):
        return None
    return url if url.isascii() or codec in {"utf-8", "ascii"} else _with_query_in(url, codec)


def _with_query_in(url: str, codec: str) -> str:
    before, hash_sign, fragment = url.partition("#")
    path, question_mark, query = before.partition("?")
    encoded = "".join(sign if sign.isascii() else _escaped(sign, codec) for sign in query)
    return path + question_mark + encoded + hash_sign + fragment


def _escaped(sign: str, codec: str) -> str:
    # What the charset does not have becomes a character reference (WHATWG Encoding, "html" mode).
    return quote_from_bytes(sign.encode(codec, "xmlcharrefreplace"), safe="")
