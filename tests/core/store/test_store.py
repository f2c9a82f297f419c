"""Opening a store, and the promise of `record`."""

import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path

import pytest

from estafeta_core.store import SchemaTooNew, Store, StoreUnavailable, open_store
from estafeta_core.store.postgresql.schema import TABLE
from estafeta_core.store.rows import Transmission
from estafeta_testing.stored import database, make_rows


@pytest.mark.parametrize(
    "url", ["", "sqlite:///", "estafeta.db", "mysql://me:secret@host/db", "sqlite://estafeta.db"]
)
def test_a_url_that_is_no_store_of_ours_is_an_error_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="not a store of the form") as caught:
        open_store(url)
    assert "secret" not in str(caught.value)


OPENING = """
import os, sys, threading
from estafeta_core.store import open_store

def count():
    print(threading.active_count(), len(os.listdir("/proc/self/fd")))

count()
store = open_store(sys.argv[1])
count()
store.close()
"""


def test_opening_starts_no_thread_and_leaves_no_file_open(url: str) -> None:
    """In a process of its own: in this one, threads that others have left open and close files meanwhile."""
    done = subprocess.run([sys.executable, "-c", OPENING, url], check=True, capture_output=True, text=True)
    before, after = done.stdout.splitlines()
    assert after == before


def test_what_was_recorded_is_there_for_the_next_process(url: str) -> None:
    rows = make_rows()
    store = open_store(url)
    store.record(rows)
    store.close()
    again = open_store(url)
    assert isinstance(rows[0], Transmission)
    assert again.transmission(rows[0].transmission_id) == rows[0]
    again.close()


def test_a_store_that_cannot_be_reached_at_the_start_is_used_when_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store(f"sqlite:///{tmp_path}/later/estafeta.db", timeout=1)
    assert "not available yet" in caplog.text
    with pytest.raises(StoreUnavailable):
        store.record(make_rows())
    with pytest.raises(StoreUnavailable):
        store.find("1")
    (tmp_path / "later").mkdir()
    store.record(make_rows())
    assert len(store.events()) == 1
    store.close()


def test_k7_a_newer_schema_stops_the_start(url: str, back_end: str) -> None:
    open_store(url).close()
    newer = {"sqlite": "PRAGMA user_version = 99", "postgresql": f"INSERT INTO {TABLE} VALUES (99, now())"}
    with database(url) as connection:
        connection.execute(newer[back_end])
    with pytest.raises(SchemaTooNew, match="schema 99"):
        open_store(url)


def test_a_submission_that_ends_while_it_is_given_up_counts_as_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Late(Future[None]):
        """Done between the timeout and the attempt to cancel."""

        def result(self, timeout: float | None = None) -> None:
            if timeout is not None:
                self.set_running_or_notify_cancel()
                self.set_result(None)
                raise TimeoutError

    late = Late()
    monkeypatch.setattr(store._writer, "submit", lambda rows: late)
    store.record(make_rows(), timeout=0.1)
    assert late.done()
