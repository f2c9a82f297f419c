"""The table of metrics: names that Prometheus takes, bounded labels, and a manual that knows each."""

import re
from pathlib import Path
from typing import get_args

from estafeta_core import metrics
from estafeta_core.dialects import DIALECTS
from estafeta_core.store.rows import Expiring

MANUAL = Path(__file__).parents[2] / "docs" / "monitoring.md"


def test_every_name_is_one_of_prometheus_and_stands_once() -> None:
    names = [metric.name for metric in metrics.BOARD.metrics]
    assert len(set(names)) == len(names)
    for name in names:
        assert re.fullmatch(r"estafeta_[a-z_]+", name)
        assert not name.endswith("_total")


def test_labels_are_few() -> None:
    assert max(len(metric.values) for metric in metrics.BOARD.metrics) <= 4 * len(DIALECTS)


def test_every_dialect_and_every_kind_of_row_has_its_label() -> None:
    assert {dialect for dialect, _ in metrics.MESSAGES} == set(DIALECTS)
    assert set(metrics.FORGOTTEN) >= set(get_args(Expiring))


def test_the_manual_explains_every_metric() -> None:
    text = MANUAL.read_text()
    shown = [f"{metric.name}{'_total' * (metric.kind == 'counter')}" for metric in metrics.BOARD.metrics]
    assert [name for name in shown if f"`{name}`" not in text] == []
