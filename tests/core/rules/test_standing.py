import ipaddress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from estafeta_core.config.accounts import Account, Subaccount
from estafeta_core.config.accounts import Credential as Settings
from estafeta_core.directory import Credential
from estafeta_core.rules import standing

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def ask(settings: Settings, *, subaccount: str | None = None, secured: bool = True) -> str | None:
    account = Account(account="acme", dialect="sparkpost", subaccounts={"1": Subaccount(status="suspended")})
    credential = Credential(
        name="main",
        account=account,
        settings=settings,
        permissions=frozenset(settings.permissions),
        allow_from=tuple(ipaddress.ip_network(network) for network in settings.allow_from),
        senders=frozenset(),
    )
    refusal = standing.check(credential, subaccount, client_address="192.0.2.1", secured=secured, now=NOW)
    return refusal.text if refusal else None


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (Settings(), None),
        (Settings(status="suspended"), "Credential suspended"),
        (Settings(status="revoked"), "Credential revoked"),
        (Settings(expires=NOW), "Credential expired"),
        (Settings(expires=NOW + timedelta(seconds=1)), None),
        (Settings(permissions=("events",)), 'Credential lacks the permission "Send via SMTP"'),
        (Settings(allow_from=("192.0.2.0/24",)), None),
        (Settings(allow_from=("198.51.100.0/24",)), "Credential not allowed from this address"),
    ],
)
def test_every_rule_about_the_use_of_a_credential_is_asked(settings: Settings, text: str | None) -> None:
    assert ask(settings) == text


def test_a_credential_for_tls_only_is_refused_in_clear() -> None:
    settings = msgspec.structs.replace(Settings(), require_tls=True)
    assert ask(settings, secured=False) == "Credential requires TLS"
    assert ask(settings, secured=True) is None


def test_a_subaccount_is_asked_about_too() -> None:
    assert ask(Settings(), subaccount="1") == "Subaccount suspended"
    assert ask(Settings(), subaccount="2") == "Unknown subaccount"


def test_a_credential_suspended_by_itself_is_refused_in_the_words_for_one_that_its_file_suspends(
    credential: Credential,
) -> None:
    suspended = replace(credential, sending_suspended=True)
    refusal = standing.check(suspended, None, client_address="192.0.2.1", secured=True, now=NOW)
    assert str(refusal) == "535 5.7.8 Credential suspended"
