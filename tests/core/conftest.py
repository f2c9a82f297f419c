from collections.abc import Callable
from typing import Any

import pytest

from estafeta_core import secrets
from estafeta_core.config import accounts
from estafeta_core.directory import Credential, Directory, Standing

DOMAINS = {
    "acme.example": accounts.Domain(verified=True),
    "new.example": accounts.Domain(verified="dns"),
    "not.example": accounts.Domain(),
    "xn--mnchen-3ya.example": accounts.Domain(verified=True),
}
SUBACCOUNTS = {
    "123": accounts.Subaccount(domains=("sub.acme.example", "acme.example", "new.example")),
    "9": accounts.Subaccount(status="suspended"),
    "10": accounts.Subaccount(status="terminated"),
}

MakeCredential = Callable[..., Credential]


@pytest.fixture
def make_credential() -> MakeCredential:
    """Return a function that gives the credential acme/main with these settings, and its account's."""

    def make(
        defaults: accounts.Defaults | None = None,
        *,
        dialect: str = "sparkpost",
        account: dict[str, Any] | None = None,
        **settings: Any,
    ) -> Credential:
        settings.setdefault("key", secrets.hash_key(secrets.generate_key()))
        whole: dict[str, Any] = {"domains": DOMAINS, "subaccounts": SUBACCOUNTS, **(account or {})}
        made = accounts.Account(
            account="acme",
            dialect=dialect,
            defaults=defaults or accounts.Defaults(),
            credentials={"main": accounts.Credential(**settings)},
            **whole,
        )
        return Directory([made]).under(Standing(verified=frozenset())).credentials()[0]

    return make


@pytest.fixture
def credential(make_credential: MakeCredential) -> Credential:
    return make_credential()
