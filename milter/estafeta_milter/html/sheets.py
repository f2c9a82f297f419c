"""What it takes to apply a style sheet to elements: at most so many nanoseconds, and so many bytes of styles.

The sheet is not parsed as browsers do it. It is cut at its braces; of each selector the last part says by
its tag, class or id how many elements it can match, and whatever is not as simple as that matches all. What
stands between braces counts for every selector around it, and nothing for @media and its like, which stay in
the sheet. A sheet that may read otherwise than it looks (a brace inside a string, an escaped quote) counts
as one rule that matches everything.

The figures are those of css-inline 0.23 on hostile sheets, rounded up: it compares each selector with
the elements of its last part, walks to their ancestors or siblings for each combinator, and looks a
declaration up among those that an element has.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

MATCH = 25  # ns for a selector and an element
STEP = 10  # ns for a combinator and an ancestor or sibling
MERGE = 2  # ns for a declaration and one that the element has
BYTE = 10  # ns for a byte of a style, from the sheet to the end of it

REFERENCE = 10  # bytes of the longest character reference, &#1114111;

Candidates = Callable[[str], int]
"""Answers how many elements have a tag (`p`), class (`.p`) or id (`#p`), in lower case."""

_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_STRING = re.compile(r"\"[^\"\n\r\f\\]*\"|'[^'\n\r\f\\]*'")
_STRUCTURAL = re.compile(r"[{}]|/\*|\*/")
# A quote that is not paired on its line; an escape of what has a meaning; a brace or comment in parentheses.
_UNCLEAR = re.compile(r"""["']|\\[^\w:.,/@!%#>+~=&?\[\]*-]""")
_PARENTHESES = re.compile(r"\([^()]*(?:[{}]|/\*)")
_QUOTED = "&"  # stands for each sign of a string; as long as a reference it becomes 5 bytes more
_BRACE = re.compile(r"[{}]")
_COMBINATOR = re.compile(r"[\s>+~|]+")
_SIMPLE = re.compile(r"([a-z][a-z0-9_-]*)?((?:[.#][a-z0-9_-]+)*)(?:::?[a-z-]+)*")
_NAMES = re.compile(r"[.#][a-z0-9_-]+")
_NTH = re.compile(r"\([\s0-9n+-]*\)")
_UNAPPLIED = re.compile(r"@(?:media|supports|font-face|(?:-[a-z]+-)?keyframes|page)(?![\w\\-])")
_FAR = re.compile(r"[+~]|:has")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a sheet asks for."""

    nanoseconds: int = 0
    bytes: int = 0
    """Of the styles of all elements together."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a sheet is applied to."""

    elements: int
    depth: int
    declarations: int
    """In the style attributes."""
    candidates: Candidates


def cost(sheets: Iterable[str], page: Page) -> Cost:
    """Return what it takes to apply `sheets` to `page`."""
    tally = _Tally(page)
    for sheet in sheets:
        plain = _plain(sheet)
        if plain is None:
            tally.everywhere(sheet)
        else:
            tally.rules(plain)
    return tally.cost()


def _plain(sheet: str) -> str | None:
    """Return `sheet` without comments and strings; None where it may read otherwise than it looks."""
    if _STRUCTURAL.search("\n".join(_STRING.findall(sheet))):
        return None
    unquoted = _STRING.sub(lambda match: _QUOTED * len(match[0]), sheet)
    plain = _COMMENT.sub(" ", unquoted)
    unclear = _UNCLEAR.search(plain) or _PARENTHESES.search(unquoted)
    return None if unclear else plain.lower()


class _Tally:
    def __init__(self, page: Page) -> None:
        self._page = page
        self._matching = self._given = self._declared = self._bytes = 0
        self._properties: set[str] = set()

    def cost(self) -> Cost:
        """Return the sum."""
        merged = self._given * (len(self._properties) + 1) + self._declared * self._page.declarations
        return Cost(self._matching + MERGE * merged + BYTE * self._bytes, self._bytes)

    def everywhere(self, sheet: str) -> None:
        """Count a whole sheet as one rule for all elements, and anything in it as a selector."""
        elements = self._page.elements
        self._declare(sheet, elements)
        steps = len(_COMBINATOR.findall(sheet)) * elements
        self._matching += elements * (MATCH * (1 + sheet.count("{") + sheet.count(",")) + STEP * steps)

    def rules(self, sheet: str) -> None:
        """Count each rule for the elements that it can match."""
        around: list[int] = []  # the elements that the open blocks apply to, each with those around it
        place = 0
        unapplied = 0  # blocks open since an at-rule that is not applied began, itself included
        for brace in _BRACE.finditer(sheet):
            text, place = sheet[place : brace.start()], brace.end()
            if unapplied:
                unapplied += 1 if brace[0] == "{" else -1
                continue
            elements = around[-1] if around else 0
            self._declare(text, elements)
            prelude = text.rpartition(";")[2].strip()
            if brace[0] == "}":
                del around[-1:]
            elif not around and _UNAPPLIED.match(prelude):
                unapplied = 1
            else:
                around.append(max(elements, self._select(prelude)))
        if around:
            self._declare(sheet[place:], around[-1])

    def _declare(self, text: str, elements: int) -> None:
        if not elements:
            return
        declarations = text.split(";")
        self._properties.update(each.partition(":")[0].strip() for each in declarations)
        self._declared += len(declarations)
        self._given += elements * len(declarations)
        # `a:b` becomes `a: b;`, and a sign that its charset lacks a reference.
        written = len(text) if text.isascii() else REFERENCE * len(text)
        self._bytes += elements * (written + 2 * len(declarations) + 5 * text.count("&"))

    def _select(self, prelude: str) -> int:
        """Count the selectors of a rule; return how many elements they match."""
        if prelude.startswith("@"):
            return 0
        matched = 0
        for selector in _NTH.sub("", prelude).split(","):
            parts = _COMBINATOR.split(selector.strip())
            compared, most = self._candidates(parts[-1])
            span = self._page.elements if _FAR.search(selector) else self._page.depth
            self._matching += compared * (MATCH + STEP * span * (len(parts) - 1))
            matched += most
        return min(matched, self._page.elements)

    def _candidates(self, compound: str) -> tuple[int, int]:
        """Return how many elements a compound selector is compared with, and how many it matches, at most."""
        simple = _SIMPLE.fullmatch(compound)
        tag, names = (simple[1], _NAMES.findall(simple[2])) if simple else (None, [])
        found = [self._page.candidates(key) for key in ([tag] if tag else []) + names]
        return (max(found), min(found)) if found else (self._page.elements, self._page.elements)
