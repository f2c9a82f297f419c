"""The journal comes into the store whole, once and in order, however its files lie."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from estafeta_core import journal
from estafeta_core.store import Store, open_store
from estafeta_core.store.rows import LogPosition, Message, TokenEvent
from estafeta_postfix.journal_follower import JournalFollower
from estafeta_testing.journals import catch_up
from estafeta_testing.relay import wait
from estafeta_testing.stored import IDS, make_rows


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(open_store(f"sqlite:///{tmp_path}/estafeta.db")) as opened:
        yield opened


@pytest.fixture
def message(store: Store) -> Message:
    rows = make_rows()
    store.record(rows)
    assert isinstance(rows[1], Message)
    return rows[1]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / journal.NAME


def write(file: Path, message: Message, count: int = 1, kind: str = "open") -> list[int]:
    """Append so many lines; return their event ids."""
    ids = [IDS.next() for _ in range(count)]
    with file.open("ab") as opened:
        for each in ids:
            opened.write(journal.line_of(TokenEvent(each, kind, 5, message.message_id, False)))
    return ids


def recorded(store: Store) -> list[int]:
    found = store.events(types=["open", "click", "list_unsubscribe"], limit=10_000)
    return [each.event.event_id for each in reversed(found)]


def numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def test_events_are_in_the_store_once_over_any_number_of_runs(
    path: Path, store: Store, message: Message
) -> None:
    ids = write(path, message, 3)
    for _ in range(2):
        catch_up(path.parent, store)
    ids += write(path, message, 2)
    catch_up(path.parent, store)
    assert recorded(store) == ids
    assert store.log_position(str(path)) == LogPosition(str(path), path.stat().st_ino, path.stat().st_size)


def test_all_files_are_read_in_order_and_removed_but_the_last(
    path: Path, store: Store, message: Message
) -> None:
    files = [numbered(path, number) for number in (11, 12, 13)] + [path]
    ids = [each for file in files for each in write(file, message, 5)]
    for file in files:
        os.utime(file, (0, 0))  # what is written in one moment has one time
    catch_up(path.parent, store)
    assert recorded(store) == ids
    assert journal.files(path) == [path]


def test_what_is_put_aside_while_it_is_read_is_read_to_its_end(
    path: Path, store: Store, message: Message
) -> None:
    ids = write(path, message)
    catch_up(path.parent, store)
    ids += write(path, message)
    path.rename(numbered(path, 1))
    ids += write(numbered(path, 2), message)
    path.touch()
    catch_up(path.parent, store)
    assert recorded(store) == ids
    assert journal.files(path) == [path]
    assert journal.waiting(path, store.log_position(str(path))) == 0


def test_a_position_that_is_in_no_file_begins_with_the_oldest(
    path: Path, store: Store, message: Message
) -> None:
    store.record([LogPosition(str(path), 1, 100)])
    ids = write(numbered(path, 1), message) + write(path, message)
    catch_up(path.parent, store)
    assert recorded(store) == ids


def test_a_crash_that_took_back_what_was_read_loses_and_repeats_nothing(
    path: Path, store: Store, message: Message
) -> None:
    """A host that loses power may lose lines that nobody was promised and the worker has read."""
    ids = write(path, message, 3)
    catch_up(path.parent, store)
    size = path.stat().st_size
    os.truncate(path, size - size // 3 - 5)
    path.rename(numbered(path, 1))  # by the next web process
    ids += write(path, message, 2)
    catch_up(path.parent, store)
    assert recorded(store) == ids


@pytest.mark.parametrize("room", [1, 300_000])
def test_room_is_waited_at_until_something_is_written_there(
    path: Path, store: Store, message: Message, room: int
) -> None:
    ids = write(path, message, 2)
    size = path.stat().st_size
    half = journal.line_of(TokenEvent(IDS.next(), "open", 5, message.message_id, False))
    for hole in (
        bytes(room),
        bytes(9) + half[9:] + bytes(room),
    ):  # a line may be seen in part while it is copied
        with path.open("r+b") as opened:
            opened.seek(size)
            opened.write(hole)
        catch_up(path.parent, store)
        assert recorded(store) == ids
    os.truncate(path, size)
    ids += write(path, message)
    with path.open("ab") as opened:
        opened.write(bytes(room))
    path.rename(numbered(path, 1))  # by a successor of one that was killed
    ids += write(path, message)
    catch_up(path.parent, store)
    assert recorded(store) == ids
    assert journal.files(path) == [path]


def test_a_line_that_is_torn_or_damaged_is_left_out_and_the_rest_is_read(
    path: Path, store: Store, message: Message, caplog: pytest.LogCaptureFixture
) -> None:
    ids = write(numbered(path, 1), message)
    with numbered(path, 1).open("ab") as file:
        file.write(b"0" * 40 + b"\n")
    ids += write(numbered(path, 1), message)
    with numbered(path, 1).open("ab") as file:
        file.write(b"0" * 40)
    ids += write(path, message)
    catch_up(path.parent, store)
    assert recorded(store) == ids
    assert "damaged line of 40 bytes" in caplog.text


def test_h6_an_unsubscribe_suppresses(path: Path, store: Store, message: Message) -> None:
    write(path, message, kind="list_unsubscribe")
    catch_up(path.parent, store)
    assert store.is_suppressed("acme", None, [message.rcpt_to], ["non_transactional"])


def test_the_thread_follows_from_before_there_is_a_journal_and_through_a_bug(
    path: Path, store: Store, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    bugs = [RuntimeError("a bug")]
    rows = journal.rows

    def buggy(event: TokenEvent) -> object:
        if bugs:
            raise bugs.pop()
        return rows(event)

    monkeypatch.setattr(journal, "rows", buggy)
    follower = JournalFollower(path, store)
    follower.start()
    ids = write(path, message, 700)
    wait(lambda: recorded(store), ids, "the events")
    follower.stop(5)
