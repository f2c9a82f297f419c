"""What came of a run: every copy in the outbox, and everything in the store."""

import contextlib
import functools
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from estafeta_chaos.cores import shared_out
from estafeta_chaos.letters import ATTEMPT
from estafeta_core.store import Store, open_store
from estafeta_core.store.rows import Transmission
from estafeta_testing.outbox import Copy

_PAGE = 1000
_QUEUED = re.compile(r"by \S+ \([^)]*\) (?:with \S+ )?id ([0-9A-Za-z]+)")


@dataclass(frozen=True, slots=True)
class Arrival:
    """One file of the outbox; there are hundreds of thousands, so each is read when it is looked at."""

    time: float
    delivered_to: str
    attempt: str  # the attempt that it came from; "" where it does not say
    queue_id: str  # the queue file that it left from
    read: Callable[[], Copy]

    @classmethod
    def of(cls, time: float, copy: Copy, read: Callable[[], Copy] | None = None) -> "Arrival":
        """Return the arrival of a copy, which is kept unless it can be `read` again."""
        attempts, received = copy.values(ATTEMPT), copy.values("Received")
        found = _QUEUED.search(received[0]) if received else None
        attempt = attempts[0] if len(attempts) == 1 else ""
        return cls(time, copy.delivered_to, attempt, found[1] if found else "", read or (lambda: copy))

    @property
    def copy(self) -> Copy:
        """The copy itself."""
        return self.read()

    @property
    def told(self) -> str:
        """The queue id that the client was told."""
        return self.copy.queue_id


def arrivals(outbox: Path, last: int = 0) -> Iterator[Arrival]:
    """Yield everything in the outbox, in the order in which it came; or the `last` ones alone."""
    for path in sorted((outbox / "new").iterdir())[-last:]:
        read = functools.partial(_copy, path)
        yield Arrival.of(int(path.name.partition(".")[0]) / 1e6, read(), read)


def _copy(path: Path) -> Copy:
    found = Copy.read(path.read_bytes())
    return Copy(found.return_path, found.delivered_to, found.message)


@dataclass(slots=True)
class Stored:
    """One transmission."""

    transmission_id: int
    queue_id: str
    messages: dict[str, int] = field(default_factory=dict)  # message id by recipient
    rcpt_types: dict[str, str] = field(default_factory=dict)
    events: dict[int, Counter[str]] = field(default_factory=dict)  # by message id


def stored(url: str, account: str) -> dict[str, list[Stored]]:
    """Return every transmission of an account by the attempt it is of, which its subject says."""
    with contextlib.closing(open_store(url)) as store:
        page = store.sends(account, limit=_PAGE)
        sent: list[Transmission] = []
        while page:
            sent += [send.transmission for send in page]
            page = store.sends(account, before=sent[-1].transmission_id, limit=_PAGE)
    found: dict[str, list[Stored]] = {}
    for attempt, made in itertools.chain.from_iterable(shared_out(functools.partial(_read, url), sent)):
        found.setdefault(attempt, []).append(made)
    return found


def _read(url: str, sent: Sequence[Transmission]) -> list[tuple[str, Stored]]:
    with contextlib.closing(open_store(url)) as store:
        return [(each.subject, _filled(each, store)) for each in sent]


def _filled(transmission: Transmission, store: Store) -> Stored:
    made = Stored(transmission.transmission_id, transmission.queue_id)
    whole = store.find(str(made.transmission_id))
    assert whole is not None, f"transmission {made.transmission_id} is listed and not found"
    for message in whole.messages:
        made.messages[message.raw_rcpt_to] = message.message_id
        made.rcpt_types[message.raw_rcpt_to] = message.rcpt_type
        made.events[message.message_id] = Counter()
    for event in whole.events:
        made.events.setdefault(event.message_id or 0, Counter())[event.type] += 1
    return made
