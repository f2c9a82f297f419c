"""Events in words: what happened, when, and what is known about it.

Labels are names of texts (`words`), values are what strangers and hosts have said.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from estafeta_core import events
from estafeta_core.store.rows import Event

AUTOMATED = "automated"  # in an event's data: a program loaded the pixel or followed the link
GOOD = frozenset(
    {
        events.DELIVERY,
        events.OPEN,
        events.INITIAL_OPEN,
        events.CLICK,
        events.AMP_CLICK,
    }
)
BAD = frozenset({events.BOUNCE, events.OUT_OF_BAND, events.POLICY_REJECTION, events.SPAM_COMPLAINT})

# What is worth showing of an event's data, in this order.
FACTS = (
    "reason",
    "bounce_class",
    "target_link_name",
    "target_link_url",
    "user_agent",
    "ip_address",
    "num_retries",
    "queue_time",
    "outbound_tls",
    "fbtype",
    "report_by",
    "user_str",
    "mailfrom",
    "ip_pool",
)


@dataclass(frozen=True, slots=True)
class Step:
    """One event."""

    type: str
    timestamp: int
    kind: str  # good, bad, or "" for neither
    automated: bool
    facts: tuple[tuple[str, str], ...]  # label and value
    recipient: str = ""  # where a list is of several recipients
    message_id: int | None = None


def steps(found: Iterable[Event]) -> list[Step]:
    """Return the events of one copy."""
    return [step(event) for event in found]


def step(event: Event, recipient: str = "") -> Step:
    """Return an event in words."""
    kind = "good" if event.type in GOOD else "bad" if event.type in BAD else ""
    return Step(
        event.type,
        event.timestamp,
        kind,
        bool(event.data.get(AUTOMATED)),
        tuple(_facts(event.data)),
        recipient,
        event.message_id,
    )


def _facts(data: dict[str, Any]) -> Iterable[tuple[str, str]]:
    said = data | {"reason": data.get("raw_reason") or data.get("reason")}
    for name in FACTS:
        if (value := said.get(name)) not in (None, ""):
            yield name, str(value)
