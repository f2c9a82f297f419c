"""What an account has, newest first, and nothing of anybody else's."""

from collections import Counter
from dataclasses import fields, replace

import pytest

from estafeta_core.store import Store, queries
from estafeta_core.store.lists import Fate, Send
from estafeta_core.store.reader import LATEST
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
    Transmission,
)
from estafeta_testing.stored import IDS, make_rows

LEFT = {"bounce_class": "25"}
HARD = {"bounce_class": "10"}


def sent(
    store: Store, *recipients: str, account: str = "acme", queue_id: str = "4Xqueue"
) -> tuple[Transmission, list[Message]]:
    rows = make_rows(*recipients, account=account, queue_id=queue_id)
    store.record(rows)
    assert isinstance(rows[0], Transmission)
    return rows[0], [row for row in rows if isinstance(row, Message)]


def happened(transmission: Transmission, message: Message | None, *kinds: str) -> list[Row]:
    message_id = message.message_id if message else None
    return [
        Event(IDS.next(), kind, 5, transmission.transmission_id, message_id, transmission.account, None)
        for kind in kinds
    ]


def test_t46_a_send_tells_how_many_recipients_opened_and_clicked(store: Store) -> None:
    transmission, (alice, bob, _) = sent(store, "a@x.net", "b@x.net", "c@x.net")
    store.record(happened(transmission, alice, "initial_open", "open", "open", "click", "click"))
    store.record(happened(transmission, bob, "open", "amp_click", "delivery"))
    (send,) = store.sends("acme")
    assert send == Send(transmission, recipients=3, opened=2, clicked=2)


def marked(transmission: Transmission, message: Message, **marks: str) -> list[Row]:
    """Return events of the kinds that `marks` names, each with its mark."""
    return [
        replace(event, data={"automated": mark})
        for kind, mark in marks.items()
        for event in happened(transmission, message, kind)
        if isinstance(event, Event)
    ]


def test_h7_a_send_counts_people(store: Store) -> None:
    transmission, (alice, bob) = sent(store, "a@x.net", "b@x.net")
    store.record(
        marked(transmission, alice, open="proxy", initial_open="prefetch", click="burst", amp_click="head")
    )
    store.record(happened(transmission, bob, "open", "click"))
    (send,) = store.sends("acme")
    assert (send.opened, send.clicked) == (1, 1)


@pytest.mark.parametrize(
    ("kind", "mark", "expected"),
    [
        ("open", "proxy", "proxied"),
        ("initial_open", "proxy", "proxied"),
        ("initial_open", "prefetch", "prefetched"),
        ("open", "head", "prefetched"),
        ("click", "burst", "scanned"),
        ("amp_click", "scanner", "scanned"),
    ],
)
def test_h7_a_fate_tells_people_from_what_is_automated(
    store: Store, kind: str, mark: str, expected: str
) -> None:
    transmission, (message,) = sent(store)
    store.record(marked(transmission, message, **{kind: mark}))
    assert store.fates("acme", 0, LATEST) == {fate(expected): 1}
    store.record(happened(transmission, message, kind))
    person = "clicked" if "click" in kind else "opened"
    assert store.fates("acme", 0, LATEST) == {fate(expected, person): 1}


def test_a_message_that_was_never_taken_in_has_no_fate(store: Store) -> None:
    store.record(
        [Event(IDS.next(), "policy_rejection", 5, IDS.next(), None, "acme", None, {"rcpt_to": "a@x.net"})]
    )
    assert store.fates("acme", 0, LATEST) == {}


def test_sends_come_newest_first_by_account_in_pages(store: Store) -> None:
    mine = [sent(store)[0] for _ in range(5)]
    theirs, _ = sent(store, account="other")
    assert [send.transmission for send in store.sends("acme")] == mine[::-1]
    assert [send.transmission for send in store.sends()] == [theirs, *mine[::-1]]
    assert [send.transmission for send in store.sends("acme", limit=2)] == mine[:2:-1]
    later = store.sends("acme", before=mine[3].transmission_id, limit=2)
    assert [send.transmission for send in later] == [mine[2], mine[1]]
    assert store.sends("nobody") == []
    assert store.sends(before=mine[0].transmission_id) == []


