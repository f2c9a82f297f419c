"""One node at a time has a lease, and what it may write is refused when it has it no more."""

import threading
import time

import pytest

from estafeta_core.store import Lease, LeaseLost, RowsRefused, Store, open_store
from estafeta_core.store.rows import Tag
from estafeta_core.store.store import backend
from estafeta_core.store.writes import STATEMENTS

SHORT = 1.0  # seconds


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def lease(store: Store, node: str, seconds: float = 3600.0, clock: Clock | None = None) -> Lease:
    return Lease(store, "worker", node, seconds, clock or Clock())


def test_one_node_at_a_time_has_it_and_another_one_after_it_was_released(store: Store) -> None:
    one, other = lease(store, "one"), lease(store, "other")
    assert not one.held
    assert (one.take(), other.take()) == (True, False)
    assert (one.held, other.held, other.holder) == (True, False, "one")
    other.release()  # which is none of its business
    assert not other.take()
    one.release()
    assert not one.held
    assert (other.take(), one.take(), one.holder) == (True, False, "other")


def test_of_many_that_take_it_at_once_one_has_it(url: str, store: Store) -> None:
    stores = [open_store(url, timeout=10.0) for _ in range(4)]
    for turn in range(5):
        takers = [lease(each, f"{number}") for number, each in enumerate(stores)]
        threads = [threading.Thread(target=taker.take) for taker in takers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (holder,) = (taker for taker in takers if taker.held)
        assert store.lease("worker") is not None, turn
        holder.release()
    for each in stores:
        each.close()


def test_it_is_over_by_the_clock_of_the_store_whatever_its_holder_thinks(store: Store) -> None:
    one, other = lease(store, "one", SHORT), lease(store, "other", SHORT)
    assert one.take()
    assert not other.take()
    deadline = time.monotonic() + 10
    while not other.take():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert one.held  # its own clock stands still
    with pytest.raises(LeaseLost, match="one"):
        one.record([Tag("acme", "late")])
    assert not one.held
    assert store.tags("acme") == set()


def test_a_node_that_comes_back_has_what_it_had(store: Store) -> None:
    assert lease(store, "one").take()
    again = lease(store, "one")
    assert not again.held
    assert again.take()


def test_its_holder_goes_by_its_own_clock_and_renews_at_a_third(store: Store) -> None:
    clock = Clock()
    mine = lease(store, "one", 90, clock)
    assert mine.take()
    clock.now += 29
    assert mine.take()
    clock.now += 60
    assert mine.held
    clock.now += 2
    assert not mine.held
    assert mine.take()
    assert mine.held
    clock.now += 31  # the store is asked
    assert mine.take()
    clock.now += 89
    assert mine.held


def test_rows_of_its_holder_are_written_and_those_that_are_refused_cost_it_nothing(store: Store) -> None:
    mine = lease(store, "one")
    with pytest.raises(LeaseLost):
        mine.record([Tag("acme", "early")])
    assert mine.take()
    mine.record([])
    mine.record([Tag("acme", "a")])
    with pytest.raises(RowsRefused):
        mine.record([Tag(None, "b")])  # type: ignore[arg-type]
    assert mine.held
    assert store.tags("acme") == {"a"}


def test_a_transaction_that_has_seen_the_lease_is_over_before_another_node_has_it(
    url: str, store: Store
) -> None:
    one, other = lease(store, "one", SHORT), lease(store, "other")
    assert one.take()
    writing = backend(url, 10.0).writing(checkpoints=False)
    writing.begin()
    writing.run(list(STATEMENTS).index("lease_held"), [("worker", "one")])
    deadline = time.monotonic() + 10
    while (found := store.lease("worker")) is not None and found[1] > 0:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    taking = threading.Thread(target=other.take)
    taking.start()
    taking.join(0.5)
    assert not other.held
    writing.finish()
    writing.end()
    taking.join()
    writing.close()
    assert other.held
