"""What is counted; every label has a handful of values, none of them from a request.

This process counts requests and events itself. What the milter's processes have accepted is counted in the
store, with the messages, and is read from there each time somebody asks. While it cannot be read, those
metrics are left out: a counter that fell to zero and rose again would look like so many new messages.
What every process counts by itself (metrics.py of the core) is read from its files, also each time.
"""

import itertools
import math
from collections import Counter as Tally
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from estafeta_core import board
from estafeta_core.metrics import BOARD
from estafeta_core.store import rows

Counted = Mapping[rows.Counter, Mapping[str, int]]  # of the store: by counter and label


class Metrics:
    """The counters of one process, in a registry of their own; those of all, where `run_dir` is given."""

    def __init__(self, run_dir: Path | None = None) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "estafeta_web_requests", "Requests answered.", ["path", "status"], registry=self._registry
        )
        self.events = Counter(
            "estafeta_web_events",
            "Events by where they were kept: journal, store, or lost.",
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
        self._waiting = Gauge(
            "estafeta_web_journal_bytes",
            "Bytes of the journal that the store has not; NaN while that cannot be told.",
            registry=self._registry,
        )
        self._readable = Gauge(
            "estafeta_web_store_readable",
            "Whether the metrics that the store keeps could be read just now.",
            registry=self._registry,
        )
        self._stored = _Stored()
        self._registry.register(self._stored)
        if run_dir is not None:
            self._registry.register(_Counted(run_dir))

    def exposition(self, counted: Counted | None = None, waiting: int | None = None) -> bytes:
        """Return everything in Prometheus' text format; None: the store is away."""
        self._waiting.set(math.nan if waiting is None else waiting)
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


class _Counted(Collector):
    """What all processes count, summed; for some metrics apart by role."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir

    def describe(self) -> list[Metric]:
        """Return nothing: what there is to collect depends on the files."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Return a family for each metric of the board, and what can be said of its files."""
        damaged: list[Path] = []
        sheets = list(board.sheets(self._run_dir, BOARD, damaged.append))
        for metric in BOARD.metrics:
            yield _family(metric, sheets)
        alive = Tally(sheet.role for sheet in sheets if sheet.alive)
        processes = GaugeMetricFamily("estafeta_processes", "Processes that run, by role.", labels=["role"])
        for role in sorted({sheet.role for sheet in sheets}):
            processes.add_metric([role], alive[role])
        yield processes
        meaning = "Files of metrics left out: damaged, or of another version."
        yield GaugeMetricFamily("estafeta_metrics_files_left_out", meaning, value=len(damaged))


def _family(metric: board.Metric, sheets: Sequence[board.Sheet]) -> Metric:
    """Return one metric: of each role where they are told apart; a gauge is one of living processes only."""
    told = [sheet for sheet in sheets if sheet.alive] if metric.kind == "gauge" else sheets
    roles = sorted({sheet.role for sheet in told}) if metric.by_role else [""]
    labels = ["role"] if metric.by_role else list(metric.labels)
    family = _empty(metric, labels)
    for role in roles:
        of_role = [sheet.cells for sheet in told if role in ("", sheet.role)]
        for number, values in enumerate(metric.values):
            start = metric.start + number * metric.width
            sums = [sum(cells[place] for cells in of_role) for place in range(start, start + metric.width)]
            _add(family, [role] if metric.by_role else list(values), metric, sums)
    return family


def _empty(metric: board.Metric, labels: Sequence[str]) -> Metric:
    if metric.kind == "histogram":
        return HistogramMetricFamily(metric.name, metric.meaning, labels=labels)
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    return kind(metric.name, metric.meaning, labels=labels)


def _add(family: Metric, labels: list[str], metric: board.Metric, sums: Sequence[float]) -> None:
    if isinstance(family, HistogramMetricFamily):
        names = [*map(floatToGoString, metric.bounds), "+Inf"]
        buckets = list(zip(names, itertools.accumulate(sums[:-1]), strict=True))
        family.add_metric(labels, buckets, sums[-1])
    elif isinstance(family, CounterMetricFamily | GaugeMetricFamily):
        family.add_metric(labels, sums[0])
