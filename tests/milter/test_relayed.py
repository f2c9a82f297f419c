"""Messages by way of the receipt proxy, told to the real daemon as Postfix tells them."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from estafeta_core.headers import Header
from estafeta_core.tickets import FIELD, LISTENER, Ticket, Tickets
from estafeta_milter.relayed import ticket
from estafeta_testing.milter_client import Answer, Client, Queued
from estafeta_testing.milter_site import Site
from estafeta_testing.office import ALTERNATIVE, TWO_PARTS

NOW = 1_795_000_000
KEY = b"k" * 64
RECEIVED = (
    "Received",
    b"from client.example (unknown [192.0.2.1])\n\tby mx.example.com (Postfix) with ESMTPSA",
)
BEHIND = {"{daemon_name}": LISTENER, "{client_addr}": "127.0.0.1"}
PUBLIC = {"{auth_authen}": "plan/usuario", "{daemon_name}": "teenvio", "{client_addr}": "127.0.0.1"}
WITHOUT = {**PUBLIC, "{daemon_name}": "teenvio-old"}  # a listener that gives no receipts
NO_TICKET = Answer("y", "451 4.7.1 This listener takes nothing but messages with a ticket")
UNKNOWN_SENDER = Answer("y", "553 Remitente no existente o no validado desde su plan de teenvio")
TICKET = Ticket(NOW, "plan/usuario", "teenvio", "127.0.0.1", secured=True)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ((FIELD, "Received", "Subject"), True),
        ((FIELD.lower(), "Received"), True),
        ((FIELD,), False),
        (("Received", FIELD, "Subject"), False),
        (("Subject", FIELD, "Received"), False),
        ((FIELD, FIELD, "Received"), False),
        ((FIELD, "Subject", "Received"), False),
        ((), False),
    ],
)
def test_only_the_field_in_the_first_place_is_a_ticket(names: tuple[str, ...], *, found: bool) -> None:
    tickets = Tickets([KEY])
    headers = [Header(name, tickets.write(TICKET).encode()) for name in names]
    assert ticket(headers, tickets, NOW) == (TICKET if found else None)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site one of whose listeners gives receipts, served by one process."""
    site = Site(tmp_path_factory.mktemp("site"))
    site.configure("milter_processes: 1\n")
    public = "teenvio: {dialects: [teenvio], port: 58700, tls: starttls"
    text = site.config.read_text()
    assert public in text
    site.config.write_text(text.replace(public, f"{public}, receipt: true"))
    site.start()
    yield site
    site.kill()
    assert site.lines("Traceback") == site.lines("untrapped") == []


@pytest.fixture
def client(served: Site) -> Iterator[Client]:
    """A session."""
    with served.connect() as opened:
        yield opened


def fresh(**changes: object) -> tuple[str, bytes]:
    """Return a ticket of now as a field, with other words if given."""
    made = replace(TICKET, **{"time": int(time.time()), **changes})  # type: ignore[arg-type] # test data
    return FIELD, Tickets([KEY]).write(made).encode()


def message(*before: tuple[str, bytes], sender: str = "remitente@dominio.example") -> Queued:
    """Return a message that Teenvio takes, behind the fields `before`."""
    headers = [
        *before,
        ("From", b"remitente@dominio.example"),
        ("Subject", b"Hola"),
        ("X-Estafeta-Ticket", b"of the client's own"),
        ("Content-Type", ALTERNATIVE),
    ]
    return Queued(sender, ["alice@example.net"], headers, TWO_PARTS)


def groups(site: Site) -> int:
    """Return how many groups of contacts there are."""
    time.sleep(0.3)  # those of a message that never came are written when nobody waits
    with site.store() as store:
        return len(store.groups("plan", limit=1000))


def test_a_ticket_says_who_sends_and_leaves_with_every_other_field_of_ours(
    client: Client, served: Site
) -> None:
    sent = message(fresh(), RECEIVED)
    answer = client.message(sent, "4Xticket", BEHIND)
    assert answer.command == "a", answer
    left = sent.edit(answer.edits)
    assert left.headers[0] == RECEIVED
    assert left.values(FIELD) == []
    found = served.find("4Xticket")
    assert found is not None
    assert (found.transmission.account, found.transmission.credential) == ("plan", "usuario")
    assert found.transmission.listener == "teenvio"


