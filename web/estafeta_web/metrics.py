"""What is counted; every label has a handful of values, none of them from a request."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


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

    def watch_backlog(self, backlog: Callable[[], float]) -> None:
        """Ask `backlog` each time the metrics are read."""
        self._backlog.set_function(backlog)

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)
