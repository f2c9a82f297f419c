r"""References to parts of the message (`cid:`, RFC 2392) in HTML, found and replaced by source offsets.

    <img src="cid:a@b">, background=, poster=, href= and the like    the whole value
    srcset="cid:a@b 1x", style="background: url(cid:a@b)"            inside the value
    <style> body { background: url('cid:a@b') } </style>             inside the text
    <!--[if mso]> <v:fill src="cid:a@b"/> <![endif]-->               inside the comment, which Outlook reads

Character references (`a&#64;b`, `&quot;`) are undone, percent escapes are left to `ContentIds`. CSS escapes
(`a\40 b`) are not understood: such a reference is none. Nothing is raised for any markup.
"""

import html
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

import turbohtml

from estafeta_milter.html.attributes import Attribute, find, quoted, text
from estafeta_milter.html.rewrite import is_editable, one_line
from estafeta_milter.message.charsets import codec
from estafeta_milter.message.splice import Edit, splice

MAX_REFERENCES = 10_000
"""References in one text. A newsletter has some dozen; each of these may grow by a URL of 150 bytes."""
MAX_NAME = 998  # characters of one: an id stands on a line of a header field (RFC 5322 section 2.1.1)

_URLS = ("src", "background", "href", "poster", "data", "lowsrc", "dynsrc", "xlink:href", "o:href")
_TEXTS = ("style", "srcset", "imagesrcset")
_READ_AS_TEXT = frozenset({"style", "noscript"})
_QUOTE = rb"&(?:quot|apos|#0{0,5}3[49]|#[xX]0{0,5}2[27]);?"
_IN_TEXT = re.compile(
    rb"\bcid:((?:<[^\s\"'()<>,\\]++>|(?:(?!" + _QUOTE + rb")[^\s\"'()<>,\\])+))", re.IGNORECASE
)
_MARK = re.compile(rb"\bcid\b", re.IGNORECASE)

Answer = Callable[[str], str | None]
"""Is told what follows `cid:`, and answers the ASCII URL that takes its place, or None to leave it."""


class Reference(NamedTuple):
    """One reference, and where its URL stands in the markup."""

    name: str
    """What follows `cid:`, percent escapes kept."""
    start: int
    end: int
    attribute: Attribute | None
    """The attribute of which the URL is the whole value, if so."""


def references(markup: bytes, charset: str) -> list[Reference] | None:
    """Return every reference in the order of the text; None when they cannot be known, or are too many."""
    name = codec(charset)
    if name is None or not is_editable(markup, charset):
        return None
    if not _MARK.search(markup):
        return []
    found = list(islice(_references(markup, name), MAX_REFERENCES + 1))
    return sorted(found, key=lambda reference: reference.start) if len(found) <= MAX_REFERENCES else None


def redirect(markup: bytes, charset: str, answer: Answer) -> bytes:
    """Return `markup` with each reference that `answer` answers replaced, or itself if there is none."""
    edits: list[Edit] = []
    for reference in references(markup, charset) or ():
        url = answer(reference.name)
        if url is not None:
            new = quoted(url, reference.attribute) if reference.attribute else url.encode("ascii")
            edits.append(Edit(reference.start, reference.end, new))
    return splice(markup, edits)


def _references(markup: bytes, name: str) -> Iterator[Reference]:
    as_text = False
    for token in turbohtml.tokenize(one_line(markup), capture_source=True):
        source = token.source or ""
        end = token.col + len(source)
        if token.type is turbohtml.TokenType.TEXT:
            if as_text:
                yield from _in_text(markup, token.col, token.col + len(token.data or ""), name)
        elif token.type is turbohtml.TokenType.START_TAG:
            as_text = token.tag in _READ_AS_TEXT
            if "cid" in source.lower():
                yield from _in_tag(markup, token, end, name)
        elif token.type is turbohtml.TokenType.COMMENT:
            yield from _in_text(markup, token.col, end, name)
        else:
            as_text = False


def _in_tag(markup: bytes, token: turbohtml.Token, end: int, name: str) -> Iterator[Reference]:
    for key in _URLS:
        parsed = token.attr(key)
        attribute = find(markup, token.col, end, key.encode()) if parsed and "cid" in parsed.lower() else None
        url = (text(attribute, parsed or "", name) or "").strip() if attribute else ""
        if attribute and url[:4].lower() == "cid:":
            yield Reference(url[4:], attribute.start, attribute.end, attribute)
    for key in _TEXTS:
        attribute = find(markup, token.col, end, key.encode()) if token.attr(key) else None
        if attribute:
            yield from _in_text(markup, attribute.start, attribute.end, name)


def _in_text(markup: bytes, start: int, end: int, name: str) -> Iterator[Reference]:
    for match in _IN_TEXT.finditer(markup, start, end):
        if len(match[1]) <= MAX_NAME:
            reference = html.unescape(match[1].decode(name, "replace"))
            yield Reference(reference, *match.span(), None)
