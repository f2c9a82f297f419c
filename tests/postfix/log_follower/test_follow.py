import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from estafeta_core.ids import IdSource
from estafeta_core.store import Store, StoreUnavailable
from estafeta_postfix.log_follower import follow
from estafeta_postfix.log_follower.follow import Follower
from estafeta_postfix.log_follower.maillog import MailLog
from estafeta_postfix.log_follower.records import Recorder
from estafeta_postfix.log_follower.timestamp import Timestamps

LINE = (
    "Nov 20 13:52:35 mx postfix/smtp[1]: {queue_id}: to=<{recipient}>, relay=mx[192.0.2.1]:25, delay=0.1, "
    "delays=0/0/0/0.1, dsn=2.0.0, status=sent (250 Ok)\n"
)


class Turns:
    """Says that it is time to stop after so many looks; does something at some of them."""

    def __init__(self, turns: int, actions: dict[int, Callable[[], object]] | None = None) -> None:
        self.left = turns
        self.actions = actions or {}

    def __call__(self, _seconds: float) -> bool:
        self.left -= 1
        self.actions.get(self.left, lambda: None)()
        return self.left < 0


def run(log: Path, store: Store, turns: Turns) -> None:
    Follower(log, store, MailLog(Recorder(store, IdSource(), Timestamps())), turns).run()


def append(log: Path, *recipients: str, queue_id: str = "A1B2C3") -> None:
    with log.open("a") as file:
        file.writelines(LINE.format(queue_id=queue_id, recipient=recipient) for recipient in recipients)


def recorded(store: Store) -> list[int]:
    return sorted(occurrence.event.message_id or 0 for occurrence in store.events(limit=1000))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "mail.log"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "RETRY", 0.05)


def test_events_are_recorded_once_over_any_number_of_runs(
    log: Path, store: Store, inject: Callable[..., None]
) -> None:
    inject("A1B2C3", "a@example.com", "b@example.com", "c@example.com")
    append(log, "a@example.com")
    run(log, store, Turns(5))
    append(log, "b@example.com")
    run(log, store, Turns(5))
    run(log, store, Turns(5))
    append(log, "c@example.com")
    run(log, store, Turns(5))
    assert recorded(store) == [1001, 1002, 1003]


def test_position_and_events_are_one_transaction(
    log: Path, store: Store, inject: Callable[..., None]
) -> None:
    inject("A1B2C3", "a@example.com")
    append(log, "a@example.com")
    run(log, store, Turns(5))
    position = store.log_position(str(log))
    assert position is not None
    assert (position.inode, position.offset) == (log.stat().st_ino, log.stat().st_size)


def test_logs_of_two_hosts_with_the_same_path_are_each_followed_from_where_they_were(
    log: Path, store: Store, inject: Callable[..., None], tmp_path: Path
) -> None:
    inject("A1B2C3", "a@example.com", "b@example.com")
    other = tmp_path / "other.log"
    append(log, "a@example.com")
    append(other, "b@example.com")
    for _ in range(2):
        for name, path in (("mx1:mail.log", log), ("mx2:mail.log", other)):
            meaning = MailLog(Recorder(store, IdSource(), Timestamps()))
            Follower(path, store, meaning, Turns(5), name=name).run()
    assert recorded(store) == [1001, 1002]
    positions = [store.log_position(name) for name in ("mx1:mail.log", "mx2:mail.log")]
    assert [each and each.inode for each in positions] == [log.stat().st_ino, other.stat().st_ino]


def test_lines_that_tell_nothing_cost_no_transaction(log: Path, store: Store) -> None:
    log.write_text("Nov 20 13:52:35 mx postfix/qmgr[1]: A1B2C3: removed\n")
    run(log, store, Turns(5))
    first = store.log_position(str(log))
    with log.open("a") as file:
        file.write("Nov 20 13:52:36 mx postfix/qmgr[1]: A1B2C3: removed\n")
    run(log, store, Turns(5))
    assert store.log_position(str(log)) == first


def test_a_store_that_is_away_for_a_time_loses_and_repeats_nothing(
    log: Path, store: Store, inject: Callable[..., None], tmp_path: Path
) -> None:
    inject("A1B2C3", "a@example.com", "b@example.com")
    database = tmp_path / "estafeta.db"
    away = tmp_path / "away"
    append(log, "a@example.com")

    def break_it() -> None:
        database.rename(away)
        append(log, "b@example.com")

    run(log, store, Turns(30, {20: break_it, 10: lambda: away.rename(database)}))
    assert recorded(store) == [1001, 1002]


def test_a_commit_whose_answer_was_lost_is_not_repeated(
    log: Path, store: Store, inject: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    inject("A1B2C3", "a@example.com")
    append(log, "a@example.com")
    answer = store.submit
    lost: list[object] = []

    def submit(rows: list[object]) -> object:
        future = answer(rows)  # type: ignore[arg-type] # what the follower gave
        if not lost:
            lost.append(future.result(5))
            raise StoreUnavailable("the disk did not answer")
        return future

    monkeypatch.setattr(store, "submit", submit)
    run(log, store, Turns(10))
    assert lost == [None]
    assert recorded(store) == [1001]


def test_a_locked_store_is_waited_for(
    log: Path, store: Store, inject: Callable[..., None], tmp_path: Path
) -> None:
    inject("A1B2C3", "a@example.com")
    append(log, "a@example.com")
    other = sqlite3.connect(tmp_path / "estafeta.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    run(log, store, Turns(20, {10: lambda: other.execute("COMMIT")}))
    other.close()
    assert recorded(store) == [1001]


def test_a_store_that_is_away_is_told_of_once_and_when_it_is_back(
    log: Path, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    faults = ["away", "away", "full", "full", "", ""]
    position = store.log_position

    def failing(name: str) -> object:
        if said := faults.pop(0):
            raise StoreUnavailable(said)
        return position(name)

    monkeypatch.setattr(store, "log_position", failing)
    with caplog.at_level("INFO"):
        append(log, "a@example.com")
        run(log, store, Turns(20))
    assert [line for line in caplog.messages if line.startswith(str(log))] == [
        f"{log}: away; tried again",
        f"{log}: full; tried again",
        f"{log}: read again",
    ]
