import logging
import time
from datetime import timedelta
from functools import partial

import pytest

from estafeta_core.dialects import DIALECTS
from estafeta_core.identity import Identity
from estafeta_milter.verdict import Envelope
from estafeta_testing.office import ACME, DEVINO, EMITLO, PERFIT, TEENVIO, Customer, Office


def test_mail_from_somebody_who_is_known(office: Office) -> None:
    envelope = office.mail("acme/main/123", sender="app@acme.example")
    assert isinstance(envelope, Envelope)
    assert envelope.identity == Identity("acme", "main", "123")
    assert envelope.snapshot is office.live.current
    assert (envelope.listener, envelope.sender, envelope.dialect.name) == (
        "submission",
        "app@acme.example",
        "sparkpost",
    )


@pytest.mark.parametrize(
    ("identity", "reply"),
    [
        ("", "530 5.7.0 Authentication required"),
        ("acme/gone", "535 5.7.8 Credential revoked"),
        ("gone/main", "535 5.7.8 Credential revoked"),
        ("acme/main/9", "535 5.7.8 Unknown subaccount"),
    ],
)
def test_mail_from_somebody_who_is_not(office: Office, identity: str, reply: str) -> None:
    assert str(office.mail(identity)) == reply


def test_a_key_made_a_moment_ago_is_known_before_it_is_refused(office: Office) -> None:
    assert str(office.mail("acme/main/7")) == "535 5.7.8 Unknown subaccount"
    file = office.site.folder / "accounts.d" / "acme.yaml"
    file.write_text(file.read_text().replace('{"123"', '{"7": {}, "123"'))
    time.sleep(0.06)  # the files are looked at 20 times a second at most
    assert isinstance(office.mail("acme/main/7"), Envelope)


@pytest.mark.parametrize("sender", ["a b@acme.example", "@", "a@", "a@b@c.example", "a\udcff@acme.example"])
def test_mail_from_what_is_no_address(office: Office, sender: str) -> None:
    assert str(office.mail(sender=sender)) == "553 5.1.7 Bad sender address syntax"


def test_s53_the_null_sender_is_taken(office: Office) -> None:
    assert isinstance(office.mail(sender=""), Envelope)


@pytest.mark.parametrize(
    ("settings", "reply"),
    [
        (", status: revoked", "535 5.7.8 Credential revoked"),
        (", status: suspended", "535 5.7.8 Credential suspended"),
        (', expires: "2026-11-20T11:59:59Z"', "535 5.7.8 Credential expired"),
        (", permissions: [events]", '535 5.7.8 Credential lacks the permission "Send via SMTP"'),
        (", allow_from: [192.0.2.0/24]", "535 5.7.8 Credential not allowed from this address"),
    ],
)
def test_f9_what_changed_since_the_login_is_felt_at_the_next_mail(
    office: Office, settings: str, reply: str
) -> None:
    assert isinstance(office.mail(), Envelope)
    office.site.account(main=settings)
    assert office.live.reload() is None
    assert str(office.mail()) == reply


def test_a_key_for_tls_alone_and_one_that_expires(office: Office) -> None:
    office.site.account(main=', require_tls: true, expires: "2026-11-20T12:00:01Z"')
    assert office.live.reload() is None
    assert str(office.mail(secured=False)) == "535 5.7.8 Credential requires TLS"
    assert isinstance(office.mail(), Envelope)
    office.now += timedelta(seconds=1)
    assert str(office.mail()) == "535 5.7.8 Credential expired"


@pytest.mark.parametrize(
    ("listener", "reply"),
    [
        ("submission", "530 5.7.0 Authentication required"),
        ("perfit", "530 5.7.0 Authentication required"),
        ("teenvio", "530 Authentication required"),
        ("devino", "554 Transaction failed: Must authenticate before sending mail"),
        ("emitlo", "530 5.7.0 Authentication required"),
        ("small", "554 Transaction failed: Must authenticate before sending mail"),  # its first dialect
        ("gone", "530 5.7.0 Authentication required"),
    ],
)
def test_p27_t53_d23_without_a_login_the_listeners_provider_speaks(
    office: Office, listener: str, reply: str
) -> None:
    assert str(office.mail("", listener=listener)) == reply


