"""What operators set in account files, as clients feel it: defaults, return paths, keys, limits."""

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from estafeta_core import secrets
from estafeta_testing.outbox import Copy
from estafeta_testing.relay import Relay, wait
from estafeta_testing.smtp import Connection, queue_id

READER = "reader@example.net"
HTML = '<html><body><a href="https://example.com/">Go</a></body></html>\r\n'

_ACCOUNTS = """\
account: beta
dialect: sparkpost
customer_id: "4711"
defaults: {{open_tracking: true, click_tracking: true, initial_open_pixel: false}}
domains:
  beta.example: {{verified: true, bounce: true}}
  gamma.example: {{verified: true}}
  waiting.example: {{verified: dns}}
subaccounts:
  "7": {{domains: [seven.example], status: suspended}}
  "8": {{domains: [eight.example], status: terminated}}
credentials:
  main: {{key: "{main}"}}
  suspended: {{key: "{suspended}", status: suspended}}
  expired: {{key: "{expired}", expires: "{yesterday}"}}
  elsewhere: {{key: "{elsewhere}", allow_from: [192.0.2.0/24]}}
  here: {{key: "{here}", allow_from: [127.0.0.0/8]}}
  private: {{key: "{private}", require_tls: true}}
  limited: {{key: "{limited}", limits: {{per_minute: 3}}}}
"""
_KEEPING = """\
account: keeping
dialect: sparkpost
defaults: {{transactional: true, return_path: keep}}
domains:
  keeping.example: {{verified: true}}
credentials:
  main: {{key: "{keeping}"}}
"""
_NAMES = ("main", "suspended", "expired", "elsewhere", "here", "private", "limited", "keeping")


@dataclass(frozen=True, slots=True)
class Accounts:
    """Two accounts of this file, and how to log in."""

    relay: Relay
    keys: dict[str, str]

    @contextlib.contextmanager
    def login(
        self, name: str, username: str = "SMTP_Injection", *, tls: bool = False
    ) -> Iterator[tuple[Connection, str]]:
        """Yield a connection, and the reply to its login."""
        with self.relay.raw() as client:
            self.relay.begin(client, tls=tls)
            yield client, client.login(username, self.keys[name])
            client.quit()

    def send(self, sender: str, header: str = "{}", *, key: str = "main", envelope: str | None = None) -> str:
        message = f"From: {sender}\r\nContent-Type: text/html\r\nX-MSYS-API: {header}\r\n\r\n{HTML}"
        with self.login(key) as (client, reply):
            assert reply.startswith("235"), reply
            return client.message(sender if envelope is None else envelope, [READER], message.encode())

    def copy(
        self, sender: str, header: str = "{}", *, key: str = "main", envelope: str | None = None
    ) -> Copy:
        return self.relay.copy(queue_id(self.send(sender, header, key=key, envelope=envelope)))


@pytest.fixture(scope="module")
def accounts(listeners: Relay) -> Iterator[Accounts]:
    keys = {name: secrets.generate_key() for name in _NAMES}
    words = {name: secrets.hash_key(key) for name, key in keys.items()}
    words["yesterday"] = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    files = {"beta.yaml": _ACCOUNTS, "keeping.yaml": _KEEPING}
    for name, text in files.items():
        (listeners.accounts_dir / name).write_text(text.format(**words))
    time.sleep(1.2)  # every process looks at the files for itself, twice a second
    yield Accounts(listeners, keys)
    for name in files:
        (listeners.accounts_dir / name).unlink()


def test_s30_tracking_may_be_on_for_an_account(accounts: Accounts) -> None:
    body = accounts.copy("news@beta.example").body.decode()
    assert f'href="{accounts.relay.web}/c/' in body
    assert len(re.findall(rf'src="{accounts.relay.web}/o/', body)) == 1, "no pixel at the top"


def test_s32_the_header_beats_the_account(accounts: Accounts) -> None:
    copy = accounts.copy(
        "news@beta.example", '{"options": {"open_tracking": false, "click_tracking": false}}'
    )
    assert copy.body.decode() == HTML
    copy = accounts.copy("news@beta.example", '{"options": {"open_tracking": false}}')
    assert "/c/" in copy.body.decode()
    assert "/o/" not in copy.body.decode()
    copy = accounts.copy("news@keeping.example", '{"options": {"transactional": false}}', key="keeping")
    assert len(copy.values("List-Unsubscribe")) == 1


