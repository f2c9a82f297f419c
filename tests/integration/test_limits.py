"""Limits over several sessions, listeners and credentials, and what a client is told when one is used up."""

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from estafeta_core import secrets
from estafeta_testing.relay import Relay
from estafeta_testing.smtp import Connection

ACCOUNT = """\
account: {account}
dialect: emitlo
domains: {{{account}.example: {{verified: true}}}}
limits: {of_account}
credentials:
  one: {{username: {account}_one, key: "{key}", limits: {of_one}}}
  two: {{username: {account}_two, key: "{other}"}}
"""


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organization with two credentials."""

    relay: Relay
    name: str
    keys: dict[str, str]

    @contextlib.contextmanager
    def session(self, credential: str, listener: str = "emitlo-587") -> Iterator[Connection]:
        with self.relay.raw(listener) as client:
            self.relay.begin(client, tls=True)
            reply = client.login(f"{self.name}_{credential}", self.keys[credential])
            assert reply.startswith("235"), reply
            assert client.command(f"MAIL FROM:<hello@{self.name}.example>") == "250 2.1.0 Ok"
            yield client
            client.quit()


@contextlib.contextmanager
def tenant(relay: Relay, name: str, *, of_one: str = "{}", of_account: str = "{}") -> Iterator[Tenant]:
    keys = {credential: secrets.generate_key() for credential in ("one", "two")}
    hashes = {credential: secrets.hash_key(key) for credential, key in keys.items()}
    file = relay.accounts_dir / f"{name}.yaml"
    file.write_text(
        ACCOUNT.format(
            account=name, of_one=of_one, of_account=of_account, key=hashes["one"], other=hashes["two"]
        )
    )
    try:
        time.sleep(1.2)  # every process looks at the files for itself, twice a second
        yield Tenant(relay, name, keys)
    finally:
        file.unlink()


def rcpt(client: Connection, number: int) -> str:
    return client.command(f"RCPT TO:<r{number}@example.net>")


def wait_in(reply: str, unit: str) -> int:
    """Return the seconds that a refusal names; Postfix writes the words before the limit's."""
    found = re.fullmatch(
        r"451 4\.7\.1 <r\d@example\.net>: Recipient address rejected:"
        rf" {unit} rate limit exceeded\. Retry after (\d+) seconds\.",
        reply,
    )
    assert found, reply
    return int(found[1])


def test_e10_a_limit_is_shared_by_sessions_listeners_and_processes(listeners: Relay) -> None:
    with tenant(listeners, "shared", of_one="{per_minute: 3}") as shared, contextlib.ExitStack() as stack:
        sessions = [
            stack.enter_context(shared.session("one", listener))
            for listener in ("emitlo-587", "shared", "emitlo-587", "shared")
        ]
        replies = [rcpt(client, number) for number, client in enumerate(sessions)]
        assert replies[:3] == ["250 2.1.5 Ok"] * 3
        assert 0 < wait_in(replies[3], "Per-minute") <= 60
        with shared.session("two") as other:
            assert rcpt(other, 4) == "250 2.1.5 Ok", "the limit is that of one credential"


@pytest.mark.parametrize(
    ("key", "unit", "seconds"),
    [("per_minute", "Per-minute", 60), ("per_hour", "Per-hour", 3600), ("per_day", "Per-day", 86_400)],
)
def test_e11_an_organization_has_limits_for_all_its_credentials(
    listeners: Relay, key: str, unit: str, seconds: int
) -> None:
    name = key.replace("_", "")
    with tenant(listeners, name, of_account=f"{{{key}: 2}}") as organization:
        with organization.session("one") as client:
            assert rcpt(client, 1) == "250 2.1.5 Ok"
        with organization.session("two") as client:
            assert rcpt(client, 2) == "250 2.1.5 Ok"
            assert seconds / 2 < wait_in(rcpt(client, 3), unit) <= seconds
        with organization.session("one") as client:
            wait_in(rcpt(client, 4), unit)


def test_a_message_goes_to_the_recipients_that_were_within_the_limit(listeners: Relay) -> None:
    with tenant(listeners, "partly", of_one="{per_minute: 1}") as partly, partly.session("one") as client:
        assert rcpt(client, 1) == "250 2.1.5 Ok"
        wait_in(rcpt(client, 2), "Per-minute")
        client.command("DATA")
        client.send(b"From: hello@partly.example\r\n\r\nHello\r\n.\r\n")
        reply = client.reply()
    queue_id = reply.partition(" queued as ")[2]
    assert [copy.delivered_to for copy in listeners.copies(queue_id)] == ["r1@example.net"]
