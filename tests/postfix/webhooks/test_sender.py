"""Receivers that are slow or hostile harm nobody else (I3)."""

import contextlib
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from estafeta_core.config.schema import Webhooks
from estafeta_core.store import Store
from estafeta_core.store.outgoing_rows import Webhook
from estafeta_postfix.webhooks import backoff, postman
from estafeta_postfix.webhooks import sender as module
from estafeta_postfix.webhooks.sender import Sender
from estafeta_testing import receiver
from estafeta_testing.duty import on_duty
from estafeta_testing.receiver import answering, receiving

Add = Callable[..., Webhook]
Send = Callable[..., list[str]]
Sending = Callable[..., AbstractContextManager[Sender]]

HOSTILE = (receiver.silent, receiver.dripping, receiver.flooding, receiver.bombing, answering(500))


def delays(send: Send, healthy: receiver.Receiver) -> list[float]:
    """Return the seconds from a message until its event has arrived, of several."""
    found = []
    for _ in range(8):
        started = time.monotonic()
        (event_id,) = send(1)
        healthy.wait_for(lambda here, event_id=event_id: event_id in here.event_ids, 30)  # type: ignore[misc]
        found.append(time.monotonic() - started)
    return found


def test_i3_hostile_receivers_delay_others_by_no_more_than_their_own_delay(
    add: Add, send: Send, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "FIRST", 2.0)
    monkeypatch.setattr(backoff, "LIMIT", 300.0)
    with contextlib.ExitStack() as stack:
        healthy = stack.enter_context(receiving())
        add(healthy.url, "healthy")
        stack.enter_context(sending(batch_seconds=0.5))
        send(1)
        alone = statistics.median(delays(send, healthy))
        hostile = [stack.enter_context(receiving(behave)) for behave in HOSTILE]
        for number in range(20):
            add(hostile[number % len(hostile)].url, f"hostile-{number}")
        add("https://127.0.0.1:1/", "nobody")
        add(f"https://127.0.0.1:{healthy.port}/", "no TLS")
        among = statistics.median(delays(send, healthy))
        assert all(each.posts for each in hostile)
    assert among <= 2 * alone + 0.1, (alone, among)


def test_i3_receivers_that_answer_late_leave_room_for_the_others_however_many_they_are(
    add: Add, send: Send, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postman, "SLOW", 0.5)
    with receiving() as healthy, receiving(answering(200, after=1.5)) as late, sending(posts=4):
        for number in range(8):
            add(late.url, f"late-{number}")
        send(1)
        late.wait_for(lambda here: len(here.event_ids) >= 8, 30)  # all are known to be late from here on
        time.sleep(2)
        add(healthy.url, "healthy")
        send(1)
        healthy.wait_for(lambda here: here.event_ids)
        assert statistics.median(delays(send, healthy)) < 0.7


def test_a_webhook_that_is_made_or_changed_while_it_runs_is_posted_to(
    store: Store, add: Add, send: Send, sending: Sending
) -> None:
    with receiving() as first, receiving() as second, sending():
        webhook = add(first.url)
        ids = send(1)
        first.wait_for(lambda here: here.event_ids == ids)
        store.record([replace(webhook, target=second.url)])
        ids = send(1)
        second.wait_for(lambda here: here.event_ids == ids)


def test_a_reload_changes_whereto_may_be_posted(store: Store, add: Add, send: Send) -> None:
    given = [Webhooks(batch_seconds=0.1)]
    sender = Sender(store, lambda: given[0], on_duty(store))
    with receiving() as receiver:
        add(receiver.url)
        ids = send(1)
        sender.start()
        time.sleep(0.5)
        assert receiver.posts == []
        given[0] = Webhooks(batch_seconds=0.1, allow_networks=("127.0.0.1",))
        receiver.wait_for(lambda here: here.event_ids == ids)
        sender.stop(5)


def test_a_stop_waits_for_the_posts_in_hand_so_that_nothing_is_posted_twice(
    store: Store, add: Add, send: Send, sending: Sending
) -> None:
    with receiving(answering(200, after=1.0)) as receiver:
        add(receiver.url)
        ids = send(1)
        with sending():
            receiver.wait_for(lambda here: here.posts)
        assert store.batches("w", 1)[0].state == "delivered"
        with sending():
            time.sleep(0.5)
        assert receiver.event_ids == ids


def test_a_stop_does_not_wait_longer_than_it_is_told(store: Store, add: Add, send: Send) -> None:
    with receiving(receiver.silent) as silent:
        add(silent.url)
        send(1)
        sender = Sender(
            store, lambda: Webhooks(batch_seconds=0.1, allow_networks=("127.0.0.1",)), on_duty(store)
        )
        sender.start()
        silent.wait_for(lambda here: here.posts)
        started = time.monotonic()
        sender.stop(0.5)
    assert time.monotonic() - started < 6


def test_all_webhooks_together_have_so_many_posts_at_a_time(add: Add, send: Send, sending: Sending) -> None:
    inside: list[int] = []
    most: list[int] = []

    def watching(handler: BaseHTTPRequestHandler) -> None:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.2)
        inside.pop()
        answering(200)(handler)

    with receiving(watching) as receiver:
        for number in range(9):
            add(receiver.url, f"w{number}")
        send(1)
        with sending(posts=3):
            receiver.wait_for(lambda here: len(here.event_ids) == 9)
    assert max(most) <= 3  # half of them for who is fast, and the answer of one may still be on its way


def test_a_sender_whose_store_is_away_at_the_start_waits_for_it(
    store: Store, add: Add, send: Send, sending: Sending, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "LOOK", 0.1)
    with receiving() as receiver:
        add(receiver.url)
        ids = send(1)
        path = tmp_path / "estafeta.db"
        path.rename(tmp_path / "away.db")
        with sending():
            time.sleep(0.3)
            (tmp_path / "away.db").rename(path)
            receiver.wait_for(lambda here: here.event_ids == ids)
