import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import Result

from estafeta_core.ids import IdSource
from estafeta_core.store import open_store
from estafeta_core.store.filelock import FileLock
from estafeta_core.store.outgoing_rows import Batch, Webhook
from estafeta_core.store.rows import Count, Event, File, LogPosition, Message, Row
from estafeta_core.store.statements import Values
from estafeta_core.store.store import backend
from estafeta_core.store.transfer import tables
from estafeta_postfix.cli.failure import Failure
from estafeta_testing import fleet, postgresql
from estafeta_testing.stored import make_rows

Run = Callable[..., Result]
WEBHOOK = "0b5f0d0e-2a6e-4f3a-9d8e-7e6f5a4b3c2d"
CONNECTED = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'estafeta'"
WAITING = f"{CONNECTED} AND wait_event_type = 'Lock'"
MARCH = 1_709_251_200_000  # Unix milliseconds, in 2024: a month that no worker makes a table for


@pytest.fixture
def url(cluster: postgresql.Cluster) -> Iterator[str]:
    with cluster.store() as made:
        yield made


@pytest.fixture
def full(config: Path) -> Path:
    """A configuration whose SQLite store has rows in every table that something depends on."""
    fleet.put(config, map(fleet.text, range(3)))
    ids = IdSource(lambda: MARCH)
    webhook = Webhook(
        WEBHOOK, "acme", None, "all", "https://example.com/", True, ("delivery",), (), {}, "", 1
    )
    with contextlib.closing(open_store(f"sqlite:///{config.parent}/estafeta.db")) as store:
        store.record([webhook])
        rows: list[Row] = []
        for number in range(50):
            made = make_rows(f"reader{number}@example.net")
            message = made[1]
            assert isinstance(message, Message)
            rows += made
            rows.append(
                Event(
                    ids.next(),
                    ("delivery", "list_unsubscribe")[number % 2],
                    MARCH,
                    message.transmission_id,
                    message.message_id,
                    "acme",
                    None,
                    {"raw_reason": "NUL \0 and \ud800"},
                )
            )
        store.record(rows)
        waiting = [number for (number,) in store.query("outbox", WEBHOOK, 100)]
        assert len(waiting) == 25
        batch = Batch(ids.next(), WEBHOOK, tuple(waiting[:5]), 1, "waiting", 1, 0, 0, 0, None, "")
        more: list[Row] = [
            batch,
            LogPosition("/var/log/mail.log", 1, 2),
            File("acme", "ab", 100, 1),
            Count("messages", "alike", 3),
        ]
        store.record(more)
    return config


def contents(url: str) -> dict[str, list[Values]]:
    """Return every row of a store."""
    with backend(url).transfer(writes=False) as there:
        return {table: sorted(there.rows(table, columns), key=repr) for table, columns in tables().items()}


def own(config: Path) -> str:
    return f"sqlite:///{config.parent}/estafeta.db"


def test_everything_goes_to_postgresql_and_back(
    run: Run, full: Path, url: str, cluster: postgresql.Cluster
) -> None:
    before = contents(own(full))
    done = run("store", "copy", url, "--json")
    assert done.exit_code == 0, done.exception
    rows = json.loads(done.stdout)["rows"]
    assert rows == {table: len(found) for table, found in before.items()}
    assert all(
        rows[table] for table in ("accounts", "account_entries", "events", "outbox", "webhook_batches")
    )
    copied = contents(url)
    node = socket.gethostname()
    assert copied.pop("log_positions") == [(f"{node}:/var/log/mail.log", 1, 2)]
    assert before.pop("log_positions") == [("/var/log/mail.log", 1, 2)]
    assert {table: found for table, found in copied.items() if found != before[table]}.keys() == {"events"}
    # PostgreSQL has no place for NUL, nor for half of a surrogate pair (docs/storage.md).
    spoilt = [tuple(_spoilt(value) for value in row) for row in before["events"]]
    assert copied["events"] == sorted(spoilt, key=repr)
    [(march,)] = cluster.sql("SELECT count(*) FROM events_2024_03", url=url)
    assert march == 50
    text = full.read_text()
    full.write_text(text.replace("sqlite:///estafeta.db", url))
    back = f"sqlite:///{full.parent}/back.db"
    assert run("store", "copy", back).exit_code == 0
    again = contents(back)
    assert again.pop("log_positions") == [("/var/log/mail.log", 1, 2)]
    assert again == copied


