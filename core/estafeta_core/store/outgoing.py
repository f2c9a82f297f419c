"""Webhooks: who has them, what each still has to get, and the batches in which it gets it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from estafeta_core.store.outgoing_rows import Batch, Replay, Webhook
from estafeta_core.store.reader import Occurrence, Reader, occurrence
from estafeta_core.store.statements import read_batch, read_webhook


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a webhook has still to get."""

    outbox: int  # events that are in no batch yet
    batches: int  # batches that wait for their first or next attempt
    batched: int  # events in those

    @property
    def events(self) -> int:
        """All events together."""
        return self.outbox + self.batched


class Outgoing(Reader):
    """The questions of whoever posts events, and of whoever looks after that."""

    def webhook(self, webhook_id: str) -> Webhook | None:
        """Return a webhook, whoever has it."""
        rows = self.query("webhook", webhook_id)
        return read_webhook(rows[0]) if rows else None

    def webhooks(self, account: str | None = None) -> list[Webhook]:
        """Return the webhooks of an account, the oldest first, or those of all."""
        rows = self.query("webhooks", 0) if account is None else self.query("account_webhooks", account)
        return [read_webhook(row) for row in rows]

    def active_webhooks(self) -> list[Webhook]:
        """Return the webhooks that are posted to."""
        return [read_webhook(row) for row in self.query("webhooks", 1)]

    def outbox(self, webhook_id: str, limit: int) -> tuple[int, ...]:
        """Return the ids of events that a webhook has to get and no batch holds, the oldest first."""
        return tuple(event_id for (event_id,) in self.query("outbox", webhook_id, limit))

    def backlog(self, webhook_id: str) -> Backlog:
        """Return how much waits for a webhook."""
        ((outbox,),) = self.query("outbox_size", webhook_id)
        return Backlog(outbox, *self.query("waiting_batches", webhook_id)[0])

    def due_batch(self, webhook_id: str, now: int) -> Batch | None:
        """Return the waiting batch whose time to be tried came first."""
        rows = self.query("due_batch", webhook_id, now)
        return read_batch(rows[0]) if rows else None

    def batches(self, webhook_id: str, limit: int) -> list[Batch]:
        """Return the batches of a webhook, the one tried last first."""
        return [read_batch(row) for row in self.query("batches", webhook_id, limit)]

    def wanted(self, replay: Replay, limit: int) -> int:
        """Return how many events a replay would post, and no more than `limit`."""
        asked = (replay.webhook_id, replay.since, replay.until, limit)
        if replay.transmission_id is None:
            return len(self.query("wanted", *asked))
        return len(self.query("wanted_transmission", *asked, replay.transmission_id))

    def occurrences(self, event_ids: Iterable[int]) -> list[Occurrence]:
        """Return those of these events that are still in the store, in this order."""
        return [occurrence(row) for row in self.query("occurrences", json.dumps(list(event_ids)))]
