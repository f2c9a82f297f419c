"""One webhook gets everything at least once, and its failures are its own."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from estafeta_core.store import Occurrence, Store
from estafeta_core.store.outgoing_rows import Batch, Webhook, WebhookRemoved
from estafeta_core.webhooks import rendering
from estafeta_core.webhooks.rendering import body
from estafeta_core.webhooks.replay import replay
from estafeta_postfix.webhooks import postman
from estafeta_postfix.webhooks.sender import Sender
from estafeta_testing.receiver import Posted, answering, receiving

Add = Callable[..., Webhook]
Send = Callable[..., list[str]]
Sending = Callable[..., AbstractContextManager[Sender]]


def batch_id(post: Posted) -> str:
    return post.headers["x-messagesystems-batch-id"]


def wait_for(true: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_everything_arrives_once_in_batches_of_the_size_that_is_set(
    add: Add, send: Send, sending: Sending
) -> None:
    with receiving() as receiver:
        add(receiver.url)
        ids = send(25)
        with sending(batch_events=10):
            receiver.wait_for(lambda here: len(here.event_ids) >= 25)
            more = send(1)
            receiver.wait_for(lambda here: len(here.event_ids) >= 26)
        assert receiver.event_ids == ids + more
        assert [len(post.events) for post in receiver.batches] == [10, 10, 5, 1]
        assert len({batch_id(post) for post in receiver.batches}) == 4


def test_emitlos_webhooks_get_one_event_at_a_time(add: Add, send: Send, sending: Sending) -> None:
    with receiving() as receiver:
        add(receiver.url, settings={"signature": "emitlo"})
        ids = send(3)
        with sending():
            receiver.wait_for(lambda here: len(here.event_ids) >= 3)
        assert [post.event_ids for post in receiver.batches] == [[each] for each in ids]
        assert {post.headers["x-emitlo-event"] for post in receiver.batches} == {"injection"}


def test_r3_a_receiver_that_was_away_gets_everything_once_under_the_same_ids(
    store: Store, add: Add, send: Send, sending: Sending
) -> None:
    with receiving(answering(503)) as receiver:
        add(receiver.url)
        ids = send(30)
        with sending(batch_events=10):
            receiver.wait_for(lambda here: len(here.posts) >= 4)
            receiver.behave = answering(200)
            taken = len(receiver.posts)
            receiver.wait_for(
                lambda here: {each for post in here.posts[taken:] for each in post.event_ids} >= set(ids)
            )
            wait_for(lambda: store.backlog("w").events == 0)
        after = Counter(each for post in receiver.posts[taken:] for each in post.event_ids)
        assert set(after.values()) == {1}
        bodies: dict[str, set[bytes]] = {}
        for post in receiver.posts:
            bodies.setdefault(batch_id(post), set()).add(post.body)
        assert all(len(same) == 1 for same in bodies.values())
    told = store.webhook("w")
    assert told is not None
    assert told.last_failure is not None
    assert told.last_successful is not None


def test_a_flapping_receiver_gets_everything(add: Add, send: Send, sending: Sending) -> None:
    turns = iter(range(10_000))

    def flapping(handler: BaseHTTPRequestHandler) -> None:
        answering(200 if next(turns) % 3 == 2 else 500)(handler)

    with receiving(flapping) as receiver:
        add(receiver.url)
        ids = send(40)
        with sending(batch_events=10):
            receiver.wait_for(lambda here: set(here.event_ids) == set(ids) and len(here.posts) >= 12)


def test_a_batch_that_a_receiver_cannot_digest_holds_up_no_other(
    add: Add, send: Send, sending: Sending
) -> None:
    with receiving() as receiver:
        add(receiver.url)
        ids = send(5)

        def choking(handler: BaseHTTPRequestHandler) -> None:
            answering(500 if ids[0] in receiver.posts[-1].event_ids else 200)(handler)

        receiver.behave = choking
        with sending(batch_events=1):
            receiver.wait_for(lambda here: set(here.event_ids) == set(ids))


def test_a_batch_is_given_up_after_the_hours_that_are_set_and_can_be_replayed(
    store: Store, add: Add, send: Send, sending: Sending
) -> None:
    with receiving(answering(500)) as receiver:
        webhook = add(receiver.url)
        ids = send(2)
        with sending(retry_hours=1 / 3600):
            wait_for(lambda: [batch.state for batch in store.batches("w", 5)] == ["given_up"])
            (batch,) = store.batches("w", 5)
            assert (batch.failure, batch.response_code, list(map(str, batch.event_ids))) == ("500", 500, ids)
            assert batch.attempts >= 2
            assert batch.tried - batch.created >= 1000
            receiver.behave = answering(200)
            before = len(receiver.posts)
            assert replay(store, webhook) == 2
            receiver.wait_for(lambda here: here.posts[before:] and here.posts[-1].event_ids == ids)


def test_the_backlog_is_bounded_and_what_is_beyond_is_told(
    store: Store, add: Add, send: Send, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postman, "WAITING", 2)
    with receiving(answering(500)) as receiver:
        add(receiver.url)
        ids = send(30)
        with sending(batch_events=3, backlog=10):
            wait_for(lambda: store.backlog("w").outbox <= 10)
            time.sleep(1)
        backlog = store.backlog("w")
        assert backlog.batches in (1, 2)
        assert 7 <= backlog.outbox <= 10  # or a batch less, where one was made after that
        given_up = [batch for batch in store.batches("w", 50) if batch.state == "given_up"]
        assert {batch.failure for batch in given_up} == {postman.BACKLOG}
        assert sum(len(batch.event_ids) for batch in given_up) == 30 - backlog.events
        assert [str(each) for each in store.outbox("w", 50)] == ids[-backlog.outbox :]


def test_a_webhook_that_is_switched_off_or_gone_gets_nothing_more(
    store: Store, add: Add, send: Send, sending: Sending
) -> None:
    with receiving() as receiver:
        webhook = add(receiver.url)
        with sending():
            first = send(1)
            receiver.wait_for(lambda here: here.event_ids == first)
            store.record([replace(webhook, active=False)])
            send(1)
            time.sleep(0.5)
            store.record([webhook])
            second = send(1)
            receiver.wait_for(lambda here: here.event_ids == first + second)
            store.record([WebhookRemoved("w")])
            send(1)
            time.sleep(0.5)
        assert receiver.event_ids == first + second


def test_events_that_are_no_longer_kept_end_their_batch(store: Store, add: Add, sending: Sending) -> None:
    with receiving() as receiver:
        add(receiver.url)
        store.record([Batch(1, "w", (5, 6), 1)])
        with sending():
            wait_for(lambda: store.batches("w", 1)[0].state == "given_up")
    assert store.batches("w", 1)[0].failure == postman.GONE
    assert receiver.posts == []


def test_i1_a_target_that_leads_inside_now_is_refused_at_send(
    store: Store, add: Add, send: Send, sending: Sending
) -> None:
    with receiving() as receiver:
        add(receiver.url)
        send(1)
        with sending(allow_networks=()):
            wait_for(lambda: store.batches("w", 1) and store.batches("w", 1)[0].attempts)
    assert store.batches("w", 1)[0].failure == "the address 127.0.0.1 is not a public one"
    assert receiver.posts == []


def test_a_fault_of_ours_holds_up_one_webhook_and_passes(
    store: Store, add: Add, send: Send, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postman, "BUG_PAUSE", 0.2)
    broken = threading.Event()

    def failing(occurrences: Iterable[Occurrence]) -> bytes:
        if not broken.is_set():
            broken.set()
            raise RuntimeError("a bug")
        return body(occurrences)

    monkeypatch.setattr(rendering, "body", failing)
    with receiving() as receiver:
        add(receiver.url)
        ids = send(3)
        with sending():
            receiver.wait_for(lambda here: here.event_ids == ids)
    assert broken.is_set()


def test_a_store_that_is_away_for_a_while_is_waited_for(
    tmp_path: Path, add: Add, send: Send, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postman, "STORE_PAUSE", 0.1)
    with receiving() as receiver:
        add(receiver.url)
        ids = send(1)
        path = tmp_path / "estafeta.db"
        away = path.with_name("away.db")
        with sending():
            receiver.wait_for(lambda here: here.event_ids == ids)
            path.rename(away)
            time.sleep(0.5)
            away.rename(path)
            ids += send(1)
            receiver.wait_for(lambda here: here.event_ids == ids)


def test_receivers_are_never_posted_to_twice_at_a_time(add: Add, send: Send, sending: Sending) -> None:
    at_a_time: list[int] = []
    inside = Counter[str]()

    def watching(handler: BaseHTTPRequestHandler) -> None:
        inside["here"] += 1
        at_a_time.append(inside["here"])
        time.sleep(0.05)
        answering(200)(handler)
        inside["here"] -= 1

    with receiving(watching) as receiver:
        add(receiver.url)
        send(20)
        with sending(batch_events=2):
            receiver.wait_for(lambda here: len(here.event_ids) == 20)
    assert set(at_a_time) == {1}
