"""One question and its whole answer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from estafeta_core.config.live import Live
from estafeta_core.store import Store
from estafeta_postfix.explain import decision, session
from estafeta_postfix.explain.asked import Asked
from estafeta_postfix.explain.decision import Decision
from estafeta_postfix.explain.known import NoStore
from estafeta_postfix.explain.session import Held
from estafeta_postfix.explain.words import Reply

Outcome = Literal["accepted", "put off", "refused"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would become of a message."""

    asked: Asked
    held: Held
    decision: Decision | None  # None: the message was refused, or there was nothing but recipients
    store_is_there: bool

    @property
    def last(self) -> Reply:
        """The reply that settles it: that to the message, or the refusal nothing came after."""
        return self.held.replies[-1]

    @property
    def outcome(self) -> Outcome:
        """What the client makes of it: done, come again later, or give up."""
        if not self.last.refused:
            return "accepted"
        refusals = [reply for reply in self.held.replies if reply.refused]
        # Behind refused recipients DATA is refused for good in any case; they say whether to come again.
        settling = [reply for reply in refusals if reply.command != "DATA"]
        return "put off" if any(reply.temporary for reply in settling) else "refused"


def explain(live: Live, store: Store, asked: Asked, now: Callable[[], datetime]) -> Explanation:
    """Return what would become of a message; StoreUnavailable when the store is there and cannot be read.

    OSError or ValueError when a signing key cannot be used.
    """
    held = session.hold(live, store, asked, now)
    decided = decision.of(held.going) if held.going is not None else None
    return Explanation(asked, held, decided, not isinstance(store, NoStore))
