from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from estafeta_core.ids import IdSource
from estafeta_core.store import Store
from estafeta_core.store.rows import Event
from estafeta_postfix.log_follower.parse import Delivery, Expired
from estafeta_postfix.log_follower.records import Recorder
from estafeta_postfix.log_follower.timestamp import Timestamps

SECOND = "2026-11-20T13:52:35Z"
SECOND_MS = int(datetime(2026, 11, 20, 13, 52, 35, tzinfo=UTC).timestamp()) * 1000


@pytest.fixture
def recorder(store: Store) -> Recorder:
    return Recorder(store, IdSource(), Timestamps())


def told(queue_id: str, recipient: str, status: str = "sent", **others: object) -> Delivery:
    fields: dict[str, object] = {
        "time": SECOND,
        "queue_id": queue_id,
        "recipient": recipient,
        "original": "",
        "host": "mx.example.com",
        "ip": "192.0.2.1",
        "delay": 0.25,
        "dsn": {"sent": "2.0.0", "bounced": "5.1.1", "deferred": "4.2.1"}[status],
        "status": status,
        "text": {"sent": "250 Ok", "bounced": "host mx said: 550 5.1.1 No", "deferred": "later"}[status],
    }
    return Delivery(**fields | others)  # type: ignore[arg-type] # the keys are the fields


def kinds(events: list[Event]) -> list[tuple[str, int | None]]:
    return [(event.type, event.message_id) for event in events]


def test_each_status_becomes_its_event(recorder: Recorder, inject: Callable[..., None]) -> None:
    inject("A1B2C3", "Sent@example.com", "bounce@example.com", "defer@example.com")
    events = recorder.events(
        [
            told("A1B2C3", "Sent@example.com"),
            told("A1B2C3", "bounce@example.com", "bounced"),
            told("A1B2C3", "defer@example.com", "deferred"),
        ]
    )
    assert kinds(events) == [("delivery", 1001), ("bounce", 1002), ("delay", 1003)]
    assert {(event.transmission_id, event.account, event.subaccount) for event in events} == {
        (1000, "acme", "123")
    }
    assert events[0].data == {
        "ip_address": "192.0.2.1",
        "num_retries": "0",
        "queue_time": "250",
        "delv_method": "esmtp",
    }
    assert events[1].data["error_code"] == "550"
    assert events[1].data["raw_reason"] == "550 5.1.1 No"
    assert events[1].data["bounce_class"] == "10"


def test_an_event_comes_after_the_injection_though_the_log_knows_only_seconds(
    recorder: Recorder, inject: Callable[..., None], injected: int
) -> None:
    inject("A1B2C3", "a@example.com")
    [event] = recorder.events([told("A1B2C3", "a@example.com")])
    assert SECOND_MS <= injected < event.timestamp == injected + 250 < SECOND_MS + 1000


def test_mail_that_is_not_ours_yields_nothing(recorder: Recorder, inject: Callable[..., None]) -> None:
    inject("A1B2C3", "a@example.com")
    strangers: list[Delivery | Expired] = [
        told("F00F00", "a@example.com"),
        told("A1B2C3", "b@example.com"),
        Expired(SECOND, "1000"),
    ]
    assert recorder.events(strangers) == []


def test_a_rewritten_recipient_is_found_by_the_one_that_was_given(
    recorder: Recorder, inject: Callable[..., None]
) -> None:
    inject("A1B2C3", "alias@example.com")
    delivery = told("A1B2C3", "real@example.net", original="alias@example.com")
    assert kinds(recorder.events([delivery])) == [("delivery", 1001)]


def test_retries_are_counted_across_batches_and_within_one(
    recorder: Recorder, store: Store, inject: Callable[..., None]
) -> None:
    inject("A1B2C3", "a@example.com")
    store.record(recorder.events([told("A1B2C3", "a@example.com", "deferred")]))
    events = recorder.events(
        [
            told("A1B2C3", "a@example.com", "deferred", delay=60.0),
            told("A1B2C3", "a@example.com", delay=180.0),
        ]
    )
    assert [event.data["num_retries"] for event in events] == ["1", "2"]


def test_an_expired_message_bounces_for_those_who_have_not_got_it(
    recorder: Recorder, store: Store, inject: Callable[..., None]
) -> None:
    inject("A1B2C3", "got@example.com", "bounced@example.com", "late@example.com", "now@example.com")
    earlier = [
        told("A1B2C3", "got@example.com"),
        told("A1B2C3", "bounced@example.com", "bounced"),
        told("A1B2C3", "late@example.com", "deferred"),
    ]
    store.record(recorder.events(earlier))
    events = recorder.events([told("A1B2C3", "now@example.com"), Expired(SECOND, "A1B2C3")])
    assert kinds(events) == [("delivery", 1004), ("bounce", 1003)]
    assert events[1].data["bounce_class"] == "24"
    assert events[1].data["num_retries"] == "1"
    assert recorder.events([]) == []