@pytest.mark.parametrize(
    ("customer", "sender", "reply"),
    [
        (TEENVIO, "a b@c", "553 Remitente no existente o no validado desde su plan de teenvio"),
        (DEVINO, "a b@c", "554 Transaction failed: Disallowed source address: a b@c"),
        (PERFIT, "a b@c", "553 5.1.7 Bad sender address syntax"),
        (PERFIT, "", None),
    ],
)
def test_t21_d28_a_sender_is_refused_at_mail_in_the_providers_words(
    office: Office, customer: Customer, sender: str, reply: str | None
) -> None:
    found = office.mail(customer.identity, sender=sender)
    assert (None if isinstance(found, Envelope) else str(found)) == reply


@pytest.mark.parametrize(
    ("customer", "reply"),
    [
        (ACME, "553 5.1.3 Bad recipient address syntax"),
        (PERFIT, "553 5.1.3 Bad recipient address syntax"),
        (TEENVIO, "553 5.1.3 Bad recipient address syntax"),
        (DEVINO, "554 Transaction failed: Invalid recipient address: {}"),
        (EMITLO, "553 5.1.3 Bad recipient address syntax"),
    ],
)
@pytest.mark.parametrize(
    "spelling",  # the last six are somebody to Postfix, who could not be found in a suppression list
    [
        "alice",
        "a@b@c.example",
        "x\udcff@example.net",
        '"alice"@example.net',
        "@relay.example:alice@example.net",
        "al\\ice@example.net",
        "alice @example.net",
        " alice@example.net",
        "(a)alice@example.net",
    ],
)
def test_d27_a_recipient_that_is_no_plain_address_is_refused_at_rcpt(
    office: Office, customer: Customer, reply: str, spelling: str
) -> None:
    envelope = office.envelope(customer.identity, customer.sender)
    assert str(office.admission.rcpt(envelope, spelling)) == reply.format(spelling)
    assert office.admission.rcpt(envelope, "alice@example.net") is None


TOO_LARGE = {
    ACME: "552 5.3.4 Message exceeds the maximum size of 20971520 bytes",
    PERFIT: "552 5.3.4 Message exceeds the maximum size of 10000 bytes",
    TEENVIO: "552 message size exceeds fixed maximum message size (512000) bytes",
    DEVINO: "554 Transaction failed: Message exceeds fixed size limit",
    EMITLO: "552 5.3.4 Message exceeds the maximum size of 20971520 bytes",
}


@pytest.mark.parametrize("customer", TOO_LARGE, ids=lambda each: each.listener)
def test_p18_t55_d24_an_announced_size_is_held_to_the_providers_limit(
    office: Office, customer: Customer
) -> None:
    limit = DIALECTS[customer.dialect].size_limit
    assert isinstance(office.mail(customer.identity, sender=customer.sender, size=limit), Envelope)
    refusal = office.mail(customer.identity, sender=customer.sender, size=limit + 1)
    assert str(refusal) == TOO_LARGE[customer]


def test_the_limit_of_a_listener_holds_for_each_of_its_providers(office: Office) -> None:
    for customer, reply in (
        (TEENVIO, "552 message size exceeds fixed maximum message size (2000) bytes"),
        (DEVINO, "554 Transaction failed: Message exceeds fixed size limit"),
    ):
        mail = partial(office.mail, customer.identity, sender=customer.sender, listener="small")
        assert isinstance(mail(size=2000), Envelope)
        assert str(mail(size=2001)) == reply


def test_t02_each_use_of_a_deprecated_listener_is_in_the_log(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    for listener in ("teenvio-old", "teenvio", "teenvio-old"):
        mail = office.mail(TEENVIO.identity, sender=TEENVIO.sender, listener=listener)
        assert isinstance(mail, Envelope)
    line = "MAIL: plan/usuario: listener teenvio-old is deprecated: use another port"
    assert [record.getMessage() for record in caplog.records] == [line] * 2


def test_an_identity_that_is_not_of_ours_is_a_fault(office: Office) -> None:
    with pytest.raises(ValueError, match="not an identity"):
        office.mail("somebody")


@pytest.mark.parametrize(
    ("listener", "reply"),
    [("teenvio", "500 5.5.1 Invalid command"), ("devino", "None"), ("small", "None"), ("gone", "None")],
)
def test_t49_an_unknown_command_is_answered_in_the_words_of_the_listeners_provider(
    office: Office, listener: str, reply: str
) -> None:
    assert str(office.admission.command(listener, "FOO")) == reply


def test_what_is_refused_is_logged_with_identity_and_reason(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        office.mail("acme/gone")
        office.admission.rcpt(office.envelope(), "alice")
    assert [record.getMessage() for record in caplog.records] == [
        "MAIL: acme/gone: refused: 535 5.7.8 Credential revoked",
        "RCPT: acme/main: refused: 553 5.1.3 Bad recipient address syntax",
    ]
