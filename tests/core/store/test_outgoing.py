"""What each webhook still has to get is exact, whoever writes events and whatever ends in between."""

import threading
from dataclasses import replace

import pytest

from estafeta_core.store import Backlog, RowsRefused, Store, open_store
from estafeta_core.store.outgoing_rows import Batch, BatchTried, Webhook, WebhookRemoved
from estafeta_core.store.rows import Event, Forget, Message, TokenEvent
from estafeta_testing.stored import IDS, look, make_rows

WEBHOOK = Webhook(
    "w",
    "acme",
    None,
    "Example",
    "https://client.example.com/",
    active=True,
    events=("injection", "open", "list_unsubscribe"),
    exceptions=(),
    settings={"auth_type": "none"},
    secret="whsec_x",
    created=5,
)


def event(kind: str = "injection", *, account: str = "acme", subaccount: str | None = None) -> Event:
    return Event(IDS.next(), kind, 1, 1, None, account, subaccount)


def waiting(store: Store, webhook_id: str = "w") -> list[int]:
    return list(store.outbox(webhook_id, 1000))


def test_a_webhook_comes_back_as_it_was(store: Store) -> None:
    narrow = replace(WEBHOOK, webhook_id="v", subaccount="", active=False, exceptions=("0", "123"), created=6)
    store.record([WEBHOOK, narrow])
    assert (store.webhook("w"), store.webhook("v"), store.webhook("u")) == (WEBHOOK, narrow, None)
    assert store.webhooks("acme") == [WEBHOOK, narrow]
    assert sorted(each.webhook_id for each in store.webhooks()) == ["v", "w"]
    assert store.webhooks("other") == []
    assert store.active_webhooks() == [WEBHOOK]


def test_events_of_the_types_asked_for_wait_in_order_of_their_ids(store: Store) -> None:
    store.record([WEBHOOK])
    wanted = [event(), event("open"), event("list_unsubscribe")]
    store.record([wanted[1], event("delivery"), wanted[0]])
    store.record([wanted[2], event(account="other")])
    assert waiting(store) == [each.event_id for each in wanted]
    assert list(store.outbox("w", 2)) == [each.event_id for each in wanted[:2]]


@pytest.mark.parametrize(
    ("subaccount", "exceptions", "expected"),
    [
        (None, (), {None, "123", "9"}),
        ("123", (), {"123"}),
        ("", (), {None}),
        (None, ("123",), {None, "9"}),
        (None, ("0", "9"), {"123"}),
        ("123", ("123",), set()),
    ],
)
def test_a_webhook_gets_the_events_of_its_subaccounts(
    store: Store, subaccount: str | None, exceptions: tuple[str, ...], expected: set[str | None]
) -> None:
    store.record([replace(WEBHOOK, subaccount=subaccount, exceptions=exceptions)])
    events = {name: event(subaccount=name) for name in (None, "123", "9")}
    store.record(list(events.values()))
    assert {name for name, each in events.items() if each.event_id in waiting(store)} == expected


def test_an_event_that_is_written_twice_waits_once(store: Store) -> None:
    transmission, message, injection = make_rows()
    assert isinstance(message, Message)
    store.record([WEBHOOK])
    store.record([transmission, message, injection])
    opened = TokenEvent(IDS.next(), "open", 1, message.message_id, shared=False)
    left = [TokenEvent(IDS.next(), "list_unsubscribe", 1, message.message_id, shared=False) for _ in range(2)]
    store.record([opened, left[0]])
    first = waiting(store)
    store.record([Batch(1, "w", tuple(first), 1)])
    store.record([opened, *left])
    assert len(first) == 3  # with the injection
    assert waiting(store) == []


def test_a_refused_event_leaves_nothing_behind(store: Store) -> None:
    store.record([WEBHOOK])
    once = event()
    store.record([once])
    with pytest.raises(RowsRefused):
        store.record([event(), once])
    assert waiting(store) == [once.event_id]


def test_what_is_inactive_gets_nothing_new_and_keeps_what_waits(store: Store) -> None:
    before = event()
    store.record([WEBHOOK])
    store.record([before])
    store.record([replace(WEBHOOK, active=False)])
    store.record([event()])
    assert waiting(store) == [before.event_id]
    store.record([replace(WEBHOOK, events=("delivery",))])
    after = event("delivery")
    store.record([event(), after])
    assert waiting(store) == [before.event_id, after.event_id]


