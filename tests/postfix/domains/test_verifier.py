"""The worker's questions: on a schedule that outlives it, few at a time, each account with its own record."""

import contextlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from estafeta_core import metrics
from estafeta_core.claims import Claim
from estafeta_core.config.accounts import Account, Dkim, DkimKey, Domain
from estafeta_core.config.load import Snapshot
from estafeta_core.config.schema import Config, Dns, Listener
from estafeta_core.directory import Directory
from estafeta_core.options import Options
from estafeta_core.rules.dkim_key import choose
from estafeta_core.store import Store, open_store
from estafeta_core.store.standing_rows import DomainCheck
from estafeta_postfix import dkim_keys
from estafeta_postfix.domains import verification, verifier
from estafeta_postfix.domains.verifier import AT_ONCE, Verifier, asked_for, await_claims
from estafeta_testing.name_server import FAILING, NameServer

HOUR = 3600.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(open_store(f"sqlite:///{tmp_path}/estafeta.db")) as opened:
        yield opened


def account(name: str, *domains: str) -> Account:
    return Account(
        account=name, dialect="sparkpost", domains={each: Domain(verified="dns") for each in domains}
    )


class Site:
    """A verifier at a time of its own."""

    def __init__(self, store: Store, dns: Dns, *accounts: Account) -> None:
        config = Config(
            hostname="mx.example.com",
            base_url="https://click.example.com",
            bounce_domain="bounce.example.com",
            listeners={"a": Listener(dialects=("sparkpost",), port=587)},
            signing_keys=(),
            dns=dns,
        )
        self.now = 1_000_000.0
        self.store = store
        self.directory = Directory(accounts)
        self.verifier = Verifier(store, lambda: Snapshot(config, self.directory), lambda: self.now)

    def look(self, hours: float = 0) -> None:
        self.now += hours * HOUR
        self.verifier.look()

    def state(self, account: str, domain: str = "new.example", key: str = "") -> str:
        return self.store.domain_checks(account)[Claim(account, domain, key)].state

    def record(self, account: str, domain: str = "new.example") -> str:
        """Return the line of the zone that proves a domain."""
        check = self.store.domain_checks(account)[Claim(account, domain)]
        name, text = verification.record_of(domain, check.challenge)
        return f'{name}. TXT "{text}"'


def test_two_accounts_cannot_use_each_others_records(server: NameServer, store: Store, dns: Dns) -> None:
    site = Site(store, dns, account("acme", "new.example"), account("other", "new.example", "acme.example"))
    site.look()
    server.publish("new.example", site.record("other"))
    server.publish("acme.example", site.record("acme").replace("new.example", "acme.example"))
    site.look(1)
    assert (site.state("acme"), site.state("other")) == ("unverified", "verified")
    assert site.state("other", "acme.example") == "unverified"
    server.publish("new.example", site.record("acme"), site.record("other"))
    site.look(7)
    assert (site.state("acme"), site.state("other")) == ("verified", "verified")


