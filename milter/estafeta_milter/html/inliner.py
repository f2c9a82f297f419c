"""The style sheets of a text as style attributes: for mail readers that know no <style>.

css-inline says what each element's style attribute becomes, and only that is taken from it: it would write
the whole text anew, with another doctype, other references and other tags. Every start tag of the text is
marked, css-inline reads the marked text, and the attributes that come out are put where the tags stand in
the source. Style sheets stay, for @media, @font-face and :hover; every other byte stays as well. Nothing is
loaded from a network or a file: a sheet that is only linked is none.

css-inline walks the tree by recursion, and ends the process where the stack is too small: in a thread of
libmilter, which has what `ulimit -s` says (8 MB), at 9,970 elements inside each other, 840 bytes for each.
And a sheet can be made so that it takes minutes. So a text is inlined within the bounds below alone. But
for the depth, they hold for all texts of a message together, and on their edge it takes half a second.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count

import css_inline
import turbohtml

from estafeta_milter.html.attributes import Attribute, find
from estafeta_milter.html.declarations import is_sound
from estafeta_milter.html.nesting import Nesting, nesting
from estafeta_milter.html.rewrite import is_editable
from estafeta_milter.html.sheets import Cost, Page, cost
from estafeta_milter.message.charsets import codec, may_be_viewed_as_latin_1
from estafeta_milter.message.splice import Edit, splice

DEPTH = 2_000
"""Elements inside each other: 1.7 MB of stack. Mail has 20 to 60; where tags overlap, all count in a row."""
HTML = 1024 * 1024
"""Bytes of all texts; readers cut mail at 100 KB."""
TAGS = 50_000
"""Signs that may begin a tag: to read so many takes 0.15 s, and a large newsletter has 3,000."""
SHEETS = 128 * 1024
"""Bytes of all style sheets; mail has 5 to 40 KB."""
SELECTORS = 10_000
"""Rules and selectors of all sheets: to count what they ask for takes 0.1 s, and mail has some hundred."""
ELEMENTS = 100_000
"""Elements, with the copies that a parser makes where tags overlap: 30 MB, and 0.1 s to read them twice."""
GROWTH = 8 * 1024 * 1024
"""Bytes of all style attributes that come in, at most; what they really are is a fraction of it."""
NANOSECONDS = 400_000_000
"""What the sheets and the attributes of the tags may take, see `sheets`; mail asks for a hundredth."""
PAIR = 2
"""Nanoseconds for two attributes of one tag: parsers compare each with all before it."""

log = logging.getLogger(__name__)

_STYLE = b"<style"
_MARK = "data-estafeta-{}"
_MARKS = re.compile(rb"data-estafeta-[0-9]+")
_TAG_NAME = re.compile(rb"<[^\t\n\f\r />]*")
# What is not shown, or shows by other means: `*{...}` means none of it.
_UNSTYLED = frozenset({"base", "head", "link", "meta", "noframes", "script", "style", "title"})
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_INLINER = css_inline.CSSInliner(
    inline_style_tags=True,
    keep_style_tags=False,  # of its text the attributes alone are taken
    keep_link_tags=True,
    load_remote_stylesheets=False,
    base_url=None,
)


class CannotInlineError(Exception):
    """A text stays as it came; the words tell its sender why."""


@dataclass(slots=True)
class Budget:
    """What is left of the bounds for the texts of one message."""

    html: int = HTML
    tags: int = TAGS
    sheets: int = SHEETS
    selectors: int = SELECTORS
    elements: int = ELEMENTS
    growth: int = GROWTH
    nanoseconds: int = NANOSECONDS


@dataclass(frozen=True, slots=True)
class Styled:
    """A text that may be inlined."""

    markup: bytes
    codec: str
    tags: tuple[turbohtml.Token, ...]


def examine(markup: bytes, charset: str, budget: Budget) -> Styled | None:
    """Return `markup` for `inline`, or None when it has no style sheet; what it takes leaves `budget`.

    Raises CannotInlineError when it has one and has to stay as it is.
    """
    if _STYLE not in markup.lower():
        return None
    name = codec(charset)
    if name is None or not is_editable(markup, charset):
        raise CannotInlineError("its charset cannot be edited")
    _spend(budget, "html", len(markup), "it is too long")
    _spend(budget, "tags", markup.count(b"<"), "it has too many tags")
    name = _readable(markup, name)
    outline = nesting(markup)
    if outline is None:
        raise CannotInlineError("it holds <svg>, <math>, <select>, <template>, <noscript> or frames")
    if outline.depth > DEPTH:
        raise CannotInlineError("its elements are nested too deeply, or too many of them overlap")
    _spend(budget, "elements", outline.elements, "it has too many elements, or too many of them overlap")
    if not any(start < end for start, end in outline.sheets):
        return None
    sheets = [markup[start:end].decode(name) for start, end in outline.sheets]
    too_much = "its style sheets are too long, or too much to apply"
    _spend(budget, "sheets", sum(map(len, sheets)), too_much)
    _spend(budget, "selectors", sum(each.count("{") + each.count(",") for each in sheets), too_much)
    asked = _asked(markup, outline, sheets)
    _spend(budget, "growth", asked.bytes + _copied(outline), too_much)
    _spend(budget, "nanoseconds", asked.nanoseconds + _compared(outline), too_much)
    return Styled(markup, name, outline.tags)


def inline(text: Styled) -> bytes:
    """Return the markup of `text` with its style sheets as attributes, or itself where none matches."""
    view = text.markup
    if view.startswith(_BYTE_ORDER_MARK):
        view = b" " * len(_BYTE_ORDER_MARK) + view[len(_BYTE_ORDER_MARK) :]
    mark = _mark(view)
    ends = [match.end() for token in text.tags if (match := _TAG_NAME.match(view, token.col))]
    marks = [Edit(end, end, b' %s="%d"' % (mark.encode(), i)) for i, end in enumerate(ends)]
    hidden = [_replaced(text, token, "") for token in text.tags if _is_unsound(token)]
    try:
        styled = _INLINER.inline(splice(view, [*marks, *hidden]).decode(text.codec))
    except css_inline.InlineError as error:
        log.warning("the style sheets of a text/html are not inlined: %s", error)
        return text.markup
    return splice(text.markup, _edits(text, ends, _styles(styled, mark)))


def _spend(budget: Budget, name: str, amount: int, too_much: str) -> None:
    left = getattr(budget, name) - amount
    if left < 0:
        raise CannotInlineError(too_much)
    setattr(budget, name, left)


def _readable(markup: bytes, name: str) -> str:
    """Return the codec by which `markup` is read; bytes that are not in its charset are kept as they are."""
    try:
        markup.decode(name)
    except UnicodeDecodeError:
        if not may_be_viewed_as_latin_1(name):
            raise CannotInlineError("it holds bytes that are not in its charset") from None
        return "latin-1"
    return name


def _asked(markup: bytes, outline: Nesting, sheets: Iterable[str]) -> Cost:
    plain: Counter[str] = Counter()  # elements by tag, class and id
    formatting: dict[str, set[str]] = {}  # the names of those among them that may be copied
    for token in outline.tags:
        name = token.tag or ""
        keys = {name, f"#{(token.attr('id') or '').lower()}"}
        keys.update(f".{each}" for each in (token.attr("class") or "").lower().split())
        plain.update(keys)
        if name in outline.copies:
            for key in keys:
                formatting.setdefault(key, set()).add(name)

    def candidates(key: str) -> int:
        return plain[key] + sum(outline.copies[name] for name in formatting.get(key, ()))

    declarations = markup.count(b":") + markup.count(b";")
    return cost(sheets, Page(outline.elements, outline.depth, declarations, candidates))


def _copied(outline: Nesting) -> int:
    """Return how many bytes the copies of formatting elements may have."""
    longest: dict[str, int] = dict.fromkeys(outline.copies, 0)
    for token in outline.tags if outline.copies else ():
        name = token.tag or ""
        if name in longest:
            longest[name] = max(longest[name], len(token.source or ""))
    return sum(outline.copies[name] * length for name, length in longest.items())


def _compared(outline: Nesting) -> int:
    """Return how many nanoseconds the attributes of the tags take."""
    sources = (token.source or "" for token in outline.tags)
    attributes = (sum(map(source.count, " \t\f/=")) for source in sources)
    return PAIR * sum(number * number for number in attributes)


def _mark(markup: bytes) -> str:
    """Return a name for an attribute that the text does not hold anywhere."""
    taken = set(_MARKS.findall(markup.lower()))
    return next(name for name in map(_MARK.format, count()) if name.encode() not in taken)


def _styles(styled: str, mark: str) -> Mapping[int, str]:
    """Return the style attribute of each marked tag that has one; of a copied element that of the first."""
    found: dict[int, str] = {}
    for token in turbohtml.tokenize(styled):
        number = token.attr(mark) if token.type is turbohtml.TokenType.START_TAG else None
        style = token.attr("style") if number else None
        if number and style:
            found.setdefault(int(number), style)
    return found


def _edits(text: Styled, ends: list[int], styles: Mapping[int, str]) -> Iterator[Edit]:
    for number, style in sorted(styles.items()):
        token, end = text.tags[number], ends[number]
        if token.tag in _UNSTYLED:
            continue
        before = token.attr("style")
        if before is None:
            yield Edit(end, end, b" style=" + _quoted(style, text.codec, '"'))
        elif _is_unsound(token):
            yield from _put_before(text, token, style)
        elif _declarations(before) != _declarations(style):
            yield _replaced(text, token, style)


def _replaced(text: Styled, token: turbohtml.Token, style: str) -> Edit:
    """Return the edit that gives the tag `token` another style attribute in the place of its own."""
    own = _own(text, token)
    if own.quote:
        return Edit(own.start, own.end, _quoted(style, text.codec, own.quote.decode())[1:-1])
    equals = b"" if text.markup[: own.start].rstrip(b"\t\n\f\r ").endswith(b"=") else b"="
    return Edit(own.start, own.end, equals + _quoted(style, text.codec, '"'))


def _put_before(text: Styled, token: turbohtml.Token, style: str) -> Iterator[Edit]:
    """Yield the edit that puts `style` in front of what stands in an attribute that css-inline cannot read.

    Readers go on at the next semicolon where they do not understand. Without quotes it stays as it is.
    """
    own = _own(text, token)
    if own.quote:
        new = _quoted(f"{style.rstrip('; ')};", text.codec, own.quote.decode())[1:-1]
        yield Edit(own.start, own.start, new)


def _own(text: Styled, token: turbohtml.Token) -> Attribute:
    own = find(text.markup, token.col, token.col + len(token.source or ""), b"style")
    assert own is not None  # noqa: S101 - the tokenizer has read it there
    return own


def _is_unsound(token: turbohtml.Token) -> bool:
    """Whether a tag has a style attribute of its own that css-inline cannot read."""
    return not is_sound(token.attr("style") or "")


def _quoted(style: str, name: str, quote: str) -> bytes:
    """Return `style` between quotes; signs that the charset lacks become references."""
    value = style.replace("&", "&amp;").replace(quote, "&#39;" if quote == "'" else "&quot;")
    return f"{quote}{value}{quote}".encode(name, "xmlcharrefreplace")


def _declarations(style: str) -> list[str]:
    """Return what `style` says, however it is spaced."""
    return [re.sub(r"\s*:\s*", ":", each.strip(), count=1) for each in style.split(";") if each.strip()]
