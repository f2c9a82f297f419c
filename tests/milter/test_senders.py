from collections.abc import Callable

import pytest

from estafeta_core.headers import Header
from estafeta_milter import senders
from estafeta_testing.office import ACME, DEVINO, EMITLO, PERFIT, TEENVIO, Customer, Office, message_of

NOT_VALIDATED = "553 Remitente no existente o no validado desde su plan de teenvio"
UNREADABLE = "550 5.7.1 The From header must hold exactly one plain address"
DISALLOWED = "554 Transaction failed: Disallowed source address: "
REJECTED = "550 5.7.1 Sender domain rejected: {} is not a verified sending domain of this credential".format


def field(name: str, value: str) -> tuple[Header, ...]:
    return (Header(name, value.encode()),)


def said(office: Office, customer: Customer, *headers: Header) -> str:
    """Return what a message with these fields is answered, "" where it may go."""
    envelope = office.envelope(customer.identity, customer.sender)
    shown = message_of(customer, headers=headers).headers
    refusal = senders.check_fields(shown, envelope.credential, envelope.identity.subaccount, envelope.dialect)
    return str(refusal or "")


@pytest.mark.parametrize(
    ("customer", "sender", "reply"),
    [
        (ACME, "anybody@elsewhere.example", None),
        (ACME, "", None),
        (PERFIT, "anybody@elsewhere.example", None),
        (PERFIT, "", None),
        (TEENVIO, "Remitente@Dominio.example", None),
        (TEENVIO, "pendiente@dominio.example", NOT_VALIDATED),
        (TEENVIO, "", NOT_VALIDATED),
        (TEENVIO, "a b@c", NOT_VALIDATED),
        (DEVINO, "INFO@devino.example", None),
        (DEVINO, "other@devino.example", f"{DISALLOWED}other@devino.example"),
        (DEVINO, "", f"{DISALLOWED}<>"),
        (DEVINO, "x%s@devino.example", f"{DISALLOWED}x%s@devino.example"),
        (EMITLO, "bounces@yourdomain.example", None),
        (EMITLO, "", None),
        (EMITLO, "a@other.example", REJECTED("other.example")),
        (EMITLO, "root", REJECTED("root")),
    ],
)
def test_t21_d28_e16_the_envelope_sender_is_held_to_what_the_provider_verifies(
    office: Office, customer: Customer, sender: str, reply: str | None
) -> None:
    found = office.envelope(customer.identity, customer.sender)
    refusal = senders.check_envelope(sender, found.credential, None, found.dialect)
    assert (None if refusal is None else str(refusal)) == reply


@pytest.mark.parametrize(
    ("customer", "shown", "reply"),
    [
        (PERFIT, "Yo <otro@midominio.example>", ""),
        (PERFIT, "yo@ajeno.example", "550 5.7.1 Sender not verified for this account: <yo@ajeno.example>"),
        (TEENVIO, "Otra <RESPUESTAS@dominio.example>", ""),
        (TEENVIO, "pendiente@dominio.example", NOT_VALIDATED),
        (DEVINO, "Info <info@devino.example>", ""),
        (DEVINO, "X <other@devino.example>", f"{DISALLOWED}other@devino.example"),
        (EMITLO, "Your App <noreply@yourdomain.example>", ""),
        (EMITLO, "a@other.example", REJECTED("other.example")),  # the account's, not the credential's
        (EMITLO, "a@sub.yourdomain.example", REJECTED("sub.yourdomain.example")),
    ],
)
def test_e16_d10_t23_from_is_held_to_what_the_provider_verifies(
    office: Office, customer: Customer, shown: str, reply: str
) -> None:
    assert said(office, customer, *field("From", shown)) == reply


