"""The counters."""

from estafeta_web.metrics import Metrics


def test_counters_of_two_services_in_one_process_do_not_mix() -> None:
    one, other = Metrics(), Metrics()
    one.events.labels("click", "store").inc()
    assert b'estafeta_web_events_total{kept="store",type="click"} 1.0' in one.exposition()
    assert b"events_total{" not in other.exposition()


def test_the_backlog_is_asked_for_when_the_metrics_are_read() -> None:
    metrics = Metrics()
    backlog = [5]
    metrics.watch_backlog(lambda: backlog[0])
    assert b"estafeta_web_spool_bytes 5.0" in metrics.exposition()
    backlog[0] = 7
    assert b"estafeta_web_spool_bytes 7.0" in metrics.exposition()
