"""Parts taken out of a body: the spans to cut, so that every other byte stays.

A part goes with one of the two delimiters around it: with the one behind it where another part follows,
with the one before it at the end. So the preamble, the closing delimiter and the epilogue stay, and each part
that stays has a delimiter before it, written as the sender wrote it. A multipart all of whose parts
go goes itself; one that is left with a single part stays as it is.

Raises ValueError when nothing would be left.
"""

from collections.abc import Collection, Iterator

from estafeta_milter.message.part import Part, walk
from estafeta_milter.message.splice import Edit


def cuts(root: Part, paths: Collection[str]) -> Iterator[Edit]:
    """Yield the edits that take the parts at `paths`, and all inside them, out of the body of `root`."""
    gone: set[str] = set()
    for part in reversed(list(walk(root))):  # children before the multipart they stand in
        if part.path in paths or (part.children and all(child.path in gone for child in part.children)):
            gone.add(part.path)
    if root.path in gone:
        raise ValueError("no part of the message would be left")
    pending = [root]
    while pending:
        children = pending.pop().children
        pending += [child for child in children if child.path not in gone]
        yield from _among(children, gone)


def _among(children: tuple[Part, ...], gone: set[str]) -> Iterator[Edit]:
    """Yield the cuts between the parts of one multipart, of which one stays at least."""
    last = max((place for place, child in enumerate(children) if child.path not in gone), default=0)
    for place, child in enumerate(children):
        if child.path not in gone:
            continue
        if place < last:
            yield Edit(child.header_start, children[place + 1].header_start, b"")
        else:
            yield Edit(children[place - 1].end, child.end, b"")
