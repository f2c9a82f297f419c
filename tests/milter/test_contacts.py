import logging
from datetime import UTC, datetime

import pytest

from estafeta_core.headers import Header
from estafeta_core.refusal import Refusal
from estafeta_core.store.rows import Contact, Group, GroupContact
from estafeta_milter import contacts
from estafeta_milter.message.message import Message
from estafeta_milter.submission import Discard
from estafeta_testing.milter_site import Site, eventually
from estafeta_testing.office import (
    ACME,
    DEVINO,
    EMITLO,
    PERFIT,
    TAGGED,
    TEENVIO,
    Customer,
    Office,
    make_message,
    message_of,
)

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NOW = 1_795_176_000_000  # the same in Unix milliseconds
FROM = Header("From", b"remitente@dominio.example")
DATE = Header("Date", b"Fri, 20 Nov 2026 12:00:00 +0000 (UTC)")
MESSAGE_ID = Header("Message-Id", b"<20261120120000.4Xq@mx.example.com>")
ADDED = (FROM, DATE, MESSAGE_ID)


@pytest.mark.parametrize(
    ("headers", "body", "is_import"),
    [
        (ADDED, b"", True),
        ((), b"", True),
        ((*ADDED, Header("Subject", b"Hola")), b"", False),
        ((*ADDED, Header("X-Teenvio-Language", b"4")), b"", False),
        (ADDED, b"Hola\r\n", False),
        ((FROM, DATE, Header("Message-ID", b"<1@client.example>")), b"", False),
    ],
)
def test_t44_an_import_is_what_holds_nothing_of_the_clients(
    headers: tuple[Header, ...], body: bytes, is_import: bool
) -> None:
    message = make_message(headers=headers, body=body, sender="remitente@dominio.example")
    assert contacts.is_import(message, "4Xq") is is_import


def kept(office: Office) -> list[tuple[str, int | None, str]]:
    """Return each contact with his group's name and transmission, once everything is written."""
    office.store.record([])
    return office.rows(
        "SELECT name, transmission_id, address FROM groups JOIN group_contacts USING (group_id)"
        " WHERE account = 'plan' ORDER BY group_id, address"
    )


GROUP = "SMTP 2026-11-20 12:00:00"
BOTH = [(GROUP, None, "ana@example.net"), (GROUP, None, "luis@example.net")]


def only_the_dot(*recipients: str) -> Message:
    return Message(
        TEENVIO.sender, recipients, (Header("From", TEENVIO.sender.encode()), DATE, MESSAGE_ID), b""
    )


def test_t44_t45_an_accepted_message_has_a_group_of_its_recipients(office: Office) -> None:
    office.suppress("luis@example.net", account="plan")
    office.queued(
        message_of(TEENVIO, "Ana@example.net", "ana@EXAMPLE.net", "luis@example.net"), TEENVIO.identity
    )
    transmission_id = office.found().transmission.transmission_id
    assert kept(office) == [
        (GROUP, transmission_id, "ana@example.net"),
        (GROUP, transmission_id, "luis@example.net"),
    ]


def test_t44_a_refused_message_leaves_its_contacts_and_nothing_else(office: Office) -> None:
    refused = message_of(TEENVIO, "ana@example.net", "luis@example.net", kind=b"text/plain")
    assert isinstance(office.send(refused, TEENVIO.identity), Refusal)
    assert kept(office) == BOTH
    assert office.store.find("4Xq") is None


def test_t44_the_final_dot_alone_imports_and_sends_nothing(office: Office) -> None:
    message = only_the_dot("ana@example.net", "luis@example.net", "LUIS@example.net")
    assert isinstance(office.send(message, TEENVIO.identity), Discard)
    assert kept(office) == BOTH
    assert office.store.find("4Xq") is None


def test_t44_a_message_that_never_comes_leaves_its_contacts(office: Office) -> None:
    envelope = office.envelope(TEENVIO.identity, TEENVIO.sender)
    office.submission.left(envelope, ("ana@example.net", "luis@example.net"))
    office.submission.left(envelope, ())
    assert kept(office) == BOTH


@pytest.mark.parametrize("customer", [ACME, PERFIT, DEVINO, EMITLO], ids=lambda each: each.listener)
def test_no_other_provider_keeps_contacts(office: Office, customer: Customer) -> None:
    office.queued(message_of(customer, body=TAGGED, kind=b"text/html"), customer.identity)
    office.submission.left(office.envelope(customer.identity, customer.sender), ("ana@example.net",))
    office.store.record([])
    assert (
        office.rows("SELECT count(*) FROM contacts") == office.rows("SELECT count(*) FROM groups") == [(0,)]
    )


def test_t44_an_import_that_the_store_does_not_take_is_refused_for_the_time_being(site: Site) -> None:
    office = Office(site, store_timeout=1.5)
    with office.locked_store():
        refusal = office.send(only_the_dot("ana@example.net"), TEENVIO.identity)
    assert str(refusal) == "451 4.3.0 Internal error - try again later"
    assert kept(office) == []
    office.store.close()


def test_contacts_of_no_message_that_the_store_does_not_take_are_told_of_in_the_log(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    office = Office(site, store_timeout=1.5)
    envelope = office.envelope(TEENVIO.identity, TEENVIO.sender)
    with office.locked_store():
        office.submission.left(envelope, ("ana@example.net",))
        eventually(lambda: caplog.records)
    office.store.close()
    office.submission.left(envelope, ("luis@example.net",))
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(lines) == 2
    assert all(line.startswith("plan/usuario: contacts are not kept: the store") for line in lines)


def test_t45_a_transaction_is_a_group_with_a_mark_and_each_contact_once() -> None:
    recipients = ("Ana@Example.net", "ana@example.NET", "luis@example.net")
    assert contacts.rows("plan", recipients, 11, group_id=7, now=NOON) == [
        Group(7, "plan", "SMTP 2026-11-20 12:00:00", 11, NOW),
        Contact("plan", "ana@example.net", NOW),
        GroupContact(7, "ana@example.net"),
        Contact("plan", "luis@example.net", NOW),
        GroupContact(7, "luis@example.net"),
    ]


def test_a_group_without_a_message_names_none() -> None:
    group = contacts.rows("plan", ("ana@example.net",), None, group_id=7, now=NOON)[0]
    assert isinstance(group, Group)
    assert group.transmission_id is None


@pytest.mark.parametrize(
    ("recipients", "since", "kept"),
    [
        (("ana@example.net", "bob@example.net"), 0, True),
        (("Bob@EXAMPLE.net", "ana@example.net", "bob@example.net"), 0, True),
        (("ana@example.net", "bob@example.net"), NOW, True),
        (("ana@example.net", "bob@example.net"), NOW + 1, False),
        (("ana@example.net",), 0, False),
        (("ana@example.net", "bob@example.net", "eva@example.net"), 0, False),
        (("ana@example.net", "eva@example.net"), 0, False),
    ],
)
def test_a_group_is_found_by_just_its_contacts_and_its_age(
    office: Office, recipients: tuple[str, ...], since: int, *, kept: bool
) -> None:
    office.store.record(
        contacts.rows("plan", ("ana@example.net", "bob@example.net"), None, group_id=1, now=NOON)
    )
    for number in range(2, 2 * contacts.PAGE):  # later ones of other sessions
        office.store.record(
            contacts.rows("plan", (f"{number}@example.net",), None, group_id=number, now=NOON)
        )
    assert contacts.are_kept(office.store, "plan", recipients, since=since) == kept
    assert not contacts.are_kept(office.store, "otro", recipients, since=since)
