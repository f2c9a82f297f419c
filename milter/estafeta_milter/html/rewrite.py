"""Links, pixels and other inserted markup in HTML, edited by source offsets.

The tokenizer of the HTML standard (turbohtml) is used, not the tree builder: building the tree that the
standard asks for takes time and memory with the square of the input for some 100 KB of
`<font size=1><p><font size=2><p>...`, tokens never do. It sees the bytes as Latin-1, one sign
per byte and all on one line, so that a token's column is its byte offset in every charset of
`charsets`. Edits replace the value of an `href` and insert tags; every other byte stays. What
is inside comments (conditional ones of Outlook too), <script>, <style>, <textarea>, <title> and
<noscript> is text to the tokenizer and is never touched.

Nothing is raised for any markup. Markup that is not edited is returned as the same object: a
charset that is not in the table, or NUL bytes (UTF-16 under a wrong label).
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field

import turbohtml

from estafeta_milter.html.anchor import MAX_LINKS, Anchor, Target, web_url
from estafeta_milter.html.attributes import Attribute, find, quoted, text
from estafeta_milter.message.charsets import codec
from estafeta_milter.message.splice import Edit, splice

# An element put behind the markup for the tokenizer. If it comes out as a tag, a tag at the end is
# seen; if it does not, the end is inside a comment, a script or a tag without an end.
_END_TAG = "estafeta-end"
_END = f"<{_END_TAG}>"

_LINKS = frozenset({"a", "area"})
_LANDMARKS = frozenset({"html", "head", "body", "frameset", _END_TAG})
_TAGS = _LINKS | _LANDMARKS
_BYTE_ORDER_MARK = "\xef\xbb\xbf"

# A markup is read once for all handlers that edit it, and once for all copies of a message. Eight with a
# quarter of a megabyte each take 5 MB of a process; newsletters stay below 100 KB, where Gmail cuts them.
_REMEMBERED = 8
_REMEMBERED_BYTES = 256 * 1024

Links = tuple[tuple[Attribute, Anchor], ...]
"""The links of a markup that may be led elsewhere, each with the value that names it."""


def track(
    markup: bytes,
    charset: str,
    target: Target | None,
    top: str = "",
    bottom: str = "",
    *,
    untracked: str = "",
) -> bytes:
    """Return `markup` with links and pixels in one pass; "" inserts nothing.

    `untracked` is an attribute, `name` or `name=value`, by which a link stays as it is; `charset` is the
    part's label. Raises UnicodeEncodeError if an answer of `target`, `top` or `bottom` is not ASCII: other
    bytes would be wrong in some charsets.
    """
    name = codec(charset)
    if name is None or not is_editable(markup, charset):
        return markup
    outline = _outline(markup)
    edits = list(_link_edits(_links(outline, markup, name, untracked), target)) if target else []
    if outline.has_body:
        start = outline.body_start
        edits += [Edit(start, start, top.encode("ascii"))] if top else []
        end = outline.body_end(len(markup))
        edits += [Edit(end, end, bottom.encode("ascii"))] if bottom else []
    return splice(markup, edits)


def insert(markup: bytes, charset: str, top: str = "", bottom: str = "") -> bytes:
    """Return `markup` with ASCII markup where its body begins and where it ends; "" inserts nothing.

    At both places a later call inserts outside of what an earlier one did, that is before it and behind it.
    It is the same object where nothing can be inserted: see `holds`.
    """
    return track(markup, charset, None, top, bottom)


def holds(markup: bytes, charset: str) -> bool:
    """Whether `insert` can insert: a charset to edit in, no NUL, and a body instead of frames."""
    return is_editable(markup, charset) and _outline(markup).has_body


def is_editable(markup: bytes, charset: str) -> bool:
    """Whether `markup` is edited at all."""
    return codec(charset) is not None and b"\0" not in markup


def one_line(markup: bytes) -> str:
    """Return `markup` as the tokenizer is to see it: each byte one sign, and its offset the column."""
    return markup.decode("latin-1").replace("\r", " ").replace("\n", " ")


@dataclass(slots=True)
class _Outline:
    """The links of a markup, and the ends and starts of its landmarks."""

    links: list[turbohtml.Token] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    """First end of <body>, </head>, <html>, doctype, byte order mark; last start of </body>, </html>."""
    has_body: bool = True
    ends_open: bool = True
    """Whether the markup ends inside something that a tag put there would become text of."""

    @property
    def body_start(self) -> int:
        """Where the first tag of the body can stand."""
        places = self.places
        return next((places[key] for key in ("body", "/head", "html", "doctype", "mark") if key in places), 0)

    def body_end(self, length: int) -> int:
        """Where the last tag of the body can stand: at its start if the end is inside something."""
        for key in ("/body", "/html"):
            if key in self.places:
                return max(self.places[key], self.body_start)
        return self.body_start if self.ends_open else length


def _outline(markup: bytes) -> _Outline:
    return (_outline_kept if len(markup) <= _REMEMBERED_BYTES else _outline_read)(markup)


def _links(outline: _Outline, markup: bytes, name: str, untracked: str) -> Links:
    if len(markup) <= _REMEMBERED_BYTES:
        return _links_kept(markup, name, untracked)
    return _links_read(outline, markup, name, untracked)


def _outline_read(markup: bytes) -> _Outline:
    view = one_line(markup)
    outline = _Outline()
    if view.startswith(_BYTE_ORDER_MARK):
        view = "   " + view[3:]
        outline.places["mark"] = 3
    tokens = turbohtml.tokenize(view + _END, capture_source=True)
    for token in tokens:
        if token.tag is not None:
            _note(outline, token, len(markup))
            break
        if token.type is turbohtml.TokenType.DOCTYPE:  # one after the first tag is no doctype
            outline.places.setdefault("doctype", token.col + len(token.source or ""))
    for token in tokens:
        if token.tag in _TAGS:
            _note(outline, token, len(markup))
    return outline


def _note(outline: _Outline, token: turbohtml.Token, length: int) -> None:
    """Note what the tag `token` tells about the markup, whose length is `length`."""
    tag = token.tag or ""
    end = token.col + len(token.source or "")
    if tag == _END_TAG:
        outline.ends_open = outline.ends_open and token.col != length
    elif end > length or tag not in _TAGS:
        pass  # a tag without an end, which swallowed the mark, or the first of all, whatever it is
    elif token.type is turbohtml.TokenType.END_TAG:
        if tag == "head":
            outline.places.setdefault("/head", end)
        elif tag in _LANDMARKS:
            outline.places["/" + tag] = token.col
    elif tag in _LINKS:
        if len(outline.links) < MAX_LINKS:
            outline.links.append(token)
    elif tag == "frameset":
        outline.has_body = False
    else:
        outline.places.setdefault(tag, end)


def _link_edits(links: Links, target: Target) -> Iterator[Edit]:
    for value, anchor in links:
        answer = target(anchor)
        if answer is not None:
            yield Edit(value.start, value.end, quoted(answer, value))


def _links_read(outline: _Outline, markup: bytes, name: str, untracked: str) -> Links:
    links = [token for token in outline.links if not _stays(token, untracked)]
    return tuple(_found(links, markup, name))


def _stays(token: turbohtml.Token, untracked: str) -> bool:
    """Whether a link is marked as one that is not tracked."""
    if token.attr("data-msys-clicktrack") == "0":
        return True
    attribute, sign, value = untracked.partition("=")
    found = token.attr(attribute) if attribute else None
    return found is not None and (not sign or found.lower() == value)


def _found(links: list[turbohtml.Token], markup: bytes, name: str) -> Iterator[tuple[Attribute, Anchor]]:
    for token in links:
        href = token.attr("href")
        if not href:
            continue
        value = _attribute(token, markup, b"href")
        url = web_url(text(value, href, name) or "", name) if value else None
        if value is None or url is None:
            continue
        unsubscribe = token.attr("data-msys-unsubscribe") == "1"
        yield value, Anchor(url, _link_name(token, markup, name), unsubscribe)


def _link_name(token: turbohtml.Token, markup: bytes, name: str) -> str:
    parsed = token.attr("data-msys-linkname")
    value = _attribute(token, markup, b"data-msys-linkname") if parsed else None
    return (text(value, parsed, name) or "") if value and parsed else ""


def _attribute(token: turbohtml.Token, markup: bytes, name: bytes) -> Attribute | None:
    return find(markup, token.col, token.col + len(token.source or ""), name)


_outline_kept = functools.lru_cache(_REMEMBERED)(_outline_read)


@functools.lru_cache(_REMEMBERED)
def _links_kept(markup: bytes, name: str, untracked: str) -> Links:
    return _links_read(_outline(markup), markup, name, untracked)
