"""docs/logs.md against the code: every line that a daemon logs is explained there, and no other."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

from estafeta_testing.documents import ROOT

PAGE = ROOT / "docs" / "logs.md"
ANYTHING = "…"  # a line that is no more than an error's own text
ROOMS = ("core", "policy", "milter", "web", "postfix")
# What logging calls a level, and what a line says of it. `exception` has a table of its own.
LEVELS = {"info": "info", "warning": "warning", "error": "error", "exception": "fault", "critical": "fatal"}
# Lines of decisions that are put together without logging (estafeta_policy/journal.py).
UNLOGGED = (
    "NAME: refused: REPLY; USER[ADDRESS] at STATE, from=<ADDRESS> WHOM",
    "WHO[ADDRESS] at LISTENER, MECHANISM under TLS: logged in",
    "WHO[ADDRESS] at LISTENER, MECHANISM under TLS: refused: REASON",
    "unknown[ADDRESS] at LISTENER, MECHANISM under TLS: answered as temporary: REASON",
)


def _bare(text: str) -> str:
    """Return a line with everything that differs as …: what is put in, and words in capitals."""
    text = re.sub(r"%[-+.#\d]*[a-z]|\{[^}]*\}|\b[A-Z]+s?\b", "…", text)
    return re.sub(r"\s+", " ", text).strip()


def _texts(node: ast.expr, module: ast.Module) -> Iterator[str]:
    """Yield what the first argument of a call may be."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.Name(id=name):
            for each in ast.walk(module):
                match each:
                    case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                        yield from _texts(value, module)
        case ast.IfExp(body=one, orelse=other):
            yield from _texts(one, module)
            yield from _texts(other, module)
        case _:
            raise AssertionError(
                f"{ast.unparse(node)}: the text of a log line stands in the call, or in a name"
            )


@functools.cache
def _logged() -> frozenset[tuple[str, str]]:
    files = (each for room in ROOMS for each in (ROOT / room).rglob("*.py"))
    return frozenset(line for file in files for line in _of(file))


def _of(file: Path) -> Iterator[tuple[str, str]]:
    module = ast.parse(file.read_text())
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=level), args=[text, *_]):
                level = "fault" if any(each.arg == "exc_info" for each in node.keywords) else LEVELS[level]
                found = (_bare(each) for each in _texts(text, module))
                yield from ((level, each) for each in found if each != ANYTHING)


def _explained() -> Iterator[tuple[str, str]]:
    for line in PAGE.read_text().splitlines():
        level, *_ = re.findall(r"^\| (info|warning|error|fatal) \|", line) or ["fault"]
        if found := re.match(r"\| (?:\w+ \| )?(`.*?`(?:, `.*?`)*) \|", line):
            for text in re.findall(r"`(.*?)`", found[1]):
                yield level, _bare(text)


def test_every_line_of_the_log_is_explained() -> None:
    assert sorted(_logged() - set(_explained())) == []


def test_no_line_is_explained_that_is_not_logged() -> None:
    assert sorted(set(_explained()) - _logged()) == sorted(("info", _bare(each)) for each in UNLOGGED)
