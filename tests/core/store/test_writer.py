"""Group commit: durable when it says so, all or nothing, and back when a fault is gone."""

import contextlib
import errno
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from estafeta_core.store import RowsRefused, Store, StoreUnavailable, open_store, writer
from estafeta_core.store.backend import Transactions
from estafeta_core.store.rows import (
    Bounced,
    Count,
    Event,
    Lifted,
    Message,
    Renewal,
    Row,
    Suppression,
    TokenEvent,
    Transmission,
    Unsubscribed,
)
from estafeta_core.store.sqlite import transactions as sqlite_transactions
from estafeta_core.store.sqlite.transactions import SqliteTransactions
from estafeta_testing.stored import IDS, database, look, make_rows

ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


def transmission_id(rows: list[Row]) -> int:
    assert isinstance(rows[0], Transmission)
    return rows[0].transmission_id


def count(url: str, table: str) -> int:
    return int(look(url, f"SELECT count(*) FROM {table}")[0][0])


@contextlib.contextmanager
def held(url: str) -> Iterator[None]:
    """Let nothing be written meanwhile."""
    with database(url) as connection:
        begin, *lock = {"sqlite": ["BEGIN IMMEDIATE"], "postgresql": ["BEGIN", "LOCK TABLE transmissions"]}[
            url.partition(":")[0]
        ]
        connection.execute(begin)
        for each in lock:
            connection.execute(each)
        yield
        connection.execute("COMMIT")


def test_concurrent_messages_are_all_written(store: Store, url: str) -> None:
    def send() -> None:
        for _ in range(25):
            store.record(make_rows())

    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(url, "transmissions") == 500
    assert count(url, "events") == 500


@pytest.mark.sqlite
def test_concurrent_submissions_share_a_transaction(store: Store, url: str) -> None:
    commits: list[str] = []
    store.record([])
    transactions = store._writer._transactions
    assert isinstance(transactions, SqliteTransactions)
    assert transactions.connection is not None
    transactions.connection.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)
    with held(url):
        futures = [store.submit(make_rows()) for _ in range(50)]
    for future in futures:
        future.result(5)
    assert len(commits) <= 2


def test_a_refused_submission_fails_alone_and_leaves_nothing_of_itself(store: Store, url: str) -> None:
    first = make_rows()
    store.record(first)
    good = [make_rows() for _ in range(3)]
    half_bad = [*make_rows(), first[0]]
    with held(url):
        futures = [store.submit(rows) for rows in (good[0], half_bad, good[1], first, good[2])]
    errors = [future.exception(5) for future in futures]
    assert [isinstance(error, RowsRefused) for error in errors] == [False, True, False, True, False]
    assert re.search(
        r"UNIQUE constraint failed: transmissions\.|unique constraint .transmissions_", str(errors[1])
    )
    assert store.transmission(transmission_id(half_bad)) is None
    assert all(store.transmission(transmission_id(rows)) is not None for rows in good)


@pytest.mark.parametrize(
    "row",
    [
        Event(2**63, "injection", 1, 1, 1, "acme", None),
        Event(1, "injection", "soon", 1, 1, "acme", None),  # type: ignore[arg-type] # a bug of a caller
        Event(1, "injection", 1, 1, 1, None, None),  # type: ignore[arg-type] # a bug of a caller
        Event(1, "injection", 1, 1, 1, "acme", None, {"n": float("inf")}),
        Event(1, object(), 1, 1, 1, "acme", None),  # type: ignore[arg-type] # a bug of a caller
        Event(1, "\ud800", 1, 1, 1, "acme", None),
    ],
    ids=["too large", "text for a number", "nothing", "infinity", "an object", "a surrogate"],
)
def test_rows_that_no_table_takes_are_refused_and_the_store_goes_on(store: Store, row: Row) -> None:
    with pytest.raises(RowsRefused):
        store.record([row])
    store.record(make_rows())


def test_the_same_event_is_refused_twice(store: Store) -> None:
    event = Event(IDS.next(), "injection", 1, 1, 1, "acme", None)
    store.record([event])
    with pytest.raises(RowsRefused, match=r"events\.event_id|unique constraint .events"):
        store.record([event])


def test_what_is_counted_is_counted_with_its_rows_or_not_at_all(store: Store) -> None:
    first = make_rows()
    for rows in (first, make_rows(), make_rows()):
        store.record([*rows, Count("messages", "alike"), Count("recipients", "bcc", 7)])
    with pytest.raises(RowsRefused):
        store.record([Count("messages", "alike"), *first])
    assert (store.counted("messages"), store.counted("recipients")) == ({"alike": 3}, {"bcc": 21})


