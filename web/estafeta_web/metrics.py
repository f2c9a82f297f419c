"""What is counted; every label has a handful of values, none of them from a request.

This process counts requests and events itself. What the milter's processes have accepted is counted in the
store, with the messages, and is read from there each time somebody asks. While it cannot be read, those
metrics are left out: a counter that fell to zero and rose again would look like so many new messages.
"""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from estafeta_core.store import rows

Counted = Mapping[rows.Counter, Mapping[str, int]]  # of the store: by counter and label


class Metrics:
    """The counters of one process, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "estafeta_web_requests", "Requests answered.", ["path", "status"], registry=self._registry
        )
        self.events = Counter(
            "estafeta_web_events",
            "Events by where they were kept: store, spool, or lost.",
            ["type", "kept"],
            registry=self._registry,
        )
        self.seconds = Histogram(
            "estafeta_web_request_seconds",
            "Time until an answer was ready.",
            ["path"],
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
            registry=self._registry,
        )
        self._backlog = Gauge(
            "estafeta_web_spool_bytes", "Bytes waiting for the store.", registry=self._registry
        )
        self._readable = Gauge(
            "estafeta_web_store_readable",
            "Whether the metrics that the store keeps could be read just now.",
            registry=self._registry,
        )
        self._stored = _Stored()
        self._registry.register(self._stored)

    def watch_backlog(self, backlog: Callable[[], float]) -> None:
        """Ask `backlog` each time the metrics are read."""
        self._backlog.set_function(backlog)

    def exposition(self, counted: Counted | None = None) -> bytes:
        """Return everything in Prometheus' text format; `counted` None: the store is away."""
        self._readable.set(counted is not None)
        self._stored.counted = counted
        return generate_latest(self._registry)


class _Stored(Collector):
    """What the store counts; a label of which there was nothing yet is there, with 0."""

    _FAMILIES: tuple[tuple[rows.Counter, str, str, str, tuple[str, ...]], ...] = (
        (
            "messages",
            "estafeta_messages",
            "Messages accepted, by their copies: alike (not split), differ (split), none (all suppressed).",
            "copies",
            ("alike", "differ", "none"),
        ),
        (
            "recipients",
            "estafeta_message_recipients",
            "Recipients of accepted messages by what names them, suppressed ones included.",
            "rcpt_type",
            ("to", "cc", "bcc", "archive"),
        ),
    )

    def __init__(self) -> None:
        self.counted: Counted | None = None

    def describe(self) -> list[CounterMetricFamily]:
        """Return nothing: what there is to collect depends on the store."""
        return []

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Return a family for each counter."""
        if self.counted is None:
            return
        for counter, name, meaning, label, values in self._FAMILIES:
            family = CounterMetricFamily(name, meaning, labels=[label])
            for value in values:
                family.add_metric([value], self.counted[counter].get(value, 0))
            yield family
