"""Stage `delivery`: Postfix hands over a message to one of its recipients, and it becomes that one's copy.

Everything was decided when the message came in, and its job says what (see jobs.py of the core): no account
and no store is asked here, so a copy can be made whatever is down and however long it took. The same copy
comes out each time, because Postfix may try again after it has lost an answer.

Nothing is refused for good: the message has been accepted. What has no job for its recipient is deferred
as well, and so is what has the job of another message; it is none of ours, since nobody but this host's own
users can reach the listener.
"""

import logging

from estafeta_core.config.live import Live
from estafeta_core.headers import Header, values
from estafeta_core.jobs import FIELD, Order, content
from estafeta_core.refusal import Refusal
from estafeta_milter import copies, edits
from estafeta_milter.derived import Derived, Deriving
from estafeta_milter.message.message import Message

log = logging.getLogger(__name__)

NO_JOB = Refusal(451, "4.7.1", "This listener takes nothing but copies of accepted messages")


class Delivery:
    """The copies that one process makes, with the keys and addresses in force."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._deriving = Deriving()

    def end(
        self,
        queue_id: str,
        sender: str,
        recipients: tuple[str, ...],
        headers: tuple[Header, ...],
        body: bytes,
    ) -> list[edits.Edit] | Refusal:
        """Return how to make the queued message its one recipient's copy."""
        found = self._order(recipients, values(headers, FIELD))
        if found is None:
            log.error("%s: deferred: no job for exactly this recipient, nrcpt=%d", queue_id, len(recipients))
            return NO_JOB
        derived, order, message_id = found
        if order.content != content(headers, body):
            log.error("%s: deferred: the job is that of another message", queue_id)
            return NO_JOB
        received = Message(sender, recipients, headers, body)
        copy = copies.finished(received.without_headers((FIELD,)), order, message_id, derived.links)
        log.info("%s: transmission=%d, message=%d", queue_id, order.transmission_id, message_id)
        return edits.difference(received, copy)

    def _order(self, recipients: tuple[str, ...], fields: list[bytes]) -> tuple[Derived, Order, int] | None:
        """Return what the one job says of the one recipient, and how to sign; None where it says nothing."""
        if len(recipients) != 1 or len(fields) != 1:
            return None
        while True:
            snapshot = self._live.current
            derived = self._deriving.of(snapshot)
            found = derived.jobs.read(fields[0], recipients[0])
            if found is not None:
                return derived, *found
            # Another process may have signed with a key that this one has not read yet.
            if not self._live.catch_up(snapshot):
                return None
