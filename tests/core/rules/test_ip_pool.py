import pytest

from estafeta_core.config.accounts import Account, Defaults, Subaccount
from estafeta_core.options import Options
from estafeta_core.refusal import Refusal
from estafeta_core.rules import ip_pool

ACCOUNT = Account(
    account="acme",
    dialect="sparkpost",
    ip_pools=("marketing", "alerts"),
    subaccounts={"1": Subaccount(), "2": Subaccount(ip_pool="alerts")},
)
SETTLED = Account(
    account="acme",
    dialect="sparkpost",
    ip_pools=("marketing", "alerts"),
    defaults=Defaults(ip_pool="marketing"),
    subaccounts=ACCOUNT.subaccounts,
)


@pytest.mark.parametrize(
    ("account", "subaccount", "asked", "pool"),
    [
        (ACCOUNT, None, "", ""),
        (ACCOUNT, None, "alerts", "alerts"),
        (ACCOUNT, "1", "", ""),
        (ACCOUNT, "1", "marketing", "marketing"),
        (ACCOUNT, "2", "", "alerts"),
        (ACCOUNT, "2", "alerts", "alerts"),
        (SETTLED, None, "", "marketing"),
        (SETTLED, None, "alerts", "alerts"),
        (SETTLED, "1", "", "marketing"),
        (SETTLED, "2", "", "alerts"),
        (SETTLED, "unknown", "", "marketing"),
    ],
)
def test_s36_a_message_chooses_else_its_subaccount_else_the_account(
    account: Account, subaccount: str | None, asked: str, pool: str
) -> None:
    assert ip_pool.choose(Options(ip_pool=asked), account, subaccount) == pool


@pytest.mark.parametrize(
    ("account", "subaccount", "asked"),
    [
        (ACCOUNT, None, "other"),
        (ACCOUNT, None, "Marketing"),
        (ACCOUNT, None, "marketing "),
        (ACCOUNT, None, "../marketing"),
        (ACCOUNT, "1", "other"),
        (ACCOUNT, "2", "marketing"),
        (SETTLED, "2", "marketing"),
        (Account(account="acme", dialect="sparkpost"), None, "marketing"),
    ],
)
def test_d11_any_other_pool_is_refused(account: Account, subaccount: str | None, asked: str) -> None:
    expected = Refusal(550, "5.6.0", f"No IP pool '{asked}' for this account")
    assert ip_pool.choose(Options(ip_pool=asked), account, subaccount) == expected
