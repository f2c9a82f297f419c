"""Limits over several sessions, listeners and credentials, and what a client is told when one is used up."""

import contextlib
import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from estafeta_core import secrets
from estafeta_testing.relay import Relay
from estafeta_testing.smtp import Connection
from estafeta_testing.tenants import Tenant as Sender
from estafeta_testing.tenants import tenant as sender_of
from estafeta_testing.victims import Victims

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


BCC = 7
SESSIONS = 20


def listed(name: str, number: int, bcc: int = BCC) -> bytes:
    """Return a message whose lists add so many recipients."""
    lists = {"bcc": [f"copy{number}-{each}@example.net" for each in range(bcc)]}
    return f"From: news@{name}.example\r\nX-MSYS-API: {json.dumps(lists)}\r\n\r\nHello\r\n".encode()


def test_g4_lists_in_messages_are_no_way_past_a_limit(listeners: Relay) -> None:
    def send(sender: Sender, number: int) -> list[str]:
        """Send two messages; return the last reply to each."""
        with sender.session() as client:
            return [one(client, sender.name, each) for each in (2 * number, 2 * number + 1)]

    def one(client: Connection, name: str, number: int) -> str:
        client.command("RSET")
        return client.message(f"a@{name}.example", [f"r{number}@example.net"], listed(name, number))

    with sender_of(listeners, "lister", credential=", limits: {per_minute: 100}") as sender:
        with ThreadPoolExecutor(SESSIONS) as pool:
            replies = [r for each in pool.map(lambda n: send(sender, n), range(SESSIONS)) for r in each]
        taken = [reply for reply in replies if reply.startswith("250")]
        refused = re.compile(
            r"451 4\.7\.1 (<.*rejected: )?Per-minute rate limit exceeded\. Retry after \d+ seconds\."
        )
        assert all(refused.fullmatch(reply) for reply in replies if reply not in taken), replies
        at_rcpt = sum("Recipient address rejected" in reply for reply in replies)
        counted = len(replies) - at_rcpt + BCC * len(taken)
        assert 100 - BCC < counted <= 100, "lists stop where fewer are left than one of them needs"
        assert len(taken) >= (100 - 2 * SESSIONS) // BCC
        with sender.session() as client:
            client.command("MAIL FROM:<a@lister.example>")
            left = 0
            while client.command(f"RCPT TO:<last{left}@example.net>").startswith("250"):
                left += 1
        assert counted + left == 100
    for reply in taken:
        assert len(listeners.copies(reply.rpartition(" ")[2])) == 1 + BCC


def test_a_message_that_no_window_could_hold_is_refused_for_good_and_a_smaller_one_goes(
    listeners: Relay,
) -> None:
    with sender_of(listeners, "toomany", more=LIMITED) as sender, sender.session() as client:
        said = client.message("a@toomany.example", ["r@example.net"], listed("toomany", 1, bcc=10))
        assert said == "550 5.5.3 Too many recipients: 11 in one message, and the per-hour limit is 10"
        said = client.message("a@toomany.example", ["r@example.net"], listed("toomany", 2, bcc=8))
        assert said.startswith("250"), said


LIMITED = "domains: {toomany.example: {verified: true}}\nlimits: {per_hour: 10, per_day: 100}\n"


def test_a_daemon_that_stands_still_at_the_final_dot_is_a_temporary_refusal_within_seconds(
    listeners: Relay,
) -> None:
    with (
        sender_of(listeners, "standing", credential=", limits: {per_day: 50}") as sender,
        sender.session() as client,
    ):
        client.envelope("a@standing.example", ["r@example.net"])
        with Victims(listeners).held("policy"):
            started = time.monotonic()
            client.send(listed("standing", 1) + b".\r\n")
            assert client.reply() == "451 4.3.5 Recipients cannot be counted now, try again later"
            assert time.monotonic() - started < 10
        said = client.message("a@standing.example", ["r@example.net"], listed("standing", 2))
        assert said.startswith("250"), said
