import contextlib
from collections.abc import Callable

import pytest

from estafeta_core.refusal import Refusal
from estafeta_core.store import open_store
from estafeta_core.store.standing_rows import Suspension
from estafeta_milter.hosting import NO_ROOM
from estafeta_milter.message.message import Message
from estafeta_milter.submission import Discard
from estafeta_postfix.explain.explanation import Explanation
from estafeta_postfix.explain.words import from_milter
from estafeta_testing.milter_site import Site
from estafeta_testing.office import (
    ACME,
    DEVINO,
    EMITLO,
    PERFIT,
    TEENVIO,
    Customer,
    Office,
    make_message,
    message_of,
)

Explained = Callable[..., Explanation]

FROM = b"From: News <news@acme.example>\r\n"
PLAIN = FROM + b"Subject: Hi\r\n\r\nHello\r\n"


def lines(explanation: Explanation) -> list[str]:
    return [reply.line for reply in explanation.held.replies]


def test_a_message_that_goes_has_an_answer_to_every_command(explained: Explained) -> None:
    explanation = explained(PLAIN, "alice@example.net", "bob@example.net")
    assert [reply.command for reply in explanation.held.replies] == [
        "AUTH",
        "MAIL FROM:<app@acme.example>",
        "RCPT TO:<alice@example.net>",
        "RCPT TO:<bob@example.net>",
        "DATA",
        ".",
    ]
    assert lines(explanation)[-1] == "250 2.0.0 Ok: queued as QUEUEID"


def test_without_tls_where_it_is_required_nothing_is_taken(explained: Explained) -> None:
    explanation = explained(PLAIN, secured=False)
    assert lines(explanation) == ["530 5.7.0 Must issue a STARTTLS command first"]
    assert explanation.held.arrived is None


def test_a_credential_that_may_not_be_used_is_refused_at_the_login(site: Site, explained: Explained) -> None:
    site.account(main=", status: suspended")
    assert lines(explained(PLAIN)) == ["535 5.7.8 Error: authentication failed: Credential suspended"]
    site.account(main=", allow_from: [192.0.2.0/24]")
    assert len(lines(explained(PLAIN, client_address="192.0.2.7"))) == 5
    assert len(lines(explained(PLAIN, client_address="127.0.0.1"))) == 1


def test_a_credential_suspended_by_itself_is_refused_at_the_login(site: Site, explained: Explained) -> None:
    with contextlib.closing(open_store(site.store_url)) as store:
        store.record([Suspension("acme", "main", 1, None, "bounce_rate", 40, 0, 9)])
    assert lines(explained(PLAIN)) == ["535 5.7.8 Error: authentication failed: Credential suspended"]


def test_a_subaccount_that_is_not_there_cannot_log_in(explained: Explained) -> None:
    (line,) = lines(explained(PLAIN, credential="acme/main/999"))
    assert line.endswith("Unknown subaccount")


def test_recipients_are_limited_in_the_order_of_the_daemons(site: Site, explained: Explained) -> None:
    few = "listeners: {submission: {dialects: [sparkpost], port: 587, recipients_per_message: 2}}\n"
    site.configure(listeners=few)
    assert lines(explained(PLAIN, *"abc"))[2:5] == ["553 5.1.3 Bad recipient address syntax"] * 3
    taken = lines(explained(PLAIN, *(f"{name}@example.net" for name in "abc")))
    assert [line[:3] for line in taken[2:5]] == ["250", "250", "452"]


def test_recipients_that_lists_add_are_counted_with_the_others(site: Site, explained: Explained) -> None:
    site.account(main=", limits: {per_minute: 2}")
    listed = b'X-MSYS-API: {"cc": ["b@example.net", "c@example.net"]}\r\n'
    assert lines(explained(listed + PLAIN))[-1].startswith("550 5.5.3 Too many recipients")
    assert lines(explained(PLAIN, "a@example.net", "b@example.net"))[-1].startswith("250")


def test_the_null_sender_and_bad_addresses_are_postfixs_business(explained: Explained) -> None:
    assert lines(explained(PLAIN, sender=""))[1] == "250 2.1.0 Ok"
    assert lines(explained(PLAIN, sender="a@b..c"))[-1] == "501 5.1.7 Bad sender address syntax"
    assert lines(explained(PLAIN, "a@b..c"))[2:] == [
        "501 5.1.3 Bad recipient address syntax",
        "554 5.5.1 Error: no valid recipients",
    ]


def test_more_fields_than_are_kept_are_refused(explained: Explained) -> None:
    many = b"X-A: b\r\n" * 50_001
    assert lines(explained(FROM + many + b"\r\nx\r\n"))[-1] == (
        "550 5.6.0 This message has more than 50000 header fields"
    )


def test_a_message_beyond_every_limit_is_refused_by_postfix(explained: Explained) -> None:
    explanation = explained(
        b"x\r\n" * 300_000, credential="plan/usuario", listener="teenvio", sender=TEENVIO.sender
    )
    assert lines(explanation)[-1] == (
        "552 5.3.4 Error: message file too big;"
        " message size exceeds fixed maximum message size (512000) bytes"
    )


