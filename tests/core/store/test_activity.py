"""Events searched by everything they can be searched by, and one's own transmissions."""

from dataclasses import replace
from typing import Any

import pytest

from estafeta_core.store import AnswerTooLong, Search, Store
from estafeta_core.store.event_filter import EventFilter, pattern
from estafeta_core.store.rows import Event, Message, Requeued, Row, Transmission
from estafeta_testing.stored import IDS, make_rows


def stored(store: Store, *recipients: str, **fields: Any) -> Transmission:
    account = fields.get("account", "acme")
    rows = make_rows(*recipients, account=account, queue_id=fields.pop("queue_id", "4Xqueue"))
    data = fields.pop("data", {})
    kind = fields.pop("type", "injection")
    made: list[Row] = []
    for row in rows:
        if isinstance(row, Transmission):
            made.append(replace(row, **fields))
        elif isinstance(row, Event):
            made.append(replace(row, type=kind, data=data, subaccount=fields.get("subaccount")))
        else:
            made.append(row)
    store.record(made)
    transmission = made[0]
    assert isinstance(transmission, Transmission)
    return transmission


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, "open click bounce injection"),
        ({"types": ("open", "click")}, "open click"),
        ({"types": ()}, ""),
        ({"recipients": ("a@x.example",)}, "injection"),
        ({"recipients": ("a@x.example", "b@y.example")}, "bounce injection"),
        ({"recipient_domains": ("y.*",)}, "open click bounce"),
        ({"campaigns": (pattern("sum*"),)}, "bounce"),
        ({"campaigns": (pattern("sum*"), "Spring")}, "open click bounce injection"),
        ({"subjects": (pattern("*sale*"),)}, "click"),
        ({"from_addresses": ("news@acme.example",)}, "open bounce injection"),
        ({"sending_domains": ("shop.example",)}, "click"),
        ({"subaccounts": ("123",)}, "open"),
        ({"subaccounts": ("",)}, "click bounce injection"),
        ({"bounce_classes": ("10", "20")}, "bounce"),
        ({"reasons": (pattern("*user*"),)}, "bounce"),
        ({"ip_pools": ("marketing",)}, "click"),
        ({"campaigns": ("spring",), "subaccounts": ("",), "types": ("click",)}, "click"),
    ],
)
def test_events_are_chosen_by_every_filter(store: Store, chosen: dict[str, Any], expected: str) -> None:
    if "recipient_domains" in chosen:
        chosen = {"recipient_domains": tuple(map(pattern, chosen["recipient_domains"]))}
    base = stored(store, "a@x.example", injection_time=1)
    stored(
        store,
        "b@y.example",
        type="bounce",
        campaign_id="summer",
        data={"bounce_class": "10", "reason": "550 unknown User"},
    )
    stored(
        store,
        "c@y.example",
        type="click",
        subject="Big SALE",
        friendly_from="shop@shop.example",
        data={"ip_pool": "marketing"},
    )
    stored(store, "d@y.example", type="open", subaccount="123")
    stored(store, "a@x.example", account="other")
    found = store.search(Search(base.account, filter=EventFilter(**chosen)), limit=10)
    assert sorted(each.event.type for each in found) == sorted(expected.split())
    assert store.count(Search(base.account, filter=EventFilter(**chosen)), limit=10) == len(found)


def test_pages_meet_and_what_comes_meanwhile_shifts_nothing(store: Store) -> None:
    for _ in range(5):
        stored(store, "a@x.example", "b@x.example")
    everything = [each.event.event_id for each in store.search(Search("acme"), limit=100)]
    assert len(everything) == 10
    seen: list[int] = []
    cursor = None
    while page := store.search(Search("acme"), limit=3, cursor=cursor):
        seen += [each.event.event_id for each in page]
        cursor = page[-1].cursor
        stored(store, "late@x.example")
    assert seen == everything


