"""The journal read at once, by the worker's own follower, where there is no worker."""

import time
from pathlib import Path

from estafeta_core import journal
from estafeta_core.store import Store
from estafeta_postfix.journal_follower import Journal, JournalReader
from estafeta_postfix.log_follower.follow import Follower

LOOKS = 3  # in a row that bring nothing: one may find a file put aside, the next goes on to the following one
PAUSE = 0.006  # seconds between them, two of which are more than JournalReader.grace


class _Turns:
    """Says that it is time to stop when so many looks have brought nothing."""

    def __init__(self) -> None:
        self._left = LOOKS

    def __call__(self, seconds: float) -> bool:
        time.sleep(min(seconds, PAUSE))
        self._left = LOOKS if self._left and not seconds else self._left - 1
        return self._left <= 0


def catch_up(folder: Path, store: Store) -> None:
    """Bring the journal in `folder` into the store."""
    path = folder / journal.NAME
    Follower(path, store, Journal(path), _Turns(), JournalReader).run()
