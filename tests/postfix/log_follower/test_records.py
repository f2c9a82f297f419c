from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from estafeta_core.config.schema import IpPool
from estafeta_core.ids import IdSource
from estafeta_core.store import Store
from estafeta_core.store.rows import Event, Requeued, Row, Suppression
from estafeta_postfix.log_follower.parse import Copied, Delivery, Expired, Secured, Told
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


def events_of(recorder: Recorder, told: Iterable[Told]) -> list[Event]:
    return [row for row in recorder.rows(told) if isinstance(row, Event)]


def kinds(rows: Iterable[Row]) -> list[tuple[str, int | None]]:
    return [(row.type, row.message_id) for row in rows if isinstance(row, Event)]


def test_each_status_becomes_its_event(recorder: Recorder, inject: Callable[..., None]) -> None:
    inject("A1B2C3", "Sent@example.com", "bounce@example.com", "defer@example.com")
    events = events_of(
        recorder,
        [
            told("A1B2C3", "Sent@example.com"),
            told("A1B2C3", "bounce@example.com", "bounced"),
            told("A1B2C3", "defer@example.com", "deferred"),
        ],
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
        "recv_method": "esmtp",
        "routing_domain": "example.com",
        "outbound_host": "mx.example.com",
        "outbound_response": "250 Ok",
    }
    assert events[1].data["error_code"] == "550"
    assert events[1].data["raw_reason"] == "550 5.1.1 No"
    assert events[1].data["bounce_class"] == "10"


def test_s36_events_say_which_pool_it_was(recorder: Recorder, inject: Callable[..., None]) -> None:
    inject("A1B2C3", "a@example.com", "b@example.com", "c@example.com")
    lines = [
        told("A1B2C3", "a@example.com", pool="marketing"),
        told("A1B2C3", "b@example.com", "deferred", pool="marketing"),
        told("A1B2C3", "c@example.com"),
    ]
    said = [event.data.get("ip_pool") for event in events_of(recorder, lines)]
    assert said == ["marketing", "marketing", None]


def test_an_event_comes_after_the_injection_though_the_log_knows_only_seconds(
    recorder: Recorder, inject: Callable[..., None], injected: int
) -> None:
    inject("A1B2C3", "a@example.com")
    [event] = events_of(recorder, [told("A1B2C3", "a@example.com")])
    assert SECOND_MS <= injected < event.timestamp == injected + 250 < SECOND_MS + 1000


def test_mail_that_is_not_ours_yields_nothing(recorder: Recorder, inject: Callable[..., None]) -> None:
    inject("A1B2C3", "a@example.com")
    strangers: list[Told] = [
        told("F00F00", "a@example.com"),
        told("A1B2C3", "b@example.com"),
        Expired(SECOND, "1000"),
    ]
    assert recorder.rows(strangers) == []


def test_a_rewritten_recipient_is_found_by_the_one_that_was_given(
    recorder: Recorder, inject: Callable[..., None]
) -> None:
    inject("A1B2C3", "alias@example.com")
    delivery = told("A1B2C3", "real@example.net", original="alias@example.com")
    assert kinds(recorder.rows([delivery])) == [("delivery", 1001)]