def test_what_several_writers_count_at_once_is_counted(store: Store, url: str) -> None:
    others = [open_store(url, timeout=10) for _ in range(3)]
    futures = [each.submit([Count("messages", "differ")]) for each in others for _ in range(100)]
    for future in futures:
        future.result(10)
    for each in others:
        each.close()
    assert store.counted("messages") == {"differ": 300}


def suppressed(store: Store) -> list[tuple[str, int, int]]:
    rows = store.suppressions_of("acme", [""], "a@b.c", ["transactional"])
    return [(row.description, row.created, row.updated) for row in rows]


def test_what_happens_leaves_a_suppression_that_is_there_as_it_is(store: Store) -> None:
    for moment, description in enumerate(("first", "second"), 1):
        store.record(
            [Suppression("acme", None, "a@b.c", "transactional", "Bounce Rule", description, moment)]
        )
    assert suppressed(store) == [("first", 1, 1)]


def test_a_renewal_changes_a_suppression_and_keeps_when_it_was_created(store: Store) -> None:
    for moment, description in enumerate(("first", "second"), 1):
        row = Suppression("acme", None, "a@b.c", "transactional", "Manually Added", description, moment)
        store.record([Renewal(row)])
    assert suppressed(store) == [("second", 1, 2)]


def test_what_is_lifted_is_gone_for_that_type_and_list_alone(store: Store) -> None:
    rows = [
        Suppression("acme", list_, "a@b.c", kind, "Bounce Rule", "", 1)
        for list_ in (None, "123")
        for kind in ("transactional", "non_transactional")
    ]
    store.record(rows)
    store.record([Lifted("acme", None, "a@b.c", "transactional")])
    left = store.suppressions_of("acme", ["", "123"], "a@b.c", ["transactional", "non_transactional"])
    assert [(row.subaccount, row.type) for row in left] == [
        (None, "non_transactional"),
        ("123", "non_transactional"),
        ("123", "transactional"),
    ]


@pytest.mark.parametrize("kind", ["open", "initial_open", "click"])
def test_who_has_not_agreed_to_it_is_not_recorded_when_he_opens(store: Store, kind: str) -> None:
    rows = make_rows("alice@example.net", "bob@example.net")
    alice, bob = (row for row in rows if isinstance(row, Message))
    consent = Suppression(
        "acme", None, "alice@example.net", "open_tracking", "Tracking Consent Revoked", "", 1
    )
    store.record([*rows, consent])
    store.record([TokenEvent(IDS.next(), kind, 5, each.message_id, shared=False) for each in (alice, bob)])
    found = {each.event.message_id for each in store.events(types=[kind])}
    assert found == ({alice.message_id, bob.message_id} if kind == "click" else {bob.message_id})


def test_a_token_event_finds_its_account_and_is_there_once(store: Store) -> None:
    rows = make_rows("alice@example.net", account="other")
    message = rows[1]
    assert isinstance(message, Message)
    store.record(rows)
    mine = TokenEvent(IDS.next(), "click", 5, message.message_id, False, {"target_link_url": "u"})
    shared = TokenEvent(IDS.next(), "open", 6, message.transmission_id, True)
    unknown = TokenEvent(IDS.next(), "open", 7, 12345, False)
    for _ in range(2):
        store.record([mine, shared, unknown])
    found = [occurrence.event for occurrence in store.events(account="other", types=["click", "open"])]
    assert found == [
        Event(shared.event_id, "open", 6, message.transmission_id, None, "other", None),
        Event(
            mine.event_id,
            "click",
            5,
            message.transmission_id,
            message.message_id,
            "other",
            None,
            {"target_link_url": "u"},
        ),
    ]
    assert len(store.events(types=["open"])) == 1


def test_a_token_event_may_share_the_transaction_of_its_message(store: Store) -> None:
    rows = make_rows()
    message = rows[1]
    assert isinstance(message, Message)
    store.record([TokenEvent(IDS.next(), "open", 5, message.message_id, False), *rows])
    assert len(store.events(types=["open"])) == 1


@pytest.mark.parametrize("transactional", [False, True])
def test_an_unsubscribe_counts_once_and_suppresses_the_type_of_its_message(
    store: Store, transactional: bool
) -> None:
    rows = make_rows("Alice@example.net", transactional=transactional)
    message = rows[1]
    assert isinstance(message, Message)
    store.record(rows)
    for kind in ("list_unsubscribe", "list_unsubscribe", "link_unsubscribe"):
        store.record(
            [
                TokenEvent(IDS.next(), kind, 5, message.message_id, False),
                Unsubscribed(message.message_id, "List Unsubscribe", 5),
            ]
        )
    assert len(store.events(types=["list_unsubscribe"])) == 1
    assert len(store.events(types=["link_unsubscribe"])) == 1
    types = ["transactional", "non_transactional"]
    suppressed = [kind for kind in types if store.is_suppressed("acme", None, ["alice@example.net"], [kind])]
    assert suppressed == [types[0] if transactional else types[1]]


