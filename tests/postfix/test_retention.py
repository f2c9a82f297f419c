"""Hosted files go when their time is over, and none that is sent again at that moment."""

import contextlib
import itertools
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from estafeta_core import events
from estafeta_core.config import schema
from estafeta_core.hosting import Shelf
from estafeta_core.ids import IdSource
from estafeta_core.store import Store, open_store
from estafeta_core.store.outgoing_rows import Batch, Webhook
from estafeta_core.store.rows import (
    Contact,
    Content,
    Event,
    File,
    Group,
    GroupContact,
    Message,
    Requeued,
    Row,
    Suppression,
    Transmission,
)
from estafeta_postfix import retention
from estafeta_postfix.retention import DAY, QUEUE_DAYS, Retention
from estafeta_testing.stored import IDS, make_rows

NOW = time.time()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(open_store(f"sqlite:///{tmp_path}/estafeta.db")) as opened:
        yield opened


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAUSE", 0.0)


def clearing(store: Store, shelf: Shelf, days: int = 10) -> Retention:
    return Retention(store, shelf, lambda: days, lambda: NOW)


def keep(store: Store, shelf: Shelf, content: bytes, days_ago: float, account: str = "acme") -> str:
    """Keep a content as a message so many days ago did."""
    digest = shelf.keep(content)
    then = NOW - days_ago * DAY
    os.utime(path_of(shelf, digest), (then, then))
    store.record([File(account, digest, len(content), round(then * 1000))])
    return digest


def path_of(shelf: Shelf, digest: str) -> Path:
    return shelf._root / digest[:2] / digest


def test_t47_what_is_older_goes_from_store_and_disk_and_the_rest_stays(store: Store, shelf: Shelf) -> None:
    old = keep(store, shelf, b"old", 10.1)
    young = keep(store, shelf, b"young", 9.9)
    for transmission_id, days in ((1, 10.1), (2, 9.9)):
        store.record([Content(transmission_id, 5, "acme", old, "", round((NOW - days * DAY) * 1000))])
    assert clearing(store, shelf).clear() == 1
    assert (shelf.read(old), shelf.read(young)) == (None, b"young")
    assert store.kept_files([old, young]) == {young}
    assert store.kept("acme") == 5
    assert [content.transmission_id for content in store.contents()] == [2]


def test_a_file_stays_while_another_account_keeps_it(store: Store, shelf: Shelf) -> None:
    digest = keep(store, shelf, b"shared", 20)
    store.record([File("other", digest, 6, round((NOW - 5 * DAY) * 1000))])
    assert clearing(store, shelf).clear() == 0
    assert shelf.read(digest) == b"shared"
    assert (store.kept("acme"), store.kept("other")) == (0, 6)


def test_zero_days_keep_for_ever_and_clear_up_after_messages_that_were_never_accepted(
    store: Store, shelf: Shelf
) -> None:
    digest = keep(store, shelf, b"old", 10_000)
    never = shelf.keep(b"its message was refused")
    os.utime(path_of(shelf, never), (NOW - 1.1 * DAY,) * 2)
    assert clearing(store, shelf, days=0).clear() == 1
    assert (shelf.read(digest), shelf.read(never)) == (b"old", None)


def test_what_is_kept_and_not_yet_written_down_stays(store: Store, shelf: Shelf) -> None:
    digest = shelf.keep(b"its row is being written")
    assert clearing(store, shelf).clear() == 0
    assert shelf.read(digest) is not None


def test_drafts_go_when_they_are_a_day_old(store: Store, shelf: Shelf) -> None:
    folder = path_of(shelf, keep(store, shelf, b"content", 1)).parent
    for name, days in (("draft-old", 1.1), ("draft-new", 0.9)):
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, (NOW - days * DAY,) * 2)
    clearing(store, shelf).clear()
    assert not (folder / "draft-old").exists()
    assert (folder / "draft-new").exists()


def test_what_is_known_of_queue_files_goes_when_no_queue_can_hold_them(store: Store, shelf: Shelf) -> None:
    for queue_id, days in (("4Xold", QUEUE_DAYS + 1), ("4Xnew", QUEUE_DAYS - 1)):
        store.record([Requeued(queue_id, "4Xq", round((NOW - days * DAY) * 1000))])
    clearing(store, shelf, days=0).clear()
    assert store.requeued("4Xold") is None
    assert store.requeued("4Xnew") is not None


