"""Rows go in and come back the same."""

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from estafeta_core.ids import EPOCH_MS, PROCESS_BITS, SEQUENCE_BITS
from estafeta_core.store import Store
from estafeta_core.store.outgoing_rows import Batch, BatchTried, Replay, Webhook, WebhookRemoved
from estafeta_core.store.rows import (
    Automated,
    Bounced,
    Contact,
    Content,
    Count,
    Event,
    Expiring,
    File,
    Forget,
    ForgetUneventful,
    Group,
    GroupContact,
    Lifted,
    Message,
    Renewal,
    Requeued,
    Row,
    Suppression,
    Tag,
    TokenEvent,
    Transmission,
    Unsubscribed,
)
from estafeta_core.store.statements import SQL, convert
from estafeta_testing.stored import IDS, look, make_rows

WEBHOOK = Webhook(
    "w", "acme", None, "n", "http://a", True, ("open",), ("0",), {"auth_token": "t"}, "whsec_", 1
)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(texts, texts, st.dictionaries(texts, values, max_size=3), st.lists(texts, max_size=3), st.booleans())
def test_whatever_text_a_message_holds_comes_back_as_it_was(
    store: Store, subject: str, campaign: str, metadata: dict[str, object], tags: list[str], flag: bool
) -> None:
    transmission, message, event = make_rows()
    assert isinstance(transmission, Transmission)
    assert isinstance(message, Message)
    assert isinstance(event, Event)
    transmission = replace(
        transmission,
        subject=subject,
        campaign_id=campaign,
        metadata=metadata,
        tags=tuple(tags),
        open_tracking=flag,
        language=campaign,
        subaccount=None if flag else "123",
    )
    message = replace(message, raw_rcpt_to=subject)
    event = replace(event, data=metadata, message_id=None if flag else message.message_id)
    store.record([transmission, message, event])
    found = store.find(str(transmission.transmission_id))
    assert found is not None
    assert (found.transmission, found.messages, found.events) == (transmission, (message,), (event,))


def test_d4_bytes_that_are_not_utf_8_do_not_stop_a_message(store: Store) -> None:
    transmission, *others = make_rows()
    assert isinstance(transmission, Transmission)
    store.record([replace(transmission, subject="caf\udce9", metadata={"k": "\ud800"}), *others])
    found = store.transmission(transmission.transmission_id)
    assert found is not None
    assert found.subject == "caf?"
    assert found.metadata in ({"k": "\ud800"}, {"k": "\ufffd"})  # PostgreSQL holds no half of a pair


