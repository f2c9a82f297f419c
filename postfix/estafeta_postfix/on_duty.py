"""Jobs that one host does at a time: they run while this host's worker has a lease of the store.

A job here posts to somebody, asks somebody, or judges what all hosts have recorded. Each can be stopped at
any moment and begun elsewhere; what it has to know stands in the store. What is a host's own is none of
these: to read its log and its journal, and to remove its files. `retention.py` does both, and asks whose turn
it is.

Whoever waits looks once a second, and has the lease a second after it was released, or when it is over, if
its holder has died. The jobs stop when it is lost: because the store could not be asked for so long, or the
process stood still.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from estafeta_core import metrics
from estafeta_core.store import Lease, StoreUnavailable
from estafeta_postfix.background import Background

LOOK = 1.0  # seconds between two looks

log = logging.getLogger(__name__)


class Job(Protocol):
    """A thread that works from `start` to `stop`; it is used once."""

    def start(self) -> None:
        """Begin."""

    def stop(self, timeout: float) -> None:
        """Stop; give up waiting after `timeout` seconds."""


class Hired(NamedTuple):
    """A job, and how many seconds it has for what is in hand at its end."""

    job: Job
    patience: float


class OnDuty(Background):
    """A thread that starts new jobs when the lease is taken, and stops them when it is lost."""

    def __init__(self, lease: Lease, hire: Callable[[], Sequence[Hired]]) -> None:
        super().__init__("on-duty")
        self._lease = lease
        self._hire = hire
        self._hired: Sequence[Hired] = ()
        self._told: str | None = None  # what the log says of who is on duty

    def run(self) -> None:
        """Look whose turn it is; once stopped, stop the jobs, then release the lease."""
        while not self._stopping.is_set():
            try:
                self._look()
            except Exception:  # a bug here stops the jobs of all hosts; it never stops the log follower
                log.exception("whose turn it is could not be looked at")
            self._stopping.wait(LOOK)
        self._leave()

    def _look(self) -> None:
        reason = ""
        try:
            self._lease.take()
        except StoreUnavailable as error:
            reason = str(error)
        if self._hired and not self._lease.held:
            log.warning("this host is not on duty any more: %s", reason or self._lost())
            self._told = None
            self._dismiss()
        elif self._lease.held and not self._hired:
            log.info("this host is on duty: it posts webhooks, suspends, asks DNS and takes old rows away")
            self._hired = self._hire()
            for job, _ in self._hired:
                job.start()
            metrics.ON_DUTY.set(1)
        elif not self._hired:
            self._tell(reason)

    def _lost(self) -> str:
        return f"{self._lease.holder} is" if self._lease.holder else "the lease was not renewed in time"

    def _tell(self, reason: str) -> None:
        """Say once why there is nothing to do."""
        about = reason or self._lease.holder
        if about == self._told or not about:
            return
        self._told = about
        if reason:
            log.error("no host is known to be on duty, the store cannot be asked: %s", reason)
        else:
            log.info("%s is on duty, this host waits", about)

    def _dismiss(self) -> None:
        """Stop all jobs at once, and wait for each as long as it may need."""
        metrics.ON_DUTY.set(0)
        threads = [threading.Thread(target=job.stop, args=[patience]) for job, patience in self._hired]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._hired = ()

    def _leave(self) -> None:
        had = self._lease.held
        self._dismiss()
        try:
            if had:
                self._lease.release()
        except StoreUnavailable as error:
            log.warning("the lease could not be released, the next host waits until it is over: %s", error)
