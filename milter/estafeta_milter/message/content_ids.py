"""Which part a `cid:` reference means (RFC 2392).

    Content-ID: <logo@acme.example>    cid:logo@acme.example, cid:logo%40acme.example, CID:LOGO@acme.example

A reference is compared as it is written, then without percent escapes, and then both in any case of letters,
as mail programs do. Of several parts with the same id the nearest counts: one in the innermost
multipart that holds the HTML too, and of those the first.
"""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from estafeta_milter.message.part import Part, walk

_BRACKETED = re.compile(r"<([^<>]*)>")


class ContentIds:
    """The ids of one message."""

    def __init__(self, root: Part) -> None:
        self._parts: dict[tuple[str, str], list[Part]] = {}
        self._found: dict[tuple[tuple[str, str], str], Part] = {}
        for part in walk(root):
            if part.content_id and not part.children:
                known_as = _id(part.content_id)
                for key in (("exact", known_as), ("folded", known_as.casefold())):
                    self._parts.setdefault(key, []).append(part)

    def find(self, reference: str, html: Part) -> Part | None:
        """Return the part that `reference`, without `cid:`, means in the text of `html`, or None."""
        name = next((name for name in _names(reference) if name in self._parts), None)
        if name is None:
            return None
        # Remembered by the id that was found: a sender may spell one id in ten thousand ways.
        key = (name, html.path)
        if key not in self._found:
            self._found[key] = max(self._parts[name], key=lambda part: _nearness(part.path, html.path))
        return self._found[key]


def _id(field: str) -> str:
    raw = field.encode("latin-1").decode("utf-8", "replace")
    bracketed = _BRACKETED.search(raw)
    return (bracketed[1] if bracketed else raw).strip()


def _names(reference: str) -> Iterator[tuple[str, str]]:
    """Yield the keys under which a part may be known, the most exact first."""
    written, plain = _bare(reference), _bare(unquote(reference))
    yield from (("exact", name) for name in (written, plain) if name)
    yield from (("folded", name.casefold()) for name in (written, plain) if name)


def _bare(name: str) -> str:
    return name.strip().removeprefix("<").removesuffix(">").strip()


def _nearness(path: str, other: str) -> int:
    """Return how many multiparts hold both parts."""
    shared = 0
    for mine, theirs in zip(path.split("."), other.split("."), strict=False):
        if mine != theirs:
            break
        shared += 1
    return shared