def test_a_batch_takes_its_events_and_no_other_webhooks(store: Store) -> None:
    store.record([WEBHOOK, replace(WEBHOOK, webhook_id="v")])
    events = [event() for _ in range(5)]
    store.record(events)
    ids = store.outbox("w", 3)
    store.record([Batch(7, "w", ids, 10)])
    assert store.backlog("w") == Backlog(outbox=2, batches=1, batched=3)
    assert store.backlog("v") == Backlog(outbox=5, batches=0, batched=0)
    assert store.backlog("w").events == 5


def test_batches_are_tried_when_their_time_has_come_and_tell_what_became_of_them(store: Store) -> None:
    store.record([WEBHOOK])
    store.record([Batch(1, "w", (10,), 100), Batch(2, "w", (11, 12), 100)])
    store.record([BatchTried(1, "waiting", 5000, 200, 12, None, "no answer in 10 s")])
    due = store.due_batch("w", 4999)
    assert due is not None
    assert due.batch_id == 2
    store.record([BatchTried(2, "delivered", 0, 300, 7, 200, "")])
    assert store.due_batch("w", 4999) is None
    again = store.due_batch("w", 5000)
    assert again == Batch(1, "w", (10,), 100, "waiting", 5000, 1, 200, 12, None, "no answer in 10 s")
    assert [batch.batch_id for batch in store.batches("w", 10)] == [2, 1]
    assert len(store.batches("w", 1)) == 1
    told = store.webhook("w")
    assert told is not None
    assert (told.last_successful, told.last_failure) == (300, 200)
    store.record([replace(WEBHOOK, name="Renamed")])
    assert store.webhook("w") == replace(told, name="Renamed")


def test_batches_that_wait_are_never_forgotten(store: Store) -> None:
    store.record([WEBHOOK, Batch(1, "w", (10,), 100), Batch(2, "w", (11,), 100, "given_up", tried=100)])
    assert store.has_older("batches", 101)
    store.record([Forget("batches", 10_000, 10)])
    assert [batch.batch_id for batch in store.batches("w", 10)] == [1]
    assert not store.has_older("batches", 10_000)


def test_what_waits_for_a_webhook_goes_with_it(store: Store, url: str) -> None:
    store.record([WEBHOOK, replace(WEBHOOK, webhook_id="v")])
    store.record([event(), event()])
    store.record([Batch(1, "w", store.outbox("w", 1), 1)])
    store.record([WebhookRemoved("w")])
    assert store.backlog("w") == Backlog(0, 0, 0)
    assert store.backlog("v") == Backlog(2, 0, 0)
    store.record([event(), Batch(2, "w", (5,), 1)])  # made by somebody who did not know yet
    assert waiting(store) == []
    assert store.backlog("w") == Backlog(0, 0, 0)
    assert look(url, "SELECT DISTINCT webhook_id FROM webhook_events") == [("v",)]


def test_occurrences_come_in_the_order_asked_for_without_those_that_are_gone(store: Store) -> None:
    transmission, message, injection = make_rows()
    assert isinstance(injection, Event)
    alone = event()
    store.record([transmission, message, injection, alone])
    first, second = store.occurrences([alone.event_id, 5, injection.event_id])
    assert (first.event, first.transmission, first.message) == (alone, None, None)
    assert (second.event, second.transmission, second.message) == (injection, transmission, message)


def test_every_event_of_many_writers_is_taken_once_whatever_order_they_commit_in(
    url: str, store: Store
) -> None:
    store.record([WEBHOOK])
    written: list[int] = []
    others = [open_store(url), open_store(url)]

    def write(own: Store) -> None:
        events = [event() for _ in range(200)]
        written.extend(each.event_id for each in events)
        for each in reversed(events):  # so that a lower id is committed after a higher one
            own.record([each])

    threads = [threading.Thread(target=write, args=[own]) for own in others]
    for thread in threads:
        thread.start()
    taken: list[int] = []
    while any(thread.is_alive() for thread in threads) or waiting(store):
        if ids := store.outbox("w", 7):
            store.record([Batch(IDS.next(), "w", ids, 1)])
            taken += ids
    for own in others:
        own.close()
    assert sorted(taken) == sorted(written)