def test_numbers_that_json_has_no_word_for_are_refused() -> None:
    event = Event(1, "injection", 1, 1, 1, "acme", None, {"n": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        convert(event)


def test_every_statement_has_the_values_it_asks_for() -> None:
    for row in (
        *make_rows(),
        TokenEvent(IDS.next(), "open", 1, 5, shared=False),
        TokenEvent(IDS.next(), "open", 1, 5, shared=True),
        Automated(5, "burst"),
        Suppression("acme", None, "a@b.c", "transactional", "Manually Added", "", 1),
        Renewal(Suppression("acme", None, "a@b.c", "transactional", "Manually Added", "", 1)),
        Lifted("acme", None, "a@b.c", "transactional"),
        Unsubscribed(5, "List Unsubscribe", 1),
        Bounced(5, "Bounce Rule", "550 No", 1),
        Tag("acme", "a"),
        File("acme", "ab", 5, 1),
        Content(1, 2, "acme", "ab", "utf-8", 1),
        Group(1, "acme", "SMTP", None, 1),
        GroupContact(1, "a@b.c"),
        Contact("acme", "a@b.c", 1),
        Requeued("4Xa", "4Xb", 1),
        Count("messages", "alike"),
        WEBHOOK,
        WebhookRemoved("w"),
        Batch(1, "w", (1, 2), 1),
        BatchTried(1, "waiting", 1, 1, 1, 503, "503"),
        Replay("w", 0, 1),
        Replay("w", 0, 1, 5),
        *(Forget(what, 1, 10) for what in EXPIRING),
        ForgetUneventful("messages", 1, 10),
        ForgetUneventful("transmissions", 1, 10),
    ):
        place, row_values = convert(row)
        assert len(row_values) == max(SQL[place].count("?"), 0) or f"?{len(row_values)}" in SQL[place]


def test_h7_an_event_is_marked_once_it_is_there_and_keeps_the_mark_it_has(store: Store) -> None:
    _, message, _ = rows = make_rows()
    assert isinstance(message, Message)
    ids = [IDS.next() for _ in range(3)]
    links = [
        TokenEvent(ids[0], "click", 1, message.message_id, shared=False, data={"user_agent": "a"}),
        TokenEvent(ids[1], "click", 2, message.message_id, shared=False, data={"automated": "head"}),
    ]
    # In one transaction as well: marks are set after the events of a batch are written.
    store.record([*rows, *(Automated(event_id, "burst") for event_id in ids), *links])
    found = {each.event.event_id: each.event.data for each in store.events(types=["click"])}
    assert found == {ids[0]: {"user_agent": "a", "automated": "burst"}, ids[1]: {"automated": "head"}}


@pytest.mark.parametrize("kind", ["open", "initial_open", "click"])
@pytest.mark.parametrize("suppressed", ["open_tracking", "transactional"])
def test_no_open_of_a_recipient_who_has_not_agreed_is_written(
    store: Store, kind: str, suppressed: str
) -> None:
    _, message, _ = rows = make_rows()
    assert isinstance(message, Message)
    store.record([*rows, Suppression("acme", None, message.rcpt_to, suppressed, "", "", 0)])
    store.record([TokenEvent(IDS.next(), kind, 1, message.message_id, shared=False)])
    kept = suppressed != "open_tracking" or kind == "click"
    assert len(store.events(types=[kind])) == kept


# What is taken away


EXPIRING: tuple[Expiring, ...] = get_args(Expiring)


def id_of(time: int, number: int) -> int:
    """Return an id as the store's SQL takes it to begin with its time."""
    return (time - EPOCH_MS << PROCESS_BITS + SEQUENCE_BITS) + number


def row_of(what: Expiring, number: int, time: int) -> Row:
    address = f"{number}@b.c"
    rows: dict[Expiring, Row] = {
        "files": File("acme", f"digest {number}", 10, time),
        "contents": Content(number, number, "acme", f"digest {number}", "", time),
        "requeued": Requeued(f"4Xcopy{number}", "4Xqueue", time, number),
        "events": Event(number, "open", time, 1, None, "acme", None),
        "contacts": Contact("acme", address, time),
        "group_contacts": GroupContact(id_of(time, number), address),
        "groups": Group(id_of(time, number), "acme", str(number), None, time),
        "suppressions": Suppression("acme", None, address, "transactional", "", "", time),
        "batches": Batch(number, "w", (number,), 1, "delivered", tried=time),
    }
    return rows[what]


TABLES: dict[Expiring, str] = {"batches": "webhook_batches"}  # where it is not the same word
COLUMNS: dict[Expiring, str] = {
    "files": "substr(digest, 8)",
    "contents": "transmission_id",
    "requeued": "message_id",
    "events": "event_id",
    "contacts": "substr(address, 1, 1)",
    "group_contacts": "substr(address, 1, 1)",
    "groups": "name",
    "suppressions": "substr(recipient, 1, 1)",
    "batches": "batch_id",
}


def left(url: str, what: Expiring) -> set[int]:
    found = look(url, f"SELECT {COLUMNS[what]} FROM {TABLES.get(what, what)}")
    return {int(number) for (number,) in found}


@pytest.mark.parametrize("what", EXPIRING)
def test_rows_are_forgotten_from_the_oldest_on_so_many_at_a_time(
    store: Store, what: Expiring, url: str
) -> None:
    store.record([WEBHOOK, *(row_of(what, number, 100 + number) for number in range(10))])
    assert not store.has_older(what, 100)
    assert store.has_older(what, 101)
    store.record([Forget(what, 106, 4)])
    assert left(url, what) == {4, 5, 6, 7, 8, 9}
    assert store.has_older(what, 106)
    store.record([Forget(what, 106, 4)])
    assert left(url, what) == {6, 7, 8, 9}
    assert not store.has_older(what, 106)
    store.record([Forget(what, 106, 4)])
    assert left(url, what) == {6, 7, 8, 9}


def test_a_file_sent_again_in_the_transaction_that_forgets_it_stays(store: Store) -> None:
    store.record([File("acme", "a", 10, 100), File("acme", "b", 10, 100)])
    store.record([Forget("files", 200, 10), File("acme", "a", 10, 300)])
    assert store.kept_files(["a", "b"]) == {"a"}
    assert store.kept("acme") == 10
    store.record([File("acme", "a", 10, 50)])
    assert not store.has_older("files", 300)


def test_the_bytes_of_an_account_are_those_of_its_files_each_once(store: Store) -> None:
    assert store.kept("acme") == 0
    store.record([File("acme", "a", 10, 1), File("acme", "b", 5, 2), File("other", "a", 10, 3)])
    store.record([File("acme", "a", 10, 4)])
    assert (store.kept("acme"), store.kept("other"), store.kept("nobody")) == (15, 10, 0)
    store.record([Forget("files", 3, 10)])
    assert (store.kept("acme"), store.kept("other")) == (10, 10)
    store.record([Forget("files", 100, 10)])
    assert (store.kept("acme"), store.kept("other")) == (0, 0)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 5), st.integers(0, 9), st.booleans()), max_size=30
    )
)
def test_the_bytes_of_an_account_are_what_a_recount_finds(
    store: Store, url: str, steps: list[tuple[str, int, int, bool]]
) -> None:
    for account, number, time, forget in steps:
        row = Forget("files", time, 2) if forget else File(account, f"{number}", 10 + number, time)
        store.record([row])
    for account in "ab":
        found = look(url, f"SELECT coalesce(sum(size), 0) FROM files WHERE account = '{account}'")
        assert found == [(store.kept(account),)]
