"""The counters."""

import copy
from pathlib import Path

from estafeta_core import metrics
from estafeta_core.board import Board, Histogram, Number
from estafeta_core.metrics import BOARD
from estafeta_web.metrics import Metrics


def test_counters_of_two_services_in_one_process_do_not_mix() -> None:
    one, other = Metrics(), Metrics()
    one.events.labels("click", "store").inc()
    assert b'estafeta_web_events_total{kept="store",type="click"} 1.0' in one.exposition()
    assert b"events_total{" not in other.exposition()


def test_what_waits_in_the_journal_is_what_was_told_just_now() -> None:
    counted = Metrics()
    assert b"estafeta_web_journal_bytes 5.0" in counted.exposition(waiting=5)
    assert b"estafeta_web_journal_bytes NaN" in counted.exposition()


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
    counted = Metrics()
    counted.exposition({"messages": {"alike": 5}, "recipients": {"to": 5}})
    said = counted.exposition().decode()
    assert lines(said, "estafeta_message") == []
    assert lines(said, "estafeta_web_store_readable") == ["estafeta_web_store_readable 0.0"]


def lines(said: str, name: str) -> list[str]:
    """Return the samples whose names begin so."""
    return [line for line in said.splitlines() if line.startswith(name)]


def test_what_all_processes_count_is_summed_and_gauges_of_dead_ones_are_left_out(tmp_path: Path) -> None:
    made = [_counting(tmp_path, "milter"), _counting(tmp_path, "milter"), _counting(tmp_path, "worker")]
    said = Metrics(tmp_path).exposition().decode()
    assert lines(said, "estafeta_copies_total") == [
        'estafeta_copies_total{outcome="made"} 6.0',
        'estafeta_copies_total{outcome="deferred"} 0.0',
    ]
    assert lines(said, "estafeta_store_commits_total") == [
        'estafeta_store_commits_total{role="milter"} 2.0',
        'estafeta_store_commits_total{role="worker"} 1.0',
    ]
    assert lines(said, "estafeta_log_behind_seconds") == ["estafeta_log_behind_seconds 21.0"]
    assert 'estafeta_copy_seconds_bucket{le="0.02"} 3.0' in said
    assert "estafeta_copy_seconds_count 3.0" in said
    assert lines(said, "estafeta_processes") == [
        'estafeta_processes{role="milter"} 2.0',
        'estafeta_processes{role="worker"} 1.0',
    ]
    for each in made:
        each.close()
    said = Metrics(tmp_path).exposition().decode()
    assert lines(said, "estafeta_copies_total")[0] == 'estafeta_copies_total{outcome="made"} 6.0'
    assert lines(said, "estafeta_log_behind_seconds") == ["estafeta_log_behind_seconds 0.0"]
    assert lines(said, "estafeta_processes")[0] == 'estafeta_processes{role="milter"} 0.0'


def test_a_broken_file_does_not_take_the_metrics_down_and_is_told(tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "milter-0").write_bytes(b"half")
    said = Metrics(tmp_path).exposition().decode()
    assert "estafeta_metrics_files_left_out 1.0" in said
    assert 'estafeta_auth_attempts_total{outcome="refused"} 0.0' in said


def _counting(run_dir: Path, role: str) -> Board:
    """Return the board of a process that has counted a little; every process has the same places."""
    copied = copy.copy(BOARD)
    copied._file = None
    copied.open(run_dir, role)
    for number in (metrics.COPIES["made"], metrics.COPIES["made"], metrics.STORE_COMMITS):
        Number(copied, number._place).add()
    Number(copied, metrics.LOG_BEHIND._place).set(7)
    Histogram(copied, metrics.COPY_SECONDS._place, metrics.SECONDS).observe(0.015)
    return copied
