"""A receiver of webhooks that counts what comes instead of keeping it."""

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx2

from estafeta_testing.receiver import Posted, Receiver, receiving
from estafeta_testing.relay import Relay

TYPES = ("injection", "delivery", "bounce", "open", "initial_open", "click", "list_unsubscribe")


@dataclass
class Counting(Receiver):
    """Knows how often each event came, and of which batches."""

    events: Counter[int] = field(default_factory=Counter)  # by event_id
    types: Counter[str] = field(default_factory=Counter)  # of events that came for the first time
    batches_seen: dict[str, int] = field(default_factory=dict)  # by batch id, a hash of the ids of its events
    up: bool = True  # whether what is posted is taken
    torn: int = 0  # batches that came again with other events
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def take(self, post: Posted) -> None:
        """Count the events of a post."""
        if not self.up:
            return
        events = post.events
        ids = tuple(int(event["event_id"]) for event in events)
        with self._guard:
            batch = post.headers.get("x-messagesystems-batch-id", "")
            if ids:
                self.torn += self.batches_seen.setdefault(batch, hash(ids)) != hash(ids)
            for id_, event in zip(ids, events, strict=True):
                self.types[event["type"]] += not self.events[id_]
                self.events[id_] += 1


@contextlib.contextmanager
def hooked(relay: Relay, types: tuple[str, ...] = TYPES) -> Iterator[Counting]:
    """Have every event of these types of the account `acme` posted to a receiver until the block ends."""
    headers = {"Authorization": relay.credential("acme/main").password}
    counting = Counting()
    with receiving(receiver=counting), httpx2.Client(base_url=relay.web, headers=headers, timeout=20) as http:
        made = http.post(
            "/api/v1/webhooks", json={"name": "soak", "target": counting.url, "events": list(types)}
        )
        assert made.status_code == 200, made.text
        yield counting