@pytest.mark.parametrize(
    ("happened_then", "expected"),
    [
        ((), ()),
        ((("delay", {}), ("warning", {}), ("spam_complaint", {})), ()),
        ((("delivery", {}),), ("delivered",)),
        ((("delay", {}), ("delivery", {})), ("delivered",)),
        ((("bounce", HARD),), ("bounced", "failed")),
        ((("bounce", {}),), ("bounced", "failed")),
        ((("bounce", LEFT),), ("suppressed", "failed")),
        ((("delivery", {}), ("out_of_band", HARD)), ("delivered", "returned", "failed")),
        ((("bounce", HARD), ("delivery", {})), ("delivered", "bounced")),
        ((("delivery", {}), ("open", {}), ("open", {})), ("delivered", "opened")),
        ((("initial_open", {}),), ("opened",)),
        ((("click", {}), ("amp_click", {})), ("clicked",)),
        ((("amp_click", {}),), ("clicked",)),
        ((("list_unsubscribe", {}),), ("unsubscribed",)),
        ((("link_unsubscribe", {}),), ("unsubscribed",)),
    ],
)
def test_d21_the_fate_of_a_copy_is_what_its_events_tell(
    store: Store, happened_then: tuple[tuple[str, dict[str, str]], ...], expected: tuple[str, ...]
) -> None:
    transmission, (alice, _) = sent(store, "a@x.net", "b@x.net")
    store.record(
        [
            Event(
                IDS.next(),
                kind,
                transmission.injection_time + after,
                alice.transmission_id,
                alice.message_id,
                "acme",
                None,
                dict(data),
            )
            for after, (kind, data) in enumerate(happened_then)
        ]
    )
    wanted = Counter([fate(*expected), fate()])
    assert store.fates("acme", 0, LATEST) == wanted
    assert store.fates(None, 0, LATEST) == wanted


def test_d21_who_is_left_out_has_a_fate_and_no_injection(store: Store) -> None:
    transmission, _ = sent(store)
    rejected = Message(IDS.next(), transmission.transmission_id, "b@x.net", "b@x.net")
    store.record([rejected, *happened(transmission, rejected, "policy_rejection")])
    assert store.fates("acme", 0, 6) == {fate("left_out"): 1}
    assert store.fates("acme", 0, LATEST) == {fate("left_out"): 1, fate(): 1}


def test_what_a_shared_token_told_is_nobodys_fate(store: Store) -> None:
    transmission, _ = sent(store, "a@x.net", "b@x.net")
    store.record(happened(transmission, None, "open", "policy_rejection"))
    assert store.fates("acme", 0, LATEST) == {fate(): 2}


def test_d20_fates_are_those_of_an_accounts_messages_injected_in_a_period(store: Store) -> None:
    transmission, (message,) = sent(store)
    sent(store, account="other")
    (delivery,) = happened(transmission, message, "delivery")
    assert isinstance(delivery, Event)
    later = replace(delivery, timestamp=transmission.injection_time + 10**9)
    store.record([later])
    injected = transmission.injection_time
    assert store.fates("acme", injected, injected + 1) == {fate("delivered"): 1}
    assert store.fates("acme", injected + 1, LATEST) == store.fates("acme", 0, injected) == {}
    assert store.fates("nobody", 0, LATEST) == {}
    assert sum(store.fates(None, 0, LATEST).values()) == 2


def fate(*signs: str) -> Fate:
    return Fate(**dict.fromkeys((field.name for field in fields(Fate)), False) | dict.fromkeys(signs, True))


def test_the_signs_of_a_fate_are_as_many_as_its_fields() -> None:
    assert len(queries.FATES) == len(fields(Fate))


