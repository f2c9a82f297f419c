"""Credentials that suspend themselves: `suspend_at` of an account, held against what came back of its mail.

For each credential, of the mail that was accepted in the last `window_hours`:

    recipients   delivered to, or bounced for good at once; who was suppressed or still waits is none of them
    complaints   of spam; their rate is complaints / recipients
    bounces      for good, at once or afterwards; their rate is bounces / recipients

From `minimum` recipients on, a rate above its limit writes a suspension into the store, and an error into
the log, once. The daemons read it there (core's suspensions.py), and it holds until a person lifts it. Only
what is accepted after that counts from then on.

Complaints and bounces count for the mail that they are about: what is complained of today about the mailing
of last week is no fault of the few messages of today. Of several hosts one looks (on_duty.py).
"""

import logging
import time
from collections.abc import Callable

from estafeta_core.config.accounts import Account, SuspendAt
from estafeta_core.directory import Directory
from estafeta_core.store import Store, StoreUnavailable
from estafeta_core.store.reputation import Outcome
from estafeta_core.store.standing_rows import Suspension, SuspensionReason
from estafeta_postfix.background import Background

EVERY = 5.0  # seconds between two looks, where they are quick: a campaign that goes wrong goes on meanwhile
SHARE = 0.05  # of a core, at most: a look at a million messages takes some seconds
HOUR_MS = 3_600_000

log = logging.getLogger(__name__)


class Suspender(Background):
    """A thread that looks.

    `directory` is asked before each look, because a reload may have replaced it. `clock` gives Unix time in
    seconds.
    """

    def __init__(
        self, store: Store, directory: Callable[[], Directory], clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__("suspender")
        self._store = store
        self._directory = directory
        self._clock = clock

    def look(self) -> None:
        """Look once at every account that wants it. Raises StoreUnavailable."""
        watched = [(each, each.suspend_at) for each in self._directory().accounts.values() if each.suspend_at]
        suspended = self._store.suspended() if watched else {}
        for account, limits in watched:
            if self._stopping.is_set():
                return
            for suspension in self._found(account, limits):
                if suspension.credential_id not in suspended:
                    self._store.record([suspension])
                    _tell(suspension, limits)

    def _found(self, account: Account, limits: SuspendAt) -> list[Suspension]:
        now = round(self._clock() * 1000)
        outcomes = self._store.outcomes(account.account, now - limits.window_hours * HOUR_MS)
        found: list[Suspension] = []
        for name, outcome in outcomes.items():
            reason = exceeded(limits, outcome)
            if reason and name in account.credentials:
                counts = (outcome.recipients, outcome.complaints, outcome.bounces)
                found.append(Suspension(account.account, name, now, None, reason, *counts))
        return found

    def run(self) -> None:
        """Look until it is stopped, the less often the longer a look takes."""
        failing = False
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self.look()
                failing = False
            except StoreUnavailable as error:
                if not failing:
                    log.error("nobody is suspended meanwhile, what comes back cannot be read: %s", error)
                failing = True
            except Exception:  # a bug here suspends nobody; it never stops the log follower
                log.exception("what comes back could not be looked at")
            self._stopping.wait(max(EVERY, (time.monotonic() - began) / SHARE))


def exceeded(limits: SuspendAt, outcome: Outcome) -> SuspensionReason | None:
    """Return which of the limits a credential is above; complaints are looked at first."""
    if outcome.recipients < limits.minimum:
        return None
    if limits.complaint_rate and outcome.complaints / outcome.recipients > limits.complaint_rate:
        return "complaint_rate"
    if limits.bounce_rate and outcome.bounces / outcome.recipients > limits.bounce_rate:
        return "bounce_rate"
    return None


def words(suspension: Suspension) -> str:
    """Return why a credential was suspended, such as `complaints 0.5 %`."""
    if suspension.reason == "complaint_rate":
        return f"complaints {_percent(suspension.complaints / suspension.recipients)}"
    return f"bounces {_percent(suspension.bounces / suspension.recipients)}"


def _percent(rate: float) -> str:
    return f"{round(100 * rate, 2):g} %"


def _tell(suspension: Suspension, limits: SuspendAt) -> None:
    limit = limits.complaint_rate if suspension.reason == "complaint_rate" else limits.bounce_rate
    log.error(
        "%s: suspended by itself: %s, above %s (%d recipients, %d complaints, %d bounces in %d hours);"
        " estafeta key activate %s lifts it",
        *(suspension.credential_id, words(suspension), _percent(limit)),
        *(suspension.recipients, suspension.complaints, suspension.bounces, limits.window_hours),
        suspension.credential_id,
        extra={"identity": suspension.credential_id},
    )
