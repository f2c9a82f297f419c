"""A message that comes by way of the receipt proxy: what the public smtpd(8) put before it.

    X-Estafeta-Ticket: ...    what the policy daemon had it put there: who sends this
    Received: ...             from the client
    ...                       what the client sent

Nothing is known of the sender at MAIL FROM, so nothing is asked then: the public smtpd has asked it all. At
the final dot the ticket says who it is, and from there on the message is what it would be without the proxy:
its size and its fields are counted as the client sent them.

Only the field in the first place is a ticket. A message that begins in any other way, a second ticket
included, did not come through a listener of ours as it is now.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from estafeta_core.headers import Header
from estafeta_core.tickets import FIELD, Ticket, Tickets
from estafeta_milter.edits import DeleteHeader

_AHEAD = (FIELD.lower(), "received")
AHEAD = len(_AHEAD)
"""How many fields stand before the client's own."""
OFF = DeleteHeader(FIELD, 1)
"""Takes the ticket off, before any other edit: what is left is numbered as the client sent it."""


@dataclass(frozen=True, slots=True)
class Relayed:
    """What MAIL FROM established of a message from the proxy."""

    sender: str


def ticket(headers: Sequence[Header], tickets: Tickets, now: int) -> Ticket | None:
    """Return the ticket of a message with these fields, at `now` in Unix seconds."""
    if tuple(header.key for header in headers[:AHEAD]) != _AHEAD:
        return None
    return tickets.read(headers[0].value, now)
