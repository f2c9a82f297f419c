"""Ids that no transmission and no message ever has.

An explanation shows real tokens, signed with the keys in force, and somebody may follow one. Ids hold the
milliseconds since the beginning of 2024 in their upper bits, so those of the very first millisecond were
never given to anything, and never will be. What a token with one of them tells is dropped by the store: an
open, a click and an unsubscribe of a message that is unknown.
"""

from estafeta_core.ids import PROCESS_BITS, SEQUENCE_BITS, IdSource

FIRST_MILLISECOND = 1 << (PROCESS_BITS + SEQUENCE_BITS)
"""Every id below was never handed out."""


class Unissued(IdSource):
    """Counts from 1, so that the same question has the same answer."""

    def __init__(self) -> None:
        super().__init__()
        self._last = 0

    def next(self) -> int:
        """Return the next number; OverflowError when there are no more that nobody has."""
        self._last += 1
        if self._last >= FIRST_MILLISECOND:
            raise OverflowError("more ids than one millisecond has")
        return self._last
