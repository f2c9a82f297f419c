import ipaddress

import pytest

from estafeta_core import secrets
from estafeta_core.claims import Claim
from estafeta_core.config.accounts import Account, Credential, Domain
from estafeta_core.directory import Directory, Settled, Standing
from estafeta_core.identity import Entry, Identity

KEYS = [secrets.generate_key() for _ in range(3)]


@pytest.fixture
def directory() -> Directory:
    first = Credential(
        key=secrets.hash_key(KEYS[0]), allow_from=("192.0.2.0/24",), permissions=("send", "events")
    )
    second = Credential(key=secrets.hash_key(KEYS[1]), username="prod")
    return Directory(
        [
            Account(account="acme", dialect="sparkpost", credentials={"main": first}),
            Account(account="other", dialect="people", credentials={"prod": second}),
            Account(account="empty", dialect="sparkpost"),
        ]
    )


def test_a_key_finds_its_credential_in_its_dialect_only(directory: Directory) -> None:
    found = directory.by_key("sparkpost", KEYS[0])
    assert found is not None
    assert found.id == "acme/main"
    assert directory.by_key("people", KEYS[0]) is None
    assert directory.by_key("sparkpost", KEYS[2]) is None
    assert directory.by_key("sparkpost", KEYS[0][:-1]) is None


@pytest.mark.parametrize("key", ["", "\0", "é", "\udcff", "x" * 100_000])
def test_any_text_may_be_presented_as_a_key(directory: Directory, key: str) -> None:
    assert directory.by_key("sparkpost", key) is None


def test_a_user_name_finds_its_credential_exactly(directory: Directory) -> None:
    found = directory.by_username("people", "prod")
    assert found is not None
    assert found.id == "other/prod"
    assert directory.by_username("people", "Prod") is None
    assert directory.by_username("sparkpost", "prod") is None


def test_an_identity_finds_its_credential_whatever_its_subaccount(directory: Directory) -> None:
    found = directory.credential(Identity("acme", "main", "123"))
    assert found is not None
    assert found.permissions == {"send", "events"}
    assert found.allow_from == (ipaddress.ip_network("192.0.2.0/24"),)
    assert directory.credential(Identity("acme", "gone")) is None


def test_validated_addresses_are_known_in_every_spelling() -> None:
    senders = ("News@Acme.Example", "a@münchen.example")
    credentials = {name: Credential(username=f"{name}.plan", password="x") for name in "ab"}
    account = Account(account="plan", dialect="teenvio", senders=senders, credentials=credentials)
    for credential in Directory([account]).credentials():
        assert credential.senders == {"news@acme.example", "a@xn--mnchen-3ya.example"}


def test_every_credential_and_account_can_be_listed(directory: Directory) -> None:
    assert [credential.id for credential in directory.credentials()] == ["acme/main", "other/prod"]
    assert list(directory.accounts) == ["acme", "other", "empty"]


def test_a_credential_that_is_suspended_by_itself_is_so_however_it_is_found(directory: Directory) -> None:
    suspended = directory.under(Standing(frozenset({"acme/main", "other/prod", "nobody/else"})))
    found = (
        suspended.by_id("acme", "main"),
        suspended.by_key("sparkpost", KEYS[0]),
        suspended.by_username("people", "prod"),
        *suspended.credentials(),
    )
    assert [each.sending_suspended for each in found if each] == [True] * 5
    assert not any(each.sending_suspended for each in directory.credentials()), (
        "the one before stays as it was"
    )


def test_exactly_those_named_are_suspended(directory: Directory) -> None:
    one = directory.under(Standing(frozenset({"acme/main"})))
    assert {each.id: each.sending_suspended for each in one.credentials()} == {
        "acme/main": True,
        "other/prod": False,
    }
    assert directory.under(Standing()) is directory


