"""What happened, for whoever may ask for one account's events: searched, counted, and by transmission.

A filter may have everything to read, so questions are bounded in time: AnswerTooLong after `patience`
seconds, unless that is 0.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from estafeta_core.store.event_filter import EVERYTHING, EventFilter
from estafeta_core.store.reader import LATEST, Occurrence, Reader, as_id, occurrence
from estafeta_core.store.rows import Event, Message, Transmission
from estafeta_core.store.statements import read_event, read_message, read_transmission

PATIENCE = 4.0  # seconds for one question; whoever asks over HTTP is told after 5


@dataclass(frozen=True, slots=True)
class Search:
    """Which events: whose, when, and what the filter says. Where ids are given, no others are looked at."""

    account: str | None  # None: of all accounts
    since: int = 0
    until: int = LATEST
    transmissions: tuple[int, ...] | None = None
    event_ids: tuple[int, ...] | None = None
    filter: EventFilter = EVERYTHING


class Activity(Reader):
    """Questions for events; see the module's page."""

    def search(
        self,
        search: Search,
        *,
        limit: int,
        cursor: tuple[int, int] | None = None,
        patience: float = PATIENCE,
    ) -> list[Occurrence]:
        """Return the newest events; `cursor` is the last one seen, as `Occurrence.cursor` has it.

        What is recorded meanwhile is newer, or late: it moves no event, so none is seen twice or left out.
        """
        way, values = _asked(search, limit, cursor)
        return [occurrence(row) for row in self.query(f"search_{way}", *values, patience=patience)]

    def count(self, search: Search, *, limit: int) -> int:
        """Return how many events there are, counted up to `limit`."""
        way, values = _asked(search, limit, None)
        return int(self.query(f"count_{way}", *values, patience=PATIENCE)[0][0])

    def own_transmission(self, account: str | None, id_text: str) -> Transmission | None:
        """Return the account's transmission with this transmission id, message id or queue id.

        Postfix uses short queue ids again after a time: the account's newest transmission is found then.
        """
        if account is None:
            return self.find_transmission(id_text)
        if as_id(id_text) is not None:
            found = self.find_transmission(id_text)
            if found is not None and found.account == account:
                return found
        rows = self.query("account_queue_id", id_text, account)
        if not rows and (requeued := self.requeued(id_text)) is not None:
            rows = self.query("account_queue_id", requeued.original, account)
        return read_transmission(rows[0]) if rows else None

    def asked_transmission(self, account: str | None, id_text: str) -> int | None:
        """Return the transmission id to search for: the account's, by any of its names, or the number itself.

        A refused message never became a transmission, and only its events know the id that they share.
        """
        found = self.own_transmission(account, id_text)
        return as_id(id_text) if found is None else found.transmission_id

    def messages_after(self, transmission_id: int, message_id: int, limit: int) -> list[Message]:
        """Return copies of a transmission in the order of their ids, those behind `message_id`."""
        rows = self.query("messages_after", transmission_id, message_id, limit, patience=PATIENCE)
        return [read_message(row) for row in rows]

    def count_messages(self, transmission_id: int) -> int:
        """Return how many copies a transmission has."""
        return int(self.query("count_messages", transmission_id)[0][0])

    def events_of(self, transmission_id: int, message_ids: Iterable[int]) -> list[Event]:
        """Return what happened to these copies of a transmission, oldest first."""
        ids = json.dumps(list(message_ids))
        return [
            read_event(row) for row in self.query("message_events", transmission_id, ids, patience=PATIENCE)
        ]


def _asked(search: Search, limit: int, cursor: tuple[int, int] | None) -> tuple[str, list[str | int | None]]:
    """Return which of the questions is the quickest, and the values it takes."""
    ids = search.transmissions if search.event_ids is None else search.event_ids
    if ids is None:
        way = "everybody" if search.account is None else "account"
    else:
        way = "transmissions" if search.event_ids is None else "ids"
    before = min((search.until, 0), cursor or (search.until, 0))
    own = (search.account, search.since, *before, limit, None if ids is None else json.dumps(ids))
    return way, [*own, *search.filter.parameters()]