def test_what_the_public_listener_put_before_it_does_not_count_to_its_size(
    client: Client, served: Site
) -> None:
    for queue_id, before, macros in (("4Xa", (fresh(), RECEIVED), BEHIND), ("4Xb", (), WITHOUT)):
        assert client.message(message(*before), queue_id, macros).command == "a"
    sizes = {found.transmission.msg_size for name in ("4Xa", "4Xb") if (found := served.find(name))}
    assert len(sizes) == 1


@pytest.mark.parametrize(
    "before",
    [
        (),
        (RECEIVED,),
        (fresh(),),
        (RECEIVED, fresh()),
        (fresh(), fresh(), RECEIVED),
        (fresh(time=NOW), RECEIVED),
        (
            (FIELD, b"1795000000 plan/usuario teenvio 127.0.0.1 tls 00112233445566778899aabbccddeeff"),
            RECEIVED,
        ),
        ((FIELD, Tickets([b"x" * 64]).write(replace(TICKET, time=int(time.time()))).encode()), RECEIVED),
    ],
    ids=["nothing", "no ticket", "no trace", "second", "two", "old", "forged", "another key"],
)
def test_without_one_valid_ticket_in_front_it_is_deferred_and_logged(
    client: Client, served: Site, before: tuple[tuple[str, bytes], ...]
) -> None:
    assert client.message(message(*before), "4Xnone", BEHIND) == NO_TICKET
    assert served.lines("4Xnone: deferred: the message does not begin with one valid ticket")
    assert served.find("4Xnone") is None


def test_the_login_of_that_session_says_nothing(client: Client) -> None:
    macros = {**BEHIND, "{auth_authen}": "plan/usuario"}
    assert client.message(message(RECEIVED), "4Xlogin", macros) == NO_TICKET


def test_b15_a_ticket_is_nothing_on_a_public_listener(client: Client, served: Site) -> None:
    sent = message(fresh(identity="website/1website"), RECEIVED)
    answer = client.message(sent, "4Xpublic", WITHOUT)
    assert answer.command == "a"
    assert sent.edit(answer.edits).values(FIELD) == []
    found = served.find("4Xpublic")
    assert found is not None
    assert found.transmission.account == "plan"


def test_the_sender_is_held_to_the_account_of_the_ticket(client: Client) -> None:
    sent = message(fresh(), RECEIVED, sender="otro@dominio.example")
    assert client.message(sent, "4Xother", BEHIND) == UNKNOWN_SENDER


def test_a_credential_that_is_gone_sends_no_more(client: Client) -> None:
    answer = client.message(message(fresh(identity="plan/gone"), RECEIVED), "4Xgone", BEHIND)
    assert answer.text.startswith("5")


def test_b10_messages_of_one_session_have_each_their_own_ticket(client: Client, served: Site) -> None:
    client.message(message(fresh(), RECEIVED), "4Xfirst", BEHIND)
    assert client.message(message(RECEIVED), "4Xsecond", BEHIND) == NO_TICKET
    client.message(message(fresh(), RECEIVED), "4Xthird", BEHIND)
    assert served.find("4Xsecond") is None
    assert served.find("4Xthird") is not None


@pytest.mark.parametrize("body", [TWO_PARTS, b"no parts\r\n"], ids=["accepted", "refused"])
def test_t44_contacts_are_kept_once_when_the_message_came_to_its_end(
    client: Client, served: Site, body: bytes
) -> None:
    sent = message(fresh(), RECEIVED)
    sent.recipients, sent.body = ["b@example.net", "A@example.net"], body
    before = groups(served)
    client.mail(sent.sender, PUBLIC)
    for recipient in ("a@example.net", "b@example.net", "A@example.net"):
        client.rcpt(recipient)
    with served.connect() as proxy:
        proxy.message(sent, "4Xonce", BEHIND)
    client.abort()
    assert groups(served) == before + 1


def test_t44_contacts_are_kept_when_the_proxy_was_never_asked(client: Client, served: Site) -> None:
    client.message(message(fresh(), RECEIVED), "4Xbefore", BEHIND)
    before = groups(served)
    time.sleep(0.01)
    client.mail("remitente@dominio.example", PUBLIC)
    client.rcpt()
    client.quit()
    assert groups(served) == before + 1


def test_too_many_fields_are_refused_as_without_the_proxy(client: Client) -> None:
    sent = message(fresh(), RECEIVED)
    sent.headers += [("X", b"")] * 50_000
    assert client.message(sent, "4Xmany", BEHIND).text.startswith("550 5.6.0 This message has more than")
