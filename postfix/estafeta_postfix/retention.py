"""What is kept goes when its time is over: `retention` and `hosting.retention_days`.

In this order, at the start and then every hour:

1. Rows that are older are taken out of the store, a few at a time: those about files and contents, then
   events, then messages and transmissions of which no event is left, then contacts, groups, suppressions.
   Of several hosts the one on duty does it, also as soon as it comes on duty.
2. Of the files on the disk, those that no account keeps are removed, and drafts that nobody finished.

A file sent again meanwhile stays: its row is younger by then, or is being written. For a row that is
being written, its file has been renewed a moment ago (`hosting.Shelf.keep` comes before the row), and
nothing that was renewed within DAY is removed. So what step 2 finds without a row and old can only have
lost it in step 1, or belong to a message that was never accepted.

The store may be away and a folder unreadable: what could not be done is done an hour later.
"""

import logging
import time
from collections.abc import Callable

from estafeta_core import metrics
from estafeta_core.config import schema
from estafeta_core.hosting import Shelf
from estafeta_core.store import Store, StoreUnavailable
from estafeta_core.store.rows import Eventful, Expiring, Forget, ForgetUneventful
from estafeta_postfix.background import Background

HOUR = 3600.0  # seconds
DAY = 24 * HOUR  # no message takes so long between keeping its files and writing its rows
BATCH = 500  # rows to a transaction: a few milliseconds, for which everybody else waits
LOOK = 1.0  # seconds between looks whether this host has come on duty
PAUSE = 0.01  # seconds between two batches or folders
QUEUE_DAYS = 30  # for which a queue file may be a copy of another; Postfix gives up after 5

log = logging.getLogger(__name__)


class Retention(Background):
    """A thread that clears up.

    `days`, for hosted files, and `periods`, for all else, are asked before each round, because a reload may
    have changed them; 0 keeps for ever. `clock` gives Unix time in seconds. Rows are taken out only while
    this host is `on_duty`, and files are removed in any case.
    """

    def __init__(
        self,
        store: Store,
        shelf: Shelf,
        days: Callable[[], int],
        clock: Callable[[], float] = time.time,
        periods: Callable[[], schema.Retention] = schema.Retention,
        *,
        on_duty: Callable[[], bool] = lambda: True,
    ) -> None:
        super().__init__("retention")
        self._store = store
        self._shelf = shelf
        self._days = days
        self._clock = clock
        self._periods = periods
        self._on_duty = on_duty

    def clear(self) -> int:
        """Do one round and return how many files were removed; StoreUnavailable stops it."""
        now = self._clock()
        if self._on_duty():
            self._forget_rows(now)
        return sum(self._cleared(shard, now - DAY) for shard in self._shelf.shards() if self._go_on())

    def run(self) -> None:
        """Clear up every hour, and when this host comes on duty; stop within a batch."""
        while not self._stopping.is_set():
            on_duty = self._on_duty()
            try:
                removed = self.clear()
                if removed:
                    log.info("%d hosted files that nobody keeps any more were removed", removed)
            except (StoreUnavailable, OSError) as error:
                log.error("what is kept could not be cleared, tried again in an hour: %s", error)
            except Exception:  # a bug here keeps files for longer; it never stops the log follower
                log.exception("what is kept could not be cleared, tried again in an hour")
            self._rest(on_duty)

    def _rest(self, before: bool) -> None:
        """Wait for an hour, or until this host comes on duty, if it was not so `before` the round."""
        over = time.monotonic() + HOUR
        while time.monotonic() < over and not self._stopping.wait(LOOK):
            now = self._on_duty()
            if now and not before:
                return
            before = now

    def _forget_rows(self, now: float) -> None:
        days = self._days()
        if days:
            self._forget("contents", now - days * DAY)
            self._forget("files", now - days * DAY)
        self._forget("requeued", now - QUEUE_DAYS * DAY)
        self._forget_old(now, self._periods())
        self._forget("batches", now - DAY)  # SparkPost tells of them for so long

    def _forget(self, what: Expiring, before: float) -> None:
        limit = round(before * 1000)
        while self._go_on() and self._on_duty() and self._store.has_older(what, limit):
            self._store.record([Forget(what, limit, BATCH)])
            metrics.FORGOTTEN[what].add()

    def _forget_old(self, now: float, periods: schema.Retention) -> None:
        by_days: tuple[tuple[Expiring, int], ...] = (
            ("events", periods.events),
            ("contacts", periods.contacts),
            ("group_contacts", periods.contacts),
            ("groups", periods.contacts),
            ("suppressions", periods.suppressions),
        )
        for what, days in by_days:
            if days:
                self._forget(what, now - days * DAY)
        if periods.events and periods.messages:  # where events stay, there is no message without one
            before = now - max(periods.events, periods.messages) * DAY
            self._forget_uneventful("messages", before)
            self._forget_uneventful("transmissions", before)

    def _forget_uneventful(self, what: Eventful, before: float) -> None:
        """Look through all that is old: one that was clicked in lately stays between others that go."""
        after, limit = 0, round(before * 1000)
        while (
            self._go_on()
            and self._on_duty()
            and (span := self._store.uneventful(what, limit, after, BATCH)) is not None
        ):
            upto, some = span
            if some:
                self._store.record([ForgetUneventful(what, after, upto)])
                metrics.FORGOTTEN[what].add()
            after = upto

    def _cleared(self, shard: str, before: float) -> int:
        """Remove the files of one folder that nobody keeps; return how many."""
        try:
            self._shelf.remove_drafts(shard, before)
            digests = self._shelf.digests(shard)
            kept = self._store.kept_files(digests)
            return sum(self._shelf.remove(digest, before) for digest in digests if digest not in kept)
        except OSError as error:
            log.error("the folder %s of hosted files cannot be cleared: %s", shard, error)
            return 0

    def _go_on(self) -> bool:
        """Leave the store and the disk to others for a moment; return whether there is time for more."""
        return not self._stopping.wait(PAUSE)
