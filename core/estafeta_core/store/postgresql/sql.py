r"""SQL that SQLite understands, in PostgreSQL's words; values, in what its text can hold.

The statements of `queries`, `writes` and `erasure` keep to what both understand. What is left differs in a
few functions and operators, each a rule here. SQLite's LIKE looks at no case of ASCII letters; so does
ILIKE of texts in COLLATE "C", which all columns are in. A parameter that is only asked whether it is NULL
must say its type: all those are texts.
"""

import re
from collections.abc import Sequence
from functools import cache
from itertools import count
from typing import Any, NamedTuple

_RULES = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (
            r"CAST\(json_extract\(([\w.]+), '\$\.(\w+)'\) AS INTEGER\)",
            r"CAST(substring(\1::json ->> '\2' FROM '^-{0,1}[0-9]{1,18}') AS bigint)",
        ),
        (r"json_extract\(([\w.]+), '\$\.(\w+)'\)", r"""((\1::json ->> '\2') COLLATE "C")"""),
        (
            r"json_insert\((\w+), '\$\.(\w+)', (\?\d+)\)",
            r"(jsonb_build_object('\2', \3::text) || \1::jsonb)::text",
        ),
        (
            r"CAST\(\(julianday\('now'\) - 2440587\.5\) \* 86400000 AS INTEGER\)",
            "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)",
        ),
        (r"\bjson_each\b", "elements"),
        (r"\binstr\(", "strpos("),
        (r"\bLIKE\b", "ILIKE"),
        (r"\bCROSS JOIN ([\w ]+? ON)\b", r"JOIN \1"),  # the order of tables is the planner's own
        (r"(\?\d+) IS NULL", r"\1::text IS NULL"),
    )
)
_PLACE = re.compile(r"\?(\d*)")
_NUMBERED = re.compile(r"\$(\d+)")
_UNKNOWN = re.compile(r"(\\\\)|\\u0000|(\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2})|\\ud[89a-f][0-9a-f]{2}")


class Translated(NamedTuple):
    """A statement, and which values it takes, from 0: PostgreSQL has no place for one that is not used."""

    text: str
    places: tuple[int, ...]

    def values(self, given: Sequence[Any]) -> list[Any]:
        """Return what of the values for SQLite's statement this one takes."""
        return [plain(given[place]) for place in self.places]


@cache
def translated(sql: str) -> Translated:
    """Return a statement with `$1` in the place of `?1`, and of the first `?`."""
    for pattern, words in _RULES:
        sql = pattern.sub(words, sql)
    numbers = count(1)
    sql = _PLACE.sub(lambda found: f"${found[1] or next(numbers)}", sql)
    used = sorted({int(number) for number in _NUMBERED.findall(sql)})
    renumbered = {str(old): new for new, old in enumerate(used, 1)}
    text = _NUMBERED.sub(lambda found: f"${renumbered[found[1]]}", sql)
    return Translated(text, tuple(number - 1 for number in used))


def plain(value: Any) -> Any:
    """Return a value without what PostgreSQL cannot hold: NUL and, in JSON, halves of a surrogate pair."""
    if isinstance(value, str):
        if "\0" in value:
            value = value.replace("\0", "\ufffd")
        if "\\u" in value and value[0] in "[{":
            value = _UNKNOWN.sub(lambda found: found[1] or found[2] or "\\ufffd", value)
    return value
