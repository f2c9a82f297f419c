"""What log lines tell, as rows for the store: delivery, bounce and delay events of SparkPost's form.

A queue id that the store does not know (mail of another instance, bounces) yields nothing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from estafeta_core import events
from estafeta_core.ids import IdSource
from estafeta_core.store import Store
from estafeta_core.store.reader import Copy
from estafeta_core.store.rows import Event
from estafeta_postfix.log_follower.parse import Delivery, Expired
from estafeta_postfix.log_follower.reason import Reason, expired, read_reason
from estafeta_postfix.log_follower.timestamp import Timestamps

# A message not yet a second old has not been deferred before (Postfix's shortest back-off is longer),
# and the store need not be asked how often.
YOUNG = 1.0

_FINAL = (events.DELIVERY, events.BOUNCE)
_TYPES = {"sent": events.DELIVERY, "bounced": events.BOUNCE, "deferred": events.DELAY}


class Recorder:
    """Turns what the log tells into events."""

    def __init__(self, store: Store, ids: IdSource, timestamps: Timestamps) -> None:
        self._store = store
        self._ids = ids
        self._timestamps = timestamps

    def events(self, told: Iterable[Delivery | Expired]) -> list[Event]:
        """Return the events of one batch of lines; StoreUnavailable when the store cannot be asked."""
        batch = _Batch()
        for item in told:
            if isinstance(item, Delivery):
                batch.events.extend(self._delivery(item, batch))
            else:
                batch.events.extend(self._expired(item, batch))
        return batch.events

    def _delivery(self, delivery: Delivery, batch: "_Batch") -> Iterator[Event]:
        copy = self._store.message_for(delivery.queue_id, delivery.recipient)
        if copy is None and delivery.original:
            copy = self._store.message_for(delivery.queue_id, delivery.original)
        if copy is None:
            return
        message_id = copy.message.message_id
        retries = batch.delays[message_id]
        if delivery.delay >= YOUNG:
            retries += self._store.count_delays(message_id)
        data: dict[str, object] = {
            "ip_address": delivery.ip,
            "num_retries": str(retries),
            "queue_time": str(round(delivery.delay * 1000)),
            "delv_method": "esmtp",
        }
        if delivery.status != "sent":
            data |= _said(read_reason(delivery))
        if delivery.status == "deferred":
            batch.delays[message_id] += 1
        # Postfix's own log tells the second; within it, the event comes after the injection.
        estimate = copy.transmission.injection_time + round(delivery.delay * 1000)
        moment = self._timestamps.read(delivery.time).nearest(estimate)
        yield self._event(_TYPES[delivery.status], moment, copy, data)

    def _expired(self, item: Expired, batch: "_Batch") -> Iterator[Event]:
        """Yield a bounce for each recipient that has neither been delivered to nor bounced."""
        found = self._store.find(item.queue_id)
        if found is None or found.transmission.queue_id != item.queue_id:
            return
        settled = {event.message_id for event in (*found.events, *batch.events) if event.type in _FINAL}
        for message in found.messages:
            if message.message_id not in settled:
                retries = batch.delays[message.message_id] + self._store.count_delays(message.message_id)
                data: dict[str, object] = {
                    "ip_address": "",
                    "num_retries": str(retries),
                    "delv_method": "esmtp",
                }
                copy = Copy(found.transmission, message)
                moment = self._timestamps.read(item.time).start
                yield self._event(events.BOUNCE, moment, copy, data | _said(expired()))

    def _event(self, kind: str, timestamp: int, copy: Copy, data: dict[str, object]) -> Event:
        return Event(
            event_id=self._ids.next(),
            type=kind,
            timestamp=timestamp,
            transmission_id=copy.transmission.transmission_id,
            message_id=copy.message.message_id,
            account=copy.transmission.account,
            subaccount=copy.transmission.subaccount,
            data=data,
        )


class _Batch:
    """What the lines of one batch have told so far, which the store does not know yet."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.delays: Counter[int] = Counter()


def _said(reason: Reason) -> dict[str, object]:
    return {
        "error_code": reason.error_code,
        "reason": reason.reason,
        "raw_reason": reason.raw_reason,
        "bounce_class": str(reason.bounce_class),
    }
