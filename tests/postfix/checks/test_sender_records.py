"""What DNS says of a sending domain, with a real name server: each fault is told, with what to publish."""

from pathlib import Path

import pytest

from estafeta_postfix import dkim_keys
from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.sender_records import look
from estafeta_postfix.checks.setup import Setup
from estafeta_testing.name_server import NameServer

HOST = (
    "mx A 192.0.2.1",
    'bounce TXT "v=spf1 a:mx.example.com ip4:192.0.2.10 -all"',
)
SPF = '@ TXT "v=spf1 include:bounce.example.com ~all"'
DMARC = '_dmarc TXT "v=DMARC1; p=none; rua=mailto:postmaster@acme.example"'
KEY = "acme-key"


@pytest.fixture
def domain(asking: Path) -> Path:
    """Have the domain keep envelope senders, and a key that signs."""
    folder = asking.parent / "accounts.d"
    (folder / "s1.pem").write_bytes(dkim_keys.make("ed25519"))
    text = (folder / "acme.yaml").read_text()
    dkim = "verified: true, bounce: true, dkim: {default: s1, keys: {s1: s1.pem, s2: s1.pem}}"
    (folder / "acme.yaml").write_text(text.replace("verified: true", dkim))
    return asking


def keys(config: Path) -> dict[str, str]:
    (_, account), *_ = Setup(config).accounts
    return {
        each.name: dkim_keys.zone_line(each.place, each.read().record())
        for each in dkim_keys.of_account(account)
    }


def told(server: NameServer, config: Path, *lines: str, host: tuple[str, ...] = HOST) -> list[Finding]:
    server.publish("example.com", *host)
    server.publish("acme.example", *lines)
    return list(look(Setup(config)))


def codes(found: list[Finding]) -> list[tuple[str, str]]:
    return [(each.severity, each.code) for each in found]


def test_a_domain_that_has_everything_is_not_spoken_of(server: NameServer, domain: Path) -> None:
    assert told(server, domain, SPF, DMARC, *keys(domain).values()) == []


def test_one_that_has_nothing_is_told_what_to_publish(server: NameServer, domain: Path) -> None:
    found = told(server, domain)
    assert codes(found) == [
        ("warning", "spf-missing"),
        ("warning", "dmarc-missing"),
        ("error", "dkim-missing"),
        ("warning", "dkim-missing"),  # no default signs with it
    ]
    lines = [each.remedy.removeprefix("publish: ") for each in found]
    assert told(server, domain, *lines) == [], "and that is enough"


@pytest.mark.parametrize(
    ("line", "severity", "code"),
    [
        ('@ TXT "v=spf1 ip4:192.0.2.0/24 -all"', None, None),
        ('@ TXT "v=spf1 ip4:192.0.2.1 ip4:192.0.2.10 +all"', None, None),
        ('@ TXT "v=spf1 include:_spf.google.com include:bounce.example.com ~all"', "warning", "dns-unknown"),
        ('@ TXT "v=spf1 exists:%{i}.acme.example -all"', None, None),  # nobody can tell without a message
        ('@ TXT "v=spf1 ip4:192.0.2.1 -all"', "error", "spf-address"),
        ('@ TXT "v=spf1 ip4:192.0.2.1 ~all"', "warning", "spf-address"),
        ('@ TXT "v=spf1 ip4:192.0.2.1"', "warning", "spf-address"),
        ('@ TXT "v=spf1 include:nobody.example.com -all"', "error", "spf-address"),
        ('@ TXT "v=spf1 ipv4:192.0.2.1 -all"', "warning", "spf-syntax"),
    ],
)
def test_its_spf_record_lets_every_address_send(
    server: NameServer, domain: Path, line: str, severity: str | None, code: str | None
) -> None:
    found = told(server, domain, line, DMARC, *keys(domain).values())
    assert set(codes(found)) == ({(severity, code)} if code else set())


def test_two_spf_records_are_none(server: NameServer, domain: Path) -> None:
    found = told(server, domain, SPF, '@ TXT "v=spf1 -all"', DMARC, *keys(domain).values())
    assert codes(found) == [("warning", "spf-many")]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((), [("note", "spf-missing")]),
        (('@ TXT "v=spf1 ip4:192.0.2.99 -all"',), []),
        (('@ TXT "v=spf1 include:nobody.example.com -all"',), [("warning", "spf-syntax")]),
    ],
)
def test_where_mail_from_is_ours_its_spf_record_has_to_be_readable_and_no_more(
    server: NameServer, domain: Path, lines: tuple[str, ...], expected: list[tuple[str, str]]
) -> None:
    file = domain.parent / "accounts.d" / "acme.yaml"
    file.write_text(file.read_text().replace("bounce: true, ", ""))
    found = told(server, domain, *lines, DMARC, *keys(domain).values())
    assert list(dict.fromkeys(codes(found))) == expected


