"""The connection that writes: COPY, circles, connections that break, and COMMITs that nobody answers."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from estafeta_core.store import RowsRefused, Store, StoreUnavailable, open_store
from estafeta_core.store.postgresql import transactions as module
from estafeta_core.store.postgresql.connecting import Connection
from estafeta_core.store.postgresql.transactions import MANY, PostgresTransactions
from estafeta_core.store.rows import Count, Event, File, Tag
from estafeta_testing.postgresql import Cluster
from estafeta_testing.stored import IDS, look, make_rows

END = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE application_name = 'estafeta' AND pid <> pg_backend_pid()"""


def writing(store: Store) -> PostgresTransactions:
    transactions = store._writer._transactions
    assert isinstance(transactions, PostgresTransactions)
    return transactions


def events(number: int) -> list[Event]:
    return [Event(IDS.next(), "delivery", n, 1, 1, "acme", None, {"n": "a\tb\\N\0"}) for n in range(number)]


def test_many_rows_are_copied_and_are_what_few_would_be(store: Store) -> None:
    few, many = events(MANY - 1), events(MANY)
    store.record(few)
    store.record(many)
    found = {each.event.event_id: each.event for each in store.events(limit=100)}
    assert set(found) == {event.event_id for event in (*few, *many)}
    assert found[few[0].event_id].data == found[many[0].event_id].data == {"n": "a\tb\\N\ufffd"}


def test_of_many_rows_one_that_is_there_already_refuses_its_submission_alone(store: Store, url: str) -> None:
    first = events(MANY)
    store.record(first)
    good = store.submit(events(MANY))
    with pytest.raises(RowsRefused, match="unique constraint"):
        store.record([*events(MANY), first[3]])
    good.result(5)
    assert look(url, "SELECT count(*) FROM events") == [(2 * MANY,)]


def test_what_is_counted_often_is_written_once_for_each_label(store: Store) -> None:
    store.record([Count("messages", "alike"), Count("recipients", "to", 3), Count("messages", "alike", 2)])
    assert (store.counted("messages"), store.counted("recipients")) == ({"alike": 3}, {"to": 3})


def test_writers_that_change_the_same_rows_do_not_wait_in_a_circle(store: Store, url: str) -> None:
    names = [f"{number:02}" for number in range(40)]

    def write(opened: Store, order: list[str]) -> None:
        for turn in range(10):
            opened.record(
                [File("acme", name, 1, turn) for name in order] + [Tag("acme", name) for name in order]
            )

    with contextlib.closing(open_store(url)) as other, ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(write, store, names), pool.submit(write, other, names[::-1])]:
            done.result(20)
    assert store.kept("acme") == 40
    assert look(url, "SELECT count(*) FROM tags") == [(40,)]


