"""Events -> the body of a batch, as SparkPost posts it: `[{"msys": {"<group>": {...}}}, ...]`.

An event stands there as in the Events API, but for its time, which is Unix seconds in a string. The body is
ASCII: whatever stood in a message, any receiver can read it. The same events give the same bytes each time.
"""

import json
from collections.abc import Iterable
from typing import Any

from estafeta_core import events
from estafeta_core.store import Occurrence

PING = b'[{"msys":{}}]'  # what a new webhook gets, to see that somebody is there

# SparkPost's groups. `warning` is ours and no receiver of SparkPost's knows it, so only webhooks that ask for
# it get it.
GROUPS = {
    events.INJECTION: "message_event",
    events.DELIVERY: "message_event",
    events.BOUNCE: "message_event",
    events.DELAY: "message_event",
    events.OUT_OF_BAND: "message_event",
    events.SPAM_COMPLAINT: "message_event",
    events.POLICY_REJECTION: "message_event",
    events.OPEN: "track_event",
    events.INITIAL_OPEN: "track_event",
    events.CLICK: "track_event",
    events.AMP_CLICK: "track_event",
    events.LIST_UNSUBSCRIBE: "unsubscribe_event",
    events.LINK_UNSUBSCRIBE: "unsubscribe_event",
    events.WARNING: "message_event",
}
# What SparkPost's clients may ask for as well, and what never happens here.
NEVER = frozenset(
    {
        *("generation_failure", "generation_rejection", "amp_open", "amp_initial_open", "sms_status"),
        *("relay_injection", "relay_rejection", "relay_delivery", "relay_tempfail", "relay_permfail"),
        *("ab_test_completed", "ab_test_cancelled", "ingest_success", "ingest_error"),
    }
)


def body(occurrences: Iterable[Occurrence]) -> bytes:
    """Return the JSON array of a batch."""
    return json.dumps([_wrapped(each) for each in occurrences], separators=(",", ":")).encode("ascii")


def _wrapped(occurrence: Occurrence) -> dict[str, Any]:
    event = occurrence.event
    shown = events.view(event, occurrence.transmission, occurrence.message)
    shown["timestamp"] = str(event.timestamp // 1000)
    return {"msys": {GROUPS.get(event.type, "message_event"): shown}}
