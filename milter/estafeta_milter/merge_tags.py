"""[Unsubscribe] and [WebVersion]: the tags in a text that become the recipient's own links.

    tag       = bracketed / ( "http://" / "https://" ) bracketed [ "/" ]    as editors complete it in links
    bracketed = ( "[" / "%5B" ) name ( "]" / "%5D" )                        in any case

A tag becomes the bare address wherever it stands: in an attribute, quoted or not, in text, in a comment.
That is what a user of the provider knows, what Outlook's conditional comments need, and right in each of
these places, for an address of ours has no sign that ends any of them.

A text has a tag where its reader finds it: not in a comment, a script, a style or the title of an HTML.
"""

import re
from collections.abc import Mapping

from estafeta_milter import utf8
from estafeta_milter.html.rewrite import holds
from estafeta_milter.message import charsets
from estafeta_milter.message.message import Message
from estafeta_milter.message.part import Part
from estafeta_milter.text_links import as_text

UNSUBSCRIBE, WEB_VERSION = "Unsubscribe", "WebVersion"
NAMES = (UNSUBSCRIBE, WEB_VERSION)

_BY_KEY = {name.lower(): name for name in NAMES}
# Without the scheme, a text is searched three times as fast: two signs alone can begin a match.
_BRACKETED = re.compile(r"(?:\[|%5B)(Unsubscribe|WebVersion)(?:\]|%5D)", re.IGNORECASE | re.ASCII)
_SCHEMES = ("http://", "https://")
_UNSEEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|title)\b.*?(?:</\1\b|\Z)", re.IGNORECASE | re.ASCII | re.DOTALL
)


def missing(message: Message) -> tuple[str, ...]:
    """Return the tags, as `[Name]`, that the reader of the message does not find.

    The HTML is what is read, and the plain text of a message without one.
    """
    bodies = message.bodies()
    read = [part for part in bodies if part.content_type == "text/html"] or bodies
    found = {name for part in read for name in seen(message.decoded(part) or b"", part)}
    return tuple(f"[{name}]" for name in NAMES if name not in found)


def takes_lines(message: Message) -> bool:
    """Whether lines can be put under the text that is read, once it is in UTF-8 where it can be."""
    texts = {part.content_type: part for part in message.text_parts()}
    part = texts.get("text/html") or texts.get("text/plain")
    if part is None:
        return False
    content, charset = message.decoded(part) or b"", part.charset
    text = utf8.read(content, charset)
    if text is not None:
        content, charset = text.encode(utf8.UTF_8), utf8.UTF_8
    if part.content_type == "text/html":
        return holds(content, charset)
    return charsets.codec(charset) is not None


def seen(content: bytes, part: Part) -> frozenset[str]:
    """Return the names of the tags that the reader of a body finds in its `content`."""
    text = _text(content, part.charset)
    if part.content_type == "text/html":
        text = _UNSEEN.sub(" ", text)
    return frozenset(_BY_KEY[match[1].lower()] for match in _BRACKETED.finditer(text))


def replaced(content: bytes, charset: str, urls: Mapping[str, str]) -> bytes:
    """Return a text with each tag replaced by its address in `urls`, which are by name and ASCII.

    A text in a charset that is not edited is returned as it came, and so is one that is not in its charset
    where a bracket may be half of a character.
    """
    view = as_text(content, charset)
    if view is None:
        return content
    text, name = view
    pieces: list[str] = []
    done = 0
    for match in _BRACKETED.finditer(text):
        start, end = _span(text, *match.span())
        pieces += (text[done:start], urls[_BY_KEY[match[1].lower()]])
        done = end
    return "".join((*pieces, text[done:])).encode(name) if pieces else content


def _span(text: str, start: int, end: int) -> tuple[int, int]:
    """Return where the tag begins and ends whose brackets stand there: a scheme in front is part of it."""
    before = text[max(0, start - len("https://")) : start].lower()
    scheme = next((scheme for scheme in _SCHEMES if before.endswith(scheme)), "")
    return start - len(scheme), end + (scheme != "" and text.startswith("/", end))


def _text(content: bytes, charset: str) -> str:
    """Return a text as the tags in it will be looked for; one that cannot be edited may yet become UTF-8."""
    view = as_text(content, charset)
    return view[0] if view else charsets.decode(content, charset) or ""
