import pytest

from estafeta_core.dialects import DIALECTS
from estafeta_core.directory import Credential
from estafeta_core.rules import sending_domain


def asked(credential: Credential, friendly_from: str | None, subaccount: str | None = None) -> str | None:
    refusal = sending_domain.check(friendly_from, credential, subaccount, DIALECTS["sparkpost"])
    return None if refusal is None else str(refusal)


@pytest.mark.parametrize("address", ["a@acme.example", "a@ACME.Example", "a@münchen.example"])
def test_a_verified_domain_may_be_shown(credential: Credential, address: str) -> None:
    assert asked(credential, address) is None


@pytest.mark.parametrize(
    "domain",
    [
        "new.example",
        "not.example",
        "sub.acme.example",
        "x.acme.example",
        "acme.example.evil.test",
        "example",
        "evilacme.example",
        "cme.example",
    ],
)
def test_e3_any_other_domain_is_refused_with_its_name(credential: Credential, domain: str) -> None:
    text = asked(credential, f"a@{domain}")
    if "." not in domain:
        assert text == str(sending_domain.UNREADABLE)
    else:
        assert text == f"550 5.7.1 Unconfigured Sending Domain <{domain}>"


def test_e3_a_domain_that_only_looks_alike_is_refused(credential: Credential) -> None:
    assert (
        asked(credential, "a@\u0430cme.example")
        == "550 5.7.1 Unconfigured Sending Domain <xn--cme-5cd.example>"
    )


@pytest.mark.parametrize(
    ("domain", "passes"),
    [
        ("sub.acme.example", True),  # listed, and nowhere else
        ("acme.example", True),  # listed, and verified in the account
        ("new.example", False),  # listed, and not verified in the account
        ("not.example", False),
        ("xn--mnchen-3ya.example", False),  # the account's, but not listed
    ],
)
def test_s12_a_subaccount_may_show_the_domains_assigned_to_it(
    credential: Credential, domain: str, passes: bool
) -> None:
    expected = None if passes else f"550 5.7.1 Unconfigured Sending Domain <{domain}>"
    assert asked(credential, f"a@{domain}", "123") == expected


def test_a_subaccount_that_is_gone_may_show_nothing(credential: Credential) -> None:
    assert asked(credential, "a@acme.example", "124") is not None


@pytest.mark.parametrize("friendly_from", [None, "", "nobody", "a@b@acme.example"])
def test_e1_a_from_that_readers_may_see_differently_is_refused(
    credential: Credential, friendly_from: str | None
) -> None:
    assert asked(credential, friendly_from) == str(sending_domain.UNREADABLE)
