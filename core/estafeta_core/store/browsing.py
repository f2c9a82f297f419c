"""What a person looks through, page by page: a send's recipients, one recipient's messages, a life in events.

Every question names the account it is asked for, or an id that the caller has found in that account before.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from estafeta_core.addresses import mailbox_key
from estafeta_core.store.lists import Fate, Lists, read_fate
from estafeta_core.store.reader import LATEST, MESSAGE_COLUMNS, TRANSMISSION_COLUMNS
from estafeta_core.store.rows import Event, Message, Transmission
from estafeta_core.store.statements import Values, read_event, read_message, read_transmission


@dataclass(frozen=True, slots=True)
class Mailing:
    """A recipient's copy, and what has become of it."""

    message: Message
    fate: Fate


@dataclass(frozen=True, slots=True)
class Received:
    """A recipient's copy with the transmission it came in."""

    transmission: Transmission
    mailing: Mailing


@dataclass(frozen=True, slots=True)
class Pulse:
    """How many copies each of these happened to in one slot of time, however often."""

    delivered: int = 0
    opened: int = 0
    clicked: int = 0
    failed: int = 0


class Browsing(Lists):
    """The questions of the pages; see the module's page."""

    def mailings(self, transmission_id: int, *, after: int = 0, limit: int = 100) -> list[Mailing]:
        """Return copies of a transmission in the order of addresses; `after` is the last message id seen."""
        return [_mailing(row) for row in self.query("mailings", transmission_id, after, limit)]

    def received(
        self, account: str, address: str, *, before: int = LATEST, limit: int = 100
    ) -> list[Received]:
        """Return what an account has sent to an address, newest first; `before` is a message id."""
        rows = self.query("received", mailbox_key(address), before, account, limit)
        return [
            Received(read_transmission(row[:TRANSMISSION_COLUMNS]), _mailing(row[TRANSMISSION_COLUMNS:]))
            for row in rows
        ]

    def mailing_events(self, message: Message, *, limit: int) -> list[Event]:
        """Return the events of one copy, oldest first: of more than `limit`, the first."""
        rows = self.query("mailing_events", message.transmission_id, message.message_id, limit)
        return [read_event(row) for row in rows]

    def latest_events(self, transmission_id: int, *, limit: int) -> list[tuple[Event, str]]:
        """Return the latest events of a transmission, newest first, each with its recipient's address.

        The address is "" where a token was shared by all recipients.
        """
        rows = self.query("latest_events", transmission_id, limit)
        return [(read_event(row[:-1]), row[-1] or "") for row in rows]

    def pulse(self, account: str, slots: Sequence[tuple[int, int]]) -> list[Pulse]:
        """Return what happened at begin <= time < end of each slot, in Unix milliseconds."""
        found: list[dict[str, int]] = [{} for _ in slots]
        begins, ends = (json.dumps([slot[side] for slot in slots]) for side in (0, 1))
        for slot, kind, count in self.query("pulse", account, begins, ends):
            found[slot][kind] = count
        return [Pulse(**counts) for counts in found]

    def contacts_in(self, group_id: int, *, after: str = "", limit: int = 100) -> list[str]:
        """Return addresses in a group, in order; `after` is the last one seen."""
        return [address for (address,) in self.query("contacts_in", group_id, after, limit)]


def _mailing(row: Values) -> Mailing:
    return Mailing(read_message(row[:MESSAGE_COLUMNS]), read_fate(row[MESSAGE_COLUMNS]))