def test_retries_are_counted_across_batches_and_within_one(
    recorder: Recorder, store: Store, inject: Callable[..., None]
) -> None:
    inject("A1B2C3", "a@example.com")
    store.record(recorder.rows([told("A1B2C3", "a@example.com", "deferred")]))
    events = events_of(
        recorder,
        [
            told("A1B2C3", "a@example.com", "deferred", delay=60.0),
            told("A1B2C3", "a@example.com", delay=180.0),
        ],
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
    store.record(recorder.rows(earlier))
    events = events_of(recorder, [told("A1B2C3", "now@example.com"), Expired(SECOND, "A1B2C3")])
    assert kinds(events) == [("delivery", 1004), ("bounce", 1003)]
    assert events[1].data["bounce_class"] == "24"
    assert events[1].data["num_retries"] == "1"
    assert recorder.rows([]) == []


def batches(recorder: Recorder, store: Store, told: list[Told], size: int) -> list[Event]:
    """Record what is told, so many lines at a time, and return the events."""
    found: list[Event] = []
    for start in range(0, len(told), size):
        rows = recorder.rows(told[start : start + size])
        store.record(rows)
        found += [row for row in rows if isinstance(row, Event)]
    return found


def copied(copy: str, *recipients: str) -> Copied:
    return Copied(SECOND, copy, "A1B2C3", recipients)


@pytest.mark.parametrize("size", [1, 2, 100])
def test_what_becomes_of_a_copy_is_told_of_the_message_it_was_made_from(
    recorder: Recorder, store: Store, inject: Callable[..., None], size: int
) -> None:
    inject("A1B2C3", "a@example.com", "B@example.com", "c@example.com")
    lines: list[Told] = [
        copied("C0"),
        copied("C1"),
        copied("C0", "a@example.com", ""),
        told("C0", "a@example.com"),
        told("C1", "b@EXAMPLE.com", "deferred"),  # before the split has told that it handed it over
        copied("C1", "b@example.com", ""),
        told("C1", "b@example.com", "bounced", delay=20.0),
    ]
    events = batches(recorder, store, lines, size)
    assert kinds(events) == [("delivery", 1001), ("delay", 1002), ("bounce", 1002)]
    assert {event.transmission_id for event in events} == {1000}
    assert events[2].data["num_retries"] == "1"
    assert store.requeued("C0") == Requeued("C0", "A1B2C3", SECOND_MS, 1001)
    assert store.handed_over("A1B2C3") == {1001, 1002}
    for id_text in ("A1B2C3", "C0", "C1"):
        found = store.find(id_text)
        assert found is not None
        assert found.transmission.transmission_id == 1000


@pytest.mark.parametrize("size", [1, 100])
def test_the_time_in_the_queue_counts_from_the_injection_though_a_copy_is_younger(
    recorder: Recorder, store: Store, inject: Callable[..., None], injected: int, size: int
) -> None:
    inject("A1B2C3", "a@example.com")
    later = "2026-11-20T14:52:35Z"
    lines: list[Told] = [copied("C0"), told("C0", "a@example.com", time=later)]
    [event] = batches(recorder, store, lines, size)
    assert event.timestamp == SECOND_MS + 3_600_000
    assert event.data["queue_time"] == str(SECOND_MS + 3_600_000 - injected)


def test_a_copy_of_mail_that_is_not_ours_yields_no_event(
    recorder: Recorder, inject: Callable[..., None]
) -> None:
    inject("A1B2C3", "a@example.com")
    strange = Copied(SECOND, "C0", "F00F00")
    assert events_of(recorder, [strange, told("C0", "a@example.com"), Expired(SECOND, "C0")]) == []
    assert events_of(recorder, [copied("C1"), told("C1", "stranger@example.com")]) == []


@pytest.mark.parametrize("size", [1, 100])
def test_a_split_that_expires_bounces_for_those_whose_copy_was_never_made(
    recorder: Recorder, store: Store, inject: Callable[..., None], size: int
) -> None:
    inject("A1B2C3", "got@example.com", "waiting@example.com", "never@example.com")
    lines: list[Told] = [
        copied("C0"),
        copied("C0", "got@example.com"),
        told("C0", "got@example.com"),
        copied("C1"),
        copied("C1", "waiting@example.com"),
        told("C1", "waiting@example.com", "deferred"),
        Expired(SECOND, "A1B2C3"),
    ]
    assert kinds(batches(recorder, store, lines, size))[2:] == [("bounce", 1003)]
    assert kinds(recorder.rows([Expired(SECOND, "C1")])) == [("bounce", 1002)]
    assert kinds(recorder.rows([Expired(SECOND, "C0")])) == []


def test_a_copy_that_nobody_was_told_of_expires_without_an_event(
    recorder: Recorder, store: Store, inject: Callable[..., None]
) -> None:
    """The split died before it learned that its copy was taken: it makes another, which tells the rest."""
    inject("A1B2C3", "a@example.com")
    lines: list[Told] = [copied("C0"), copied("C1"), copied("C1", "a@example.com"), Expired(SECOND, "C0")]
    assert batches(recorder, store, lines, 1) == []
    assert kinds(recorder.rows([told("C1", "a@example.com")])) == [("delivery", 1001)]


def anew(queue_id: str, original: str) -> Copied:
    """Return what the log tells when `postsuper -r` has a queue file taken in again."""
    return Copied(SECOND, queue_id, original, anew=True)


@pytest.mark.parametrize("size", [1, 2, 100])
def test_b16_what_is_told_of_a_message_queued_anew_twice_is_told_of_the_message(
    recorder: Recorder, store: Store, inject: Callable[..., None], size: int
) -> None:
    inject("A1B2C3", "a@example.com", "b@example.com", "c@example.com")
    lines: list[Told] = [
        told("A1B2C3", "a@example.com"),
        anew("D1", "A1B2C3"),
        told("D1", "b@example.com", "deferred"),
        anew("D2", "D1"),
        told("D2", "b@example.com"),
        Expired(SECOND, "D2"),
    ]
    events = batches(recorder, store, lines, size)
    assert kinds(events) == [("delivery", 1001), ("delay", 1002), ("delivery", 1002), ("bounce", 1003)]
    for id_text in ("D1", "D2"):
        found = store.find(id_text)
        assert found is not None
        assert found.transmission.transmission_id == 1000


@pytest.mark.parametrize("size", [1, 2, 100])
def test_b16_a_message_queued_anew_is_split_and_bounces_for_those_it_still_had(
    recorder: Recorder, store: Store, inject: Callable[..., None], size: int
) -> None:
    inject("A1B2C3", "a@example.com", "b@example.com", "c@example.com")
    lines: list[Told] = [
        copied("B0"),
        copied("B0", "a@example.com"),
        anew("D1", "A1B2C3"),
        Copied(SECOND, "B1", "D1"),
        told("B1", "b@example.com"),
        Copied(SECOND, "B1", "D1", ("b@example.com",)),
        Expired(SECOND, "D1"),
    ]
    assert kinds(batches(recorder, store, lines, size)) == [("delivery", 1002), ("bounce", 1003)]
    assert kinds(recorder.rows([Expired(SECOND, "B0")])) == [("bounce", 1001)]


@pytest.mark.parametrize("size", [1, 2, 100])
def test_b16_a_copy_queued_anew_stays_that_recipients_copy(
    recorder: Recorder, store: Store, inject: Callable[..., None], size: int
) -> None:
    inject("A1B2C3", "a@example.com", "b@example.com", "c@example.com")
    lines: list[Told] = [
        copied("B0"),
        copied("B0", "a@example.com"),
        copied("B1"),
        copied("B1", "b@example.com"),
        anew("C0", "B0"),
        anew("C1", "B1"),
        anew("C2", "C1"),
        told("C0", "a@example.com"),
        Expired(SECOND, "C2"),
        Expired(SECOND, "A1B2C3"),
    ]
    events = batches(recorder, store, lines, size)
    assert kinds(events) == [("delivery", 1001), ("bounce", 1002), ("bounce", 1003)]


def test_retries_before_a_message_was_queued_anew_count(
    recorder: Recorder, store: Store, inject: Callable[..., None]
) -> None:
    inject("A1B2C3", "a@example.com")
    store.record(recorder.rows([told("A1B2C3", "a@example.com", "deferred"), anew("D1", "A1B2C3")]))
    [event] = events_of(recorder, [told("D1", "a@example.com", time="2026-11-20T14:52:35Z")])
    assert event.data["num_retries"] == "1"


@pytest.mark.parametrize("said", [Copied(SECOND, "C0", "F00F00"), anew("C0", "F00F00"), anew("C0", "1000")])
def test_what_is_said_to_come_from_nothing_known_is_not_kept(
    recorder: Recorder, store: Store, inject: Callable[..., None], said: Copied
) -> None:
    """Whoever reaches the listener of the copies may say so."""
    inject("A1B2C3", "a@example.com")
    assert recorder.rows([said, replace(said, recipients=("a@example.com",))]) == []
    assert store.find("C0") is None


def test_d02_an_address_that_does_not_exist_is_mailed_no_more(
    recorder: Recorder, inject: Callable[..., None]
) -> None:
    inject("A1B2C3", "Gone@example.com", "full@example.com", "late@example.com")
    rows = recorder.rows(
        [
            told("A1B2C3", "Gone@example.com", "bounced"),
            told("A1B2C3", "full@example.com", "bounced", dsn="5.2.2"),
            told("A1B2C3", "late@example.com", "deferred", dsn="4.1.1"),
        ]
    )
    found = [row for row in rows if isinstance(row, Suppression)]
    assert [(row.recipient, row.type, row.source) for row in found] == [
        ("gone@example.com", "transactional", "Bounce Rule"),
        ("gone@example.com", "non_transactional", "Bounce Rule"),
    ]
    assert {(row.account, row.subaccount, row.description) for row in found} == {
        ("acme", "123", "550 5.1.1 No")
    }


def test_an_event_says_how_its_mail_went(recorder: Recorder, inject: Callable[..., None]) -> None:
    inject("A1B2C3", "a@example.com", "b@example.com", "c@example.com")
    lines: list[Told] = [
        Secured(SECOND, "p", "mx.example.com", "192.0.2.1"),
        told("A1B2C3", "a@example.com", process="p"),
        told("A1B2C3", "b@example.com", "bounced", process="p"),
        told("A1B2C3", "c@example.com", "deferred", process="p", host="none", ip=""),
    ]
    sent, bounced, deferred = (event.data for event in events_of(recorder, lines))
    assert (sent["outbound_tls"], sent["outbound_host"]) == ("1", "mx.example.com")
    assert sent["outbound_response"] == "250 Ok"
    assert (bounced["outbound_tls"], bounced["outbound_host"]) == ("1", "mx.example.com")
    assert not {"outbound_tls", "outbound_host", "outbound_response"} & deferred.keys()
    assert {data["recv_method"] for data in (sent, bounced, deferred)} == {"esmtp"}


def test_the_routing_domain_is_where_postfix_sent_it(recorder: Recorder, inject: Callable[..., None]) -> None:
    inject("A1B2C3", "alias@example.com")
    [event] = events_of(recorder, [told("A1B2C3", "real@Example.NET", original="alias@example.com")])
    assert event.data["routing_domain"] == "example.net"


@pytest.mark.parametrize(
    ("pool", "ip", "expected"),
    [
        ("marketing", "192.0.2.1", "192.0.2.10"),
        ("marketing", "2001:db8::1", "2001:db8::10"),
        ("marketing", "", None),  # no host was reached
        ("unbound", "192.0.2.1", None),
        ("gone", "192.0.2.1", None),
        ("", "192.0.2.1", None),
    ],
)
def test_the_sending_ip_is_the_address_the_pool_is_bound_to(
    store: Store, inject: Callable[..., None], pool: str, ip: str, expected: str | None
) -> None:
    pools = {
        "marketing": IpPool(bind_address="192.0.2.10", bind_address6="2001:db8::10"),
        "unbound": IpPool(),
    }
    recorder = Recorder(store, IdSource(), Timestamps(), lambda: pools)
    inject("A1B2C3", "a@example.com")
    [event] = events_of(recorder, [told("A1B2C3", "a@example.com", pool=pool, ip=ip)])
    assert event.data.get("sending_ip") == expected


@pytest.mark.parametrize(
    ("text", "suppressed"),
    [
        ("host mx said: 550 5.7.1 No such user!", True),
        ("host mx said: 550 5.7.1 Message rejected under suspicion of SPAM", False),
        ("host mx said: 550 5.7.1 no such user (in reply to MAIL FROM command)", False),
    ],
)
def test_nobody_is_suppressed_for_what_does_not_blame_him(
    recorder: Recorder, inject: Callable[..., None], text: str, *, suppressed: bool
) -> None:
    inject("A1B2C3", "a@example.com")
    rows = recorder.rows([told("A1B2C3", "a@example.com", "bounced", dsn="5.7.1", text=text)])
    assert any(isinstance(row, Suppression) for row in rows) is suppressed
