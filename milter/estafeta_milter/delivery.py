"""Stage `delivery`: Postfix hands over a message to one of its recipients, and it becomes that one's copy.

Everything was decided when the message came in, and its job says what (see jobs.py of the core): no store
is asked here, and of the accounts only their DKIM keys, so a copy can be made whatever is down and however
long it took. The same copy comes out each time, because Postfix may try again after it has lost an answer.

Nothing is refused for good: the message has been accepted. What has no job for its recipient is deferred
as well, and so is what has the job of another message; it is none of ours, since nobody but this host's own
users can reach the listener.
"""

import logging
from dataclasses import dataclass

from estafeta_core.config.live import Live
from estafeta_core.headers import Header, values
from estafeta_core.identity import Identity
from estafeta_core.jobs import FIELD, Copy, Order, content
from estafeta_core.refusal import Refusal
from estafeta_milter import copies, edits
from estafeta_milter.derived import Derived, Deriving
from estafeta_milter.dkim.keyring import KeyUnavailableError
from estafeta_milter.message.message import Message

log = logging.getLogger(__name__)

NO_JOB = Refusal(451, "4.7.1", "This listener takes nothing but copies of accepted messages")

UNSIGNED = Refusal(451, "4.7.0", "The key that has to sign this message is not there")

# The copies of a message come one upon the other, and differ in their envelope alone: what has been found out
# about its parts, texts and markup holds for all. Queued messages take turns, hence a few; with their texts
# and links these may take 40 MB of a process.
REMEMBERED = 4
REMEMBERED_BYTES = 1 << 20  # of a body; what a larger one costs is its bytes, which no memory saves


@dataclass(frozen=True, slots=True)
class _HandedOver:
    """A message as Postfix hands it over, whoever its recipient is."""

    message: Message  # without an envelope
    shared: Message  # without its job
    content: bytes  # see jobs.py

    @classmethod
    def of(cls, headers: tuple[Header, ...], body: bytes) -> "_HandedOver":
        message = Message("", (), headers, body)
        return cls(message, message.without_headers((FIELD,)), content(headers, body))


class _Memory:
    """The messages handed over last; a message is another one when any byte of it is."""

    def __init__(self) -> None:
        self._latest: tuple[
            _HandedOver, ...
        ] = ()  # never changed in place: sessions have threads of their own

    def read(self, headers: tuple[Header, ...], body: bytes) -> _HandedOver:
        """Return what is known of a message."""
        for known in self._latest:
            if known.message.body == body and known.message.headers == headers:
                return known
        new = _HandedOver.of(headers, body)
        if len(body) <= REMEMBERED_BYTES:
            self._latest = (new, *self._latest[: REMEMBERED - 1])
        return new


class Delivery:
    """The copies that one process makes, with the keys and addresses in force."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._deriving = Deriving()
        self._memory = _Memory()

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
            log.error(
                "%s: deferred: no job for exactly this recipient, nrcpt=%d",
                *(queue_id, len(recipients)),
                extra={"queue_id": queue_id},
            )
            return NO_JOB
        derived, order, copy = found
        fields = {
            "queue_id": queue_id,
            "transmission_id": order.transmission_id,
            "message_id": copy.message_id,
            "identity": order.identity,
        }
        handed_over = self._memory.read(headers, body)
        if order.content != handed_over.content:
            log.error("%s: deferred: the job is that of another message", queue_id, extra=fields)
            return NO_JOB
        try:
            signers = derived.keyring.signers(Identity.parse(order.identity).account, order.signing)
        except KeyUnavailableError as failure:
            log.error("%s: deferred: %s", queue_id, failure, extra=fields)
            return UNSIGNED
        received = handed_over.message.with_sender(sender).with_recipients(recipients)
        shared = handed_over.shared.with_sender(sender).with_recipients(recipients)
        final = copies.finished(shared, order, copy, derived.links, signers)
        told = (queue_id, order.transmission_id, copy.message_id)
        log.info("%s: transmission=%d, message=%d", *told, extra=fields)
        return edits.difference(received, final)

    def _order(self, recipients: tuple[str, ...], fields: list[bytes]) -> tuple[Derived, Order, Copy] | None:
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
