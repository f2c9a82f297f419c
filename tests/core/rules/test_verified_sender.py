from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core.claims import Claim
from estafeta_core.config import accounts
from estafeta_core.dialects import DIALECTS
from estafeta_core.directory import Credential, Directory, Standing
from estafeta_core.refusal import DNS_UNKNOWN
from estafeta_core.rules import verified_sender

MakeCredential = Callable[..., Credential]

SENDERS = ("remitente@dominio.example", "Ana.Maria@dominio.example", "ñandú@münchen.example")
UNKNOWN = "553 Remitente no existente o no validado desde su plan de teenvio"


def asked(
    credential: Credential, address: str, subaccount: str | None = None, *, by_domain: bool = False
) -> str | None:
    dialect = DIALECTS[credential.account.dialect]
    refusal = verified_sender.check(address, credential, subaccount, dialect, by_domain=by_domain)
    return None if refusal is None else str(refusal)


# Providers that verify domains


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
        "evilacme.example",
        "cme.example",
    ],
)
def test_e3_any_other_domain_is_refused_with_its_name(credential: Credential, domain: str) -> None:
    assert asked(credential, f"a@{domain}") == f"550 5.7.1 Unconfigured Sending Domain <{domain}>"


def test_e3_a_domain_that_only_looks_alike_is_refused(credential: Credential) -> None:
    said = "550 5.7.1 Unconfigured Sending Domain <xn--cme-5cd.example>"
    assert asked(credential, "a@\u0430cme.example") == said


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


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@b@acme.example", "a@example", "@acme.example", "a b@acme.example"]
)
def test_what_is_no_address_is_refused_as_it_is_written(credential: Credential, address: str) -> None:
    assert asked(credential, address) == f"550 5.7.1 Unconfigured Sending Domain <{address}>"


@pytest.mark.parametrize(
    ("domain", "passes"),
    [
        ("acme.example", True),
        ("xn--mnchen-3ya.example", False),  # verified, and another credential's
        ("new.example", False),  # the credential's, and not verified
        ("other.example", False),
    ],
)
def test_e16_e17_a_credential_may_be_held_to_some_of_the_accounts_domains(
    make_credential: MakeCredential, domain: str, passes: bool
) -> None:
    settings = {"username": "prod", "domains": ("acme.example", "new.example")}
    said = asked(make_credential(dialect="emitlo", **settings), f"a@{domain}")
    text = f"Sender domain rejected: {domain} is not a verified sending domain of this credential"
    assert said == (None if passes else f"550 5.7.1 {text}")


def test_e16_subdomains_and_longer_names_are_not_the_credentials_domain(
    make_credential: MakeCredential,
) -> None:
    credential = make_credential(dialect="emitlo", username="prod", domains=("acme.example",))
    for domain in ("x.acme.example", "acme.example.test", "xacme.example"):
        assert asked(credential, f"a@{domain}") is not None
    assert asked(credential, "a@ACME.EXAMPLE") is None


def test_a_credential_with_domains_holds_a_subaccount_to_them_too(make_credential: MakeCredential) -> None:
    credential = make_credential(domains=("sub.acme.example",))
    assert asked(credential, "a@sub.acme.example", "123") is None
    assert asked(credential, "a@acme.example", "123") is not None
    assert asked(credential, "a@sub.acme.example") is not None  # still not the primary account's


# Providers that verify addresses


@pytest.fixture
def plan(make_credential: MakeCredential) -> Credential:
    return make_credential(dialect="teenvio", username="usuario.plan", account={"senders": SENDERS})


@pytest.mark.parametrize(
    "address",
    [
        *SENDERS,
        "REMITENTE@dominio.example",
        "remitente@DOMINIO.Example",
        "ana.maria@dominio.example",
        "ñandú@xn--mnchen-3ya.example",
    ],
)
def test_t21_a_validated_address_may_send_in_any_spelling(plan: Credential, address: str) -> None:
    assert asked(plan, address) is None


@pytest.mark.parametrize(
    "address",
    [
        "pendiente@dominio.example",
        "a@acme.example",  # of a verified domain of the account, and no validated address
        "remitente@dominio.example.evil.test",
        "remitente@x.dominio.example",
        "remitente+x@dominio.example",
        "emitente@dominio.example",
        "\u0433emitente@dominio.example",
        "remitente",
        "remitente@",
        "<remitente@dominio.example>",
        "remitente@dominio.example ",
        '"remitente"@dominio.example',
        "",
    ],
)
def test_t21_t56_any_other_address_is_refused(plan: Credential, address: str) -> None:
    assert asked(plan, address) == UNKNOWN


def test_d10_d28_devinos_refusal_names_the_address(make_credential: MakeCredential) -> None:
    account = {"senders": ("noreply@devino.example",)}
    credential = make_credential(dialect="devino", username="1website", account=account)
    assert asked(credential, "noreply@devino.example") is None
    said = "554 Transaction failed: Disallowed source address: other@devino.example"
    assert asked(credential, "other@devino.example") == said


def test_an_account_without_senders_may_send_as_nobody(make_credential: MakeCredential) -> None:
    assert asked(make_credential(dialect="teenvio", username="u.p"), "a@acme.example") == UNKNOWN


def test_t23_where_an_account_says_so_a_verified_domain_will_do(plan: Credential) -> None:
    assert asked(plan, "anybody@acme.example", by_domain=True) is None
    assert asked(plan, "remitente@dominio.example", by_domain=True) == UNKNOWN  # its domain is not verified
    assert asked(plan, "ceo@bank.example", by_domain=True) == UNKNOWN


def test_a_credential_with_domains_is_held_to_them_where_addresses_are_validated_too(
    make_credential: MakeCredential,
) -> None:
    settings = {"username": "u.p", "domains": ("acme.example",), "account": {"senders": SENDERS}}
    assert asked(make_credential(dialect="teenvio", **settings), SENDERS[0]) == UNKNOWN


@given(st.text(alphabet='remitntdoxapl@.-_+"<> \t', max_size=40))
def test_nothing_passes_but_a_spelling_of_a_validated_address(address: str) -> None:
    account = accounts.Account(
        account="plan",
        dialect="teenvio",
        senders=SENDERS,
        credentials={"u": accounts.Credential(username="u.p", password="x")},
    )
    credential = Directory([account]).credentials()[0]
    if asked(credential, address) is None:
        assert address.lower() in {sender.lower() for sender in SENDERS}


def test_while_it_is_not_known_what_dns_says_the_answer_is_a_temporary_one(
    make_credential: MakeCredential,
) -> None:
    account = make_credential().account
    waiting = {"new.example": accounts.Domain(verified="dns")}
    known = Directory([msgspec.structs.replace(account, domains=waiting)])
    unknown = known.credentials()[0]
    assert asked(unknown, "a@new.example") == str(DNS_UNKNOWN)
    assert asked(unknown, "a@new.example", "123") == str(DNS_UNKNOWN)
    assert "Unconfigured" in (asked(unknown, "a@other.example") or "")


@pytest.mark.parametrize("subaccount", [None, "123"])
def test_a_domain_that_dns_has_verified_may_be_shown(
    make_credential: MakeCredential, subaccount: str | None
) -> None:
    waiting = {"new.example": accounts.Domain(verified="dns")}
    directory = Directory([msgspec.structs.replace(make_credential().account, domains=waiting)])
    for verified, shown in ((frozenset({Claim("acme", "new.example")}), True), (frozenset(), False)):
        credential = directory.under(Standing(verified=verified)).credentials()[0]
        assert (asked(credential, "a@new.example", subaccount) is None) == shown
