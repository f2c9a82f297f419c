"""What DNS says of the host, against a real name server: each fault alone is told, with what to publish."""

from pathlib import Path

import pytest

from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.host_records import look
from estafeta_postfix.checks.setup import Setup
from estafeta_testing.name_server import NameServer

FORWARD = {
    "mx": "mx A 192.0.2.1",
    "pool": "a A 192.0.2.10",
    "click": "click CNAME mx",
    "bounce": "bounce MX 10 mx",
    "spf": 'bounce TXT "v=spf1 a:mx.example.com ip4:192.0.2.10 -all"',
}
BACK = {"1": "1 PTR mx.example.com.", "10": "10 PTR a.example.com."}


def told(server: NameServer, config: Path, **changed: str) -> list[Finding]:
    """Return the findings where some records are others; "": they are gone."""
    forward, back = (
        {**records, **{k: v for k, v in changed.items() if k in records}} for records in (FORWARD, BACK)
    )
    more = [line for name, line in changed.items() if name.startswith("more")]
    server.publish("example.com", *filter(None, forward.values()), *more)
    server.publish("2.0.192.in-addr.arpa", *filter(None, back.values()))
    return list(look(Setup(config)))


def test_a_host_that_has_everything_is_not_spoken_of(server: NameServer, asking: Path) -> None:
    assert told(server, asking) == []


@pytest.mark.parametrize(
    ("changed", "severity", "code", "subject"),
    [
        ({"click": ""}, "error", "web-missing", "click.example.com"),
        ({"bounce": ""}, "error", "bounce-missing", "bounce.example.com"),
        ({"bounce": "bounce MX 0 ."}, "error", "bounce-missing", "bounce.example.com"),
        ({"bounce": "bounce MX 10 nobody"}, "error", "bounce-missing", "bounce.example.com"),
        (
            {"bounce": "bounce MX 10 other", "more": "other A 192.0.2.7"},
            "warning",
            "bounce-elsewhere",
            "bounce.example.com",
        ),
        ({"bounce": "bounce MX 10 other", "more": "other A 192.0.2.1"}, None, None, ""),
        ({"bounce": "bounce A 192.0.2.1"}, None, None, ""),
        ({"spf": ""}, "warning", "spf-missing", "bounce.example.com"),
        ({"spf": 'bounce TXT "v=spf1 a:mx.example.com -all"'}, "error", "spf-address", "bounce.example.com"),
        ({"10": ""}, "error", "ptr-missing", "192.0.2.10"),
        ({"10": "10 PTR host-10.isp.example."}, "warning", "dns-unknown", "host-10.isp.example"),
        ({"10": "10 PTR mx.example.com."}, "warning", "ptr-unconfirmed", "192.0.2.10"),
        ({"10": "10 PTR b.example.com.", "more": "b A 192.0.2.10"}, None, None, ""),
        (
            {"10": "10 PTR b.example.com.", "more": "b A 192.0.2.10", "pool": "a A 192.0.2.99"},
            "warning",
            "helo-elsewhere",
            "192.0.2.10",
        ),
    ],
)
def test_each_fault_is_told(
    server: NameServer,
    asking: Path,
    changed: dict[str, str],
    severity: str | None,
    code: str | None,
    subject: str,
) -> None:
    found = told(server, asking, **changed)
    assert [(each.severity, each.code, each.subject) for each in found] == (
        [(severity, code, subject)] if code else []
    )
    assert all(each.remedy for each in found)


def test_a_host_name_that_is_not_in_dns(server: NameServer, asking: Path) -> None:
    found = told(
        server, asking, mx="", click="click A 192.0.2.1", spf='bounce TXT "v=spf1 ip4:192.0.2.10 -all"'
    )
    assert [each.code for each in found] == ["hostname-missing"]


def test_a_domain_of_an_account_that_bounces_come_to_is_looked_at(server: NameServer, asking: Path) -> None:
    file = asking.parent / "accounts.d" / "acme.yaml"
    file.write_text(file.read_text().replace("verified: true", "verified: true, bounce: true"))
    server.publish("acme.example")
    (found,) = told(server, asking)
    assert (found.code, found.subject) == ("bounce-missing", "acme.example")
    server.publish("acme.example", found.remedy.removeprefix("publish: "))
    assert told(server, asking) == []


def test_files_may_have_a_host_of_their_own(server: NameServer, asking: Path) -> None:
    asking.write_text(f"{asking.read_text()}hosting: {{base_url: 'https://files.example.com'}}\n")
    (found,) = told(server, asking)
    assert (found.code, found.reason.partition(":")[0]) == ("web-missing", "hosting.base_url")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8025", "http://localhost", "http://[2001:db8::1]/"])
def test_an_address_in_the_place_of_a_name_needs_no_record(
    server: NameServer, asking: Path, url: str
) -> None:
    asking.write_text(asking.read_text().replace("https://click.example.com", url))
    assert told(server, asking, click="") == []


def test_without_any_name_server_that_is_told_and_nothing_else(server: NameServer, asking: Path) -> None:
    with server.silent():
        found = list(look(Setup(asking)))
    assert [each.code for each in found] == ["dns-unknown"]