def test_an_unsubscribe_leaves_a_suppression_of_the_operator_as_it_is(store: Store, url: str) -> None:
    rows = make_rows("alice@example.net")
    message = rows[1]
    assert isinstance(message, Message)
    by_hand = Suppression("acme", None, "alice@example.net", "non_transactional", "Manually Added", "why", 1)
    store.record([*rows, by_hand])
    store.record([Unsubscribed(message.message_id, "List Unsubscribe", 5)])
    assert look(url, "SELECT source, description FROM suppressions") == [("Manually Added", "why")]


# Faults


@pytest.mark.sqlite
def test_k4_a_locked_store_is_reported_in_time_and_what_was_given_up_is_never_written(
    store: Store, tmp_path: Path
) -> None:
    store.record(make_rows())
    held = sqlite3.connect(tmp_path / "estafeta.db", isolation_level=None)
    held.execute("BEGIN EXCLUSIVE")
    given_up = make_rows()
    started = time.monotonic()
    with pytest.raises(StoreUnavailable, match=r"not written within 0\.2 s"):
        store.record(given_up, timeout=0.2)
    assert time.monotonic() - started < 4
    held.execute("ROLLBACK")
    held.close()
    store.record(make_rows())
    assert store.transmission(transmission_id(given_up)) is None


@pytest.mark.sqlite
def test_k4_a_lock_that_outlasts_the_timeout_fails_what_waits_and_the_store_recovers(url: str) -> None:
    store = open_store(url, timeout=1.0)
    store.record(make_rows())
    held = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    held.execute("BEGIN EXCLUSIVE")
    futures = [store.submit(make_rows()) for _ in range(3)]
    assert all(isinstance(future.exception(5), StoreUnavailable) for future in futures)
    held.execute("ROLLBACK")
    held.close()
    store.record(make_rows())
    store.close()


