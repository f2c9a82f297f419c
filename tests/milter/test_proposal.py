import json
from collections.abc import Callable
from typing import Any

import pytest

from estafeta_core.headers import Header, unfold, values
from estafeta_core.ids import IdSource
from estafeta_core.refusal import Refusal
from estafeta_milter.address_list import mailboxes
from estafeta_milter.derived import Deriving
from estafeta_milter.message.message import Message
from estafeta_milter.proposal import CONTROL_HEADERS, Proposal, propose
from estafeta_testing.injections import PAYLOADS, PLACES, authorised
from estafeta_testing.office import (
    ACME,
    DEVINO,
    EMITLO,
    FROM,
    HTML,
    MAILGUN,
    MANDRILL,
    PERFIT,
    TEENVIO,
    TWO_PARTS,
    Customer,
    Office,
    make_message,
    message_of,
)

ALICE, BOB = "alice@example.net", "bob@example.net"
TO = Header("To", b"alice@example.net")


# What asks for nothing: these hold JSON, the others any text.
OBJECTS = frozenset({"x-msys-api", "x-smtpapi", "x-mailgun-variables", "x-mc-metadata"})
STEERING = (*sorted(CONTROL_HEADERS), "x-mailgun-new", "x-mc-new", "x-pm-metadata-a", "x-mj-new", "x-ses-new")


def proposed(office: Office, message: Message) -> Proposal | Refusal:
    envelope = office.envelope()
    derived = Deriving().of(envelope.snapshot)
    return propose(message, envelope, derived, store=office.store, ids=IdSource(), queue_id="4Xq")


def proposal(office: Office, *recipients: str, **asked: Any) -> Proposal:
    message = make_message(*recipients or (ALICE,), body=HTML, headers=(FROM, TO), kind=b"text/html", **asked)
    found = proposed(office, message)
    assert isinstance(found, Proposal), found
    return found


def test_what_is_proposed_is_written_nowhere(office: Office) -> None:
    found = proposal(office, cc=[BOB], options={"click_tracking": True})
    assert len(found.ids.messages) == 2
    assert office.rows("SELECT count(*) FROM transmissions") == [(0,)]


def test_a_refusal_is_what_is_proposed_of_a_message_that_may_not_go(office: Office) -> None:
    refused = proposed(office, make_message(metadata=[]))
    assert str(refused).startswith("550 5.6.0 X-MSYS-API 'metadata'")


def test_s39_everybody_gets_an_id_and_those_who_are_sent_to_are_recipients_of_what_is_queued(
    office: Office,
) -> None:
    office.suppress("cc@example.net")
    found = proposal(office, ALICE, BOB, cc=["cc@example.net"], bcc=["bcc@example.net"])
    assert list(found.ids.messages) == [ALICE, BOB, "cc@example.net", "bcc@example.net"]
    assert found.rendering.queued.recipients == (ALICE, BOB, "bcc@example.net")
    assert (found.job.rcpt_to, found.job.id) == (ALICE, found.ids.messages[ALICE])


def test_copies_that_are_alike_have_the_id_of_the_transmission(office: Office) -> None:
    found = proposal(office, cc=[BOB], options={"transactional": True})
    assert (found.job.rcpt_to, found.job.id) == (None, found.ids.transmission)
    assert found.rendering.queued is found.rendering.final


def test_s46_an_archive_that_is_made_first_has_the_body_of_the_first_rcpt_to(office: Office) -> None:
    office.suppress(ALICE)
    found = proposal(office, archive=["a@x.example", "b@x.example"])
    assert (found.job.id, found.job.body_id) == (
        found.ids.messages["a@x.example"],
        found.ids.messages[ALICE],
    )


def test_nobody_is_sent_to_where_all_are_suppressed(office: Office) -> None:
    office.suppress(ALICE)
    found = proposal(office)
    assert (found.verdict.going, found.job.rcpt_to) == ((), None)


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: repr(payload[:30]))
@pytest.mark.parametrize("place", PLACES)
def test_b7_d9_e6_no_text_becomes_a_field_or_a_recipient(office: Office, place: str, payload: str) -> None:
    asked = PLACES[place](payload)
    api = Header("X-MSYS-API", json.dumps(asked).encode())
    found = proposed(office, make_message(ALICE, headers=(FROM, TO, api)))
    if isinstance(found, Refusal):
        assert (found.code, found.status) == (550, "5.6.0")
        return
    final, queued = found.rendering.final, found.rendering.queued
    assert {*queued.recipients} == {ALICE} | authorised(asked)
    names = [header.key for header in final.headers]
    assert (names.count("from"), names.count("to")) == (1, 1)
    assert set(names) <= {"from", "to", "cc", "bcc", "list-unsubscribe", "list-unsubscribe-post", "x-msfbl"}
    for header in (*final.headers, *queued.headers):
        assert header.value.isascii()
        assert b"\n" not in unfold(header.value)
        assert not {*header.value} & {*range(9), *range(11, 32), 127}
    shown = [mailbox.address for value in values(final.headers, "cc") for mailbox in mailboxes(value)]
    assert shown == ([b"cc@example.net"] if "cc" in asked else [])


@pytest.mark.parametrize("customer", [ACME, PERFIT, TEENVIO, DEVINO, EMITLO, MANDRILL, MAILGUN])
@pytest.mark.parametrize("spelt", [str.upper, str.title, "{} ".format, "{}\t".format])
def test_d10_no_control_header_of_any_provider_leaves_for_whoever_wrote_it(
    office: Office, customer: Customer, spelt: Callable[[str], str]
) -> None:
    asking = tuple(Header(spelt(name), b"{}" if name in OBJECTS else b"\n ") for name in STEERING)
    body = TWO_PARTS.replace(b"Hola\r\n", b"[Unsubscribe] [WebVersion]\r\n", 1)
    message = message_of(customer, body=body, headers=(*asking, Header("X-Other", b"stays")))
    left = office.queued(message, customer.identity)
    names = {name.strip().lower() for name, _ in left.headers}
    assert "x-other" in names
    assert not names & set(STEERING)
