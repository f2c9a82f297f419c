"""What README.md and docs/ hold for a program to look at: commands, links, anchors.

A block fenced as `console` is a terminal: lines that begin with `# ` (root's) or `$ ` are commands, with
those that a backslash at the end joins to them; the others are what is printed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGES = (
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "tests" / "testcases" / "README.md",
)

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^ *[#$] ((?:.*\\\n)*.*)", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """The commands of one fenced block; `line` is where it begins."""

    page: Path
    line: int
    commands: tuple[str, ...]

    def begins(self, *words: str) -> bool:
        """Whether the first command begins with any of these."""
        return self.commands[:1] != () and self.commands[0].startswith(words)

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks() -> Iterator[Block]:
    """Yield every block of commands, in the order of the pages."""
    for page in PAGES:
        text = page.read_text()
        for found in _FENCE.finditer(text):
            if found[1] == "console":
                commands = tuple(each[1] for each in _COMMAND.finditer(found[2]))
                yield Block(page, text.count("\n", 0, found.start()) + 1, commands)


def block(words: str) -> Block:
    """Return the block whose first command begins with `words`."""
    [found] = [each for each in blocks() if each.begins(words)]
    return found


def languages(page: Path) -> set[str]:
    """Return the languages of the fenced blocks of a page."""
    return {found[1] for found in _FENCE.finditer(page.read_text())}


def unmarked(page: Path) -> Iterator[str]:
    """Yield the text of every fenced block that names no language."""
    yield from (found[2] for found in _FENCE.finditer(page.read_text()) if not found[1])


def links(page: Path) -> Iterator[str]:
    """Yield what a page links to, outside of fenced blocks and code."""
    text = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", page.read_text()))
    for found in _LINK.finditer(text):
        yield found[1] or found[2]


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page: a second one alike gets `-1`."""
    seen: dict[str, int] = {}
    made: set[str] = set()
    for heading in _HEADING.findall(_FENCE.sub("", page.read_text())):
        words = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(
            " ", "-"
        )
        count = seen.get(words, 0)
        seen[words] = count + 1
        made.add(f"{words}-{count}" if count else words)
    return made
