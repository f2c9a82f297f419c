"""Look-ups by key or index, from any thread. `queries` holds the SQL; the back end has the connections."""

import json
import os
import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from estafeta_core.addresses import mailbox_key
from estafeta_core.store.backend import Backend
from estafeta_core.store.rows import Counter, Event, LogPosition, Message, Requeued, Transmission
from estafeta_core.store.statements import Values, read_event, read_message, read_transmission

LATEST = 2**63 - 1  # later than any id and any time
TRANSMISSION_COLUMNS = 21
MESSAGE_COLUMNS = 5

_EVENT_COLUMNS = 8


@dataclass(frozen=True, slots=True)
class Copy:
    """One recipient's copy with the transmission it came in."""

    transmission: Transmission
    message: Message


@dataclass(frozen=True, slots=True)
class Found:
    """A transmission with everything known about it."""

    transmission: Transmission
    messages: tuple[Message, ...]
    events: tuple[Event, ...]  # oldest first


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An event with what it happened to; None where that is no longer, or never was, in the store."""

    event: Event
    transmission: Transmission | None
    message: Message | None

    @property
    def cursor(self) -> tuple[int, int]:
        """Where a listing goes on after this event."""
        return self.event.timestamp, self.event.event_id


class Reader:
    """Questions to a store; safe to share between threads, and to inherit by fork."""

    def __init__(self, backend: Backend) -> None:
        self._asking = backend.asking()
        _readers.add(self)

    def after_fork(self) -> None:
        """Begin anew in a child."""
        self._asking.after_fork()

    def query(self, name: str, *parameters: str | int | None, patience: float = 0.0) -> list[Values]:
        """Return the rows of one of `QUERIES`; StoreUnavailable when they cannot be read.

        AnswerTooLong after `patience` seconds, where they are given.
        """
        return self._asking.query(name, parameters, patience)

    def close(self) -> None:
        """Close the idle connections."""
        self._asking.close()

    def is_suppressed(
        self, account: str, subaccount: str | None, recipients: Iterable[str], types: Iterable[str]
    ) -> set[str]:
        """Return those of `recipients`, as given, that the account does not mail with any of `types`."""
        by_key = {mailbox_key(recipient): recipient for recipient in recipients}
        if len(by_key) == 1:  # most messages: the lists take ten times as long to read as the one row
            ((key, recipient),) = by_key.items()
            found = {kind for (kind,) in self.query("suppressed_types", account, subaccount or "", key)}
            return set() if found.isdisjoint(types) else {recipient}
        rows = self.query(
            "suppressed", account, subaccount or "", json.dumps(list(by_key)), json.dumps(list(types))
        )
        return {by_key[recipient] for (recipient,) in rows}

    def tags(self, account: str) -> set[str]:
        """Return the tags that an account with a limit of them has used."""
        return {tag for (tag,) in self.query("tags", account)}

    def transmission(self, transmission_id: int) -> Transmission | None:
        """Return a transmission."""
        rows = self.query("transmission", transmission_id)
        return read_transmission(rows[0]) if rows else None

    def message(self, message_id: int) -> Copy | None:
        """Return a recipient's copy by its message id."""
        return _copy(self.query("copy", message_id))

    def message_for(self, queue_id: str, rcpt_to: str) -> Copy | None:
        """Return the copy of one recipient in the newest transmission with this queue id.

        Without one, that in the transmission whose queue file the one with this queue id was taken from.
        """
        key = mailbox_key(rcpt_to)
        found = self.query("queue_copy", queue_id, key) or self.query("requeued_copy", queue_id, key)
        return _copy(found)

    def copy_in(self, transmission_id: int, rcpt_to: str) -> Copy | None:
        """Return the copy of one recipient, in the form of addresses.mailbox_key, in a transmission."""
        return _copy(self.query("copy_in", transmission_id, rcpt_to))

    def requeued(self, queue_id: str) -> Requeued | None:
        """Return what a queue file is a copy of; None for one that came from a client."""
        rows = self.query("requeued", queue_id)
        return Requeued(*rows[0]) if rows else None

    def handed_over(self, queue_id: str) -> set[int]:
        """Return the message ids of the copies that have been taken from a queue file."""
        return {message_id for (message_id,) in self.query("handed_over", queue_id)}

    def messages(self, transmission_id: int) -> list[Message]:
        """Return every copy of a transmission."""
        return [read_message(row) for row in self.query("messages", transmission_id)]

    def find(self, id_text: str) -> Found | None:
        """Return the transmission with this transmission id, message id or queue id.

        Postfix uses short queue ids again after a time: the newest transmission is found then.
        """
        transmission = self.find_transmission(id_text.strip())
        if transmission is None:
            return None
        events = self.query("transmission_events", transmission.transmission_id)
        return Found(
            transmission,
            tuple(self.messages(transmission.transmission_id)),
            tuple(read_event(row) for row in events),
        )

    def find_transmission(self, id_text: str) -> Transmission | None:
        """Return the transmission alone; ids as for `find`."""
        number = as_id(id_text)
        if number is not None:
            found = self.transmission(number)
            if found is None and (copy := self.message(number)) is not None:
                found = copy.transmission
            if found is not None:
                return found
        rows = self.query("queue_id", id_text)
        if not rows and (requeued := self.requeued(id_text)) is not None:
            rows = self.query("queue_id", requeued.original)
        return read_transmission(rows[0]) if rows else None

    def events(
        self,
        *,
        account: str | None = None,
        types: Iterable[str] = (),
        since: int = 0,
        until: int = LATEST,
        limit: int = 100,
        cursor: tuple[int, int] | None = None,
    ) -> list[Occurrence]:
        """Return events with `since` <= timestamp < `until`, newest first; `cursor` is the last one seen."""
        before = min((until, 0), cursor or (until, 0))
        wanted = list(types)
        parameters = (since, *before, json.dumps(wanted) if wanted else None, limit)
        if account is None:
            return [occurrence(row) for row in self.query("events", *parameters)]
        return [occurrence(row) for row in self.query("account_events", *parameters, account)]

    def count_delays(self, message_id: int) -> int:
        """Return how often the delivery of a copy has been put off."""
        return int(self.query("delays", message_id)[0][0])

    def delivery(self, message_id: int) -> dict[str, Any]:
        """Return the data of a copy's delivery event; empty while none is recorded."""
        rows = self.query("delivery", message_id)
        data: dict[str, Any] = json.loads(rows[0][0]) if rows else {}
        return data

    def counted(self, counter: Counter) -> dict[str, int]:
        """Return what has been counted under each label; a label of which there was nothing is not in it."""
        return dict(self.query("counters", counter))

    def log_position(self, log: str) -> LogPosition | None:
        """Return how far a log has been read."""
        rows = self.query("log_position", log)
        return LogPosition(*rows[0]) if rows else None

    def lease(self, name: str) -> tuple[str, int] | None:
        """Return who had a lease last, and the milliseconds left of it: 0 or less where it is over."""
        rows = self.query("lease", name)
        return (rows[0][0], rows[0][1]) if rows else None


def as_id(text: str) -> int | None:
    """Return the id of ours that `text` is; None for what is none, however many digits it has."""
    if len(text) > len(str(LATEST)) or not (text.isascii() and text.isdecimal()):
        return None
    number = int(text)
    return number if number <= LATEST else None


def _copy(rows: list[Values]) -> Copy | None:
    if not rows:
        return None
    return Copy(read_transmission(rows[0][MESSAGE_COLUMNS:]), read_message(rows[0][:MESSAGE_COLUMNS]))


def occurrence(row: Values) -> Occurrence:
    """Return the event whose columns are `row`, with those of its transmission and message."""
    end = _EVENT_COLUMNS + TRANSMISSION_COLUMNS
    event, transmission, message = row[:_EVENT_COLUMNS], row[_EVENT_COLUMNS:end], row[end:]
    return Occurrence(
        read_event(event),
        read_transmission(transmission) if transmission[0] is not None else None,
        read_message(message) if message[0] is not None else None,
    )


_readers: weakref.WeakSet[Reader] = weakref.WeakSet()


def _after_fork() -> None:
    for reader in list(_readers):
        reader.after_fork()


os.register_at_fork(after_in_child=_after_fork)