@pytest.mark.sqlite
def test_what_waits_behind_another_process_can_be_given_up(store: Store, tmp_path: Path) -> None:
    store.record(make_rows())
    script = (
        "import fcntl,sys,time; f=open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(); time.sleep(60)"
    )
    command = [sys.executable, "-uc", script, str(tmp_path / "estafeta.db-lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        given_up = make_rows()
        with pytest.raises(StoreUnavailable):
            store.record(given_up, timeout=0.2)
        holder.kill()
    store.record(make_rows())
    assert store.transmission(transmission_id(given_up)) is None


@pytest.mark.sqlite
def test_k3_a_full_disk_is_reported_and_the_store_recovers(store: Store) -> None:
    store.record(make_rows())
    transactions = store._writer._transactions
    assert isinstance(transactions, SqliteTransactions)
    connection = transactions.connection
    assert connection is not None
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    acknowledged: list[int] = []

    def fill() -> None:
        for _ in range(1000):
            rows = make_rows()
            store.record(rows)
            acknowledged.append(transmission_id(rows))

    with pytest.raises(StoreUnavailable, match="full"):
        fill()
    store.record(make_rows())
    assert all(store.transmission(number) is not None for number in acknowledged)


FILLING = """
import os, resource, sys
from estafeta_testing.stored import make_rows
from estafeta_core.store import StoreUnavailable, open_store
store = open_store(sys.argv[1], timeout=5)
store.record(make_rows())
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (os.stat(sys.argv[1][10:] + "-wal").st_size + 100_000, hard))
for turn in range(1000):
    rows = make_rows()
    try:
        store.record(rows)
    except StoreUnavailable:
        break
    print(rows[0].transmission_id)
else:
    sys.exit("the limit was never reached")
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
rows = make_rows()
store.record(rows)
print(rows[0].transmission_id)
"""


@pytest.mark.sqlite
def test_k3_a_write_that_the_file_system_refuses_loses_nothing_and_the_store_recovers(url: str) -> None:
    command = [sys.executable, "-c", FILLING, url]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    store = open_store(url)
    acknowledged = [int(line) for line in done.stdout.split()]
    assert len(acknowledged) > 2
    assert all(store.transmission(number) is not None for number in acknowledged)
    store.close()


@pytest.mark.sqlite
def test_a_deleted_database_is_reported_and_a_restored_one_is_used(store: Store, tmp_path: Path) -> None:
    store.record(make_rows())
    shutil.copytree(tmp_path, tmp_path / "backup", ignore=shutil.ignore_patterns("backup"))
    for file in tmp_path.glob("estafeta.db*"):
        if not file.name.endswith("-lock"):
            file.unlink()
    with pytest.raises(StoreUnavailable, match=os.strerror(errno.ENOENT)):
        store.record(make_rows())
    with pytest.raises(StoreUnavailable):
        store.record(make_rows())
    for file in (tmp_path / "backup").glob("estafeta.db*"):
        shutil.copy(file, tmp_path)
    rows = make_rows()
    store.record(rows)
    assert store.transmission(transmission_id(rows)) is not None
    assert count(f"sqlite:///{tmp_path}/estafeta.db", "transmissions") == 2


@pytest.mark.sqlite
def test_a_corrupt_database_is_reported_and_a_restored_one_is_used(store: Store, tmp_path: Path) -> None:
    store.record(make_rows())
    database = tmp_path / "estafeta.db"
    database.rename(tmp_path / "good")
    database.write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreUnavailable, match="not a database"):
        store.record(make_rows())
    (tmp_path / "good").rename(database)
    store.record(make_rows())


def test_a_bug_in_a_batch_costs_that_batch_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise KeyError

    with monkeypatch.context() as patched:
        patched.setattr(Transactions, "_execute", broken)
        with pytest.raises(StoreUnavailable):
            store.record(make_rows(), timeout=0.2)
    store.record(make_rows())


@pytest.mark.sqlite
def test_a_backlog_is_bounded(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "BACKLOG", 5)
    held = sqlite3.connect(tmp_path / "estafeta.db", isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    waiting = [store.submit(make_rows()) for _ in range(5)]
    time.sleep(0.1)  # the writer holds the first in its hands by now
    waiting += [store.submit(make_rows())]
    with pytest.raises(StoreUnavailable, match="waiting already"):
        store.submit(make_rows())
    held.execute("COMMIT")
    held.close()
    for future in waiting:
        future.result(5)


def test_k11_without_file_descriptors_the_store_is_unavailable_and_then_back(url: str) -> None:
    script = """
import os, resource, sys
from estafeta_testing.stored import make_rows
from estafeta_core.store import StoreUnavailable, open_store
store = open_store(sys.argv[1], timeout=5)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
taken = []
try:
    while True:
        taken.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
try:
    store.record(make_rows())
except StoreUnavailable as error:
    print("unavailable")
for fd in taken:
    os.close(fd)
store.record(make_rows())
print("back")
"""
    done = subprocess.run(
        [sys.executable, "-c", script, url], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["unavailable", "back"]


# Processes

FORKING = """
import os, sys, threading
from estafeta_testing.stored import make_rows
from estafeta_core.store import open_store
store = open_store(sys.argv[1], timeout=10)
if sys.argv[2] == "used":
    store.record(make_rows())
    store.transmission(1)
assert sys.argv[2] == "used" or threading.active_count() == 1
children = []
for _ in range(3):
    child = os.fork()
    if child == 0:
        for _ in range(20):
            store.record(make_rows())
        store.close()
        os._exit(0)
    children.append(child)
for _ in range(20):
    store.record(make_rows())
for child in children:
    assert os.waitpid(child, 0)[1] == 0
store.close()
"""


@pytest.mark.parametrize("state", ["fresh", "used"])
def test_a_store_opened_before_a_fork_serves_parent_and_children(state: str, url: str) -> None:
    subprocess.run([sys.executable, "-c", FORKING, url, state], env=ENVIRONMENT, check=True, timeout=60)
    assert count(url, "transmissions") == 80 + (state == "used")


WRITING = """
import sys, threading
from estafeta_testing.stored import make_rows
from estafeta_core.store import open_store
store = open_store(sys.argv[1], checkpoints=sys.argv[2] == "1", timeout=20)
lock = threading.Lock()
output = open(sys.argv[3], "w")
def write():
    while True:
        rows = make_rows()
        store.record(rows)
        with lock:
            print(rows[0].transmission_id, flush=True, file=output)
for _ in range(8):
    threading.Thread(target=write).start()
"""


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def test_k2_what_was_acknowledged_survives_kill_9_of_several_writers(url: str, tmp_path: Path) -> None:
    acknowledged: list[int] = []
    for turn in range(3):
        outputs = [tmp_path / f"{turn}-{number}" for number in range(3)]
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITING, url, str(int(number == 0)), str(output)], env=ENVIRONMENT
            )
            for number, output in enumerate(outputs)
        ]
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and min(map(size_of, outputs)) < 4000:
            time.sleep(0.02)
        for process in writers:
            process.send_signal(signal.SIGKILL)
        for process in writers:
            process.wait()
        for output in outputs:
            *lines, _ = output.read_text().split("\n")
            acknowledged += map(int, lines)
    stored = {number for (number,) in look(url, "SELECT transmission_id FROM transmissions")}
    assert len(acknowledged) > 1500
    assert set(acknowledged) <= stored
    if url.startswith("sqlite:"):
        assert look(url, "PRAGMA integrity_check") == [("ok",)]
    for table in ("messages", "events"):
        assert count(url, table) == len(stored)