def test_the_key_in_dns_is_the_one_in_the_file(server: NameServer, domain: Path) -> None:
    lines = keys(domain)
    other = lines["s1"].replace("p=", "p=AA")
    assert codes(told(server, domain, SPF, DMARC, lines["s2"], other)) == [("error", "dkim-other-key")]
    both = told(server, domain, SPF, DMARC, lines["s2"], other, lines["s1"])
    assert codes(both) == [("warning", "dkim-many")]
    revoked = 's1._domainkey TXT "v=DKIM1; k=ed25519; p="'
    assert codes(told(server, domain, SPF, DMARC, lines["s2"], revoked)) == [("error", "dkim-other-key")]


@pytest.mark.parametrize("verified", ["false", "dns"])
def test_a_key_that_does_not_sign_yet_need_not_be_there(
    server: NameServer, domain: Path, verified: str
) -> None:
    file = domain.parent / "accounts.d" / "acme.yaml"
    file.write_text(file.read_text().replace("s2: s1.pem", f"s2: {{file: s1.pem, verified: {verified}}}"))
    assert told(server, domain, SPF, DMARC, keys(domain)["s1"]) == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('_dmarc TXT "v=DMARC1; p=reject"', None),
        ('_dmarc TXT "v=DMARC1; p=nothing"', "dmarc-syntax"),
        ('_dmarc TXT "v=spf1 -all"', "dmarc-missing"),
    ],
)
def test_its_dmarc_record_can_be_read(server: NameServer, domain: Path, line: str, code: str | None) -> None:
    found = told(server, domain, SPF, line, *keys(domain).values())
    assert codes(found) == ([("warning", code)] if code else [])


def test_two_dmarc_records_are_none(server: NameServer, domain: Path) -> None:
    found = told(server, domain, SPF, DMARC, '_dmarc TXT "v=DMARC1; p=none"', *keys(domain).values())
    assert codes(found) == [("warning", "dmarc-many")]


@pytest.mark.parametrize(
    ("policy", "severity"), [("p=none", "note"), ("p=quarantine", "error"), ("p=reject; sp=none", "error")]
)
def test_mail_that_nothing_aligns_does_not_pass_dmarc(
    server: NameServer, asking: Path, policy: str, severity: str
) -> None:
    found = told(server, asking, SPF, f'_dmarc TXT "v=DMARC1; {policy}"')
    assert codes(found) == [(severity, "dmarc-alignment")]
    assert "estafeta dkim create --domain acme.example" in found[0].remedy


def test_the_policy_of_a_parent_holds_for_a_domain_of_a_subaccount(server: NameServer, asking: Path) -> None:
    file = asking.parent / "accounts.d" / "acme.yaml"
    file.write_text(f"{file.read_text()}subaccounts: {{'1': {{domains: [sub.acme.example]}}}}\n")
    found = told(server, asking, SPF, 'sub TXT "v=spf1 -all"', '_dmarc TXT "v=DMARC1; p=none; sp=reject"')
    assert [(each.severity, each.subject) for each in found] == [
        ("error", "sub.acme.example"),
        ("note", "acme.example"),
    ]


def test_a_bounce_domain_of_the_same_organization_aligns(server: NameServer, asking: Path) -> None:
    asking.write_text(asking.read_text().replace("bounce.example.com", "bounce.acme.example"))
    for policy, expected in (("p=reject", []), ("p=reject; aspf=s", [("error", "dmarc-alignment")])):
        assert codes(told(server, asking, SPF, f'_dmarc TXT "v=DMARC1; {policy}"')) == expected


def test_the_domains_of_validated_addresses_are_looked_at(server: NameServer, asking: Path) -> None:
    file = asking.parent / "accounts.d" / "acme.yaml"
    text = file.read_text().replace("domains: {acme.example: {verified: true}}", "senders: [a@acme.example]")
    file.write_text(text.replace("sparkpost", "devino").replace("main: {", "main: {username: login, "))
    assert ("warning", "dmarc-missing") in codes(told(server, asking, SPF))
