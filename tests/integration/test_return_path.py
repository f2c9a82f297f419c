"""Where bounces of each copy go: to us, to a domain of the customer's own, or to whoever MAIL FROM named."""

import json
from collections.abc import Iterator

import pytest

from estafeta_core.tokens import Kind
from estafeta_testing.outbox import Copy
from estafeta_testing.relay import Relay
from estafeta_testing.smtp import queue_id
from estafeta_testing.tenants import Tenant, tenant

OURS = "bounce.estafeta.example"
LISTS = {"cc": ["bob@example.net"], "bcc": ["carol@example.net"], "archive": ["dave@example.net"]}
EVERYBODY = {"alice@example.net", "bob@example.net", "carol@example.net", "dave@example.net"}

_DOMAINS = """\
defaults: {{return_path: {setting}}}
domains:
  {name}.example: {{verified: true}}
  bounces.{name}.example: {{verified: true, bounce: true}}
  waiting.{name}.example: {{verified: dns, bounce: true}}
  seven.example: {{verified: true, bounce: true}}
subaccounts:
  "7": {{domains: [seven.example, plain-seven.example]}}
"""


def _tenant(relay: Relay, name: str, setting: str) -> Iterator[Tenant]:
    with tenant(relay, name, more=_DOMAINS.format(name=name, setting=setting)) as made:
        yield made


@pytest.fixture(scope="module")
def verp(relay: Relay) -> Iterator[Tenant]:
    """An account whose bounces come to us, or to a domain that leads to us."""
    yield from _tenant(relay, "verp", "verp")


@pytest.fixture(scope="module")
def domain(relay: Relay) -> Iterator[Tenant]:
    """An account whose verified domains are all kept."""
    yield from _tenant(relay, "domain", "domain")


@pytest.fixture(scope="module")
def keep(relay: Relay) -> Iterator[Tenant]:
    """An account whose MAIL FROM is left alone."""
    yield from _tenant(relay, "keep", "keep")


def sent(account: Tenant, sender: str, shown: str, subaccount: str = "") -> list[Copy]:
    """Send a message of which each recipient has a copy of his own; return the copies."""
    message = f"From: {shown}\r\nTo: alice@example.net\r\nX-MSYS-API: {json.dumps(LISTS)}\r\n\r\nHello.\r\n"
    with account.session(subaccount) as client:
        said = client.message(sender, ["alice@example.net"], message.encode())
    copies = account.relay.copies(queue_id(said))
    assert {copy.delivered_to for copy in copies} == EVERYBODY
    return copies


def assert_verp(relay: Relay, copies: list[Copy], domain: str) -> None:
    """Hold each copy to a return path at this domain that names its own recipient's message."""
    ids = {each.raw_rcpt_to: each.message_id for each in relay.found(copies[0].queue_id).messages}
    for copy in copies:
        bounce = relay.links.read_bounce_address(copy.return_path)
        assert bounce is not None
        assert (bounce.kind, bounce.id, bounce.shared) == (Kind.BOUNCE, ids[copy.delivered_to], False)
        assert copy.return_path.rpartition("@")[2] == domain


@pytest.mark.parametrize(
    ("sender", "domain"),
    [
        ("me@bounces.verp.example", "bounces.verp.example"),
        ("Me@BOUNCES.verp.EXAMPLE", "bounces.verp.example"),
        ("me@verp.example", OURS),
        ("me@waiting.verp.example", OURS),
        ("me@elsewhere.example", OURS),
        ("me", OURS),
        ("", OURS),
    ],
)
def test_s53_s54_every_copy_has_its_own_return_path_at_the_domain_of_mail_from_or_ours(
    verp: Tenant, sender: str, domain: str
) -> None:
    assert_verp(verp.relay, sent(verp, sender, "news@verp.example"), domain)


@pytest.mark.parametrize(
    ("sender", "wanted"),
    [
        ("me@seven.example", "seven.example"),
        ("me@plain-seven.example", OURS),
        ("me@bounces.verp.example", OURS),
    ],
)
def test_s54_a_subaccount_keeps_a_bounce_domain_of_its_own_and_none_of_the_accounts(
    verp: Tenant, sender: str, wanted: str
) -> None:
    assert_verp(verp.relay, sent(verp, sender, "news@plain-seven.example", "7"), wanted)


@pytest.mark.parametrize(
    ("sender", "subaccount", "wanted"),
    [
        ("me@domain.example", "", "domain.example"),
        ("me@plain-seven.example", "7", "plain-seven.example"),
        ("me@waiting.domain.example", "", OURS),
        ("me@domain.example", "7", OURS),
        ("", "", OURS),
    ],
)
def test_s54_an_account_may_have_every_verified_domain_kept(
    domain: Tenant, sender: str, subaccount: str, wanted: str
) -> None:
    shown = "news@plain-seven.example" if subaccount else "news@domain.example"
    assert_verp(domain.relay, sent(domain, sender, shown, subaccount), wanted)


@pytest.mark.parametrize(
    ("sender", "kept"),
    [
        ("Bounces+1@anywhere.example", "Bounces+1@anywhere.example"),
        ("", ""),
        ("app", "app@mx.estafeta.example"),  # Postfix completes it
    ],
)
def test_s55_what_is_kept_is_kept_on_every_copy(keep: Tenant, sender: str, kept: str) -> None:
    copies = sent(keep, sender, "news@keep.example")
    assert [copy.return_path for copy in copies] == [kept] * len(EVERYBODY)
    feedback = {keep.relay.links.read_msfbl(copy.value("X-MSFBL")) for copy in copies}
    assert len(feedback - {None}) == len(EVERYBODY), "a complaint tells the message all the same"
