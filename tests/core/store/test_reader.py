"""Questions to the store, each answered by key or index."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from estafeta_core.store import Store, StoreUnavailable
from estafeta_core.store.postgresql.asking import MOST
from estafeta_core.store.reader import LATEST, as_id
from estafeta_core.store.rows import Event, LogPosition, Message, Requeued, Suppression, Tag, Transmission
from estafeta_core.store.sqlite.asking import KEPT, SqliteAsking
from estafeta_testing.stored import IDS, make_rows


def recorded(
    store: Store, *recipients: str, account: str = "acme", queue_id: str = "4Xqueue"
) -> tuple[Transmission, list[Message], list[Event]]:
    rows = make_rows(*recipients, account=account, queue_id=queue_id)
    store.record(rows)
    return (
        next(row for row in rows if isinstance(row, Transmission)),
        [row for row in rows if isinstance(row, Message)],
        [row for row in rows if isinstance(row, Event)],
    )


def event(transmission: Transmission, message: Message, kind: str, timestamp: int) -> Event:
    return Event(
        IDS.next(),
        kind,
        timestamp,
        transmission.transmission_id,
        message.message_id,
        transmission.account,
        None,
    )


def test_a_transmission_is_found_by_each_of_its_three_ids(store: Store) -> None:
    recorded(store, queue_id="other")
    transmission, messages, injections = recorded(store, "alice@example.net", "Bob@Example.net")
    for id_text in (
        str(transmission.transmission_id),
        str(messages[0].message_id),
        str(messages[1].message_id),
        "4Xqueue",
        " 4Xqueue\n",
    ):
        found = store.find(id_text)
        assert found is not None
        assert found.transmission == transmission
        assert found.messages == tuple(messages)
        assert found.events == tuple(injections)


@pytest.mark.parametrize("id_text", ["", "x", "5", "9" * 30, "²", "4XQUEUE", "'; --"])
def test_an_unknown_id_finds_nothing(store: Store, id_text: str) -> None:
    recorded(store)
    assert store.find(id_text) is None


def test_a_queue_id_used_again_finds_the_newest_transmission(store: Store) -> None:
    recorded(store, queue_id="1A2B3C")
    newer, _, _ = recorded(store, queue_id="1A2B3C")
    found = store.find("1A2B3C")
    assert found is not None
    assert found.transmission == newer
    copy = store.message_for("1A2B3C", "alice@example.net")
    assert copy is not None
    assert copy.transmission == newer


def test_a_queue_id_of_digits_alone_is_found(store: Store) -> None:
    transmission, _, _ = recorded(store, queue_id="12345678")
    found = store.find("12345678")
    assert found is not None
    assert found.transmission == transmission


def test_the_log_follower_finds_a_copy_by_queue_id_and_recipient(store: Store) -> None:
    transmission, messages, _ = recorded(store, "alice@example.net", "Bob@Example.net")
    copy = store.message_for("4Xqueue", "BOB@example.NET")
    assert copy is not None
    assert (copy.transmission, copy.message) == (transmission, messages[1])
    assert store.message_for("4Xqueue", "carol@example.net") is None
    assert store.message_for("nothing", "bob@example.net") is None


def test_a_copy_is_found_by_the_queue_id_of_the_file_it_was_requeued_in(store: Store) -> None:
    transmission, messages, _ = recorded(store, "alice@example.net", "bob@example.net")
    store.record([Requeued("4Xcopy", "4Xqueue", 5), Requeued("4Xother", "4Xunknown", 5)])
    copy = store.message_for("4Xcopy", "Bob@example.net")
    assert copy is not None
    assert (copy.transmission, copy.message) == (transmission, messages[1])
    assert store.message_for("4Xcopy", "carol@example.net") is None
    assert store.message_for("4Xother", "bob@example.net") is None
    found = store.find("4Xcopy")
    assert found is not None
    assert found.transmission == transmission
    assert store.find("4Xother") is None


def test_a_queue_file_of_its_own_goes_before_one_requeued_under_the_same_id(store: Store) -> None:
    recorded(store, queue_id="1A2B3C")
    store.record([Requeued("4D5E6F", "1A2B3C", 5)])
    newer, _, _ = recorded(store, queue_id="4D5E6F")
    copy = store.message_for("4D5E6F", "alice@example.net")
    assert copy is not None
    assert copy.transmission == newer


def test_what_a_queue_file_was_taken_from_is_known_and_whose_copy_it_is_once_that_is_told(
    store: Store,
) -> None:
    assert store.requeued("4Xcopy") is None
    store.record([Requeued("4Xcopy", "4Xqueue", 5)])
    assert store.requeued("4Xcopy") == Requeued("4Xcopy", "4Xqueue", 5)
    assert store.handed_over("4Xqueue") == set()
    store.record([Requeued("4Xcopy", "4Xqueue", 6, 77), Requeued("4Xnext", "4Xqueue", 7, 78)])
    store.record([Requeued("4Xcopy", "4Xqueue", 8)])
    assert store.requeued("4Xcopy") == Requeued("4Xcopy", "4Xqueue", 5, 77)
    assert store.handed_over("4Xqueue") == {77, 78}


def test_a_copy_and_a_transmission_are_found_by_number(store: Store) -> None:
    transmission, messages, _ = recorded(store)
    copy = store.message(messages[0].message_id)
    assert copy is not None
    assert (copy.transmission, copy.message) == (transmission, messages[0])
    assert store.message(transmission.transmission_id) is None
    assert store.transmission(transmission.transmission_id) == transmission
    assert store.transmission(1) is None
    assert store.messages(transmission.transmission_id) == messages


def suppression(
    recipient: str, kind: str, account: str = "acme", subaccount: str | None = None
) -> Suppression:
    return Suppression(account, subaccount, recipient, kind, "Manually Added", "", 1)


def test_suppressions_hold_for_their_account_subaccount_and_type_alone(store: Store) -> None:
    store.record(
        [
            suppression("a@x.net", "non_transactional"),
            suppression("b@x.net", "transactional"),
            suppression("c@x.net", "non_transactional", subaccount="123"),
            suppression("d@x.net", "non_transactional", account="other"),
        ]
    )
    everyone = ["A@x.net", "b@x.net", "c@x.net", "d@x.net", "e@x.net"]
    assert store.is_suppressed("acme", None, everyone, ["non_transactional"]) == {"A@x.net"}
    assert store.is_suppressed("acme", None, everyone, ["transactional"]) == {"b@x.net"}
    assert store.is_suppressed("acme", None, everyone, ["transactional", "non_transactional"]) == {
        "A@x.net",
        "b@x.net",
    }
    assert store.is_suppressed("acme", "123", everyone, ["non_transactional"]) == {"c@x.net"}
    assert store.is_suppressed("other", None, everyone, ["non_transactional"]) == {"d@x.net"}
    assert store.is_suppressed("acme", None, [], ["non_transactional"]) == set()
    for one in everyone:  # alone, as most are asked about
        both = store.is_suppressed("acme", None, [one], ["transactional", "non_transactional"])
        assert both == ({one} if one in {"A@x.net", "b@x.net"} else set())
    assert store.is_suppressed("acme", None, ["b@x.net"], ["non_transactional"]) == set()
    assert store.is_suppressed("acme", "123", ["C@x.net"], ["non_transactional"]) == {"C@x.net"}


def test_a_thousand_recipients_are_one_question(store: Store) -> None:
    store.record([suppression(f"r{number}@x.net", "transactional") for number in range(0, 1000, 10)])
    found = store.is_suppressed(
        "acme", None, [f"r{number}@x.net" for number in range(1000)], ["transactional"]
    )
    assert len(found) == 100


def test_events_come_newest_first_in_pages_without_gap_or_repetition(store: Store) -> None:
    transmission, messages, _ = recorded(store)
    store.record([event(transmission, messages[0], "open", 1000 + number // 3) for number in range(20)])
    seen: list[int] = []
    page = store.events(types=["open"], limit=7)
    while page:
        seen += [occurrence.event.event_id for occurrence in page]
        page = store.events(types=["open"], limit=7, cursor=page[-1].cursor)
    everything = [occurrence.event.event_id for occurrence in store.events(types=["open"])]
    assert seen == everything == sorted(seen, reverse=True)
    assert len(seen) == 20


def test_events_are_chosen_by_account_type_and_time(store: Store) -> None:
    transmission, messages, _ = recorded(store)
    theirs, their_messages, _ = recorded(store, account="other")
    store.record(
        [
            event(transmission, messages[0], "open", 100),
            event(transmission, messages[0], "click", 200),
            event(theirs, their_messages[0], "click", 300),
        ]
    )

    def kinds(**filters: object) -> list[tuple[str, int]]:
        found = store.events(until=1000, **filters)  # type: ignore[arg-type] # a table of filters
        return [(occurrence.event.account, occurrence.event.timestamp) for occurrence in found]

    assert kinds() == [("other", 300), ("acme", 200), ("acme", 100)]
    assert kinds(account="acme") == [("acme", 200), ("acme", 100)]
    assert kinds(types=["click"]) == [("other", 300), ("acme", 200)]
    assert kinds(account="acme", types=["click", "open"], since=101) == [("acme", 200)]
    assert kinds(since=300) == [("other", 300)]
    assert store.events(until=300, since=101)[0].event.timestamp == 200
    assert kinds(account="nobody") == []


def test_an_event_comes_with_its_transmission_and_message_while_they_exist(store: Store) -> None:
    transmission, messages, _ = recorded(store)
    store.record([Event(IDS.next(), "open", 5, transmission.transmission_id, None, "acme", None)])
    store.record([Event(IDS.next(), "open", 4, 77, 78, "acme", None)])
    shared, orphan = store.events(account="acme", until=6)
    assert (shared.transmission, shared.message) == (transmission, None)
    assert (orphan.transmission, orphan.message) == (None, None)
    (injection,) = store.events(types=["injection"])
    assert (injection.transmission, injection.message) == (transmission, messages[0])


def test_delays_are_counted_for_one_copy(store: Store) -> None:
    transmission, messages, _ = recorded(store, "alice@example.net", "bob@example.net")
    store.record([event(transmission, messages[0], "delay", at) for at in (1, 2)])
    store.record([event(transmission, messages[1], "delay", 3), event(transmission, messages[0], "open", 4)])
    assert store.count_delays(messages[0].message_id) == 2
    assert store.count_delays(messages[1].message_id) == 1
    assert store.count_delays(1) == 0


def test_a_log_position_is_replaced(store: Store) -> None:
    assert store.log_position("/var/log/mail.log") is None
    store.record([LogPosition("/var/log/mail.log", 5, 100)])
    store.record([LogPosition("/var/log/mail.log", 5, 200), LogPosition("/other", 6, 1)])
    assert store.log_position("/var/log/mail.log") == LogPosition("/var/log/mail.log", 5, 200)


def test_more_threads_than_idle_connections_read_at_once(store: Store) -> None:
    transmission, _, _ = recorded(store)
    answers: list[bool] = []

    def ask() -> None:
        answers.extend(store.transmission(transmission.transmission_id) == transmission for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(3 * MOST)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 60 * MOST
    most = KEPT if isinstance(store._asking, SqliteAsking) else MOST
    assert len(store._asking._idle) <= most  # type: ignore[attr-defined] # both pools have it


@pytest.mark.sqlite
def test_reading_from_a_database_that_vanished_says_so_and_works_when_it_is_back(
    store: Store, tmp_path: Path
) -> None:
    transmission, _, _ = recorded(store)
    (tmp_path / "estafeta.db").rename(tmp_path / "away")
    with pytest.raises(StoreUnavailable):
        store.transmission(transmission.transmission_id)
    (tmp_path / "away").rename(tmp_path / "estafeta.db")
    assert store.transmission(transmission.transmission_id) == transmission


def test_s20_the_tags_of_an_account_are_known_once_each_and_to_nobody_else(store: Store) -> None:
    store.record([Tag("acme", "cat"), Tag("acme", "dog"), Tag("other", "bird")])
    store.record([Tag("acme", "cat")])
    assert store.tags("acme") == {"cat", "dog"}
    assert store.tags("nobody") == set()


def test_a_suppression_holds_for_every_spelling_of_the_domain(store: Store) -> None:
    store.record([Suppression("acme", None, "bob@xn--bcher-kva.example", "transactional", "x", "", 0)])
    for spelling in ("Bob@bücher.example", "bob@BÜCHER.example", "bob@xn--bcher-kva.example"):
        assert store.is_suppressed("acme", None, [spelling], ["transactional"]) == {spelling}


def test_a_copy_is_found_in_its_transmission_and_in_no_other(store: Store) -> None:
    transmission, messages, _ = recorded(store, "alice@example.net", "bob@example.net")
    other, _, _ = recorded(store, "carol@example.net")
    found = store.copy_in(transmission.transmission_id, "bob@example.net")
    assert found is not None
    assert found.message == messages[1]
    assert store.copy_in(other.transmission_id, "bob@example.net") is None


def test_what_a_delivery_said_is_empty_until_there_is_one(store: Store) -> None:
    transmission, [message], _ = recorded(store)
    assert store.delivery(message.message_id) == {}
    delivered = replace(event(transmission, message, "delivery", 5), data={"queue_time": "40"})
    store.record([delivered])
    assert store.delivery(message.message_id) == {"queue_time": "40"}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        (str(LATEST), LATEST),
        (str(LATEST + 1), None),
        ("1" * 5000, None),
        ("\u00b2", None),
        ("-1", None),
    ],
)
def test_an_id_is_a_number_that_we_may_have_given(text: str, number: int | None) -> None:
    assert as_id(text) == number


def test_any_number_of_digits_may_be_looked_for(store: Store) -> None:
    assert store.find("1" * 5000) is None