@pytest.mark.parametrize(
    ("customer", "refusal"),
    [
        (PERFIT, lambda _: UNREADABLE),
        (TEENVIO, lambda _: NOT_VALIDATED),
        (DEVINO, lambda shown: f"{DISALLOWED}{shown}".strip()),
        (EMITLO, lambda _: UNREADABLE),
    ],
    ids=lambda each: getattr(each, "listener", ""),
)
@pytest.mark.parametrize(
    "shown", ["{0}, {0}", "a group: {0};", "{0} ceo@victim.example", "ceo@victim.example <{0}>"]
)
def test_e1_b4_a_from_that_readers_understand_differently_is_no_verified_sender(
    office: Office, customer: Customer, refusal: Callable[[str], str], shown: str
) -> None:
    value = shown.format(customer.sender)
    assert said(office, customer, *field("From", value)) == refusal(value)


def test_two_from_fields_are_both_shown_in_the_refusal(office: Office) -> None:
    twice = (Header("From", b"noreply@devino.example"), Header("from", b"ceo@victim.example"))
    assert said(office, DEVINO, *twice) == f"{DISALLOWED}noreply@devino.example, ceo@victim.example"


@pytest.mark.parametrize(
    ("value", "reply"),
    [
        ("", ""),
        ("respuestas@dominio.example", ""),
        ("=?utf-8?q?Atenci=C3=B3n?= <Remitente@Dominio.example>", ""),
        ("remitente@dominio.example, Ana <respuestas@dominio.example>", ""),
        ("remitente@dominio.example, ajeno@otro.example", NOT_VALIDATED),
        ("pendiente@dominio.example", NOT_VALIDATED),
        ("respuestas", NOT_VALIDATED),
        ("grupo: respuestas@dominio.example;", NOT_VALIDATED),
        ("=?utf-8?q?ceo=40victim.example?= <respuestas@dominio.example>", NOT_VALIDATED),
    ],
)
def test_t22_every_address_in_reply_to_is_a_validated_sender(office: Office, value: str, reply: str) -> None:
    assert said(office, TEENVIO, *field("Reply-To", value)) == reply


def test_t22_a_second_reply_to_counts_too(office: Office) -> None:
    fields = (*field("Reply-To", "respuestas@dominio.example"), *field("reply-to ", "ajeno@otro.example"))
    assert said(office, TEENVIO, *fields) == NOT_VALIDATED


@pytest.mark.parametrize("customer", [PERFIT, DEVINO, EMITLO], ids=lambda each: each.listener)
def test_replies_may_go_anywhere_where_the_provider_says_nothing_of_them(
    office: Office, customer: Customer
) -> None:
    assert said(office, customer, *field("Reply-To", "anybody@elsewhere.example")) == ""


@pytest.mark.parametrize(
    ("value", "reply"),
    [
        ("info@devino.example", ""),
        ("other@devino.example", f"{DISALLOWED}other@devino.example"),
        ("100% <a\u00f1o", f"{DISALLOWED}100% <a\u00f1o"),
    ],
)
def test_d10_sender_is_a_confirmed_address_too(office: Office, value: str, reply: str) -> None:
    assert said(office, DEVINO, *field("Sender", value)) == reply
    assert said(office, TEENVIO, *field("Sender", value)) == ""


@pytest.mark.parametrize(
    ("shown", "reply"),
    [
        ("victor@dominio.example", ""),
        ("remitente@dominio.example", ""),
        ("ventas@otro.example", ""),  # validated, of a domain that is not verified
        ("victor@otro.example", NOT_VALIDATED),
        ("victor@ajeno.example", NOT_VALIDATED),
        ("victor@sub.dominio.example", NOT_VALIDATED),
        ("victor@dominio.example, ceo@victim.example", NOT_VALIDATED),
    ],
)
def test_t23_an_account_may_show_any_address_of_its_domains(office: Office, shown: str, reply: str) -> None:
    office.site.provider("plan", "teenvio: {check_from: false}\n")
    assert office.live.reload() is None
    assert said(office, TEENVIO, *field("From", shown)) == reply
