"""Contacts and groups of Teenvio's accounts, whatever becomes of the message (T44, T45)."""

from collections.abc import Callable

import pytest

from estafeta_testing.relay import Relay, wait
from estafeta_testing.smtp import Connection

SENDER = "remitente@dominio.example"
TEXTS = (
    b"From: remitente@dominio.example\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n"
    b"--x\r\n\r\nHola\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>Hola</p>\r\n--x--\r\n.\r\n"
)


def groups_of(relay: Relay, address: str) -> list[tuple[str, bool, set[str]]]:
    """Return mark, whether a message came, and the addresses of each group that this address is in."""
    found = relay.sql(
        "SELECT group_id, substr(name, 1, 5), transmission_id IS NOT NULL, address"
        " FROM groups JOIN group_contacts USING (group_id) WHERE account = 'plan' AND group_id IN"
        " (SELECT group_id FROM group_contacts WHERE address = ?)",
        address,
    )
    groups: dict[int, tuple[str, bool, set[str]]] = {}
    for group_id, mark, came, each in found:
        groups.setdefault(group_id, (mark, bool(came), set()))[2].add(each)
    return list(groups.values())


def data(content: bytes) -> Callable[[Connection], None]:
    def say(client: Connection) -> None:
        assert client.command("DATA").startswith("354")
        client.send(content)
        client.reply()

    return say


def dropped_in_data(client: Connection) -> None:
    client.command("DATA")
    client.send(TEXTS[:100])
    client.close()


ENDS: dict[str, tuple[Callable[[Connection], object], bool]] = {
    "accepted": (data(TEXTS), True),
    "refused": (data(b"From: remitente@dominio.example\r\n\r\nHola\r\n.\r\n"), False),
    "only-the-dot": (data(b".\r\n"), False),
    "an-empty-line": (data(b"\r\n.\r\n"), False),
    "too-large": (data(b"Subject: x\r\n\r\n" + b"0123456789\r\n" * 50_000 + b".\r\n"), False),
    "rset": (lambda client: client.command("RSET"), False),
    "quit": (lambda client: client.command("QUIT"), False),
    "dropped": (Connection.close, False),
    "dropped-in-data": (dropped_in_data, False),
}


@pytest.mark.parametrize("name", ENDS)
def test_t44_t45_the_recipients_of_a_transaction_are_a_group_however_it_ends(relay: Relay, name: str) -> None:
    end, came = ENDS[name]
    address = f"{name}@contactos.example"
    with relay.raw("teenvio-58700") as client:
        relay.log_in(client, "plan/usuario", username=None, listener="teenvio-58700", tls=False)
        assert client.command(f"MAIL FROM:<{SENDER}>").startswith("250")
        for recipient in (address, f"Otra-{address}", address.upper()):
            assert client.command(f"RCPT TO:<{recipient}>") == "250 2.1.5 Ok"
        assert client.command("RCPT TO:<nadie>") == "553 5.1.3 Bad recipient address syntax"
        end(client)
    wanted = [("SMTP ", came, {address, f"otra-{address}"})]
    wait(lambda: groups_of(relay, address), wanted, f"one group of {address}")


def test_t44_a_message_without_recipients_leaves_no_group(relay: Relay) -> None:
    before = relay.sql(
        "SELECT count(*) FROM groups WHERE NOT EXISTS"
        " (SELECT 1 FROM group_contacts WHERE group_contacts.group_id = groups.group_id)"
    )
    with relay.session("plan/usuario", listener="teenvio-58700") as client:
        client.command(f"MAIL FROM:<{SENDER}>")
        client.command("RCPT TO:<nadie>")
        client.command("RSET")
    assert before == [(0,)]


@pytest.mark.parametrize("listener", ["devino-465", "emitlo-587", "perfit-2525", "sparkpost-587"])
def test_no_other_provider_keeps_the_contacts_of_a_message_that_never_came(
    relay: Relay, listener: str
) -> None:
    senders = {
        "devino-465": ("website/1website", "noreply@devino.example"),
        "emitlo-587": ("yourdomain/prod", "hello@yourdomain.example"),
        "perfit-2525": ("micuenta/main", "yo@midominio.example"),
        "sparkpost-587": ("acme/main", "news@acme.example"),
    }
    credential, sender = senders[listener]
    address = f"{listener}@contactos.example"
    with relay.session(credential, listener=listener) as client:
        assert client.command(f"MAIL FROM:<{sender}>").startswith("250")
        assert client.command(f"RCPT TO:<{address}>").startswith("250")
        client.command("RSET")
        assert client.command(f"MAIL FROM:<{sender}>").startswith("250"), "the milter has seen to it"
    assert relay.sql("SELECT count(*) FROM contacts WHERE address = ?", address) == [(0,)]
