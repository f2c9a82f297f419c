"""What log lines tell, as rows for the store: delivery, bounce and delay events of SparkPost's form.

A message whose copies differ leaves under many queue ids. What is told of a copy belongs to the message
that it was made from, so which is whose is kept in the store as well. A queue id that the store does not know
(mail of another instance, bounces) yields nothing, and nothing is kept of what is said to come from it: any
user of this host may name a queue id at the listener of the copies. He may name one that is known as well,
but what he hands over is refused, so nothing is ever told of it.

An address that does not exist is suppressed at once, for mail of every type: to go on mailing it would cost
the sender his name, and no provider does.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from estafeta_core import events, suppression
from estafeta_core.bounce_class import HARD
from estafeta_core.config.schema import IpPool
from estafeta_core.ids import IdSource
from estafeta_core.store import Store
from estafeta_core.store.reader import Copy
from estafeta_core.store.rows import WHOLE, Event, Requeued, Row, Suppression
from estafeta_postfix.log_follower.connections import Connections
from estafeta_postfix.log_follower.parse import Copied, Delivery, Expired, Secured, Told
from estafeta_postfix.log_follower.reason import Reason, cleaned, expired, read_reason
from estafeta_postfix.log_follower.timestamp import Timestamps

# A message not yet so many milliseconds old has not been deferred before (Postfix's shortest back-off is
# longer), and the store need not be asked how often.
YOUNG = 1000

_METHODS: dict[str, object] = {"recv_method": "esmtp", "delv_method": "esmtp"}
_HARD = frozenset(map(str, HARD))
_FINAL = (events.DELIVERY, events.BOUNCE)
_TYPES = {"sent": events.DELIVERY, "bounced": events.BOUNCE, "deferred": events.DELAY}


class Recorder:
    """Turns what the log tells into rows."""

    def __init__(
        self,
        store: Store,
        ids: IdSource,
        timestamps: Timestamps,
        pools: Callable[[], Mapping[str, IpPool]] = dict,
    ) -> None:
        self._store = store
        self._ids = ids
        self._timestamps = timestamps
        self._pools = pools
        self._connections = Connections()

    def forget(self) -> None:
        """Forget earlier lines: the log is read from another place, or some of it once more."""
        self._connections.forget()

    def rows(self, told: Iterable[Told]) -> list[Row]:
        """Return the rows of one batch of lines; StoreUnavailable when the store cannot be asked."""
        batch = _Batch()
        for item in told:
            match item:
                case Delivery():
                    batch.events += self._delivery(item, batch)
                case Secured():
                    self._connections.secured(item, self._timestamps.read(item.time).start)
                case Copied():
                    self._copied(item, batch)
                case Expired():
                    batch.events += self._expired(item, batch)
        return [*batch.copies.values(), *batch.events, *batch.suppressions]

    def _copied(self, item: Copied, batch: "_Batch") -> None:
        source = self._requeued(item.original, batch)
        if source is None:
            return
        named = self._named(source.original, item.recipients, batch)
        message_id = named.message.message_id if named is not None else None
        known = batch.copies.get(item.queue_id)
        if known is None:
            time = self._timestamps.read(item.time).start
            known = Requeued(item.queue_id, source.original, time)
        if item.anew:
            message_id = source.message_id
        if message_id is not None:
            known = replace(known, message_id=message_id)
        batch.copies[item.queue_id] = known

    def _requeued(self, queue_id: str, batch: "_Batch") -> Requeued | None:
        """Return what a queue file has of which transmission; None where that is not known."""
        if queue_id in batch.copies:
            return batch.copies[queue_id]
        if queue_id not in batch.sources:
            found = self._store.requeued(queue_id)
            transmission = self._store.find_transmission(queue_id) if found is None else None
            if transmission is not None and transmission.queue_id == queue_id:
                found = Requeued(queue_id, queue_id, transmission.injection_time, WHOLE)
            batch.sources[queue_id] = found
        return batch.sources[queue_id]

    def _delivery(self, delivery: Delivery, batch: "_Batch") -> Iterator[Event]:
        over_tls = self._connections.over_tls(delivery, self._timestamps.read(delivery.time).start)
        known = batch.copies.get(delivery.queue_id)
        queue_id = delivery.queue_id if known is None else known.original
        copy = self._named(queue_id, (delivery.recipient, delivery.original), batch)
        if copy is None:
            return
        message_id = copy.message.message_id
        # Postfix's own log tells the second; within it, the event comes after the injection.
        injected, waited = copy.transmission.injection_time, round(delivery.delay * 1000)
        moment = self._timestamps.read(delivery.time).nearest(injected + waited)
        if copy.transmission.queue_id != delivery.queue_id:  # the delay counts from when the copy was made
            waited = max(waited, moment - injected)
        retries = batch.delays[message_id]
        if waited >= YOUNG:
            retries += self._store.count_delays(message_id)
        data: dict[str, object] = {
            **_METHODS,
            "num_retries": str(retries),
            "queue_time": str(waited),
            **_way(delivery, over_tls),
            **self._from(delivery),
        }
        if delivery.status != "sent":
            data |= _said(read_reason(delivery))
        if delivery.status == "deferred":
            batch.delays[message_id] += 1
        if delivery.status == "bounced" and data["bounce_class"] in _HARD:
            batch.suppressions += _suppressions(copy, str(data["raw_reason"]), moment)
        yield self._event(_TYPES[delivery.status], moment, copy, data)

    def _expired(self, item: Expired, batch: "_Batch") -> Iterator[Event]:
        """Yield a bounce for each recipient that has neither been delivered to nor bounced.

        A recipient whose copy has been taken from the message is that copy's alone.
        """
        requeued = self._requeued(item.queue_id, batch)
        found = None if requeued is None else self._store.find(requeued.original)
        if requeued is None or found is None:
            return
        settled = {event.message_id for event in (*found.events, *batch.events) if event.type in _FINAL}
        if requeued.message_id == WHOLE:
            settled |= self._store.handed_over(requeued.original)
            settled |= {copy.message_id for copy in batch.copies.values()}
        for message in found.messages:
            if message.message_id in settled or requeued.message_id not in (WHOLE, message.message_id):
                continue
            retries = batch.delays[message.message_id] + self._store.count_delays(message.message_id)
            data: dict[str, object] = {
                **_METHODS,
                "num_retries": str(retries),
                "ip_address": "",
                "routing_domain": _domain(message.rcpt_to),
            }
            copy = Copy(found.transmission, message)
            moment = self._timestamps.read(item.time).start
            yield self._event(events.BOUNCE, moment, copy, data | _said(expired()))

    def _from(self, delivery: Delivery) -> dict[str, object]:
        """Return the pool of a delivery, and the address of it that the pool is bound to, where it is."""
        if not delivery.pool:
            return {}
        pool = self._pools().get(delivery.pool, IpPool())
        bound = pool.bind_address6 if ":" in delivery.ip else pool.bind_address
        address = {"sending_ip": bound} if bound and delivery.ip else {}
        return {"ip_pool": delivery.pool, **address}

    def _named(self, queue_id: str, recipients: Iterable[str], batch: "_Batch") -> Copy | None:
        """Return the message of the first of these recipients that a transmission has."""
        for address in filter(None, recipients):
            if (queue_id, address) not in batch.named:
                batch.named[queue_id, address] = self._store.message_for(queue_id, address)
            copy = batch.named[queue_id, address]
            if copy is not None:
                return copy
        return None

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
        self.copies: dict[str, Requeued] = {}
        self.sources: dict[str, Requeued | None] = {}  # what the store has said of others
        # The same of messages: most are told of twice, when they are handed over and when they are delivered.
        self.named: dict[tuple[str, str], Copy | None] = {}
        self.suppressions: list[Suppression] = []
        self.delays: Counter[int] = Counter()


def _way(delivery: Delivery, over_tls: bool | None) -> dict[str, object]:
    """Return where a message went, how, and what was said when it was taken."""
    way: dict[str, object] = {
        "ip_address": delivery.ip,
        "routing_domain": _domain(delivery.recipient),
    }
    if delivery.ip:
        way["outbound_host"] = delivery.host
    if over_tls is not None:
        way["outbound_tls"] = "1" if over_tls else "0"
    if delivery.ip and delivery.status == "sent":
        way["outbound_response"] = cleaned(delivery.text)
    return way


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _suppressions(copy: Copy, said: str, moment: int) -> list[Suppression]:
    transmission = copy.transmission
    return [
        Suppression(
            account=transmission.account,
            subaccount=transmission.subaccount,
            recipient=copy.message.rcpt_to,
            type=kind,
            source=suppression.BOUNCE_RULE,
            description=said,
            created=moment,
        )
        for kind in ("transactional", "non_transactional")
    ]


def _said(reason: Reason) -> dict[str, object]:
    return {
        "error_code": reason.error_code,
        "reason": reason.reason,
        "raw_reason": reason.raw_reason,
        "bounce_class": str(reason.bounce_class),
    }