def test_a_transaction_that_the_server_ends_for_waiting_in_a_circle_is_repeated(
    store: Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.record([Count("messages", "alike"), Count("recipients", "to")])
    behind = threading.Event()

    def slow(self: PostgresTransactions, place: int, rows: list[tuple[object, ...]]) -> None:
        run(self, place, rows)
        behind.set()
        if len(rows) == 1:
            run(self, place, [("recipients", "to", 1)])

    run = PostgresTransactions.run
    with psycopg.connect(url) as other:
        other.execute("SET deadlock_timeout = '10s'")  # the store's transaction is the one that is ended
        other.execute("UPDATE counters SET number = 10 WHERE counter = 'recipients'")
        monkeypatch.setattr(PostgresTransactions, "run", slow)
        future = store.submit([Count("messages", "alike")])
        assert behind.wait(5)
        other.execute("UPDATE counters SET number = 20 WHERE counter = 'messages'")
    future.result(10)
    assert (store.counted("messages"), store.counted("recipients")) == ({"alike": 21}, {"to": 11})


def test_k5_a_connection_that_was_ended_while_idle_costs_nobody_anything(
    store: Store, cluster: Cluster
) -> None:
    store.record(make_rows())
    assert cluster.sql(END) >= [(1,)]
    store.record(make_rows())
    assert len(store.events()) == 2


def test_k5_a_connection_that_is_ended_in_a_transaction_fails_it_and_the_next_is_written(
    store: Store, url: str, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PostgresTransactions, "run", broken_before(PostgresTransactions.run, cluster))
    with pytest.raises(StoreUnavailable, match="connection"):
        store.record(make_rows())
    monkeypatch.undo()
    store.record(make_rows())
    assert look(url, "SELECT count(*) FROM transmissions") == [(1,)]


def broken_before(function: Callable[..., None], cluster: Cluster) -> Callable[..., None]:
    def ended(*arguments: object) -> None:
        cluster.sql(END)
        function(*arguments)

    return ended


@contextlib.contextmanager
def unanswered(monkeypatch: pytest.MonkeyPatch, cluster: Cluster, *, done: bool) -> Iterator[None]:
    """Break the connection in a COMMIT, before or after it is done."""
    script = Connection.script

    def breaking(self: Connection, sql: str) -> str | None:
        if sql != "COMMIT":
            return script(self, sql)
        if done:
            script(self, sql)
        cluster.sql(END)
        raise psycopg.OperationalError("the connection is lost")

    with monkeypatch.context() as patched:
        patched.setattr(Connection, "script", breaking)
        yield


def test_k5_a_commit_that_was_done_and_not_answered_is_found_out(
    store: Store, url: str, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.record(make_rows())
    with unanswered(monkeypatch, cluster, done=True):
        store.record(make_rows())
    store.record(make_rows())
    assert look(url, "SELECT count(*) FROM transmissions") == [(3,)]


def test_k5_a_commit_that_was_not_done_is_found_out(
    store: Store, url: str, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.record(make_rows())
    with (
        unanswered(monkeypatch, cluster, done=False),
        pytest.raises(StoreUnavailable, match="the connection is lost"),
    ):
        store.record(make_rows())
    store.record(make_rows())
    assert look(url, "SELECT count(*) FROM transmissions") == [(2,)]


def test_k5_a_commit_that_nobody_can_tell_of_fails_after_a_time(
    store: Store, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.record(make_rows())
    monkeypatch.setattr(writing(store), "_timeout", 0.3)

    def away(*_: object) -> Connection:
        raise psycopg.OperationalError("nobody is there")

    monkeypatch.setattr(PostgresTransactions, "_connect", away)
    with (
        unanswered(monkeypatch, cluster, done=False),
        pytest.raises(StoreUnavailable, match="went away in a COMMIT and did not come back"),
    ):
        store.record(make_rows())


def test_a_transaction_that_the_server_gave_up_is_not_taken_for_committed(store: Store) -> None:
    transactions = writing(store)
    transactions.begin()
    with pytest.raises(psycopg.errors.UndefinedTable):
        transactions.command("SELECT * FROM nowhere")
    with pytest.raises(StoreUnavailable, match="COMMIT was answered with ROLLBACK"):
        transactions.finish()
    transactions.disconnect()


def test_nothing_is_written_outside_a_transaction(store: Store) -> None:
    with pytest.raises(StoreUnavailable, match="no transaction has begun"):
        writing(store).run(0, [])


def test_whoever_keeps_the_store_makes_months_ahead_and_forgets_writers_that_are_gone(
    store: Store, url: str, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    store.record(make_rows())
    cluster.sql("UPDATE writers SET time = now() - interval '2 days'", url=url)
    (last,) = max(
        cluster.sql("SELECT max(tablename) FROM pg_tables WHERE tablename LIKE 'events_2%'", url=url)
    )
    cluster.sql(f"DROP TABLE {last}", url=url)
    keeper = PostgresTransactions(url, 5.0, keeps=True)
    assert keeper.pause == module.UPKEEP
    with caplog.at_level("INFO"):
        keeper.idle()
    assert f"made ahead: {last}" in caplog.text
    assert look(url, "SELECT count(*) FROM writers") == [(0,)]
    keeper.close()
    store.record(make_rows())  # the row of this one comes back
    assert look(url, "SELECT count(*) FROM writers") == [(1,)]
    assert PostgresTransactions(url, 5.0, keeps=False).pause is None


def test_a_server_that_is_away_is_not_asked_for_it_behind_every_batch(
    caplog: pytest.LogCaptureFixture,
) -> None:
    keeper = PostgresTransactions("postgresql://me@127.0.0.1:1/mail", 5.0, keeps=True)
    for _ in range(3):
        keeper.idle()
    assert caplog.text.count("are not made ahead") == 1
    keeper.close()


def test_more_rows_than_are_answered_in_time_are_sent_a_slice_at_a_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred thousand accounts in one transaction were one question, which no server answers in time."""
    monkeypatch.setattr(module, "SLICE", 3)
    store.record([Tag("acme", str(number)) for number in range(10)])
    assert store.tags("acme") == {str(number) for number in range(10)}
