"""Accounts in the store behind a real Postfix: the move from files, a change, a start without the store."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from estafeta_core.config.load import SQLITE
from estafeta_testing import sandbox as testing
from estafeta_testing.relay import Relay, wait
from estafeta_testing.smtp import Connection
from estafeta_testing.victims import Victims

SENDER = "news@acme.example"
MESSAGE = f"From: {SENDER}\r\nSubject: Hello\r\n\r\nHello\r\n".encode()
PATIENCE = 20.0  # seconds


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    """A sandbox that has moved from files to the store while it runs."""
    with testing.running(config=testing.QUICK, kind="sqlite") as running:
        relay = Relay(running.description)
        done = relay.estafeta("import", str(relay.accounts_dir))
        assert done.returncode == 0, done.stderr
        text = relay.config.read_text()
        assert "directory: files" in text
        relay.config.write_text(text.replace("directory: files", "directory: store"))
        yield relay


def mail(client: Connection) -> str:
    client.command("RSET")
    return client.command(f"MAIL FROM:<{SENDER}>")


def test_a_key_that_is_made_in_the_store_works_and_stops_in_an_open_session(relay: Relay) -> None:
    for file in relay.accounts_dir.glob("*.yaml"):
        file.unlink()  # whoever still read them would know nobody
    key = relay.estafeta("key", "create", "acme/new").stdout.strip()
    assert key

    def log_in() -> str:
        with relay.raw() as client:
            relay.begin(client, tls=False)
            return client.login(relay.credential().username, key)[:3]

    wait(log_in, "235", "a login with the new key", PATIENCE)
    with relay.raw() as client:
        relay.begin(client, tls=False)
        assert client.login(relay.credential().username, key).startswith("235")
        assert mail(client) == "250 2.1.0 Ok"
        done = relay.estafeta("key", "revoke", "acme/new")
        assert done.returncode == 0, done.stderr
        wait(lambda: mail(client)[:9], "535 5.7.8", "the reply to MAIL", PATIENCE)
    assert relay.send(MESSAGE, sender=SENDER)


def test_a_start_without_the_store_puts_mail_off(relay: Relay) -> None:
    """Nobody's key is called wrong, and nothing is accepted; daemons that have the accounts serve on."""
    file = Path(relay.description["store"].removeprefix(SQLITE))
    victims = Victims(relay)
    file.rename(file.with_suffix(".aside"))
    try:
        for role in ("sasl", "policy"):
            dead = victims.pids(role)[0]
            victims.kill(role)
            victims.replaced(role, dead)

        def log_in() -> str:
            with contextlib.suppress(ConnectionError), relay.raw() as client:
                relay.begin(client, tls=False)
                credential = relay.credential()
                return client.login(credential.username, credential.password)
            return "no connection"

        wait(lambda: log_in()[:9], "454 4.7.0", "a login without the store", PATIENCE)
    finally:
        file.with_suffix(".aside").rename(file)
    wait(lambda: log_in()[:3], "235", "a login", PATIENCE)

    def send() -> bool:
        with contextlib.suppress(AssertionError):
            return bool(relay.send(MESSAGE, sender=SENDER))
        return False

    wait(send, True, "a message", PATIENCE)
