"""A store that does not answer, in the words of each provider: temporary, so that no mail is lost."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from estafeta_testing import sandbox as testing
from estafeta_testing.relay import Relay
from estafeta_testing.smtp import queue_id

STORE_TIMEOUT = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Customer:
    """Who sends, and what he is told."""

    credential: str
    listener: str
    sender: str
    reply: str


CUSTOMERS = (
    Customer(
        "acme/main",
        "sparkpost-587",
        "news@acme.example",
        "421 4.3.3 [internal] smtpapi unable to generate unique transmission id",
    ),
    Customer(
        "micuenta/main", "perfit-2525", "yo@midominio.example", "451 4.3.0 Internal error, try again later"
    ),
    Customer(
        "plan/usuario",
        "teenvio-58700",
        "remitente@dominio.example",
        "451 4.3.0 Internal error - try again later",
    ),
    Customer("website/1website", "devino-465", "noreply@devino.example", "451 4.3.0 Internal server error"),
    Customer(
        "yourdomain/prod",
        "emitlo-587",
        "hello@yourdomain.example",
        "451 4.3.0 Internal error, try again later",
    ),
)
TEXTS = (
    "From: {}\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n"
    "--x\r\n\r\n[Unsubscribe] [WebVersion]\r\n"
    "--x\r\nContent-Type: text/html\r\n\r\n<p>[Unsubscribe] [WebVersion]</p>\r\n--x--\r\n"
)


@pytest.fixture(scope="module")
def impatient() -> Iterator[Relay]:
    """A sandbox that does not wait long for its store."""
    with testing.running(config=f"{testing.QUICK}store_timeout: {STORE_TIMEOUT}\n") as running:
        yield Relay(running.description)


@pytest.mark.parametrize("customer", CUSTOMERS, ids=lambda customer: customer.listener)
def test_d25_t57_a_fault_of_the_service_is_temporary_and_said_in_the_providers_words(
    impatient: Relay, customer: Customer
) -> None:
    message = TEXTS.format(customer.sender).encode()
    session = partial(impatient.session, customer.credential, listener=customer.listener)
    with session() as client, impatient.locked_store():
        assert client.message(customer.sender, ["one@example.net"], message) == customer.reply
    with session() as client:
        sent = queue_id(client.message(customer.sender, ["two@example.net"], message))
    assert impatient.copy(sent).delivered_to == "two@example.net"
    assert impatient.sql("SELECT count(*) FROM messages WHERE rcpt_to = 'one@example.net'") == [(0,)]


def test_t44_contacts_that_cannot_be_kept_are_not_said_to_be(impatient: Relay) -> None:
    with impatient.session("plan/usuario", listener="teenvio-58700") as client:
        for line in ("MAIL FROM:<remitente@dominio.example>", "RCPT TO:<contacto@example.net>", "DATA"):
            client.command(line)
        with impatient.locked_store():
            assert client.command(".") == "451 4.3.0 Internal error - try again later"
    assert impatient.sql("SELECT count(*) FROM contacts WHERE address = 'contacto@example.net'") == [(0,)]
