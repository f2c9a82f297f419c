r"""Links in plain text: found as mail clients find them, replaced in place.

    link   = ( "http://" / "https://" ) 1*sign *marker
    sign   = printable ASCII without space, quotation mark, "<", ">"
    marker = "[[data-msys-" ( "linkname" / "unsubscribe" / "clicktrack" ) "=" DQUOTE value DQUOTE "]]"

A link ends before trailing punctuation (`.,;:!?'"`) and before a closing bracket that it did not
open, as in "(see http://example.com/a_(b))." Markers directly behind a link are SparkPost's way
to name it; they leave the text whatever happens to the link. A link whose next sign is a letter
or digit that is not ASCII is left alone: clients differ on whether it goes on (`.../caf` + `é`),
and replacing a part of it would break it. Other signs that are not ASCII end it (`»`, `。`).

The search is linear, one compiled pattern that never steps back, and ends after `MAX_LINKS` links.
Nothing is raised for any text; a text in a charset that is not in `charsets`, or not in its charset,
is returned as it came. format=flowed (RFC 3676) is not looked at: a link has no space, so no line end moves.
"""

import itertools
import re

from estafeta_milter.html.anchor import MAX_LINKS, Anchor, Target, web_url
from estafeta_milter.message import charsets

_LINK = re.compile(r"(?<![A-Za-z0-9])https?://(?:(?!\[\[)[!#-;=?-~])+", re.IGNORECASE)
_MARKER = re.compile(r'\[\[data-msys-(linkname|unsubscribe|clicktrack)="([^"\r\n]{0,200})"\]\]')
_PUNCTUATION = frozenset(".,;:!?'")
_BRACKETS = {")": "(", "]": "[", "}": "{"}


def rewrite_links(content: bytes, charset: str, target: Target) -> bytes:
    """Return the decoded text `content` with every link that `target` answers replaced.

    `charset` is the part's label. Raises UnicodeEncodeError if an answer is not ASCII.
    """
    view = as_text(content, charset)
    if view is None:
        return content
    text, name = view
    rewritten = _rewrite(text, target)
    return content if rewritten == text else rewritten.encode(name)


def as_text(content: bytes, charset: str) -> tuple[str, str] | None:
    """Return the text of `content` and a codec that gives back exactly `content`; None if there is none.

    A text that is not in its charset is seen as Latin-1 where no character has an ASCII sign in it.
    """
    name = charsets.codec(charset)
    if name is None:
        return None
    try:
        text = content.decode(name)
        exact = text.encode(name) == content
    except UnicodeError:
        exact = False  # a wrong label: many a text says US-ASCII and is not
    if exact:
        return text, name
    if charsets.may_be_viewed_as_latin_1(name):
        return content.decode("latin-1"), "latin-1"
    return None


def _rewrite(text: str, target: Target) -> str:
    pieces: list[str] = []
    done = 0
    for match in itertools.islice(_LINK.finditer(text), MAX_LINKS):
        start, end = match.span()
        markers, after = _markers(text, end)
        following = text[end : end + 1]
        if after == end:
            end = after = start + _length(match.group())
        pieces += (text[done:start], _replacement(text[start:end], following, markers, target))
        done = after
    pieces.append(text[done:])
    return "".join(pieces)


def _replacement(link: str, following: str, markers: dict[str, str], target: Target) -> str:
    url = web_url(link, "ascii")
    goes_on = not following.isascii() and following.isalnum()
    if url is None or goes_on or markers.get("clicktrack") == "0":
        return link
    answer = target(Anchor(url, markers.get("linkname", ""), markers.get("unsubscribe") == "1"))
    return link if answer is None else answer.encode("ascii").decode("ascii")


def _markers(text: str, position: int) -> tuple[dict[str, str], int]:
    """Return the markers at `position` and where they end."""
    found: dict[str, str] = {}
    while match := _MARKER.match(text, position):
        found.setdefault(match[1], match[2])
        position = match.end()
    return found, position


def _length(link: str) -> int:
    """Return how much of `link` is the link, without the punctuation of the sentence around it."""
    surplus = {close: link.count(close) - link.count(opening) for close, opening in _BRACKETS.items()}
    end = len(link)
    while end:
        sign = link[end - 1]
        if sign in surplus and surplus[sign] > 0:
            surplus[sign] -= 1
        elif sign not in _PUNCTUATION:
            break
        end -= 1
    return end