def waiting(*domains: str) -> Account:
    return Account(
        account="acme",
        dialect="emitlo",
        domains={name: Domain(verified="dns") for name in domains} | {"mine.example": Domain(verified=True)},
        credentials={
            "all": Credential(username="a"),
            "some": Credential(username="b", domains=domains),
            "one": Credential(username="c", domains=domains[:1]),
        },
    )


def test_what_dns_has_verified_is_as_if_the_file_said_so() -> None:
    files = Directory([waiting("a.example", "b.example")])
    known = files.under(
        Standing(verified=frozenset({Claim("acme", "a.example"), Claim("other", "b.example")}))
    )
    shown = {name: each.verified for name, each in known.accounts["acme"].domains.items()}
    assert shown == {"a.example": True, "b.example": False, "mine.example": True}
    for credential in known.credentials():
        assert credential.account is known.accounts["acme"]
        assert known.by_username("emitlo", credential.settings.username) is credential
    assert {each.verified for each in files.accounts["acme"].domains.values()} == {"dns", True}


def test_until_the_store_has_been_read_it_is_not_known() -> None:
    files = Directory([waiting("a.example")])
    assert (
        files.under(Standing(frozenset({"acme/all"}))).accounts["acme"].domains["a.example"].verified == "dns"
    )


def test_e15_a_credential_has_lost_its_domains_when_all_of_them_are_lost() -> None:
    files = Directory([waiting("a.example", "b.example")])
    first, second = Claim("acme", "a.example"), Claim("acme", "b.example")
    for lost, names in (({first}, {"one"}), ({first, second}, {"one", "some"}), ({second}, set())):
        known = files.under(Standing(verified=frozenset({first, second} - lost), lost=frozenset(lost)))
        assert {each.name for each in known.credentials() if each.domains_lost} == names


def test_an_account_is_changed_in_a_copy_and_nobody_who_reads_the_first_sees_it(directory: Directory) -> None:
    other = directory.copied()
    other.remove("acme")
    other.remove("nobody")
    other.add(
        Account(
            account="new", dialect="sparkpost", credentials={"k": Credential(key=secrets.hash_key(KEYS[0]))}
        )
    )
    found = other.by_key("sparkpost", KEYS[0])
    assert found is not None
    assert found.id == "new/k"
    assert other.by_id("acme", "main") is None
    assert other.by_username("people", "prod") is not None
    before = directory.by_key("sparkpost", KEYS[0])
    assert before is not None
    assert before.id == "acme/main"


def test_who_has_a_key_or_a_user_name_is_known(directory: Directory) -> None:
    digest = secrets.key_digest(KEYS[0]).hex()
    assert directory.holder(Entry(digest, "key", "sparkpost")) == "acme"
    assert directory.holder(Entry(digest, "key", "people")) is None
    assert directory.holder(Entry("prod", "username", "people")) == "other"


def verified_by_dns(name: str) -> Account:
    return Account(
        account=name,
        dialect="sparkpost",
        domains={f"{name}.example": Domain(verified="dns")},
        credentials={"main": Credential(username=name)},
    )


def test_what_the_store_says_is_worked_out_again_only_where_something_is_new() -> None:
    files = Directory(map(verified_by_dns, "abcdef"))
    first = Standing(frozenset({"a/main"}), frozenset({Claim("b", "b.example")}))
    before = Settled(files, first, files.under(first))
    changed = files.copied()
    changed.remove("c")
    changed.remove("f")
    changed.add(verified_by_dns("c"))
    now = Standing(frozenset({"d/main"}), frozenset({Claim("b", "b.example"), Claim("c", "c.example")}))
    quick, slow = changed.under(now, before), changed.under(now)
    assert quick.accounts == slow.accounts
    assert {each.id: each for each in quick.credentials()} == {each.id: each for each in slow.credentials()}
    assert quick.claims == slow.claims == changed.claims
    for name in "be":
        assert quick.accounts[name] is before.directory.accounts[name]
    assert changed.under(now, Settled(changed, now, quick)) is quick