def test_ids_lead_to_their_events_alone(store: Store) -> None:
    first, second = stored(store, "a@x.example"), stored(store, "b@x.example")
    foreign = stored(store, "c@x.example", account="other")
    found = store.search(
        Search("acme", transmissions=(first.transmission_id, foreign.transmission_id)), limit=9
    )
    assert [each.event.transmission_id for each in found] == [first.transmission_id]
    [event] = store.search(Search("acme", transmissions=(second.transmission_id,)), limit=9)
    by_id = Search("acme", event_ids=(event.event.event_id,))
    assert store.search(by_id, limit=9) == [event]
    assert store.count(by_id, limit=9) == 1
    assert store.search(replace(by_id, account="other"), limit=9) == []
    assert store.search(replace(by_id, since=LATER), limit=9) == []
    assert store.search(Search("acme", transmissions=()), limit=9) == []
    assert len(store.search(Search(None), limit=9)) == 3


LATER = 2**62


def test_counting_ends_at_its_limit(store: Store) -> None:
    stored(store, *(f"{number}@x.example" for number in range(20)))
    assert store.count(Search("acme"), limit=15) == 15
    assert store.count(Search("acme"), limit=25) == 20


def test_a_question_that_takes_too_long_is_given_up_and_the_next_is_answered(store: Store) -> None:
    for _ in range(20):
        stored(store, *(f"{number}@x.example" for number in range(200)))
    slow = EventFilter(subjects=tuple(f"%{number}%" for number in range(1000)))
    with pytest.raises(AnswerTooLong, match=r"0\.01 s"):
        store.search(Search("acme", filter=slow), limit=10, patience=0.01)
    assert len(store.search(Search("acme"), limit=10)) == 10


def test_a_transmission_is_found_by_each_of_its_names_and_only_by_its_account(store: Store) -> None:
    mine = stored(store, "a@x.example", queue_id="4Xshort")
    theirs = stored(store, "b@x.example", queue_id="4Xshort", account="other")  # Postfix uses ids again
    message = store.messages(mine.transmission_id)[0]
    store.record([Requeued("4Xcopy", "4Xshort", 1, message.message_id)])
    for name in (str(mine.transmission_id), str(message.message_id), "4Xshort", "4Xcopy"):
        assert store.own_transmission("acme", name) == mine, name
    assert store.own_transmission("other", "4Xshort") == theirs
    assert store.own_transmission("other", str(message.message_id)) is None
    assert store.own_transmission("nobody", "4Xshort") is None
    assert store.own_transmission(None, "4Xshort") == theirs
    for name in ("", "x", "9" * 30, "4Xnone"):
        assert store.own_transmission("acme", name) is None


def test_events_of_a_refused_message_are_found_by_the_id_that_they_share(store: Store) -> None:
    event_id, shared = IDS.next(), IDS.next()
    store.record(
        [Event(event_id, "policy_rejection", 1, shared, None, "acme", None, {"rcpt_to": "a@x.example"})]
    )
    mine = stored(store, "a@x.example")
    assert store.asked_transmission("acme", "4Xqueue") == mine.transmission_id
    assert store.asked_transmission("acme", "4Xnone") is None
    asked = store.asked_transmission("acme", str(shared))
    assert asked is not None
    found = {
        account: [
            each.event.event_id for each in store.search(Search(account, transmissions=(asked,)), limit=9)
        ]
        for account in ("acme", "other")
    }
    assert found == {"acme": [event_id], "other": []}


def test_copies_come_in_pages_with_what_happened_to_them(store: Store) -> None:
    found = stored(store, "a@x.example", "b@x.example", "c@x.example")
    number = found.transmission_id
    first = store.messages_after(number, 0, 2)
    assert [each.rcpt_to for each in first] == ["a@x.example", "b@x.example"]
    [last] = store.messages_after(number, first[-1].message_id, 2)
    assert isinstance(last, Message)
    assert {each.message_id for each in store.events_of(number, [last.message_id])} == {last.message_id}
    assert store.count_messages(number) == 3