TRACED = """
import os, sys
from estafeta_testing.stored import make_rows
from estafeta_core.store import open_store
store = open_store(sys.argv[1])
store.record(make_rows())
for number in range(20):
    future = store.submit(make_rows())
    future.add_done_callback(lambda future: os.write(1, b"RESOLVED\\n"))
    future.result()
"""


@pytest.mark.sqlite
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_k1_the_disk_has_the_rows_before_the_future_resolves(url: str, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-y", "-o", str(trace), "-e", "trace=fdatasync,fsync,pwrite64,write"]
    command += [sys.executable, "-c", TRACED, url]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if "ptrace" in done.stderr.lower():
        pytest.skip(f"strace may not trace here: {done.stderr.strip()}")
    assert done.stdout.count("RESOLVED") == 20
    order = "".join(
        "w" if "pwrite64" in line else "s" if "sync" in line else "R"
        for line in trace.read_text().splitlines()
        if "-wal>" in line or '"RESOLVED' in line
    )
    resolved = order[order.index("R") + 1 :]
    assert re.fullmatch("(w+s+R)+", resolved), order


@pytest.mark.sqlite
def test_k2_only_the_process_told_so_checkpoints_and_it_does(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_transactions, "CHECKPOINT_BYTES", 100_000)
    monkeypatch.setattr(sqlite_transactions, "CHECKPOINT_PAUSE", 0.05)
    plain = open_store(url, timeout=5)
    reader = sqlite3.connect(tmp_path / "estafeta.db")  # keeps SQLite from checkpointing at the last close
    reader.execute("SELECT 1 FROM events").fetchall()
    for _ in range(100):
        plain.record(make_rows())
    database, wal = tmp_path / "estafeta.db", tmp_path / "estafeta.db-wal"
    size, grown = database.stat().st_size, wal.stat().st_size
    assert grown > 1_000_000
    checkpointing = open_store(url, checkpoints=True, timeout=5)
    deadline = time.monotonic() + 10
    while database.stat().st_size == size and time.monotonic() < deadline:
        time.sleep(0.01)
    assert database.stat().st_size > size
    for _ in range(50):
        plain.record(make_rows())
    assert wal.stat().st_size == grown  # written again from its beginning
    plain.close()
    checkpointing.close()
    reader.close()


def test_closing_writes_what_is_queued_and_refuses_what_comes_after(url: str) -> None:
    store = open_store(url, timeout=5)
    futures = [store.submit(make_rows()) for _ in range(100)]
    store.close()
    assert all(future.exception(0) is None for future in futures)
    with pytest.raises(StoreUnavailable, match="closed"):
        store.record(make_rows())


def test_a_bounce_suppresses_both_types_and_leaves_what_is_there_as_it_is(store: Store, url: str) -> None:
    rows = make_rows()
    message = rows[1]
    assert isinstance(message, Message)
    mine = Suppression("acme", None, message.rcpt_to, "transactional", "Manually Added", "mine", 1)
    store.record([*rows, mine, Bounced(message.message_id, "Bounce Rule", "550 No", 5)])
    store.record([Bounced(message.message_id, "Bounce Rule", "another", 6), Bounced(7, "Bounce Rule", "", 6)])
    assert look(url, "SELECT type, source, description FROM suppressions ORDER BY type") == [
        ("non_transactional", "Bounce Rule", "550 No"),
        ("transactional", "Manually Added", "mine"),
    ]


@pytest.mark.parametrize("kind", ["out_of_band", "spam_complaint"])
def test_what_a_report_tells_of_a_message_is_there_once(store: Store, kind: str) -> None:
    rows = make_rows()
    message = rows[1]
    assert isinstance(message, Message)
    store.record(rows)
    for _ in range(2):
        store.record([TokenEvent(IDS.next(), kind, 5, message.message_id, shared=False)])
    assert len(store.events(types=[kind])) == 1
