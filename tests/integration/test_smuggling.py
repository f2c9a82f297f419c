"""SMTP's edge: nothing a client sends is taken for the end of a message, or for a command, before its time.

CVE-2023-51764 (end of data), CVE-2011-0411 (bytes behind STARTTLS). Every kind of listener is tried.
"""

import pytest

from estafeta_testing.line_ends import ENDS
from estafeta_testing.relay import CLIENT, SENDER, Relay
from estafeta_testing.smtp import Connection, queue_id

LISTENERS = ("sparkpost-587", "sparkpost-2525", "required", "implicit", "plain")
SMUGGLED = (
    f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<smuggled@example.net>\r\nDATA\r\n"
    f"From: {SENDER}\r\nSubject: smuggled\r\n\r\nsmuggled\r\n"
).encode()


@pytest.mark.parametrize("name", LISTENERS)
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a1_one_data_is_one_message(listeners: Relay, name: str, end: bytes) -> None:
    with listeners.session(listener=name) as client:
        assert client.envelope(SENDER, ["alice@example.net"]).startswith("354")
        client.send(f"From: {SENDER}\r\nSubject: one\r\n\r\nfirst".encode() + end + SMUGGLED + b"\r\n.\r\n")
        sent = queue_id(client.reply())
        assert client.command("NOOP") == "250 2.0.0 Ok", "no further reply was on its way"
    copy = listeners.copy(sent)
    assert copy.delivered_to == "alice@example.net"
    assert b"smuggled@example.net" in copy.body, "what was meant as commands is text"
    assert [message.rcpt_to for message in listeners.found(sent).messages] == ["alice@example.net"]


def test_a1_nothing_was_smuggled_at_all(listeners: Relay) -> None:
    """Runs behind the others: what they sent is what there is."""
    everybody = {copy.delivered_to for copies in listeners.everything_delivered().values() for copy in copies}
    assert "smuggled@example.net" not in everybody
    assert listeners.sql("SELECT count(*) FROM messages WHERE rcpt_to = 'smuggled@example.net'") == [(0,)]
    (accepted,) = listeners.sql("SELECT count(*), count(DISTINCT queue_id) FROM transmissions")
    assert accepted[0] == accepted[1]


@pytest.mark.parametrize("name", ["sparkpost-587", "required"])
def test_a2_what_comes_with_starttls_is_not_obeyed_inside_tls(listeners: Relay, name: str) -> None:
    with listeners.raw(name) as client:
        listeners.begin(client, tls=False)
        client.send(b"STARTTLS\r\nNOOP injected\r\nRSET\r\n")
        assert client.reply().startswith("220")
        client.start_tls(listeners.tls)
        assert client.command(f"EHLO {CLIENT}").startswith("250-mx."), "the first reply is EHLO's"
        credential = listeners.credential()
        assert client.login(credential.username, credential.password).startswith("235")
        assert client.command("QUIT").startswith("221")


@pytest.mark.parametrize("name", ["sparkpost-587", "plain"])
def test_a3_commands_before_ehlo_was_answered_end_the_session(listeners: Relay, name: str) -> None:
    with listeners.raw(name) as client:
        assert client.reply().startswith("220")
        client.send(f"EHLO {CLIENT}\r\nMAIL FROM:<{SENDER}>\r\n".encode())
        replies = _until_closed(client)
    assert any(reply.startswith("554 5.5.0") for reply in replies), replies
    assert not any(reply.startswith("250 2.1.0") for reply in replies), replies


@pytest.mark.parametrize("name", ["sparkpost-587", "plain"])
def test_a3_a_client_that_does_not_wait_for_the_banner(listeners: Relay, name: str) -> None:
    with listeners.raw(name) as client:
        client.send(f"EHLO {CLIENT}\r\nMAIL FROM:<{SENDER}>\r\nRCPT TO:<a@example.net>\r\n".encode())
        replies = _until_closed(client)
    assert not any(reply.startswith(("250 2.1.0", "250 2.1.5")) for reply in replies), replies


def _until_closed(client: Connection) -> list[str]:
    replies = []
    try:
        while True:
            replies.append(client.reply(timeout=10))
    except ConnectionError:
        return replies


def test_a7_no_login_in_clear_where_tls_is_required(listeners: Relay) -> None:
    credential = listeners.credential()
    with listeners.raw("required") as client:
        assert client.reply().startswith("220")
        assert "AUTH" not in client.command(f"EHLO {CLIENT}")
        assert client.login(credential.username, credential.password).startswith(("503 5.5.1", "530 5.7.0"))
        assert client.command(f"MAIL FROM:<{SENDER}>") == "530 5.7.0 Must issue a STARTTLS command first"


@pytest.mark.parametrize("name", ["required", "implicit"])
def test_a7_under_tls_it_takes_mail(listeners: Relay, name: str) -> None:
    with listeners.session(listener=name) as client:
        sent = queue_id(
            client.message(SENDER, ["alice@example.net"], f"From: {SENDER}\r\n\r\nHi\r\n".encode())
        )
    assert " with ESMTPSA id " in listeners.copy(sent).values("Received")[0]


def test_s09_an_idle_client_is_disconnected(listeners: Relay) -> None:
    with listeners.session(listener="impatient") as client:
        assert client.reply().startswith("421 4.4.2 "), "timeout exceeded"
        with pytest.raises(ConnectionError):
            client.reply()


def test_s08_a_connection_may_be_limited_to_so_many_messages(listeners: Relay) -> None:
    message = f"From: {SENDER}\r\n\r\nHi\r\n".encode()
    with listeners.session(listener="few") as client:
        for _ in range(2):
            queue_id(client.message(SENDER, ["alice@example.net"], message))
        assert client.command(f"MAIL FROM:<{SENDER}>").startswith("250")
        assert client.command("RCPT TO:<alice@example.net>").startswith("421 4.7.0 ")
    with listeners.session(listener="few") as client:
        queue_id(client.message(SENDER, ["alice@example.net"], message))


def test_a_message_may_be_limited_to_so_many_recipients(listeners: Relay) -> None:
    with listeners.session(listener="few") as client:
        assert client.command(f"MAIL FROM:<{SENDER}>").startswith("250")
        for name in ("a", "b"):
            assert client.command(f"RCPT TO:<{name}@example.net>").startswith("250")
        assert client.command("RCPT TO:<c@example.net>").startswith("452 4.5.3")
