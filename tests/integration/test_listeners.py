"""What a listener's settings do, against real Postfix."""

import pytest

from estafeta_testing.relay import Relay
from estafeta_testing.smtp import queue_id

# Credential, an address it may send from, and what else a message of its dialect needs.
SHARING = (
    ("acme/main", "news@acme.example"),
    ("website/1website", "noreply@devino.example"),
    ("yourdomain/prod", "hello@yourdomain.example"),
)


def mail(sender: str, size: int = 0) -> bytes:
    lines = b"[Unsubscribe] [WebVersion] and more\r\n" * (1 + size // 36)
    return b"From: " + sender.encode() + b"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + lines


def test_p01_a_listener_has_the_host_name_that_clients_look_for(listeners: Relay) -> None:
    with listeners.raw("named") as client:
        assert client.reply() == "220 localhost ESMTP Perfit v2"
        assert client.command("EHLO client.example").startswith("250-smtp.myperfit.example\n")
    with listeners.session("micuenta/main", listener="named") as client:
        reply = client.message("yo@midominio.example", ["p01@example.net"], mail("yo@midominio.example"))
    assert "by smtp.myperfit.example (Postfix)" in listeners.copy(queue_id(reply)).value("Received")


@pytest.mark.parametrize(("credential", "sender"), SHARING)
def test_on_a_shared_port_the_credential_tells_the_dialect(
    listeners: Relay, credential: str, sender: str
) -> None:
    with listeners.session(credential, listener="shared") as client:
        id_ = queue_id(client.message(sender, ["shared@example.net"], mail(sender)))
    found = listeners.found(id_)
    assert found.transmission.dialect == listeners.credential(credential).dialect
    assert found.transmission.listener == "shared"
    text = listeners.copy(id_).body
    assert (b"[Unsubscribe]" in text) == (found.transmission.dialect != "devino")


@pytest.mark.parametrize(("credential", "sender"), SHARING)
def test_on_a_shared_port_each_account_has_the_limit_of_its_dialect(
    listeners: Relay, credential: str, sender: str
) -> None:
    with listeners.session(credential, listener="shared") as client:
        reply = client.message(sender, ["shared@example.net"], mail(sender, 600_000))
    if credential == "website/1website":
        assert reply == "554 Transaction failed: Message exceeds fixed size limit"
    else:
        assert reply.startswith("250 ")


def test_a_shared_port_greets_and_announces_for_nobody(listeners: Relay) -> None:
    with listeners.raw("shared") as client:
        assert client.reply() == "220 mx.estafeta.example ESMTP"
        assert f"250-SIZE {20 * 1024 * 1024}" in client.command("EHLO client.example").split("\n")


def test_a_wrong_password_of_emitlos_is_refused_in_its_words_where_devino_stands_behind_it(
    listeners: Relay,
) -> None:
    place = listeners.listener("shared")
    with listeners.raw("shared") as client:
        listeners.begin(client, tls=True)
        reply = client.login(listeners.credential("yourdomain/prod").username, "wrong", place.mechanisms)
    assert reply == "535 5.7.8 Error: authentication failed: Invalid username or password"


@pytest.mark.parametrize(
    ("listener", "credential"),
    [
        ("perfit-2525", "acme/main"),
        ("sparkpost-587", "micuenta/main"),
        ("devino-587", "yourdomain/prod"),
        ("shared", "plan/usuario"),
    ],
)
def test_a_credential_of_another_dialect_is_refused(listeners: Relay, listener: str, credential: str) -> None:
    chosen, place = listeners.credential(credential), listeners.listener(listener)
    with listeners.raw(listener) as client:
        listeners.begin(client, tls=place.tls == "required")
        reply = client.login(chosen.username, chosen.password, place.mechanisms)
    assert reply.startswith("535 5.7.8 ")


def test_t02_each_use_of_a_deprecated_port_has_a_line_in_the_log(relay: Relay) -> None:
    log = relay.dir / "log" / "milter.log"
    before = log.read_text().count("teenvio-2500")
    for listener in ("teenvio-2500", "teenvio-58700"):
        with relay.session("plan/usuario", listener=listener) as client:
            assert client.command("MAIL FROM:<remitente@dominio.example>") == "250 2.1.0 Ok"
    lines = [line for line in log.read_text().splitlines() if "teenvio-2500" in line]
    assert len(lines) == before + 1
    assert lines[-1].endswith("MAIL: plan/usuario: listener teenvio-2500 is deprecated: use another port")
    assert "teenvio-58700" not in log.read_text()
