"""What DNS has to verify, and what becomes of it."""

from pathlib import Path

from estafeta_core.claims import Claim, awaited, settled
from estafeta_core.config.accounts import Account, Dkim, DkimKey, Domain

KEYS: dict[str, DkimKey | str] = {
    "s1": DkimKey(file=Path("/s1"), selector="sel-1", verified="dns"),
    "s2": DkimKey(file=Path("/s2"), selector="s2", verified=False),
}
ACCOUNT = Account(
    account="acme",
    dialect="sparkpost",
    domains={
        "acme.example": Domain(verified=True, dkim=Dkim(keys=KEYS, default=("s1",))),
        "new.example": Domain(verified="dns", bounce=True),
        "not.example": Domain(),
    },
)
KEY, DOMAIN = Claim("acme", "acme.example", "sel-1"), Claim("acme", "new.example")


def test_domains_and_keys_wait_for_dns_where_the_file_says_so() -> None:
    assert list(awaited(ACCOUNT)) == [KEY, DOMAIN]


def test_what_is_verified_and_what_is_not_is_as_if_the_file_said_so() -> None:
    for verified in (set(), {KEY}, {DOMAIN}, {KEY, DOMAIN, Claim("other", "not.example")}):
        domains = settled(ACCOUNT, verified).domains
        dkim = domains["acme.example"].dkim
        assert dkim is not None
        found = {name: key.verified for name, key in dkim.keys.items() if isinstance(key, DkimKey)}
        assert found == {"s1": KEY in verified, "s2": False}
        assert domains["new.example"] == Domain(verified=DOMAIN in verified, bounce=True)
        assert domains["acme.example"].verified is True
        assert domains["not.example"] == Domain()
    assert list(awaited(settled(ACCOUNT, set()))) == []
