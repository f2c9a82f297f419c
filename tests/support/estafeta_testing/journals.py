"""The journal read at once, by the worker's own follower, where there is no worker."""

import time
from pathlib import Path

from estafeta_core import journal
from estafeta_core.store import Store
from estafeta_postfix.journal_follower import Journal, JournalReader
from estafeta_postfix.log_follower import follow
from estafeta_postfix.log_follower.follow import Follower
from estafeta_postfix.log_follower.reader import Chunk

LOOKS = 2  # in a row that bring nothing: the first may find a file put aside, the second goes on
PAUSE = 1.2 * JournalReader.grace  # seconds between them


class _Reading(Journal):
    """Also says when it is time to stop."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._nothing = 0

    def looked(self, chunk: Chunk | None) -> None:
        self._nothing = self._nothing + 1 if chunk is None else 0

    def wait(self, seconds: float) -> bool:
        assert seconds < follow.RETRY, "the journal cannot be read into the store"
        if self._nothing < LOOKS:
            time.sleep(min(seconds, PAUSE))
        return self._nothing >= LOOKS


def catch_up(folder: Path, store: Store) -> None:
    """Bring the journal in `folder` into the store."""
    path = folder / journal.NAME
    reading = _Reading(path)
    Follower(path, store, reading, reading.wait, reader=JournalReader).run()
