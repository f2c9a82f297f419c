"""Events a second time."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from estafeta_core.store import Store, open_store
from estafeta_core.store.outgoing_rows import Batch, Webhook
from estafeta_core.store.rows import Event, Transmission
from estafeta_core.webhooks import replay as module
from estafeta_core.webhooks.form import FormError
from estafeta_core.webhooks.replay import replay
from estafeta_testing.stored import make_rows

WEBHOOK = Webhook("w", "acme", None, "a", "http://a", True, ("injection",), (), {}, "whsec_", 1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(open_store(f"sqlite:///{tmp_path}/estafeta.db")) as opened:
        opened.record([WEBHOOK])
        yield opened


def sent(store: Store, account: str = "acme", queue_id: str = "4Xqueue") -> tuple[Transmission, Event]:
    transmission, message, event = make_rows(account=account, queue_id=queue_id)
    store.record([transmission, message, event])
    assert isinstance(transmission, Transmission)
    assert isinstance(event, Event)
    return transmission, event


def posted(store: Store) -> None:
    """Have everything taken out of the outbox, as if it had been posted."""
    store.record([Batch(1, "w", store.outbox("w", 1000), 1)])


def test_events_of_a_time_are_posted_again_with_their_ids(store: Store) -> None:
    events = [sent(store)[1] for _ in range(3)]
    posted(store)
    assert store.outbox("w", 10) == ()
    assert replay(store, WEBHOOK, since=events[0].timestamp, until=events[2].timestamp + 1) == 3
    assert store.outbox("w", 10) == tuple(event.event_id for event in events)
    assert replay(store, WEBHOOK, since=events[2].timestamp + 1) == 0


@pytest.mark.parametrize("by", ["transmission_id", "queue_id"])
def test_events_of_a_transmission_are_posted_again(store: Store, by: str) -> None:
    transmission, event = sent(store, queue_id="4Xother")
    sent(store)
    posted(store)
    assert replay(store, WEBHOOK, transmission=str(getattr(transmission, by))) == 1
    assert store.outbox("w", 10) == (event.event_id,)


def test_what_still_waits_is_posted_once(store: Store) -> None:
    _, event = sent(store)
    assert replay(store, WEBHOOK) == 1
    assert store.outbox("w", 10) == (event.event_id,)


def test_nothing_of_another_account_is_replayed(store: Store) -> None:
    transmission, _ = sent(store, account="other")
    assert replay(store, WEBHOOK) == 0
    for id_text in (str(transmission.transmission_id), "5", "4Xnobody"):
        with pytest.raises(FormError, match="no such transmission"):
            replay(store, WEBHOOK, transmission=id_text)


def test_so_many_at_a_time_and_no_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        sent(store)
    posted(store)
    monkeypatch.setattr(module, "EVENTS", 2)
    with pytest.raises(FormError, match="more than 2 events"):
        replay(store, WEBHOOK)
    assert store.outbox("w", 10) == ()