def _spoilt(value: object) -> object:
    return (
        value.replace("\\u0000", "\\ufffd").replace("\\ud800", "\\ufffd") if isinstance(value, str) else value
    )


def test_the_copy_is_used_like_the_original(run: Run, full: Path, url: str) -> None:
    run("store", "copy", url)
    with contextlib.closing(open_store(url)) as store:
        store.record(make_rows("new@example.net"))  # ids, sequences and triggers go on
        fresh = make_rows("other@example.net")
        message = fresh[1]
        assert isinstance(message, Message)
        event = Event(1 << 61, "delivery", MARCH, message.transmission_id, message.message_id, "acme", None)
        store.record([*fresh, event])
        assert (1 << 61,) in store.query("outbox", WEBHOOK, 100)
    del full


def test_a_target_that_is_not_empty_is_refused_and_left_alone(run: Run, full: Path, url: str) -> None:
    with contextlib.closing(open_store(url)) as store:
        store.record(make_rows())
    before = contents(url)
    refused = run("store", "copy", url)
    assert isinstance(refused.exception, Failure)
    assert refused.exception.status == 2
    assert "not empty" in str(refused.exception)
    assert contents(url) == before
    del full


def test_what_was_interrupted_is_begun_again(
    run: Run, full: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("estafeta_postfix.cli.store._Progress.__call__", interrupted)
        assert run("store", "copy", url).exit_code == 1
    assert not any(rows for table, rows in contents(url).items() if table != "accounts_change")
    assert run("store", "copy", url).exit_code == 0
    del full


@pytest.mark.release
def test_what_was_killed_in_the_middle_is_begun_again(
    run: Run, full: Path, url: str, cluster: postgresql.Cluster
) -> None:
    open_store(url).close()
    command = [sys.executable, "-m", "estafeta_postfix", "--config", str(full), "store", "copy", url]
    with psycopg.connect(url) as waiting:
        waiting.execute("LOCK TABLE counters")  # which are filled after the events
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as copying:
            _until(lambda: cluster.sql(WAITING, url=url) == [(1,)])
            copying.kill()
    _until(lambda: cluster.sql(CONNECTED, url=url) == [(0,)])
    assert not any(rows for table, rows in contents(url).items() if table != "accounts_change")
    assert run("store", "copy", url).exit_code == 0


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    "target", ["nothing", "sqlite:///{folder}/estafeta.db", "sqlite:////nonexistent/x.db"]
)
def test_what_is_no_target_is_told(run: Run, full: Path, target: str) -> None:
    refused = run("store", "copy", target.format(folder=full.parent))
    assert isinstance(refused.exception, Failure)
    assert refused.exception.status == 2


def test_daemons_have_to_be_stopped(run: Run, full: Path, url: str) -> None:
    (full.parent / "state").mkdir()
    lock = FileLock(full.parent / "state" / "worker.lock")
    assert lock.try_acquire(0)
    (full.parent / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(full.parent / "run" / "milter.sock"))
        listener.listen()
        refused = run("store", "copy", url)
    assert "still running here: milter, worker" in str(refused.exception)
    lock.close()
    writing = FileLock(full.parent / "estafeta.db-lock")
    assert writing.try_acquire(0)
    assert "somebody writes to it" in str(run("store", "copy", url).exception)
    writing.close()
    with contextlib.closing(open_store(url)) as store:
        store.lease("worker")
        assert "connections of Estafeta are open" in str(run("store", "copy", url).exception)
    assert run("store", "copy", url).exit_code == 0
