"""`estafeta domain verify` and `records`, against a real name server."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from estafeta_core.store import open_store
from estafeta_postfix import dkim_keys
from estafeta_postfix.cli import estafeta
from estafeta_postfix.cli.failure import Failure
from estafeta_testing.name_server import NameServer, name_server

ZONES = ("new.example", "acme.example")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NameServer]:
    with name_server(tmp_path_factory.mktemp("dns"), *ZONES) as running:
        yield running


@pytest.fixture
def config(tmp_path: Path, server: NameServer) -> Path:
    (tmp_path / "link.key").write_bytes(b"k" * 32)
    (tmp_path / "s1.pem").write_bytes(dkim_keys.make("ed25519"))
    (tmp_path / "accounts.d").mkdir()
    (tmp_path / "accounts.d" / "acme.yaml").write_text(
        "account: acme\ndialect: sparkpost\ndomains:\n"
        "  new.example:\n    verified: dns\n    bounce: true\n"
        "    dkim: {default: s1, keys: {s1: {file: ../s1.pem, verified: dns}}}\n"
        "  word.example: {verified: true}\n  not.example: {verified: false}\n"
        'subaccounts: {"1": {domains: [sub.example, new.example]}}\n'
    )
    (tmp_path / "accounts.d" / "other.yaml").write_text(
        "account: other\ndialect: sparkpost\ndomains: {new.example: {verified: dns}}\n"
    )
    path = tmp_path / "estafeta.yaml"
    path.write_text(
        "hostname: mx.example.com\nbase_url: https://click.example.com\nbounce_domain: bounce.example.com\n"
        "listeners: {submission: {dialects: [sparkpost], port: 587}}\nsigning_keys: [link.key]\n"
        f"store: sqlite:///estafeta.db\ndns: {{servers: ['{server.address}'], timeout: 1, grace_hours: 0}}\n"
        "ip_pools: {a: {bind_address: 192.0.2.10, bind_address6: '2001:db8::10'}}\n"
    )
    open_store(f"sqlite:///{tmp_path}/estafeta.db").close()
    return path


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        estafeta, ["--config", str(config), "domain", *arguments], catch_exceptions=False
    )


def verified(config: Path, *arguments: str) -> tuple[int, list[dict[str, str]]]:
    result = run(config, "verify", *arguments, "--json")
    return result.exit_code, json.loads(result.stdout)


def zone_lines(shown: list[dict[str, str]]) -> list[str]:
    return [dkim_keys.zone_line(each["name"], each["value"]) for each in shown]


def test_it_says_what_to_publish_and_what_is_seen(server: NameServer, config: Path) -> None:
    server.withdraw("new.example")
    result = run(config, "verify", "NEW.example", "--account", "acme")
    assert result.exit_code == 1
    domain, record, seen, key, *_ = result.stdout.splitlines()
    assert domain == "acme: new.example: not verified yet"
    assert record.startswith('  record: _estafeta.new.example. IN TXT ( "estafeta-verification=')
    assert seen == "  seen:   the name does not exist"
    assert key == "acme: new.example, DKIM key s1: not verified yet"


def test_what_is_published_is_verified_and_what_is_gone_is_not(server: NameServer, config: Path) -> None:
    status, shown = verified(config, "new.example", "--account", "acme")
    assert (status, [each["state"] for each in shown]) == (1, ["unverified"] * 2)
    server.publish("new.example", *zone_lines(shown))
    status, shown = verified(config, "new.example", "--account", "acme")
    assert (status, [each["state"] for each in shown]) == (0, ["verified"] * 2)
    assert [each["answer"] for each in shown] == ["the record is there"] * 2
    server.publish("new.example", zone_lines(shown)[1])
    status, shown = verified(config, "new.example", "--account", "acme")
    assert (status, [each["state"] for each in shown]) == (1, ["lost", "verified"])
    assert "not verified any more, since" in run(config, "verify", "new.example").stdout


def test_nobody_verifies_a_domain_with_the_record_of_somebody_else(server: NameServer, config: Path) -> None:
    _, (of_other,) = verified(config, "new.example", "--account", "other")
    server.publish("new.example", *zone_lines([of_other]))
    status, shown = verified(config, "--all")
    assert status == 1
    assert {(each["account"], each["key"]): each["state"] for each in shown} == {
        ("acme", None): "unverified",
        ("acme", "s1"): "unverified",
        ("other", None): "verified",
    }
    assert "another text is there: estafeta-verification=" in shown[0]["answer"]


def test_where_dns_cannot_tell_the_state_stays(server: NameServer, config: Path) -> None:
    _, shown = verified(config, "new.example", "--account", "other")
    server.publish("new.example", *zone_lines(shown))
    assert verified(config, "new.example", "--account", "other")[0] == 0
    with server.silent():
        status, shown = verified(config, "new.example", "--account", "other")
    assert (status, shown[0]["state"], shown[0]["answer"]) == (0, "verified", "no answer within 1 s")


@pytest.mark.parametrize(
    ("domain", "status", "said"),
    [
        ("word.example", 0, "acme: word.example is verified by your word, DNS is not asked"),
        ("sub.example", 0, "acme: sub.example is verified by your word, DNS is not asked"),
        ("not.example", 1, "acme: not.example has `verified: false` (`verified: dns` lets DNS verify it)"),
    ],
)
def test_what_the_file_says_is_told_and_not_asked(config: Path, domain: str, status: int, said: str) -> None:
    result = run(config, "verify", domain)
    assert (result.exit_code, result.stderr.strip(), result.stdout) == (status, said, "")


@pytest.mark.parametrize("arguments", [(), ("new.example", "--all"), ("nobody.example",), ("no domain",)])
def test_what_cannot_be_asked_about_ends_with_2(config: Path, arguments: tuple[str, ...]) -> None:
    with pytest.raises(Failure) as raised:
        run(config, "verify", *arguments)
    assert raised.value.status == 2


def test_without_a_store_nothing_is_made(config: Path) -> None:
    store = config.parent / "estafeta.db"
    store.unlink()
    with pytest.raises(Failure, match="there is no store yet"):
        run(config, "verify", "new.example")
    assert not store.exists()


def test_the_list_shows_what_dns_has_said(server: NameServer, config: Path) -> None:
    _, shown = verified(config, "new.example", "--account", "other")
    server.publish("new.example", *zone_lines(shown))
    run(config, "verify", "new.example")
    rows = json.loads(run(config, "list", "--json").stdout)
    found = {(row["account"], row["domain"]): (row["verified"], row["dns"]) for row in rows}
    assert found == {
        ("acme", "new.example"): ("dns", "unverified"),
        ("acme", "word.example"): (True, None),
        ("acme", "not.example"): (False, None),
        ("other", "new.example"): ("dns", "verified"),
    }
    assert "other    new.example   dns: verified" in run(config, "list").stdout


def test_records_are_lines_of_a_zone_file(server: NameServer, config: Path) -> None:
    lines = run(config, "records", "new.example", "--account", "acme").stdout.splitlines()
    records = [line for line in lines if not line.startswith(";")]
    assert len(lines) == 2 * len(records), "each has a comment"
    names = [(line.split()[0], line.split()[2]) for line in records]
    assert names == [
        ("_estafeta.new.example.", "TXT"),
        ("s1._domainkey.new.example.", "TXT"),
        ("new.example.", "TXT"),
        ("_dmarc.new.example.", "TXT"),
        ("new.example.", "MX"),
        ("bounce.example.com.", "MX"),
        ("bounce.example.com.", "TXT"),
        ("click.example.com.", "CNAME"),
    ]
    assert records[-2].endswith('"v=spf1 a:mx.example.com ip4:192.0.2.10 ip6:2001:db8::10 -all" )')
    server.publish("new.example", *records[:5])  # the server takes them as they stand, and they are enough
    assert run(config, "verify", "new.example", "--account", "acme").exit_code == 0


def test_records_in_json(config: Path) -> None:
    shown = json.loads(run(config, "records", "word.example", "--json").stdout)
    assert [(each["purpose"], each["type"]) for each in shown] == [
        ("dmarc", "TXT"),
        ("bounce", "MX"),
        ("spf", "TXT"),
        ("tracking", "CNAME"),
    ]
    assert shown[1]["value"] == "10 mx.example.com"
