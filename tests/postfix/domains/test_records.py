"""What is to be published for a domain, and for the host."""

from pathlib import Path

import msgspec
import pytest

from estafeta_core.config.accounts import Account, Defaults, Dkim, DkimKey, Domain
from estafeta_core.config.schema import Config, Hosting, IpPool, Listener
from estafeta_postfix import dkim_keys
from estafeta_postfix.domains.records import is_internal, leaves_in, of_domain, of_host

CONFIG = Config(
    hostname="mx.example.com",
    base_url="https://click.example.com/t",
    bounce_domain="bounce.example.com",
    listeners={"a": Listener(dialects=("sparkpost",), port=587)},
    signing_keys=(),
    ip_pools={
        "a": IpPool(bind_address="192.0.2.10"),
        "b": IpPool(bind_address6="2001:db8::1"),
        "c": IpPool(bind_address="10.0.0.7"),  # behind NAT
        "d": IpPool(),
    },
)


def account(defaults: Defaults | None = None, **settings: object) -> Account:
    domain = Domain(**settings)  # type: ignore[arg-type]
    return Account(
        account="acme", dialect="sparkpost", domains={"a.example": domain}, defaults=defaults or Defaults()
    )


def purposes(account: Account, challenge: str = "") -> list[str]:
    return [record.purpose for record in of_domain(CONFIG, account, "a.example", challenge)]


def test_each_record_is_told_where_there_is_something_for_it() -> None:
    assert purposes(account()) == ["dmarc"]
    assert purposes(account(), "abc") == ["verification", "dmarc"]
    assert purposes(account(bounce=True)) == ["spf", "dmarc", "bounce"]


@pytest.mark.parametrize(("return_path", "stays"), [("verp", False), ("domain", True), ("keep", True)])
def test_spf_is_for_domains_that_envelope_senders_stay_in(return_path: str, stays: bool) -> None:
    made = account(Defaults(return_path=return_path))  # type: ignore[arg-type]
    assert leaves_in(made, made.domains["a.example"]) == stays
    assert ("spf" in purposes(made)) == stays


def test_a_key_is_published_and_one_that_cannot_be_read_left_out(tmp_path: Path) -> None:
    (tmp_path / "s1.pem").write_bytes(dkim_keys.make("ed25519"))
    keys: dict[str, DkimKey | str] = {
        name: DkimKey(file=tmp_path / f"{name}.pem", selector=name) for name in ("s1", "away")
    }
    found = list(of_domain(CONFIG, account(dkim=Dkim(keys=keys)), "a.example", ""))
    assert [(record.purpose, record.name) for record in found] == [
        ("dkim", "s1._domainkey.a.example"),
        ("dmarc", "_dmarc.a.example"),
    ]
    assert found[0].value.startswith("v=DKIM1; k=ed25519; p=")


def test_the_host_has_its_own_once() -> None:
    found = {record.zone_line() for record in of_host(CONFIG)}
    assert found == {
        "bounce.example.com. IN MX 10 mx.example.com.",
        'bounce.example.com. IN TXT ( "v=spf1 a:mx.example.com ip4:192.0.2.10 ip6:2001:db8::1 -all" )',
        "click.example.com. IN CNAME mx.example.com.",
    }
    hosting = Hosting(base_url="https://files.example.com")
    assert len(list(of_host(msgspec.structs.replace(CONFIG, hosting=hosting)))) == 4
    for url in ("http://mx.example.com:8025", "http://127.0.0.1:8025", "http://[::1]:8025"):
        assert len(list(of_host(msgspec.structs.replace(CONFIG, base_url=url)))) == 2


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "192.168.0.1", "172.31.0.1", "127.0.0.2", "::1", "fd00::1", "fe80::1"]
)
def test_addresses_that_nobody_outside_sees(address: str) -> None:
    assert is_internal(address)
    assert not is_internal("192.0.2.10")
    assert not is_internal("2001:db8::1")
