"""What came of a run: every copy in the outbox, and everything in the store."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from estafeta_chaos.letters import ATTEMPT
from estafeta_core.store import Store
from estafeta_testing.outbox import Copy

_PAGE = 1000
_QUEUED = re.compile(r"by \S+ \([^)]*\) (?:with \S+ )?id ([0-9A-Za-z]+)")


@dataclass(frozen=True, slots=True)
class Arrival:
    """One file of the outbox."""

    time: float
    copy: Copy

    @property
    def attempt(self) -> str:
        """The attempt that it came from; "" where it does not say."""
        found = self.copy.values(ATTEMPT)
        return found[0] if len(found) == 1 else ""

    @property
    def queue_id(self) -> str:
        """The queue file that it left from; `copy.queue_id` is the one that the client was told."""
        received = self.copy.values("Received")
        found = _QUEUED.search(received[0]) if received else None
        return found[1] if found else ""


def arrivals(outbox: Path) -> Iterator[Arrival]:
    """Yield everything in the outbox, in the order in which it came."""
    for path in sorted((outbox / "new").iterdir()):
        found = Copy.read(path.read_bytes())
        copy = Copy(found.return_path, found.delivered_to, found.message)
        yield Arrival(int(path.name.partition(".")[0]) / 1e6, copy)


@dataclass(slots=True)
class Stored:
    """One transmission."""

    transmission_id: int
    queue_id: str
    messages: dict[str, int] = field(default_factory=dict)  # message id by recipient
    rcpt_types: dict[str, str] = field(default_factory=dict)
    events: dict[int, Counter[str]] = field(default_factory=dict)  # by message id


def stored(store: Store, account: str) -> dict[str, list[Stored]]:
    """Return every transmission of an account by the attempt it is of, which its subject says."""
    found: dict[str, list[Stored]] = {}
    page = store.sends(account, limit=_PAGE)
    while page:
        for send in page:
            transmission = send.transmission
            made = Stored(transmission.transmission_id, transmission.queue_id)
            _fill(made, store)
            found.setdefault(transmission.subject, []).append(made)
        page = store.sends(account, before=page[-1].transmission.transmission_id, limit=_PAGE)
    return found


def _fill(made: Stored, store: Store) -> None:
    whole = store.find(str(made.transmission_id))
    assert whole is not None, f"transmission {made.transmission_id} is listed and not found"
    for message in whole.messages:
        made.messages[message.raw_rcpt_to] = message.message_id
        made.rcpt_types[message.raw_rcpt_to] = message.rcpt_type
        made.events[message.message_id] = Counter()
    for event in whole.events:
        made.events.setdefault(event.message_id or 0, Counter())[event.type] += 1
