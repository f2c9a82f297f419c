"""A structured field value: `text/html; charset="utf-8"; name=x` (RFC 2045 section 5.1).

    value     = head *( ";" [ name "=" ( token / quoted-string ) ] )

Comments are dropped, folds are undone, empty parameters (`;;`) are passed over. A file name with
spaces and without quotes (`name=my file.txt`) is read up to the next semicolon, which not every
reader does. The work is linear in the length of the value whatever it holds: each step consumes what
it looked at, and the first thing that cannot be read ends the reading. Nothing is raised; what was
unclear stands in `Parameters.doubt`, because two readers may understand such a value differently.
"""

import re
from dataclasses import dataclass

MAX_PARAMETERS = 100  # a file name in RFC 2231 pieces of 70 bytes takes 15; this bounds a flood
UNREADABLE = "parameters that cannot be read"
MAX_COMMENTED = 8192  # bytes of a value with comments in it; 20 MB of parentheses would take three seconds

_HEAD = re.compile(r"[^;]*+")
_PARAMETER = re.compile(
    r"""[ \t\n]*+;[ \t\n;]*+
        (?:([!#$%&'*+.^_`{|}~0-9A-Za-z-]++)[ \t\n]*+=[ \t\n]*+
           (?:"((?:[^"\\]++|\\.)*)"|([^\s;"()]++))[ \t\n]*+)?""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_LOOSE_NAMES = frozenset({"name", "filename"})
_REST = re.compile(r"""[^;"\n]++""")
_COMMENT_MARK = re.compile(r"""\\.|["()]""", re.DOTALL)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Parameters:
    """A field value taken apart."""

    head: str
    """What stands before the first semicolon, lower case, without surrounding space."""
    values: tuple[tuple[str, str], ...]
    """Name (lower case) and value of each parameter, in order, repeated ones included."""
    doubt: str
    """Why the value may be read in more than one way; "" if it may not."""

    def named(self, name: str) -> list[str]:
        """Return the values of every parameter `name`."""
        return [value for key, value in self.values if key == name]


def parse(raw: bytes) -> Parameters:
    """Take the field value `raw` apart; see the module for what is accepted."""
    written = text = raw.replace(b"\r\n", b"\n").strip().decode("latin-1")
    doubt = "a bare CR in a field" if "\r" in text else ""
    if len(text) > MAX_COMMENTED and ("(" in text or ")" in text):
        doubt = doubt or "a comment in a very long field"
    elif "(" in text or ")" in text:
        text, comment_doubt = _without_comments(text)
        doubt = doubt or comment_doubt
    head = _HEAD.match(text)
    end = head.end() if head else 0
    values, rest_doubt = _values(text, end, written)
    return Parameters(text[:end].strip().lower(), values, doubt or rest_doubt)


def locate(raw: bytes, name: str) -> list[tuple[int, int]]:
    """Return where the values of the parameters `name` stand in `raw`, quotes excluded.

    They are the values that `parse` reads in a value that is not in doubt.
    """
    text = raw.replace(b"\r\n", b" \n").decode("latin-1")  # as long as it was
    if "(" in text or ")" in text:
        text, _ = _without_comments(text)
    head = _HEAD.match(text)
    position = head.end() if head else 0
    found: list[tuple[int, int]] = []
    while match := _PARAMETER.match(text, position):
        position = match.end()
        if match[1] is not None and match[1].lower() == name:
            found.append(match.span(2 if match[2] is not None else 3))
    return found


def _values(text: str, position: int, written: str) -> tuple[tuple[tuple[str, str], ...], str]:
    """Return the parameters behind `position`, and a doubt; `written` is `text` with its comments."""
    found: list[tuple[str, str]] = []
    doubt, loose = "", 0
    while position < len(text):
        match = _PARAMETER.match(text, position)
        rest = _REST.match(text, position) if match is None and loose else None
        if rest is not None:
            position, doubt = rest.end(), UNREADABLE
            found[-1] = (found[-1][0], written[loose:position].replace("\n", "").strip())
            continue
        if match is None:
            return tuple(found), UNREADABLE
        position, loose = match.end(), 0
        name, quoted, token = match.groups()
        if name is None:
            continue
        if len(found) == MAX_PARAMETERS:
            return tuple(found), f"more than {MAX_PARAMETERS} parameters"
        name = name.lower()
        if quoted is not None and name in _DECISIVE and ("\\" in quoted or "\n" in quoted):
            return tuple(found), f"a backslash or a fold in {name}"  # some readers keep it, some do not
        loose = match.start(3) if quoted is None and name in _LOOSE_NAMES else 0
        value = token if quoted is None else _QUOTED_PAIR.sub(r"\1", quoted.replace("\n", ""))
        found.append((name, value))
    return tuple(found), doubt


_DECISIVE = frozenset({"boundary", "charset"})


def _without_comments(text: str) -> tuple[str, str]:
    """Return `text` with each comment replaced by spaces, and a doubt."""
    kept: list[str] = []
    depth, quoted, since, opened, doubt = 0, False, 0, 0, ""
    for mark in _COMMENT_MARK.finditer(text):
        sign = mark.group()
        if sign == '"' and depth == 0:
            quoted = not quoted
        elif sign == "(" and not quoted:
            if depth == 0:
                opened = mark.start()
                kept.append(text[since:opened])
                since = mark.end()
            depth += 1
        elif sign == ")" and not quoted:
            depth -= 1
            if depth < 0:
                return text, "a comment that was not opened"
            if depth == 0:
                # A comment that holds a parameter is read as one by readers that know no comments.
                doubt = doubt or ("a parameter in a comment" if "=" in text[since : mark.start()] else "")
                # As long as the comment, so that what follows keeps its place.
                kept.append(" " * (mark.end() - opened))
                since = mark.end()
    if depth:
        return text, "a comment that is not closed"
    return "".join(kept) + text[since:], doubt
