import pytest

from estafeta_core.config.accounts import Account, Domain
from estafeta_core.options import Options
from estafeta_core.refusal import DNS_UNKNOWN
from estafeta_core.rules import return_path_domain

ACCOUNT = Account(
    account="acme",
    dialect="sparkpost",
    domains={
        "bounce.acme.example": Domain(verified=True, bounce=True),
        "acme.example": Domain(verified=True),
        "new.example": Domain(verified=False, bounce=True),
        "waiting.example": Domain(verified="dns", bounce=True),
    },
)


@pytest.mark.parametrize("name", ["", "bounce.acme.example"])
def test_bounces_go_where_the_account_hears_of_them(name: str) -> None:
    assert return_path_domain.check(Options(return_path_domain=name), ACCOUNT) is None


@pytest.mark.parametrize("name", ["acme.example", "new.example", "other.example"])
def test_they_go_nowhere_else(name: str) -> None:
    refusal = return_path_domain.check(Options(return_path_domain=name), ACCOUNT)
    assert str(refusal) == f"550 5.6.0 No return path domain '{name}' for this account"


def test_while_it_is_not_known_what_dns_says_nothing_is_refused_for_good() -> None:
    assert return_path_domain.check(Options(return_path_domain="waiting.example"), ACCOUNT) == DNS_UNKNOWN