def test_many_rows_are_forgotten_a_few_at_a_time(
    store: Store, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    digests = [keep(store, shelf, b"%d" % number, 20) for number in range(20)]
    assert clearing(store, shelf).clear() == 20
    assert store.kept_files(digests) == set()
    assert store.kept("acme") == 0


# The same content is sent again at the very moment its time is over.


def test_a_file_kept_again_before_its_row_is_forgotten_stays(store: Store, shelf: Shelf) -> None:
    digest = keep(store, shelf, b"again", 20)
    assert shelf.keep(b"again") == digest  # the milter is between its two steps
    assert clearing(store, shelf).clear() == 0
    assert store.kept_files([digest]) == set()
    store.record([File("acme", digest, 5, round(NOW * 1000))])
    assert clearing(store, shelf).clear() == 0
    assert shelf.read(digest) == b"again"
    assert store.kept("acme") == 5


def test_a_file_kept_again_between_the_two_questions_about_it_stays(
    store: Store, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = keep(store, shelf, b"again", 20)
    kept_files = store.kept_files

    def asked(digests: list[str]) -> set[str]:
        found = kept_files(digests)
        shelf.keep(b"again")
        return found

    monkeypatch.setattr(store, "kept_files", asked)
    assert clearing(store, shelf).clear() == 0
    assert shelf.read(digest) == b"again"


def test_a_file_kept_again_while_it_is_removed_is_there_afterwards(
    store: Store, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = keep(store, shelf, b"again", 20)
    seen, go_on = threading.Event(), threading.Event()
    unlink = os.unlink

    def slow(*arguments: Any, **options: Any) -> None:
        seen.set()
        assert go_on.wait(10)
        unlink(*arguments, **options)

    monkeypatch.setattr(os, "unlink", slow)
    with ThreadPoolExecutor() as threads:
        clear = threads.submit(clearing(store, shelf).clear)
        assert seen.wait(10)
        keeping = threads.submit(shelf.keep, b"again")
        go_on.set()
        assert (clear.result(10), keeping.result(10)) == (1, digest)
    assert shelf.read(digest) == b"again"


def test_senders_and_clearing_at_once_leave_no_row_without_its_file(
    store: Store, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "DAY", 0.7)  # seconds: a retention of one day and its grace, in short
    contents = [b"%d" % number for number in range(30)]
    sending = threading.Event()

    def send(pause: float) -> None:
        while not sending.wait(pause):
            for content in contents:
                digest = shelf.keep(content)
                store.record([File("acme", digest, len(content), round(time.time() * 1000))])
                assert shelf.read(digest) == content

    removed = 0
    with ThreadPoolExecutor() as threads:
        senders = [threads.submit(send, pause) for pause in (1.7, 2.3)]
        for _ in range(20):
            removed += Retention(store, shelf, lambda: 1).clear()
            time.sleep(0.25)
        sending.set()
        for sender in senders:
            sender.result(30)
    digests = [shelf.keep(content) for content in contents]
    assert removed
    assert all(shelf.read(digest) is not None for digest in store.kept_files(digests))


# The thread


def wait_until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_the_first_round_begins_at_once_and_others_follow(
    store: Store, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "HOUR", 0.05)
    first = keep(store, shelf, b"first", 20)
    running = clearing(store, shelf)
    running.start()
    wait_until(lambda: shelf.read(first) is None)
    second = keep(store, shelf, b"second", 20)
    wait_until(lambda: shelf.read(second) is None)
    running.stop(5)
    assert not running._thread.is_alive()


def test_a_store_that_is_away_is_waited_for(
    store: Store,
    shelf: Shelf,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(retention, "HOUR", 0.05)
    digest = keep(store, shelf, b"old", 20)
    (tmp_path / "estafeta.db").rename(tmp_path / "away")
    running = clearing(store, shelf)
    with caplog.at_level(logging.ERROR):
        running.start()
        wait_until(lambda: "tried again in an hour" in caplog.text)
    assert shelf.read(digest) == b"old"
    (tmp_path / "away").rename(tmp_path / "estafeta.db")
    wait_until(lambda: shelf.read(digest) is None)
    running.stop(5)


def test_a_folder_that_cannot_be_read_does_not_keep_the_others_from_being_cleared(
    store: Store, shelf: Shelf, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    digest = keep(store, shelf, b"old", 20)
    (tmp_path / "hosted" / "00").symlink_to(tmp_path)
    assert clearing(store, shelf).clear() == 1
    assert shelf.read(digest) is None
    assert "the folder 00 of hosted files cannot be cleared" in caplog.text


def test_it_stops_in_the_middle(store: Store, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAUSE", 0.2)
    for number in range(200):
        keep(store, shelf, b"%d" % number, 20)
    running = clearing(store, shelf)
    running.start()
    running.stop(20)
    assert not running._thread.is_alive()


# What the store keeps

APART = itertools.count()  # milliseconds, so that ids of two messages do not meet


def sent(store: Store, days_ago: float, *recipients: str) -> tuple[Transmission, list[Message]]:
    """Record a message as it was accepted so many days ago."""
    then = round((NOW - days_ago * DAY) * 1000) + next(APART)
    ids = IdSource(lambda: then)
    rows = make_rows(*recipients)
    transmission = rows[0]
    assert isinstance(transmission, Transmission)
    transmission = replace(transmission, transmission_id=ids.next(), injection_time=then)
    messages: list[Message] = []
    made: list[Row] = [transmission]
    for row in rows[1:]:
        if isinstance(row, Message):
            messages.append(replace(row, message_id=ids.next(), transmission_id=transmission.transmission_id))
            made.append(messages[-1])
        elif isinstance(row, Event):
            made.append(event(messages[-1], days_ago, "injection", ids.next()))
    store.record(made)
    return transmission, messages


def event(message: Message, days_ago: float, kind: str, event_id: int | None = None) -> Event:
    then = round((NOW - days_ago * DAY) * 1000)
    event_id = IDS.next() if event_id is None else event_id
    return Event(event_id, kind, then, message.transmission_id, message.message_id, "acme", None)


def old(store: Store, shelf: Shelf, **days: int) -> Retention:
    periods = schema.Retention(**{"events": 0, "messages": 0, **days})
    return Retention(store, shelf, lambda: 0, lambda: NOW, lambda: periods)


def test_events_go_then_messages_without_any_and_what_is_younger_stays(store: Store, shelf: Shelf) -> None:
    gone, _ = sent(store, 31, "a@example.net", "b@example.net")
    clicked, (message,) = sent(store, 31, "c@example.net")
    store.record([event(message, 29, "click")])
    young, _ = sent(store, 29, "d@example.net")
    old(store, shelf, events=30, messages=10).clear()
    assert store.transmission(gone.transmission_id) is None
    assert store.messages(gone.transmission_id) == []
    left = {
        (each.event.type, each.transmission and each.transmission.transmission_id) for each in store.events()
    }
    assert left == {("click", clicked.transmission_id), ("injection", young.transmission_id)}
    assert [each.rcpt_to for each in store.messages(clicked.transmission_id)] == ["c@example.net"]


def test_messages_may_stay_longer_than_their_events(store: Store, shelf: Shelf) -> None:
    transmission, _ = sent(store, 31)
    old(store, shelf, events=30, messages=40).clear()
    assert store.events() == []
    assert store.transmission(transmission.transmission_id) is not None
    old(store, shelf, events=30, messages=30).clear()
    assert store.transmission(transmission.transmission_id) is None


def test_zero_days_keep_events_and_with_them_their_messages_for_ever(store: Store, shelf: Shelf) -> None:
    transmission, messages = sent(store, 1000)
    store.record(
        [
            Contact("acme", "a@example.net", 1),
            Suppression("acme", None, "a@example.net", "transactional", "", "", 1),
        ]
    )
    old(store, shelf, messages=5).clear()
    assert store.messages(transmission.transmission_id) == messages
    assert len(store.events()) == 1
    assert len(store.contacts("acme")) == 1
    assert store.is_suppressed("acme", None, ["a@example.net"], ["transactional"])


def test_contacts_groups_and_suppressions_go_when_they_are_told_to(store: Store, shelf: Shelf) -> None:
    for days in (31, 29):
        then = round((NOW - days * DAY) * 1000)
        group_id = IdSource(lambda then=then: then).next()  # type: ignore[misc] # a default binds the value
        address = f"{days}@example.net"
        store.record(
            [
                Group(group_id, "acme", str(days), None, then),
                GroupContact(group_id, address),
                Contact("acme", address, then),
                Suppression("acme", None, address, "transactional", "", "", then),
            ]
        )
    old(store, shelf, contacts=30, suppressions=30).clear()
    assert [found.group.name for found in store.groups()] == ["29"]
    assert [found.address for found in store.contacts("acme")] == ["29@example.net"]
    both = ["29@example.net", "31@example.net"]
    assert store.is_suppressed("acme", None, both, ["transactional"]) == {"29@example.net"}


def test_an_event_is_shown_without_its_transmission(store: Store, shelf: Shelf) -> None:
    _, (message,) = sent(store, 31)
    store.record([replace(event(message, 1, "click"), transmission_id=5, message_id=6)])
    (occurrence,) = store.events(types=["click"])
    shown = events.view(occurrence.event, occurrence.transmission, occurrence.message)
    assert (shown["type"], shown["transmission_id"], "rcpt_to" in shown) == ("click", "5", False)


def test_batches_of_webhooks_are_told_of_for_a_day(store: Store, shelf: Shelf) -> None:
    store.record([Webhook("w", "acme", None, "a", "http://a", True, ("open",), (), {}, "whsec_", 1)])
    for batch_id, hours in ((1, 25), (2, 23)):
        tried = round((NOW - hours * 3600) * 1000)
        store.record([Batch(batch_id, "w", (batch_id,), tried, "delivered", tried=tried)])
    store.record([Batch(3, "w", (3,), 0)])
    clearing(store, shelf).clear()
    assert [batch.batch_id for batch in store.batches("w", 10)] == [2, 3]
