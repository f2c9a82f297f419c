"""The pool: bounded, healed before anybody hears of it, and in time."""

import threading

import pytest

from estafeta_core.store import Store
from estafeta_core.store.errors import AnswerTooLong, StoreUnavailable
from estafeta_core.store.postgresql.asking import MOST, PostgresAsking
from estafeta_core.store.queries import QUERIES
from estafeta_testing.postgresql import Cluster


@pytest.fixture
def pool(store: Store) -> PostgresAsking:
    assert isinstance(store._asking, PostgresAsking)
    return store._asking


END = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'estafeta'"


def test_there_are_never_more_connections_than_that(pool: PostgresAsking, cluster: Cluster) -> None:
    def ask() -> None:
        for _ in range(5):
            assert pool.query("transmission", [1], 0.0) == []

    threads = [threading.Thread(target=ask) for _ in range(3 * MOST)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= len(pool._idle) <= MOST


def test_whoever_finds_all_connections_lent_waits_and_not_for_ever(
    store: Store, pool: PostgresAsking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_timeout", 0.1)
    for _ in range(MOST):
        pool._places.acquire()
    with pytest.raises(StoreUnavailable, match=f"all {MOST} connections of this process were in use"):
        store.transmission(1)
    pool._places.release()
    assert store.transmission(1) is None


def test_k5_a_connection_that_the_server_has_ended_is_replaced(
    store: Store, pool: PostgresAsking, cluster: Cluster
) -> None:
    assert store.transmission(1) is None
    assert cluster.sql(END) >= [(1,)]
    assert store.transmission(1) is None


def test_a_question_that_takes_too_long_says_so_and_the_next_is_answered(
    pool: PostgresAsking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(QUERIES, "slow", "SELECT pg_sleep(?1)")
    with pytest.raises(AnswerTooLong, match=r"no answer within 0\.1 s"):
        pool.query("slow", [3], 0.1)
    assert pool.query("transmission", [1], 1.0) == []
    assert pool.query("slow", [0], 0.0) == [("",)]


def test_a_child_leaves_the_connections_of_its_parent_alone(pool: PostgresAsking) -> None:
    pool.query("transmission", [1], 0.0)
    kept = pool._idle[0]
    pool.after_fork()
    assert not pool._idle
    assert kept.execute("SELECT 1").fetchall() == [(1,)]
    kept.close()
