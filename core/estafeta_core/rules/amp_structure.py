"""Whether AMP content stands beside another version of itself.

SparkPost: `text/x-amp-html` must be a descendant of multipart/alternative, alongside at least one
other text/html or text/plain part; a reader without AMP would show nothing otherwise.
"""

from collections.abc import Iterator

from estafeta_core.dialects.base import Part
from estafeta_core.refusal import Refusal

AMP = "text/x-amp-html"
MISPLACED = Refusal(
    550, "5.6.0", "text/x-amp-html must be inside multipart/alternative beside text/html or text/plain"
)
_READABLE = frozenset({"text/html", "text/plain"})


def check(root: Part) -> Refusal | None:
    """Return the refusal for an AMP part that no alternative covers."""
    pending = [(root, False)]  # a part, and whether an alternative above it holds something readable
    while pending:
        part, covered = pending.pop()
        if part.content_type == AMP and not covered:
            return MISPLACED
        if part.content_type == "multipart/alternative" and not covered:
            covered = any(leaf.content_type in _READABLE for leaf in _leaves(part))
        pending.extend((child, covered) for child in part.children)
    return None


def _leaves(root: Part) -> Iterator[Part]:
    pending = [root]
    while pending:
        part = pending.pop()
        if not part.children:
            yield part
        pending.extend(part.children)