def test_t45_a_group_is_listed_with_its_contacts_and_found_by_every_id(store: Store) -> None:
    transmission, _ = sent(store)
    group = Group(IDS.next(), "acme", "SMTP 2026-11-20 13:00:00", transmission.transmission_id, 5)
    addresses = ["b@x.net", "a@x.net", "b@x.net"]
    store.record([group, *(GroupContact(group.group_id, address) for address in addresses)])
    (listed,) = store.groups("acme")
    assert (listed.group, listed.contacts) == (group, 2)
    assert store.group_contacts(group.group_id) == ["a@x.net", "b@x.net"]
    store.record([Requeued("4Xcopy", "4Xqueue", 5)])
    for id_text in (str(group.group_id), str(transmission.transmission_id), " 4Xqueue ", "4Xcopy"):
        assert store.group(id_text) == listed
    for id_text in ("", "5", "9" * 30, "4Xnothing", "²"):
        assert store.group(id_text) is None


def test_t44_a_group_without_a_message_is_a_group(store: Store) -> None:
    group = Group(IDS.next(), "acme", "SMTP 2026-11-20 13:00:00", None, 5)
    store.record([group])
    (listed,) = store.groups()
    assert (listed.group, listed.contacts) == (group, 0)


def test_groups_come_newest_first_by_account_in_pages(store: Store) -> None:
    groups = [Group(IDS.next(), account, "SMTP", None, 5) for account in ("acme", "other", "acme", "acme")]
    store.record(groups)
    mine = [groups[3], groups[2], groups[0]]
    assert [each.group for each in store.groups("acme")] == mine
    assert [each.group for each in store.groups()] == groups[::-1]
    assert [each.group for each in store.groups("acme", before=mine[0].group_id, limit=1)] == [mine[1]]
    assert store.groups("nobody") == []


def test_t44_a_contact_is_kept_once_from_when_it_was_first_named(store: Store) -> None:
    store.record(
        [Contact("acme", "a@x.net", 1), Contact("acme", "b@x.net", 1), Contact("other", "a@x.net", 2)]
    )
    store.record([Contact("acme", "a@x.net", 9), Contact("acme", "c@x.net", 3)])
    everyone = [Contact("acme", "c@x.net", 3), Contact("acme", "b@x.net", 1), Contact("acme", "a@x.net", 1)]
    assert store.contacts("acme") == everyone
    seen = store.contacts("acme", limit=2)
    assert seen == everyone[:2]
    assert store.contacts("acme", before=(seen[-1].created, seen[-1].address)) == everyone[2:]
    assert store.contacts("nobody") == []


def test_t47_a_content_is_found_by_transmission_and_by_each_copy(store: Store) -> None:
    transmission, messages = sent(store, "a@x.net", "b@x.net")
    other, (unkept,) = sent(store, account="other")
    content = Content(transmission.transmission_id, messages[0].message_id, "acme", "ab" * 32, "utf-8", 5)
    store.record([content])
    assert store.content(transmission.transmission_id) == content
    assert [store.content_of_message(message.message_id) for message in messages] == [content, content]
    assert store.content(other.transmission_id) is None
    assert store.content_of_message(unkept.message_id) is None
    assert store.content_of_message(1) is None


def test_contents_come_newest_first_by_account_in_pages(store: Store) -> None:
    contents = [Content(IDS.next(), 1, account, "ab", "", 5) for account in ("acme", "other", "acme", "acme")]
    store.record(contents)
    mine = [contents[3], contents[2], contents[0]]
    assert store.contents("acme") == mine
    assert store.contents() == contents[::-1]
    assert store.contents("acme", before=mine[0].transmission_id, limit=1) == [mine[1]]


def test_a_file_is_kept_while_one_account_keeps_it(store: Store) -> None:
    store.record([File("acme", "a", 1, 5), File("other", "a", 1, 5), File("other", "b", 1, 5)])
    assert store.kept_files(["a", "b", "c"]) == {"a", "b"}
    assert store.kept_files([]) == set()
    assert store.kept_files(str(number) for number in range(5000)) == set()