def test_recipients_alone_are_kept_by_the_provider_that_keeps_them(explained: Explained) -> None:
    explanation = explained(b"", credential="plan/usuario", listener="teenvio", sender=TEENVIO.sender)
    assert lines(explanation)[-1] == "250 2.0.0 Ok: queued as QUEUEID"
    assert explanation.held.going is None


def test_a_listener_with_receipts_answers_with_the_providers(site: Site, explained: Explained) -> None:
    receipts = "listeners: {teenvio: {dialects: [teenvio], port: 58700, tls: starttls, receipt: true}}\n"
    site.configure(listeners=receipts)
    raw = (
        b"From: remitente@dominio.example\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n--b--\r\n"
    )
    said = {"credential": "plan/usuario", "listener": "teenvio", "sender": TEENVIO.sender}
    assert lines(explained(raw, **said))[-1].startswith("250 OK id=1 ")
    assert lines(explained(b"", **said))[-1] == "250 OK"


def test_what_cannot_be_kept_is_refused_and_a_web_version_is_left_out(
    site: Site, explained: Explained
) -> None:
    raw = (
        b"From: remitente@dominio.example\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n"
        b"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nx\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n--b--\r\n--a\r\nContent-Type: application/pdf\r\n"
        b"Content-Disposition: attachment; filename=a.pdf\r\n\r\n0123456789\r\n--a--\r\n"
    )
    said = {"credential": "plan/usuario", "listener": "teenvio", "sender": TEENVIO.sender}
    site.configure("hosting: {quota: 5}\n")
    assert lines(explained(raw, **said))[-1] == (
        "500 Internal error - No queda espacio para los archivos de su plan"
    )
    site.configure("hosting: {quota: 50}\n")
    going = explained(raw, **said).held.going
    assert going is not None
    assert going.proposal.verdict.warnings == (NO_ROOM,)


def test_a_key_that_cannot_be_read_is_a_fault_with_its_reason(site: Site, explained: Explained) -> None:
    site.account()
    account = site.folder / "accounts.d" / "acme.yaml"
    dkim = "  acme.example: {verified: true, dkim: {default: a, keys: {a: %s}}}\n" % (
        site.folder / "gone.pem"
    )
    account.write_text(account.read_text().replace("  acme.example: {verified: true}\n", dkim))
    explanation = explained(PLAIN)
    assert lines(explanation)[-1].startswith("421 4.3.3 ")
    assert "gone.pem" in explanation.held.fault


ASKED = [
    (ACME, make_message("alice@example.net", "bob@example.net", open_tracking=True)),
    (ACME, make_message(cc=["c@example.net"], bcc=[{"email": "d@example.net"}], archive=["e@example.net"])),
    (ACME, make_message(cc=[1])),
    (ACME, make_message(campaign_id="x" * 65)),
    (ACME, make_message(options={"ip_pool": "none"})),
    (ACME, make_message(options={"skip_suppression": True})),
    (ACME, make_message(sender="x@new.example", headers=())),
    (ACME, make_message("gone@example.net")),
    (ACME, make_message(*["r@example.net"] * 3)),
    *((customer, message_of(customer)) for customer in (PERFIT, TEENVIO, DEVINO, EMITLO)),
    (TEENVIO, message_of(TEENVIO, kind=b"text/plain", body=b"x\r\n")),
    (DEVINO, message_of(DEVINO, "alice@example.net", "bob@example.net")),
    (EMITLO, message_of(EMITLO).with_sender("hello@other.example")),
]


@pytest.mark.parametrize(("customer", "message"), ASKED, ids=range(len(ASKED)))
def test_the_milters_own_decision_is_told(
    site: Site, explained: Explained, suppressed: str, customer: Customer, message: Message
) -> None:
    """The same message to `Submission`, which keeps what it takes."""
    fields = b"".join(header.name.encode() + b": " + header.value + b"\r\n" for header in message.headers)
    explanation = explained(
        fields + b"\r\n" + message.body,
        *message.recipients,
        credential=customer.identity,
        listener=customer.listener,
        sender=message.sender,
    )
    office = Office(site)
    try:
        arrived = explanation.held.arrived
        headers = message.headers if arrived is None else arrived.headers
        mailed = office.mail(customer.identity, sender=message.sender, listener=customer.listener)
        outcome = (
            mailed
            if isinstance(mailed, Refusal)
            else office.submission.end(mailed, "QUEUEID", message.recipients, headers, message.body)
        )
    finally:
        office.store.close()
    if isinstance(outcome, Refusal):
        assert explanation.last.line == from_milter(outcome)
    elif isinstance(outcome, Discard):
        assert explanation.decision is not None
        assert explanation.decision.recipients == ()
    else:
        assert explanation.last.line == "250 2.0.0 Ok: queued as QUEUEID"
