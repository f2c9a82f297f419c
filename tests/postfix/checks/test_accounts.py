from pathlib import Path

import pytest

from estafeta_postfix.checks.accounts import look
from estafeta_postfix.checks.setup import Setup


def test_an_account_that_can_send_is_not_spoken_of(setup: Setup) -> None:
    assert list(look(setup)) == []


@pytest.mark.parametrize(
    ("old", "new", "severity", "said"),
    [
        ("verified: true", "verified: false", "warning", "domains: none is verified"),
        ('{key: "', '{permissions: [events], key: "', "note", "permissions: without send"),
        ("dialect: sparkpost", "dialect: mandrill", "warning", "listeners.a.dialects: no account"),
    ],
)
def test_what_may_not_be_meant_so_is_told_with_its_line(
    config: Path, old: str, new: str, severity: str, said: str
) -> None:
    account = config.parent / "accounts.d" / "acme.yaml"
    account.write_text(account.read_text().replace(old, new))
    found = list(look(Setup(config)))
    assert (severity, True) in [(each.severity, said in each.reason) for each in found]
    assert all(each.remedy for each in found)
