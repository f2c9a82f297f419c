"""How deep and how large the tree may become that a parser builds of a markup; never less than it will be.

Parsers that walk their tree by recursion end the process where it is deep, and the standard has them copy
open formatting elements (`<b><p></b>`), by the square of the markup where somebody wants that. So before
such a parser is called, the tokens are read, in linear time, and one of two things is known:

nested  Every end tag closes the element opened last, tables hold only what belongs into them, and no
        start tag closes another element with a formatting one inside. Then a parser's stack holds nothing
        that is not open here but <html>, <head>, <body> and the rows that a table lacks, nothing is
        moved out of a table, and nothing is copied. Elements it closes by itself make its stack shorter.
loose   Anything else. Each element stands on a path from the root at most once, copies included (a copy is
        made only when what it is of is open no more), so no path is longer than there are start tags.
        Copied is each formatting element at most once a token and, for each formatting tag, `ADOPTED` times.

Where an element changes how what follows is read (<svg>, <select>, <noscript>), tokens alone tell nothing.

HTML standard, 13.2.4 (stack of open elements, active formatting elements) and 13.2.6 (tree construction).
Nothing is raised for any markup.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import turbohtml

from estafeta_milter.html.rewrite import one_line

ROOTS = 3  # <html>, <head> and <body>, which are there in any case
ADOPTED = 32  # copies by one run of the adoption agency: 8 rounds of an element and at most 3 inside it
ROW = 2  # <tbody> and <tr>, which a table with cells has in any case

_VOID = frozenset(
    {"area", "base", "basefont", "bgsound", "br", "col", "embed", "hr", "image", "img", "input", "keygen"}
    | {"link", "meta", "param", "source", "track", "wbr"}
)
_RAW = frozenset({"iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"})
_ROOT = frozenset({"html", "head", "body"})
_OPAQUE = frozenset(
    {"frameset", "math", "noscript", "optgroup", "option", "plaintext", "select", "svg", "template"}
)
_FORMATTING = frozenset(
    {"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"}
)
# What may stand where in a table: elsewhere, or with anything else in it, a table is mended by a parser.
_ROWS = frozenset({"tbody", "thead", "tfoot", "tr", "td", "th"})
_IN_TABLE = {
    "table": _ROWS | {"caption", "colgroup", "col", "style", "script"},
    **dict.fromkeys(("tbody", "thead", "tfoot"), frozenset({"tr", "td", "th", "style", "script"})),
    "tr": frozenset({"td", "th", "style", "script"}),
    "colgroup": frozenset({"col"}),
}
_OF_TABLES = _ROWS | {"caption", "colgroup", "col"}
_CONTEXTS = (_OF_TABLES | {"table"}) - {"col"}
# Start tags that close nothing, not even a paragraph.
_NEUTRAL = (
    _FORMATTING
    | (_VOID - {"hr"})
    | (_RAW - {"xmp"})
    | {"abbr", "acronym", "bdi", "bdo", "cite", "del", "dfn", "ins", "kbd", "label", "mark", "q", "samp"}
    | {"span", "sub", "sup", "time", "var"}
)
# Start tags that may close an element of the same group.
_GROUPS = (
    frozenset({"p"}),
    frozenset({"li"}),
    frozenset({"dd", "dt"}),
    frozenset({"button"}),
    frozenset({"h1", "h2", "h3", "h4", "h5", "h6"}),
    frozenset({"a"}),
    frozenset({"nobr"}),
    frozenset({"rb", "rp", "rt", "rtc"}),
)
_GROUP = {name: group for group in _GROUPS for name in group}


@dataclass(frozen=True, slots=True)
class Nesting:
    """What a parser makes of a markup, at most."""

    depth: int
    """Elements inside each other."""
    elements: int
    """All elements, copies included."""
    copies: Mapping[str, int]
    """Copies of formatting elements, by name; empty where nothing is copied."""
    tags: tuple[turbohtml.Token, ...]
    """The start tags."""
    sheets: tuple[tuple[int, int], ...]
    """Where the text of each <style> begins and ends."""


def nesting(markup: bytes) -> Nesting | None:
    """Return what may become of `markup`; None where tokens do not tell."""
    walk = _Walk()
    sheets: list[tuple[int, int]] = []
    in_sheet = False
    for token in turbohtml.tokenize(one_line(markup), capture_source=True):
        if token.type is turbohtml.TokenType.START_TAG:
            if token.tag in _OPAQUE:
                return None
            walk.start(token)
            in_sheet = token.tag == "style"
        elif token.type is turbohtml.TokenType.END_TAG:
            walk.end(token.tag or "")
            in_sheet = False
        elif in_sheet and token.type is turbohtml.TokenType.TEXT:
            sheets.append((token.col, token.col + len(token.data or "")))
    depth, copies = (ROOTS + walk.made, walk.copies()) if walk.loose else (ROOTS + walk.deepest, {})
    elements = ROOTS + walk.made + sum(copies.values())
    return Nesting(depth, elements, copies, tuple(walk.tags), tuple(sheets))


class _Walk:
    """The elements open at a token, for as long as they are well nested."""

    def __init__(self) -> None:
        self.tags: list[turbohtml.Token] = []
        self.names: Counter[str] = Counter()  # of the start tags
        self.ends: Counter[str] = Counter()  # of the end tags
        self.loose = False
        self.deepest = 0
        self._open: list[str] = []
        self._contexts: list[str] = []  # those of `_open` that make, or end, the rules of a table
        self._now: Counter[str] = Counter()  # the names in `_open`
        self._formatting = 0  # of `_open`

    @property
    def made(self) -> int:
        """The elements without copies, with rows that tables lack, and those that a lone end tag makes."""
        rows = ROW * (self.names["td"] + self.names["th"]) + self.names["tr"] + self.names["col"]
        return self.names.total() + rows + self.ends["p"] + self.ends["br"]

    def start(self, token: turbohtml.Token) -> None:
        """Read a start tag."""
        name = token.tag or ""
        self.tags.append(token)
        self.names[name] += 1
        if self.loose or name in _ROOT:
            self.loose = self.loose or bool(self._contexts)
            return
        if not self._fits(name) or self._closes(name):
            self.loose = True
        elif name not in _VOID and name not in _RAW:
            self._push(name)

    def end(self, name: str) -> None:
        """Read an end tag."""
        self.ends[name] += 1
        if self.loose or name in _ROOT or name in _RAW or (name in _VOID and name != "br"):
            return  # none of these is open
        if not self._open or self._open[-1] != name:
            self.loose = True
            return
        self._open.pop()
        self._now[name] -= 1
        self._formatting -= name in _FORMATTING
        if name in _CONTEXTS:
            self._contexts.pop()

    def copies(self) -> dict[str, int]:
        """Return how often formatting elements of each name may be copied, where tags overlap."""
        found = {name: count for name, count in self.names.items() if name in _FORMATTING}
        tokens = 2 * (self.names.total() + self.ends.total()) + 1  # and the texts between them
        adopted = ADOPTED * sum(count + self.ends[name] for name, count in found.items())
        # Of links one is active at a time: a second one closes the first.
        return {name: tokens * (1 if name == "a" else count) + adopted for name, count in found.items()}

    def _fits(self, name: str) -> bool:
        """Whether no parser puts an element of this name somewhere else, or leaves it out."""
        inside = self._contexts[-1] if self._contexts else ""
        if inside in _IN_TABLE:
            return name in _IN_TABLE[inside]
        return name not in _OF_TABLES and not (name == "form" and self._now["form"])

    def _closes(self, name: str) -> bool:
        """Whether the start tag may close something that has an open formatting element inside."""
        if not self._formatting:
            return False
        if self._now["p"] and name not in _NEUTRAL:
            return True
        return any(self._now[other] for other in _GROUP.get(name, ()))

    def _push(self, name: str) -> None:
        self._open.append(name)
        self._now[name] += 1
        self._formatting += name in _FORMATTING
        if name in _CONTEXTS:
            self._contexts.append(name)
        self.deepest = max(self.deepest, len(self._open) + 1 + ROW * self._now["table"])