@pytest.mark.parametrize(
    ("envelope", "domain"),
    [
        ("me@beta.example", "beta.example"),
        ("me@BETA.example", "beta.example"),
        ("me@gamma.example", "bounce.estafeta.example"),
        ("me@sub.beta.example", "bounce.estafeta.example"),
        ("me@elsewhere.example", "bounce.estafeta.example"),
        ("", "bounce.estafeta.example"),
    ],
)
def test_s54_a_return_path_domain_that_leads_here_is_kept(
    accounts: Accounts, envelope: str, domain: str
) -> None:
    copy = accounts.copy("news@beta.example", envelope=envelope)
    assert copy.return_path.endswith(f"@{domain}")
    assert accounts.relay.links.read_bounce_address(copy.return_path) is not None


def test_s55_an_account_may_keep_its_own_return_path(accounts: Accounts) -> None:
    copy = accounts.copy("news@keeping.example", key="keeping", envelope="bounces@anywhere.example")
    assert copy.return_path == "bounces@anywhere.example"


def test_a_customer_id_stands_in_events_and_complaints(accounts: Accounts) -> None:
    copy = accounts.copy("news@beta.example")
    feedback = accounts.relay.links.read_msfbl(copy.value("X-MSFBL"))
    assert feedback is not None
    assert feedback.customer_id == "4711"
    assert {event["customer_id"] for event in accounts.relay.events(copy.queue_id)} == {"4711"}


def test_a_domain_that_waits_for_its_dns_record_may_not_send(accounts: Accounts) -> None:
    assert accounts.send("news@waiting.example") == "550 5.7.1 Unconfigured Sending Domain <waiting.example>"


def test_what_one_account_suppresses_another_may_mail(accounts: Accounts) -> None:
    message = f"From: news@beta.example\r\n\r\n{HTML}".encode()
    with accounts.login("main") as (client, _reply):
        sent = queue_id(client.message("news@beta.example", ["suppressed@example.net"], message))
    assert accounts.relay.copy(sent).delivered_to == "suppressed@example.net"


def test_an_account_may_not_use_the_domain_of_another(accounts: Accounts) -> None:
    assert accounts.send("news@acme.example") == "550 5.7.1 Unconfigured Sending Domain <acme.example>"
    assert accounts.send("news@keeping.example") == "550 5.7.1 Unconfigured Sending Domain <keeping.example>"


@pytest.mark.parametrize(
    ("name", "username", "reason"),
    [
        ("suspended", "SMTP_Injection", "Credential suspended"),
        ("expired", "SMTP_Injection", "Credential expired"),
        ("elsewhere", "SMTP_Injection", "Credential not allowed from this address"),
        ("private", "SMTP_Injection", "Credential requires TLS"),
        ("main", "SMTP_Injection:X-MSYS-SUBACCOUNT=7", "Subaccount suspended"),
        ("main", "SMTP_Injection:X-MSYS-SUBACCOUNT=8", "Subaccount terminated"),
    ],
)
def test_a_right_key_is_told_why_it_may_not_be_used(
    accounts: Accounts, name: str, username: str, reason: str
) -> None:
    with accounts.login(name, username) as (_client, reply):
        assert reply == f"535 5.7.8 Error: authentication failed: {reason}"


def test_restricted_keys_work_where_they_may(accounts: Accounts) -> None:
    for name, tls in (("here", False), ("private", True)):
        with accounts.login(name, tls=tls) as (_client, reply):
            assert reply.startswith("235"), name


def test_a_limit_counts_recipients_and_refuses_for_the_time_being(accounts: Accounts) -> None:
    with accounts.login("limited") as (client, _reply):
        assert client.command("MAIL FROM:<news@beta.example>").startswith("250")
        replies = [client.command(f"RCPT TO:<r{number}@example.net>") for number in range(5)]
    assert [reply[:3] for reply in replies[:3]] == ["250"] * 3
    for reply in replies[3:]:
        assert re.match(r"451 4\.7\.1 .*Per-minute rate limit exceeded", reply), reply


def test_a_mistake_in_an_account_file_changes_nothing(accounts: Accounts) -> None:
    relay = accounts.relay
    broken = relay.accounts_dir / "broken.yaml"
    log = relay.dir / "log" / "milter.log"
    try:
        broken.write_text("account: broken\ndialect: sparkpost\ncolour: red\n")
        wait(lambda: "broken.yaml:3" in log.read_text(), True, "the milter names file and line")
        accounts.copy("news@beta.example")
        assert relay.estafeta("show", "x").returncode == 1, "commands that need no accounts still work"
    finally:
        broken.unlink()
