from pathlib import Path

import pytest

from estafeta_core.config.accounts import Account, Dkim, DkimKey, Domain
from estafeta_core.rules.dkim_key import Signing
from estafeta_milter.dkim.keyring import Keyring, KeyUnavailableError
from estafeta_milter.dkim.keys import Keys
from estafeta_testing.cost import at_most
from estafeta_testing.signatures import key_file

DOMAIN = "acme.example"
S1 = DkimKey(file=key_file("rsa"), selector="s1")
MARKETING = DkimKey(file=key_file("ed25519"), selector="mk")
WAITING = DkimKey(file=key_file("rsa"), selector="new", verified=False)


def keyring(*default: str, keys: Keys | None = None, **named: DkimKey) -> Keyring:
    domain = Domain(verified=True, dkim=Dkim(keys=dict(named), default=default) if named else None)
    account = Account(account="acme", dialect="sparkpost", domains={DOMAIN: domain})
    return Keyring({"acme": account}, keys or Keys())


def selectors(ring: Keyring, *names: str, account: str = "acme") -> list[tuple[str, str, str]]:
    signers = ring.signers(account, Signing(DOMAIN, names))
    return [(signer.domain, signer.selector, signer.key.algorithm) for signer in signers]


def test_what_was_decided_on_signs() -> None:
    ring = keyring("s1", s1=S1, marketing=MARKETING)
    assert ring.signers("acme", None) == ()
    assert selectors(ring, "marketing") == [(DOMAIN, "mk", "ed25519-sha256")]
    assert selectors(ring, "s1", "marketing") == [
        (DOMAIN, "s1", "rsa-sha256"),
        (DOMAIN, "mk", "ed25519-sha256"),
    ]


@pytest.mark.parametrize("gone", ["gone", "waiting"])
def test_a_key_that_is_gone_by_then_gives_way_to_the_default_of_now(gone: str) -> None:
    ring = keyring("s1", s1=S1, waiting=WAITING)
    assert selectors(ring, gone) == [(DOMAIN, "s1", "rsa-sha256")]
    assert selectors(ring, gone, "s1") == [(DOMAIN, "s1", "rsa-sha256")]


@pytest.mark.parametrize(
    "ring", [keyring(), keyring(s1=S1), keyring("waiting", waiting=WAITING), Keyring({})], ids=range(4)
)
def test_where_no_key_is_left_the_message_waits(ring: Keyring) -> None:
    with pytest.raises(KeyUnavailableError) as caught:
        ring.signers("acme", Signing(DOMAIN, ("gone",)))
    assert str(caught.value) == (
        f"account acme: no key may sign for {DOMAIN} any more"
        f" (name a verified one in domains.{DOMAIN}.dkim.default)"
    )


def test_a_key_that_cannot_be_read_is_replaced_by_no_other(tmp_path: Path) -> None:
    broken = DkimKey(file=tmp_path / "gone.pem", selector="s2")
    with pytest.raises(KeyUnavailableError) as caught:
        keyring("s1", s1=S1, s2=broken).signers("acme", Signing(DOMAIN, ("s2",)))
    told = f"account acme: domains.{DOMAIN}.dkim.keys.s2: {tmp_path}/gone.pem cannot be read: "
    assert str(caught.value).startswith(told)


def test_a_reload_reads_no_key_again() -> None:
    keys = Keys()
    first, second = (
        keyring("s1", keys=keys, s1=S1).signers("acme", Signing(DOMAIN, ("s1",))) for _ in range(2)
    )
    assert first[0].key is second[0].key


def test_a_hundred_thousand_accounts_cost_nothing_until_they_send(tmp_path: Path) -> None:
    missing = DkimKey(file=tmp_path / "nobody looks here", selector="s1")
    domain = Domain(verified=True, dkim=Dkim(keys={"s1": missing}, default=("s1",)))
    account = Account(account="a", dialect="sparkpost", domains={DOMAIN: domain})
    accounts = dict.fromkeys(map(str, range(100_000)), account)
    with at_most(0.1):
        Keyring(accounts, Keys())
