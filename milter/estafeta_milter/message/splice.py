"""Replace spans of bytes, all at once.

Raises ValueError when two edits overlap: they come from one walk over one text, so an
overlap is a mistake in the program.
"""

from collections.abc import Iterable
from typing import NamedTuple


class Edit(NamedTuple):
    """`data[start:end]` becomes `new`; an insertion has `start == end`."""

    start: int
    end: int
    new: bytes


def splice(data: bytes, edits: Iterable[Edit]) -> bytes:
    """Return `data` with every edit made, or `data` itself when there is none.

    Insertions at one place keep their order.
    """
    ordered = sorted(edits, key=lambda edit: (edit.start, edit.end))
    if not ordered:
        return data
    pieces: list[bytes] = []
    done = 0
    for start, end, new in ordered:
        if start < done:
            raise ValueError("edits overlap")
        pieces += (data[done:start], new)
        done = end
    pieces.append(data[done:])
    return b"".join(pieces)