def test_a_state_is_told_when_it_changes(
    server: NameServer, store: Store, dns: Dns, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(store, dns, account("acme", "new.example"))
    server.withdraw("new.example")
    with caplog.at_level(logging.INFO):
        site.look()
        server.publish("new.example", site.record("acme"))
        site.look(1)
        site.look(7)
        server.withdraw("new.example")
        for _ in range(12):
            site.look(7)
    assert [(record.levelname, record.getMessage().partition(": the")[0]) for record in caplog.records] == [
        ("INFO", "acme: new.example: verified by DNS"),
        ("WARNING", "acme: new.example: its record is gone"),
        ("ERROR", "acme: new.example: not verified any more, its record is gone"),
    ]
    assert "after 72 hours" in caplog.text


def test_servfail_and_silence_leave_a_verified_domain_verified(
    server: NameServer, store: Store, dns: Dns
) -> None:
    site = Site(store, Dns(servers=dns.servers, timeout=0.3, grace_hours=0), account("acme", FAILING))
    site.look()
    claim = Claim("acme", FAILING)
    assert "SERVFAIL" in store.domain_checks("acme")[claim].answer
    site = Site(store, Dns(servers=dns.servers, timeout=0.3, grace_hours=0), account("acme", "new.example"))
    site.look()
    server.publish("new.example", site.record("acme"))
    site.look(1)
    server.withdraw("new.example")
    with server.silent():
        site.look(7)
        assert store.domain_checks("acme")[Claim("acme", "new.example")].answer == "no answer within 0.3 s"
        assert site.state("acme") == "verified"
    site.look(1)
    assert site.state("acme") == "lost", "with no grace at all"


def test_a_dkim_key_is_verified_by_its_public_half(
    server: NameServer, store: Store, dns: Dns, tmp_path: Path
) -> None:
    (tmp_path / "s1.pem").write_bytes(dkim_keys.make("ed25519"))
    keys: dict[str, DkimKey | str] = {
        "s1": DkimKey(file=tmp_path / "s1.pem", selector="sel", verified="dns"),
        "away": DkimKey(file=tmp_path / "away.pem", selector="away", verified="dns"),
    }
    domain = Domain(verified=True, dkim=Dkim(keys=keys, default=("s1",)))
    site = Site(store, dns, Account(account="acme", dialect="sparkpost", domains={"new.example": domain}))
    site.look()
    assert site.state("acme", key="sel") == "unverified"
    (configured, _) = dkim_keys.of_account(site.directory.accounts["acme"])
    server.publish("new.example", dkim_keys.zone_line(configured.place, configured.read().record()))
    site.look(1)
    assert site.state("acme", key="sel") == "verified"
    away = store.domain_checks("acme")[Claim("acme", "new.example", "away")]
    assert (away.state, "away.pem cannot be read" in away.answer) == ("unverified", True)


def test_many_that_are_new_at_once_are_asked_about_a_few_at_a_time(
    server: NameServer, store: Store, dns: Dns
) -> None:
    names = [f"n{number}.new.example" for number in range(AT_ONCE + 5)]
    site = Site(store, dns, account("acme", *names))
    asked = []
    for _ in range(3):
        site.look()
        checks = store.domain_checks("acme").values()
        asked.append(sum(check.checked is not None for check in checks))
    assert asked == [AT_ONCE, AT_ONCE + 5, AT_ONCE + 5]


def test_what_keeps_one_from_being_asked_about_keeps_no_other(
    server: NameServer, store: Store, dns: Dns, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(store, dns, account("acme", "new.example", "acme.example"))

    def broken(check: DomainCheck, directory: Directory) -> tuple[str, str]:
        if check.domain == "acme.example":
            raise ValueError("a bug")
        return asked_for(check, directory)

    monkeypatch.setattr(verifier, "asked_for", broken)
    with pytest.raises(ValueError, match="a bug"):
        site.look()
    checks = store.domain_checks("acme").values()
    assert {check.domain: check.checked is not None for check in checks} == {
        "new.example": True,
        "acme.example": False,
    }


def test_a_key_under_another_selector_waits_for_its_own_record(
    server: NameServer, store: Store, dns: Dns, tmp_path: Path
) -> None:
    (tmp_path / "s1.pem").write_bytes(dkim_keys.make("ed25519"))

    def with_selector(selector: str) -> Account:
        key = DkimKey(file=tmp_path / "s1.pem", selector=selector, verified="dns")
        domain = Domain(verified=True, dkim=Dkim(keys={"s1": key}, default=("s1",)))
        return Account(account="acme", dialect="sparkpost", domains={"new.example": domain})

    site = Site(store, dns, with_selector("one"))
    (configured,) = dkim_keys.of_account(site.directory.accounts["acme"])
    server.publish("new.example", dkim_keys.zone_line(configured.place, configured.read().record()))
    site.look()
    signing = []
    for selector in ("one", "two"):
        site.directory = Directory([with_selector(selector)])
        site.look()
        under = site.directory.under(store.standing())
        signing.append(choose(Options(), under.accounts["acme"], "new.example") is not None)
    assert signing == [True, False]


def test_a_record_in_other_letters_is_no_key_and_stops_nobody(
    server: NameServer, store: Store, dns: Dns, tmp_path: Path
) -> None:
    (tmp_path / "s1.pem").write_bytes(dkim_keys.make("ed25519"))
    key = DkimKey(file=tmp_path / "s1.pem", selector="sel", verified="dns")
    domain = Domain(verified=True, dkim=Dkim(keys={"s1": key}, default=("s1",)))
    site = Site(store, dns, Account(account="acme", dialect="sparkpost", domains={"new.example": domain}))
    server.publish("new.example", r'sel._domainkey TXT "v=DKIM1; p=\195\169"')
    site.look()
    assert store.domain_checks("acme")[Claim("acme", "new.example", "sel")].answer.startswith("another text")


def test_the_next_worker_goes_on_where_this_one_stopped(server: NameServer, store: Store, dns: Dns) -> None:
    site = Site(store, dns, account("acme", "new.example"))
    site.look()
    record = site.record("acme")
    later = Site(store, dns, account("acme", "new.example"))
    later.look()
    assert later.record("acme") == record
    assert store.domain_checks("acme")[Claim("acme", "new.example")].checked == round(site.now * 1000)


def test_a_domain_that_is_taken_away_is_not_asked_about_and_comes_back_with_its_challenge(
    server: NameServer, store: Store, dns: Dns
) -> None:
    site = Site(store, dns, account("acme", "new.example"))
    site.look()
    record, files = site.record("acme"), site.directory
    server.publish("new.example", record)
    site.directory = Directory([account("acme")])
    site.look(1)
    assert store.domain_checks("acme")[Claim("acme", "new.example")].answer.startswith("no account file")
    site.directory = files
    site.look(1)
    assert (site.record("acme"), site.state("acme")) == (record, "verified")


def test_the_metrics_tell_how_many_are_verified(server: NameServer, store: Store, dns: Dns) -> None:
    site = Site(store, dns, account("acme", "new.example", "acme.example"))
    site.look()
    assert (metrics.DNS_VERIFIED.value, metrics.DNS_UNVERIFIED.value) == (0, 2)
    server.publish("new.example", site.record("acme"))
    site.look(1)
    assert (metrics.DNS_VERIFIED.value, metrics.DNS_UNVERIFIED.value) == (1, 1)


def test_challenges_of_two_that_ask_at_once_are_one(store: Store) -> None:
    claim = Claim("acme", "new.example")
    await_claims(store, [claim], 1)
    first = store.domain_checks("acme")[claim].challenge
    await_claims(store, [claim, claim], 2)
    assert store.domain_checks("acme")[claim].challenge == first


def test_the_thread_asks_by_itself_and_says_once_that_the_store_is_away(
    server: NameServer, tmp_path: Path, dns: Dns, caplog: pytest.LogCaptureFixture
) -> None:
    with contextlib.closing(open_store(f"sqlite:///{tmp_path}/threaded.db", timeout=0.5)) as store:
        site = Site(store, dns, account("acme", "new.example"))
        site.verifier.start()
        deadline = time.monotonic() + 10
        while not store.domain_checks("acme") and time.monotonic() < deadline:
            time.sleep(0.05)
        assert store.domain_checks("acme")
        away = (tmp_path / "threaded.db").rename(tmp_path / "away")
        while "cannot be read" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(2.5)
        site.verifier.stop(5)
        assert caplog.text.count("no domain is verified meanwhile") == 1
        away.rename(tmp_path / "threaded.db")
