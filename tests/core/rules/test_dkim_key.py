from pathlib import Path

import pytest

from estafeta_core.config.accounts import Account, Dkim, DkimKey, Domain
from estafeta_core.options import Options
from estafeta_core.refusal import DNS_UNKNOWN, Refusal
from estafeta_core.rules.dkim_key import Signing, choose, defaults, verified_defaults, verified_key

KEYS: dict[str, DkimKey | str] = {
    "s1": DkimKey(file=Path("/s1"), selector="s1"),
    "marketing": DkimKey(file=Path("/mk"), selector="mk"),
    "new": DkimKey(file=Path("/new"), selector="new", verified=False),
    "waiting": DkimKey(file=Path("/waiting"), selector="waiting", verified="dns"),
}


def account(*default: str) -> Account:
    domain = Domain(verified=True, dkim=Dkim(keys=KEYS, default=default))
    return Account(
        account="acme",
        dialect="sparkpost",
        domains={"acme.example": domain, "plain.example": Domain(verified=True)},
    )


def test_s38_without_a_choice_the_domains_default_signs() -> None:
    assert choose(Options(), account("s1"), "acme.example") == Signing("acme.example", ("s1",))


def test_s38_a_message_chooses_its_key() -> None:
    chosen = choose(Options(dkim_key="marketing"), account("s1"), "acme.example")
    assert chosen == Signing("acme.example", ("marketing",))


def test_two_defaults_sign_both() -> None:
    assert choose(Options(), account("s1", "marketing"), "acme.example") == Signing(
        "acme.example", ("s1", "marketing")
    )


@pytest.mark.parametrize(
    "name", ["new", "nope", "S1", "s1 ", "../../etc/passwd", "/s1", "s1\r\nBcc: x", "%s", "\0"]
)
def test_s38_d11_a_key_that_is_unknown_or_not_verified_is_refused(name: str) -> None:
    refusal = choose(Options(dkim_key=name), account("s1"), "acme.example")
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.status) == (550, "5.6.0")
    assert name in refusal.text


@pytest.mark.parametrize("domain", ["plain.example", "sub.acme.example", "nope.example", ""])
def test_a_key_belongs_to_its_own_domain(domain: str) -> None:
    assert isinstance(choose(Options(dkim_key="s1"), account("s1"), domain), Refusal)
    assert choose(Options(), account("s1"), domain) is None


@pytest.mark.parametrize("default", [(), ("new",)])
def test_without_a_verified_default_mail_leaves_unsigned(default: tuple[str, ...]) -> None:
    assert choose(Options(), account(*default), "acme.example") is None


def test_a_default_that_is_not_verified_is_left_out() -> None:
    assert choose(Options(), account("new", "s1"), "acme.example") == Signing("acme.example", ("s1",))


@pytest.mark.parametrize(("chosen", "default"), [("waiting", "s1"), ("", "waiting")])
def test_while_it_is_not_known_what_dns_says_nothing_leaves_unsigned(chosen: str, default: str) -> None:
    assert choose(Options(dkim_key=chosen), account("s1", default), "acme.example") == DNS_UNKNOWN


def test_a_text_is_one_default() -> None:
    dkim = Dkim(keys=KEYS, default="s1")
    assert (defaults(dkim), defaults(None)) == (("s1",), ())
    assert verified_defaults(Dkim(keys=KEYS, default=("new", "s1"))) == ("s1",)
    assert verified_key(dkim, "s1") is KEYS["s1"]
    assert verified_key(dkim, "new") is None
    assert verified_key(None, "s1") is None
