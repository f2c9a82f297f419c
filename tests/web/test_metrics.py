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


def test_what_the_store_has_counted_is_shown_and_a_label_without_a_count_is_zero() -> None:
    said = Metrics().exposition({"messages": {"differ": 2}, "recipients": {"to": 3, "bcc": 7}}).decode()
    assert lines(said, "estafeta_messages_total") == [
        'estafeta_messages_total{copies="alike"} 0.0',
        'estafeta_messages_total{copies="differ"} 2.0',
        'estafeta_messages_total{copies="none"} 0.0',
    ]
    assert lines(said, "estafeta_message_recipients_total") == [
        'estafeta_message_recipients_total{rcpt_type="to"} 3.0',
        'estafeta_message_recipients_total{rcpt_type="cc"} 0.0',
        'estafeta_message_recipients_total{rcpt_type="bcc"} 7.0',
        'estafeta_message_recipients_total{rcpt_type="archive"} 0.0',
    ]
    assert lines(said, "estafeta_web_store_readable") == ["estafeta_web_store_readable 1.0"]


def test_while_the_store_is_away_its_counters_are_left_out_and_no_counter_falls_to_zero() -> None:
    metrics = Metrics()
    metrics.exposition({"messages": {"alike": 5}, "recipients": {"to": 5}})
    said = metrics.exposition().decode()
    assert lines(said, "estafeta_message") == []
    assert lines(said, "estafeta_web_store_readable") == ["estafeta_web_store_readable 0.0"]


def lines(said: str, name: str) -> list[str]:
    """Return the samples whose names begin so."""
    return [line for line in said.splitlines() if line.startswith(name)]
