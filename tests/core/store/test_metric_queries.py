import re

from estafeta_core.store.metric_queries import METRIC_QUERIES, METRICS


def test_every_metric_has_a_name_of_sparkposts() -> None:
    assert all(re.fullmatch("(count|total)_[a-z_]+", name) for name in METRICS)


def test_every_question_has_every_metric_and_names_the_account() -> None:
    for sql in METRIC_QUERIES.values():
        assert all(expression in sql for expression in METRICS.values())
        assert "e.account = ?1 AND e.timestamp >= ?2 AND e.timestamp < ?3" in sql
