"""Listeners that answer the final dot with the provider's receipt (T41), by the proxy before the queue.

Beside each of them stands one without: what a client is told, and what a recipient gets, is the same on both,
but for the receipt.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from estafeta_core.dialects.teenvio import TEENVIO
from estafeta_core.tickets import FIELD, LISTENER, Tickets
from estafeta_testing import receipts
from estafeta_testing.outbox import Copy
from estafeta_testing.receipts import (
    OTHER_SENDER,
    OTRO,
    PLAN,
    SENDER,
    TRACE,
    behind,
    message,
    queue_id,
    send,
    ticket_of,
    transmission,
)
from estafeta_testing.relay import Relay, wait
from estafeta_testing.smtp import Connection, stuffed


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    """A sandbox of this file alone."""
    with receipts.running() as running:
        yield running


@pytest.fixture(scope="module")
def tickets(relay: Relay) -> Tickets:
    """What only the daemons can make."""
    return receipts.tickets(relay)


@pytest.mark.parametrize(("listener", "tls"), [("starttls", False), ("starttls", True), ("implicit", False)])
def test_t41_t42_the_receipt_finds_the_send(relay: Relay, listener: str, *, tls: bool) -> None:
    with relay.session(PLAN, listener=listener, tls=tls) as client:
        sent = transmission(client.message(SENDER, ["alice@example.net"], message()))
    shown = relay.estafeta("show", sent)
    assert shown.returncode == 0, shown.stderr
    assert "alice@example.net" in shown.stdout
    found = relay.found(sent).transmission
    assert (found.account, found.credential, found.listener) == ("plan", "usuario", listener)
    assert relay.copy(found.queue_id).delivered_to == "alice@example.net"
    assert {event["type"] for event in relay.events(sent, "delivery", "injection")} == {
        "injection",
        "delivery",
    }


def test_who_is_there_shows_the_proxy(relay: Relay) -> None:
    assert relay.processes["receipt"] > 0


def test_nobody_but_root_and_postdrop_reaches_the_listener_behind(relay: Relay) -> None:
    public = relay.dir / "postfix" / "queue" / "public"
    assert (public / LISTENER).is_socket()
    assert public.stat().st_mode & 0o007 == 0


TOKEN = re.compile(
    rb"/([couw])/[A-Za-z0-9_-]+|b\+[a-z2-7]+@|unsubscribe:[A-Za-z0-9_-]+|X-MSFBL:(?:[^\r\n]|\r\n[ \t])*"
)


def without_tokens(copy: Copy) -> bytes:
    """Return what is the same in two sends of one message: no traces of its way, and no tokens."""
    traced = re.sub(rb"(?m)^Received:.*\r\n(?:[ \t].*\r\n)*", b"", copy.message)
    return TOKEN.sub(rb"/\1", traced)


def test_a_message_leaves_as_it_does_without_the_proxy(relay: Relay) -> None:
    text = b".\r\n..dots\r\n" + "ñ".encode() * 400 + b"\r\nbare \r and \0 and " + b"x" * 5000 + b"\r\n\r\n. "
    own = b"X-Estafeta-Ticket: of my own\r\nX-Own: kept as it is\r\nX-Teenvio-Language: 4\r\n"
    sent = message(before=own, text=text)
    with_receipt, without = (
        relay.copy(queue_id(relay, send(relay, sent, listener=listener)))
        for listener in ("starttls", "without")
    )
    assert without_tokens(with_receipt) == without_tokens(without)
    assert len(with_receipt.values("Received")) == len(without.values("Received")) + 1


def test_b6_the_size_of_a_message_is_what_the_client_sent(relay: Relay) -> None:
    """Of the largest message that may be, not a byte goes to what is put before it on its way."""
    room = TEENVIO.size_limit - len(message())
    line = b"0123456789" * 7 + b"\r\n"
    filler = line * (room // len(line)) + b"x" * (room % len(line))
    fitting, too_large = message(text=b"Hola" + filler), message(text=b"Hola!" + filler)
    assert len(fitting) == TEENVIO.size_limit
    for listener in ("starttls", "without"):
        replies = [send(relay, content, listener=listener) for content in (fitting, too_large)]
        queue_id(relay, replies[0])
        assert replies[1].startswith("552 "), replies[1]


def at_mail(client: Connection) -> list[str]:
    return [
        client.command("MAIL FROM:<pendiente@dominio.example>"),
        client.command("RCPT TO:<a@example.net>"),
    ]


def at_rcpt(client: Connection) -> list[str]:
    commands = (f"MAIL FROM:<{SENDER}>", "RCPT TO:<nadie>", "RCPT TO:<>", "DATA")
    return [client.command(line) for line in commands]


def of_commands(client: Connection) -> list[str]:
    return [
        client.command(line) for line in ("FOO bar", "AUTH PLAIN x", "DATA", "HELP", "VRFY a", "MAIL FROM:<")
    ]


def of_the_message(client: Connection) -> list[str]:
    one_part = b"From: remitente@dominio.example\r\n\r\nHola\r\n"
    return [
        client.message(SENDER, ["a@example.net"], content)
        for content in (
            one_part,
            message(OTHER_SENDER),
            message(before=b"Reply-To: otra@dominio.example\r\n"),
            b"From: \xff <x\r\n\r\n",
            message(text=b"x" * 600_000),
        )
    ]


def of_size(client: Connection) -> list[str]:
    return [client.command(f"MAIL FROM:<{SENDER}> SIZE=9999999")]


@pytest.mark.parametrize("session", [at_mail, at_rcpt, of_commands, of_the_message, of_size])
def test_every_refusal_is_word_for_word_what_it_is_without_the_proxy(
    relay: Relay, session: Callable[[Connection], list[str]]
) -> None:
    replies = []
    for listener in ("starttls", "without"):
        with relay.session(PLAN, listener=listener) as client:
            replies.append(session(client))
    assert replies[0] == replies[1]
    assert any(reply[0] == "5" for reply in replies[0])


def test_nobody_sends_without_a_login(relay: Relay) -> None:
    with relay.raw("starttls") as client:
        relay.begin(client, tls=True)
        assert client.command(f"MAIL FROM:<{SENDER}>") == "530 Authentication required"


def test_t44_data_with_only_the_dot_keeps_the_contacts_and_has_no_receipt(relay: Relay) -> None:
    with relay.session(PLAN, listener="starttls") as client:
        assert client.message(SENDER, ["contacto@example.net"], b"") == "250 OK"
    query = "SELECT group_id FROM group_contacts WHERE address = 'contacto@example.net'"
    assert len(relay.sql(query)) == 1


def reset(client: Connection) -> None:
    client.command("RSET")


def drop(client: Connection) -> None:
    client.close()


def drop_in_data(client: Connection) -> None:
    client.command("DATA")
    client.send(b"Subject: half")
    client.close()


def too_large(client: Connection) -> None:
    client.command("DATA")
    client.send(stuffed(message(text=b"x" * 600_000)))
    client.reply()


def refused(client: Connection) -> None:
    client.command("DATA")
    client.send(stuffed(b"From: otra@dominio.example\r\n\r\nHola"))
    client.reply()


def accepted(client: Connection) -> None:
    client.command("DATA")
    client.send(stuffed(message()))
    client.reply()


_ENDS: dict[str, Callable[[Connection], None]] = {
    each.__name__: each for each in (reset, drop, drop_in_data, too_large, refused, accepted)
}


@pytest.mark.parametrize("end", _ENDS)
@pytest.mark.parametrize("listener", ["starttls", "without"])
def test_t44_t45_recipients_become_one_group_however_it_ends(relay: Relay, listener: str, end: str) -> None:
    address = f"{end}-{listener}@contactos.example"
    with relay.raw(listener) as client:
        relay.log_in(client, PLAN, username=None, listener=listener, tls=False)
        client.command(f"MAIL FROM:<{SENDER}>")
        assert client.command(f"RCPT TO:<{address}>") == "250 2.1.5 Ok"
        _ENDS[end](client)
    query = f"SELECT count(*) FROM group_contacts WHERE address = '{address}'"
    wait(lambda: relay.sql(query), [(1,)], f"groups with {address}")
    time.sleep(0.2)
    assert relay.sql(query) == [(1,)]


def test_b10_every_message_of_a_session_has_its_own_receipt(relay: Relay) -> None:
    with relay.session(PLAN, listener="starttls") as client:
        replies = []
        for number in range(5):
            client.command(f"MAIL FROM:<{SENDER}>")
            client.command("RCPT TO:<nadie@example.net>")
            client.command("RSET")
            replies.append(client.message(SENDER, [f"n{number}@example.net", "b@example.net"], message()))
            assert client.message(SENDER, ["a@example.net"], b"\r\nHola").startswith("500 ")
    sent = [transmission(reply) for reply in replies]
    assert len(set(sent)) == 5
    for number, each in enumerate(sent):
        addressed = {found.rcpt_to for found in relay.found(each).messages}
        assert addressed == {f"n{number}@example.net", "b@example.net"}


def test_parameters_of_mail_and_rcpt_are_taken_as_without_the_proxy(relay: Relay) -> None:
    with relay.session(PLAN, listener="starttls") as client:
        mail = f"MAIL FROM:<{SENDER}> SIZE=700 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ314159 AUTH=<>"
        assert client.command(mail) == "250 2.1.0 Ok"
        for recipient in (
            "<alice@example.net> NOTIFY=NEVER ORCPT=rfc822;alice@example.net",
            "<ñu@example.net>",
        ):
            assert client.command(f"RCPT TO:{recipient}") == "250 2.1.5 Ok"
        assert client.command("DATA").startswith("354")
        client.send(stuffed(message()))
        sent = transmission(client.reply())
    delivered = {copy.delivered_to for copy in relay.copies(relay.found(sent).transmission.queue_id)}
    assert delivered == {"alice@example.net", "ñu@example.net"}


def test_a_thousand_recipients_go_through(relay: Relay) -> None:
    recipients = [f"r{number}@example.net" for number in range(1000)]
    with relay.session(PLAN, listener="starttls") as client:
        sent = transmission(client.message(SENDER, recipients, message(before=b"X-Teenvio-ShowCab: no\r\n")))
        assert client.command(f"MAIL FROM:<{SENDER}>") == "250 2.1.0 Ok"
    assert len(relay.found(sent).messages) == 1000


def test_b11_two_customers_at_the_same_time_have_each_what_is_theirs(relay: Relay) -> None:
    told: dict[str, list[str]] = {PLAN: [], OTRO: []}

    def work(credential: str, listener: str) -> None:
        sender = SENDER if credential == PLAN else OTHER_SENDER
        with relay.session(credential, listener=listener) as client:
            for _ in range(15):
                told[credential].append(client.message(sender, ["alice@example.net"], message(sender)))

    places = [(credential, listener) for credential in told for listener in ("starttls", "implicit")]
    threads = [threading.Thread(target=work, args=place) for place in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for credential, replies in told.items():
        accounts = {relay.found(transmission(reply)).transmission.account for reply in replies}
        assert accounts == {credential.partition("/")[0]}
        assert len(replies) == 30


def test_b15_no_ticket_in_a_message_makes_its_sender_somebody_else(relay: Relay, tickets: Tickets) -> None:
    """Not even a valid one, were it ever to get out."""
    for field in (
        b"X-Estafeta-Ticket: 1795000000 otro/app starttls 127.0.0.1 tls 00112233445566778899aabbccddeeff\r\n",
        ticket_of(tickets, OTRO),
        ticket_of(tickets, PLAN),
        ticket_of(tickets, OTRO) * 3,
    ):
        sent = transmission(send(relay, message(before=field)))
        assert relay.found(sent).transmission.account == "plan"
        copy = relay.copy(relay.found(sent).transmission.queue_id)
        assert copy.values(FIELD) == []
        assert send(relay, message(OTHER_SENDER, before=field)).startswith("553 Remitente no existente")


@pytest.mark.parametrize("name", ["nothing", "old", "behind the trace", "two"])
def test_the_listener_behind_takes_nothing_without_a_ticket_in_front(
    relay: Relay, tickets: Tickets, name: str
) -> None:
    valid = ticket_of(tickets, PLAN)
    before = {
        "nothing": TRACE,
        "old": ticket_of(tickets, PLAN, age=7200) + TRACE,
        "behind the trace": TRACE + valid,
        "two": valid + valid + TRACE,
    }[name]
    with behind(relay) as client:
        reply = client.message(SENDER, ["alice@example.net"], message(before=before))
    assert reply == "451 4.7.1 This listener takes nothing but messages with a ticket"


def test_a_key_revoked_a_moment_ago_stops_at_the_final_dot(relay: Relay, tickets: Tickets) -> None:
    with behind(relay) as client:
        before = ticket_of(tickets, "plan/revocada") + TRACE
        reply = client.message(SENDER, ["alice@example.net"], message(before=before))
    assert reply[0] == "5", reply


def test_a_message_refused_behind_the_proxy_is_one_event(relay: Relay) -> None:
    reply = send(relay, message(OTHER_SENDER), "refused.once@example.net")
    assert reply.startswith("5")
    command = ("events", "--recipient", "refused.once@example.net", "--json")
    wait(lambda: relay.estafeta(*command).stdout.count("policy_rejection"), 1, "the event of the refusal")
    (shown,) = map(json.loads, relay.estafeta(*command).stdout.splitlines())
    assert shown["remote_addr"] == "127.0.0.1"
