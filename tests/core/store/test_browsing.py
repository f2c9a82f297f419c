"""What a person looks through: only what was asked for, in pages that neither repeat nor leave out."""

from dataclasses import fields

from estafeta_core.store import Fate, Pulse, Store
from estafeta_core.store.rows import (
    Event,
    Group,
    GroupContact,
    Message,
    Transmission,
)
from estafeta_testing.stored import IDS, make_rows

HOUR = 3_600_000


def sent(store: Store, *recipients: str, account: str = "acme") -> tuple[Transmission, list[Message]]:
    rows = make_rows(*recipients, account=account)
    store.record(rows)
    assert isinstance(rows[0], Transmission)
    return rows[0], [row for row in rows if isinstance(row, Message)]


def happened(
    store: Store, message: Message, kind: str, time: int = 1, account: str = "acme", **data: str
) -> None:
    store.record(
        [
            Event(
                IDS.next(), kind, time, message.transmission_id, message.message_id, account, None, dict(data)
            )
        ]
    )


def test_a_sends_recipients_come_in_pages_in_the_order_of_addresses(store: Store) -> None:
    transmission, messages = sent(store, *(f"r{number}@example.net" for number in (5, 3, 1, 4, 2)))
    happened(store, messages[0], "delivery")
    seen, after = [], 0
    while page := store.mailings(transmission.transmission_id, after=after, limit=2):
        assert len(page) <= 2
        seen += page
        after = page[-1].message.message_id
    assert [mailing.message.rcpt_to[:2] for mailing in seen] == ["r1", "r2", "r3", "r4", "r5"]
    assert [mailing.fate.delivered for mailing in seen] == [False] * 4 + [True]


def test_a_copy_to_which_nothing_has_happened_has_a_fate(store: Store) -> None:
    transmission, _ = sent(store)
    alone = Message(IDS.next(), transmission.transmission_id, "x@example.net", "x@example.net")
    store.record([alone])
    assert store.mailings(transmission.transmission_id)[-1].fate == Fate(*[False] * len(fields(Fate)))


def test_what_was_sent_to_an_address_is_the_accounts_own_and_newest_first(store: Store) -> None:
    first, _ = sent(store, "Alice@Example.net")
    sent(store, "bob@example.net")
    sent(store, "alice@example.net", account="other")
    second, [message] = sent(store, "alice@example.net")
    found = store.received("acme", "ALICE@example.NET")
    assert [each.transmission for each in found] == [second, first]
    older = store.received("acme", "alice@example.net", before=message.message_id)
    assert [each.transmission for each in older] == [first]
    assert [each.transmission for each in store.received("acme", "alice@example.net", limit=1)] == [second]


def test_the_life_of_a_copy_is_its_own_events_in_order(store: Store) -> None:
    _, [alice, bob] = sent(store, "alice@example.net", "bob@example.net")
    happened(store, alice, "open", 2)
    happened(store, alice, "delivery", 1)
    happened(store, bob, "click", 1)
    life = store.mailing_events(alice, limit=100)
    assert [event.type for event in life] == ["delivery", "open", "injection"]
    assert [event.type for event in store.mailing_events(alice, limit=2)] == ["delivery", "open"]


def test_the_latest_events_of_a_transmission_name_their_recipients(store: Store) -> None:
    transmission, [alice] = sent(store)
    later = transmission.injection_time + 1
    happened(store, alice, "delivery", later)
    shared = Event(IDS.next(), "open", later + 1, transmission.transmission_id, None, "acme", None, {})
    store.record([shared])
    found = store.latest_events(transmission.transmission_id, limit=2)
    assert [(event.type, address) for event, address in found] == [
        ("open", ""),
        ("delivery", "alice@example.net"),
    ]


def test_the_pulse_counts_copies_once_in_each_slot_and_nobody_elses(store: Store) -> None:
    _, [alice, bob] = sent(store, "alice@example.net", "bob@example.net")
    for kind, time in (("delivery", 0), ("open", 1), ("initial_open", 2), ("click", HOUR), ("open", HOUR)):
        happened(store, alice, kind, time)
    happened(store, bob, "open", HOUR)
    happened(store, bob, "bounce", HOUR, bounce_class="10")
    happened(store, bob, "bounce", 2 * HOUR, bounce_class="25")
    happened(store, bob, "out_of_band", 2 * HOUR - 1, bounce_class="10")
    happened(store, bob, "delivery", 0, account="other")
    slots = [(0, HOUR), (HOUR, 2 * HOUR), (2 * HOUR, 3 * HOUR)]
    assert store.pulse("acme", slots) == [
        Pulse(delivered=1, opened=1),
        Pulse(opened=2, clicked=1, failed=1),
        Pulse(),
    ]


def test_a_groups_contacts_come_in_pages(store: Store) -> None:
    store.record([Group(7, "acme", "SMTP", None, 1), *(GroupContact(7, f"{name}@x") for name in "cab")])
    assert store.contacts_in(7, limit=2) == ["a@x", "b@x"]
    assert store.contacts_in(7, after="b@x", limit=2) == ["c@x"]
